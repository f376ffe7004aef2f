"""What a task is: a callable that turns settings into everything a run trains on.

    @dataclass
    class Mine:
        width: int = 64

    def task(args: TrainingArguments, settings: Mine) -> TaskParts:
        ...

The settings may be a pydantic model or a dataclass. They are found by the annotation of the second parameter, or,
where that would import too much, by an attribute `settings_model` on the callable. Another attribute,
`parameter_shapes`, may be a function of these settings that gives the shapes of the model's parameters by name: it
lets `trainspec plan` tell what each process holds, without torch. Importing the module that holds a
task should not import torch: the settings of a task are read, checked and documented where no torch is.

Under tp_size of parallelism_config the layers of a task's model are split over processes by its attribute (or method)
`tensor_parallel_plan`, a mapping from names of modules to styles; `*` stands for anything between two dots:

    model.tensor_parallel_plan = {"blocks.*.up": "colwise", "blocks.*.down": "rowwise", "norm": "sequence"}

    colwise, rowwise            a pair of linear layers: the outputs of the first, the inputs of the second are split.
                                Between them a process has 1 / tp_size of the features: code there reshapes by the size
                                of a head, not by their number
    colwise_gather_output       the outputs are split and put together again (a head)
    rowwise_split_input         the same of inputs
    embedding_rowwise, embedding_colwise    an embedding, split by its tokens or by its features
    sequence                    a module that acts on each place of a sequence (dimension 1), such as a norm: each
                                process computes some of the places
    sequence_parallel, sequence_colwise, rowwise_sequence, embedding_rowwise_sequence, sequence_colwise_gather_output
                                the same, where all that lies between stays split by the sequence; every module that
                                takes what is split, or gives it, needs one of these
    replicated_with_grad_allreduce          a module with whole weights between colwise and rowwise, such as a norm of
                                            single heads

Objects of torch.distributed.tensor.parallel are styles, too. Models of transformers bring a plan of their own.

Under ep_size experts are shared out by `expert_parallel_plan`, a mapping of the same kind with one style:

    model.expert_parallel_plan = {"blocks.*.experts": "experts"}

    experts                     a module with parameters stacked by expert in dimension 0, called with (x, weights),
                                weights of shape (..., experts), or (x, index, weights), both of shape (..., k). A
                                process has some of the experts, and gets their columns, or an index that counts these
                                and is `num_experts` for others, which it must leave out; what all return is added up.
                                Or an nn.ModuleList of experts, each of which makes of a tensor one of the same shape,
                                in a module that returns a sum over them, whatever else there is in it

Under sp_size a model gets a part of each sequence, with its `position_ids`, and must attend by
torch.nn.functional.scaled_dot_product_attention, without a mask, to tensors of shape (rows, heads, length, features).
"""

from __future__ import annotations

import dataclasses
import inspect
import typing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import nn

    from trainspec.settings.arguments import TrainingArguments


@dataclass
class TaskParts:
    """What a task gives to the Trainer. Test data is held out: it is only used for predictions.

    `callbacks` are objects or classes of TrainerCallback, heard after the default ones.
    """

    model: nn.Module
    train_dataset: Any = None
    eval_dataset: Any = None
    test_dataset: Any = None
    data_collator: Callable[[Any], Any] | None = None
    compute_metrics: Callable[..., dict[str, float]] | None = None
    preprocess_logits_for_metrics: Callable[[Any, Any], Any] | None = None
    callbacks: Sequence[Any] = ()


class Task(Protocol):
    """A callable of the settings and, where the task has any, its own."""

    def __call__(self, args: TrainingArguments, settings: Any, /) -> TaskParts: ...


class TaskError(ValueError):
    """A task that cannot be found or is not one; the message says what to write."""


def settings_model(task: Callable[..., Any]) -> type[Any] | None:
    """The type of a task's own settings; None where it takes only the TrainingArguments."""
    declared = getattr(task, "settings_model", None) or _second_annotation(task)
    if declared is None:
        return None
    if isinstance(declared, type) and (issubclass(declared, BaseModel) or dataclasses.is_dataclass(declared)):
        return declared
    raise TaskError(
        f"the settings of task {_name(task)} are declared as {declared!r}; "
        "expected a pydantic model or a dataclass, as the annotation of its second parameter or as its attribute "
        "settings_model"
    )


def takes_settings(task: Callable[..., Any]) -> bool:
    return len(_positional(task)) > 1


def _positional(task: Callable[..., Any]) -> list[inspect.Parameter]:
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [entry for entry in inspect.signature(task).parameters.values() if entry.kind in kinds]


def _second_annotation(task: Callable[..., Any]) -> Any:
    positional = _positional(task)
    if len(positional) < 2 or positional[1].annotation is inspect.Parameter.empty:
        return None
    annotation = positional[1].annotation
    if not isinstance(annotation, str):
        return annotation
    # Resolved alone: the other annotations may name what is only imported for type checkers.
    function = inspect.unwrap(task if inspect.isroutine(task) else type(task).__call__)
    scope = getattr(function, "__globals__", {})
    try:
        return typing.get_type_hints(_Lone(annotation), globalns=scope)["settings"]
    except NameError as error:
        raise TaskError(
            f"the settings of task {_name(task)} are annotated {annotation!r}, unknown in its module: {error}"
        ) from error


class _Lone:
    """A carrier of one annotation, in the shape that typing resolves."""

    def __init__(self, annotation: str) -> None:
        self.__annotations__ = {"settings": annotation}


def _name(task: Callable[..., Any]) -> str:
    return f"{getattr(task, '__module__', '')}:{getattr(task, '__qualname__', repr(task))}"
