"""DistributedDataParallel: every process has the whole model, and gradients are added up while they are computed."""

from __future__ import annotations

import inspect
from contextlib import AbstractContextManager, ExitStack, nullcontext
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from trainspec.training.model.names import as_named_here, bare, plain_state
from trainspec.training.optimizers.clipping import clip_gradients
from trainspec.training.optimizers.exact_state import load_exactly
from trainspec.training.parallel.contact.remarks import left_out_of_first_pass
from trainspec.training.parallel.flat import added_up
from trainspec.training.parallel.named_state import by_name, by_number
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.processes import Processes


# Every process finds the same.
_REMARK = "did not find any unused parameters in the forward pass"
# torch has given the argument another name.
_TAKEN = inspect.signature(DistributedDataParallel.__init__).parameters
_BUFFERS = "forward_sync_buffers" if "forward_sync_buffers" in _TAKEN else "broadcast_buffers"


_NOTHING = nullcontext()


class DataParallelProcesses(Strategy):
    """The ddp_* settings are those of torch's class.

    Under auto_find_batch_size gradients are added up after the last backward pass of a window, not within it: a process
    that runs out of memory there would leave the others waiting. So are those of the first window where nobody says
    whether there are unused parameters: by then it is known, and looking for them in every pass takes time.
    """

    _model: nn.Module
    _policy: Policy
    _optimizer: Optimizer

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None:
            raise ValueError("DistributedDataParallel is set up by settings: give them")
        details = getattr(args.accelerator_config, "gradient_accumulation_kwargs", None)
        said = bool(getattr(details, "sync_each_batch", False))
        # A graph that never changes has no pass without an exchange: torch counts every one.
        self._each_pass = said or bool(args.ddp_static_graph)
        self._always_afterwards = args.auto_find_batch_size
        self._looks = args.ddp_find_unused_parameters is None and not self._each_pass
        self._afterwards = False
        # Whether there are unused parameters, once that is known.
        self._unused: bool | None = None
        self._settings = _settings(args)
        if said and args.ddp_find_unused_parameters is None and not args.ddp_static_graph:
            # The first window has to exchange within its passes, too: nothing is known of it before.
            self._settings["find_unused_parameters"] = True
        self._is_last = True

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        before, self._policy, self._model = vars(self).get("_model"), policy, model
        if isinstance(before, DistributedDataParallel):
            # Or what it has hung on the parameters would add their gradients up once more.
            before._remove_autograd_hooks()  # type: ignore[no-untyped-call]
        if policy.trains:
            self._model = self._wrapped(model)
        self._afterwards = self._always_afterwards or (self._looks and self._unused is None)
        return self._model

    def layout(self) -> dict[str, Any]:
        return super().layout() | ({} if self._unused is None else {"find_unused_parameters": self._unused})

    def goes_on(self, layout: Mapping[str, Any]) -> None:
        known = layout.get("find_unused_parameters")
        self._unused = known if isinstance(known, bool) and self._looks else None

    def _wrapped(self, model: nn.Module, **more: bool) -> DistributedDataParallel:
        device = self._policy.device
        known = {} if self._unused is None else {"find_unused_parameters": self._unused}
        settings = self._settings | known | more
        wrapped = DistributedDataParallel(
            model, device_ids=None if device.type == "cpu" else [device.index], **settings
        )
        if settings.get("find_unused_parameters") and not self.processes.is_main:
            left_out_of_first_pass(wrapped, model, _REMARK)
        return wrapped

    def finish_window(self) -> None:
        if not self._afterwards:
            return
        parameters = [value for value in self._model.parameters() if value.requires_grad]
        everywhere = added_up(parameters, self.processes)
        if self._always_afterwards or not isinstance(self._model, DistributedDataParallel):
            return
        self._afterwards, self._unused = False, not everywhere
        self._model._remove_autograd_hooks()  # type: ignore[no-untyped-call]
        # The same object, which others hold, made anew.
        again = self._wrapped(self._model.module, init_sync=False)
        vars(self._model).clear()
        vars(self._model).update(vars(again))

    def evaluated(self, model: nn.Module) -> nn.Module:
        # Processes may have different numbers of batches, and a wrapper would wait for all.
        return model.module if isinstance(model, DistributedDataParallel) else model

    def share_buffers(self, model: nn.Module) -> None:
        if self._settings.get(_BUFFERS, True):
            super().share_buffers(model)

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        self._optimizer = optimizer
        return optimizer, schedule

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        self._is_last = last
        waits = self._afterwards or not (last or self._each_pass)
        if waits and isinstance(model, DistributedDataParallel):
            return model.no_sync()
        return _NOTHING

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        if counts:
            self._policy.precision.backward(loss, times=self._times)
        elif not self._afterwards and (self._is_last or self._each_pass):
            self._add_nothing(loss)

    @property
    def _times(self) -> int:
        """torch averages over processes, and losses are parts of a sum."""
        return 1 if self._afterwards else self.data_size

    def backward_share(self, loss: Tensor, share: float) -> Tensor:
        # Where all have as much, it is their average already: nothing is left to be computed.
        self._policy.precision.backward(loss, times=self._times * share)
        return loss.detach() * share

    def _add_nothing(self, loss: Tensor) -> None:
        """A backward pass that others wait for, all of whose gradients are zero, be the loss what it may."""
        with ExitStack() as stack:
            for value in self._model.parameters():
                if value.requires_grad:
                    stack.callback(value.register_hook(torch.zeros_like).remove)  # type: ignore[no-untyped-call]
            self._policy.precision.backward(loss)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        self._policy.precision.unscale(self._optimizer)
        return clip_gradients(parameters, max_norm)

    def step(self) -> bool:
        return self._policy.precision.step(self._optimizer)

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        return plain_state(self._model)

    def state(self, kind: Kind = "full") -> State:
        optimizer = vars(self).get("_optimizer")
        named = None if optimizer is None else by_name(optimizer.state_dict(), optimizer, self._model)
        return State(self.weights(kind), named)

    def load_state(self, state: State) -> None:
        if state.model is not None:
            bare(self._model).load_state_dict(as_named_here(self._model, state.model))
        if state.optimizer is not None:
            load_exactly(self._optimizer, dict(by_number(state.optimizer, self._optimizer, self._model)))


def _settings(args: TrainingArguments) -> dict[str, Any]:
    """What of the settings torch's class takes; what is not said is left to it."""
    said: dict[str, Any] = {
        "find_unused_parameters": args.ddp_find_unused_parameters,
        "bucket_cap_mb": args.ddp_bucket_cap_mb,
        _BUFFERS: args.ddp_broadcast_buffers,
        "static_graph": args.ddp_static_graph,
    }
    return {name: value for name, value in said.items() if value is not None}
