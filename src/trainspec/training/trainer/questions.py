"""What people ask a Trainer about its model, optimizer and data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch import Tensor, nn

from trainspec.training.data import row_count
from trainspec.training.model.counting import count_rows
from trainspec.training.model.inside import main_input_name
from trainspec.training.model.names import whole_size
from trainspec.training.model.outputs import main_input
from trainspec.training.optimizers import decay_parameter_names, get_optimizer_cls_and_kwargs
from trainspec.training.trainer.attributes import TrainerAttributes
from trainspec.training.trainer.inside.overrides import is_overridden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from torch.optim import Optimizer

    from trainspec.settings.arguments import TrainingArguments


class Questions(TrainerAttributes):
    """Nothing here changes anything."""

    def is_world_process_zero(self) -> bool:
        """Whether this is the main process of the whole job."""
        return self.parts.strategy.processes.is_main

    def is_local_process_zero(self) -> bool:
        """Whether this is the main process of its machine."""
        return self.parts.strategy.processes.is_local_main

    def num_examples(self, dataloader: Any) -> int:
        """Rows of a loader's data set; those of its batches where it has no data set with a length."""
        rows = row_count(getattr(dataloader, "dataset", None))
        if rows is not None:
            return rows
        return len(dataloader) * int(getattr(dataloader, "batch_size", None) or 1)

    @staticmethod
    def num_tokens(train_dl: Iterable[Any], max_steps: int | None = None) -> int:
        """Elements of the `input_ids` (else of the first entry) of a loader's batches, of `max_steps` at most."""
        total = 0
        for number, batch in enumerate(train_dl):
            if max_steps is not None and number >= max_steps:
                break
            total += main_input(batch, "input_ids", ()).numel()
        return total

    def get_num_trainable_parameters(self) -> int:
        return sum(whole_size(value) for value in self.model.parameters() if value.requires_grad)

    def get_learning_rates(self) -> list[float]:
        """The learning rate of each parameter group. Raises ValueError before there is an optimizer."""
        return [group["lr"] for group in self._existing_optimizer().param_groups]

    def get_optimizer_group(self, param: str | nn.Parameter | None = None) -> Any:
        """The parameter group that holds a parameter, else all groups. Raises ValueError without an optimizer."""
        groups = self._existing_optimizer().param_groups
        if param is None:
            return [group["params"] for group in groups]
        wanted = dict(self.model.named_parameters()).get(param) if isinstance(param, str) else param
        return next((group for group in groups if any(value is wanted for value in group["params"])), None)

    def get_decay_parameter_names(self, model: nn.Module) -> list[str]:
        """Names of the parameters that weight_decay applies to: no biases, nothing of a normalisation layer."""
        return decay_parameter_names(model)

    @staticmethod
    def get_optimizer_cls_and_kwargs(args: TrainingArguments, model: nn.Module | None = None) -> tuple[Any, Any]:
        """The class that `optim` names and what it is built with besides the parameters."""
        return get_optimizer_cls_and_kwargs(args, model)

    def floating_point_ops(self, inputs: Any) -> float:
        """Operations for a forward and backward pass: what the model says, else 6 for each parameter and token.

        The estimate is that of Kaplan et al. 2020, Scaling Laws for Neural Language Models, section 2.1, which leaves
        embeddings out: they are looked up. A row counts as one token where the inputs are not whole numbers.
        """
        counts = getattr(self.model, "floating_point_ops", None)
        if callable(counts):
            return float(counts(inputs))
        return self._estimate()(inputs)

    def operations_counter(self) -> Callable[[Any], float]:
        """`floating_point_ops` for a whole run, in which the parameters stay the same."""
        said = hasattr(self.model, "floating_point_ops")
        if said or is_overridden(self, "floating_point_ops"):
            return self.floating_point_ops
        return self._estimate()

    def _estimate(self) -> Callable[[Any], float]:
        looked_up = {id(one.weight) for one in self.model.modules() if isinstance(one, nn.Embedding)}
        each = 6.0 * sum(whole_size(one) for one in self.model.parameters() if id(one) not in looked_up)
        name, labels = main_input_name(self.model), self.label_names

        def count(inputs: Any) -> float:
            read = main_input(inputs, name, labels)
            is_text = isinstance(read, Tensor) and not read.is_floating_point()
            return each * (read.numel() if is_text else count_rows(inputs, labels))

        return count

    def _existing_optimizer(self) -> Optimizer:
        if self.optimizer is None:
            raise ValueError("there is no optimizer yet: train() or create_optimizer() makes it")
        return self.optimizer
