"""The strategy that has DeepSpeed's engine train."""

from __future__ import annotations

from contextlib import AbstractContextManager, ExitStack, nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.training.model.names import plain_parameters
from trainspec.training.parallel.contact.children import kept_from_children
from trainspec.training.parallel.deepspeed_engine import config, library, saved_state
from trainspec.training.parallel.deepspeed_engine.giving_back import Before
from trainspec.training.parallel.deepspeed_engine.measuring import forget, measured, scale_of
from trainspec.training.parallel.deepspeed_engine.optimizer import EngineOptimizer
from trainspec.training.parallel.deepspeed_engine.pieces import Piece, pieces_of
from trainspec.training.parallel.deepspeed_engine.precision import EnginePrecision
from trainspec.training.parallel.deepspeed_engine.schedules import moved, without_empty_groups
from trainspec.training.parallel.deepspeed_engine.weights import (
    dealt_weights,
    is_partitioned,
    load_weights,
    masters_from_weights,
    staying_whole,
    weights_from_masters,
    whole_weights,
)
from trainspec.training.parallel.strategy import Kind, Policy, State, Strategy
from trainspec.training.precision.weight_copies import cast

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from torch.optim import Optimizer
    from torch.optim.lr_scheduler import LRScheduler

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.training.parallel.dealing import DealtWeights
    from trainspec.training.parallel.processes import Processes
    from trainspec.training.precision.precision import Precision

_NOTHING = nullcontext()
_NOT_YET = "the engine is made when a prepared model gets its optimizer: call prepare(model, policy), then attach"


class Engine(nn.Module):
    """What is called in the place of the model: the model, until there is an engine around it."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module
        self._engine: list[Any] = []

    def put_into(self, engine: Any) -> None:
        # In a list, for an engine is a module itself, and holds this one's.
        self._engine = [engine]

    def forward(self, *inputs: Any, **named: Any) -> Any:
        model = self._engine[0] if self._engine else self.module
        return model(*inputs, **named)


class DeepSpeedEngine(Strategy):
    """ZeRO 0 to 3. The engine is made in `attach`, of what `prepare` has made ready."""

    def __init__(self, processes: Processes | None = None, args: TrainingArguments | None = None) -> None:
        super().__init__(processes, args)
        if args is None or not args.deepspeed:
            raise ValueError("an engine is set up by settings: give them, with `deepspeed`")
        self.args = args
        self._model: nn.Module | None = None
        self._wrapped: Engine | None = None
        self._engine: Any = None
        self._precision: EnginePrecision | None = None
        self._optimizer: EngineOptimizer | None = None
        self._pieces: list[Piece] = []
        self._before: Before | None = None
        self._updates: int | None = None
        self._factor = 1

    # Before there is an engine

    def choose_precision(self, args: TrainingArguments, device: torch.device) -> Precision:
        self.args = args
        return EnginePrecision(args, device)

    def announce_length(self, updates: int) -> None:
        self._updates = updates

    def making_model(self) -> AbstractContextManager[Any]:
        """Stage 3: around code that makes the model, whose layers are then shared out one by one."""
        if config.stage_of(self.args) < 3:
            return _NOTHING
        package = self._library()
        stack = ExitStack()
        stack.enter_context(library.environment(LOCAL_RANK=str(self.processes.local_rank)))
        stack.enter_context(package.zero.Init(config_dict_or_path=self._written(None)))
        return stack

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        return model if is_partitioned(model) else super().place(model, device)

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        self._give_back()
        self._model, self._wrapped = model, Engine(model)
        found = policy.precision
        self._precision = found if isinstance(found, EnginePrecision) else None
        return self._wrapped

    def evaluated(self, model: nn.Module) -> nn.Module:
        """The bare module: what gathers its parameters hangs on it."""
        return model.module if isinstance(model, Engine) else model

    @property
    def forward_is_shared(self) -> bool:
        return self._slices and self._engine is not None

    def gathered(self) -> AbstractContextManager[Any]:
        return staying_whole(self._has_model()) if self.forward_is_shared else _NOTHING

    @property
    def _slices(self) -> bool:
        """Whether a parameter is whole in no process."""
        return config.stage_of(self.args) == 3 and self.processes.world_size > 1

    def attach(self, optimizer: Optimizer, schedule: LRScheduler | None) -> tuple[Optimizer, LRScheduler | None]:
        model = self._model
        if model is None or self._wrapped is None:
            raise RuntimeError(_NOT_YET)
        if self._engine is not None:
            raise RuntimeError("an engine keeps its optimizer for as long as it trains: another one cannot take over")
        without_empty_groups(optimizer, schedule)
        params = [list(group["params"]) for group in optimizer.param_groups]
        self._before, options = Before(model), _options(optimizer)
        engine = self._made(model, optimizer)
        self._engine, self._optimizer = engine, EngineOptimizer(engine, engine.basic_optimizer, params)
        self._pieces = pieces_of(engine)
        _undo_first_step(engine, None if config.makes_optimizer(self.args) else options)
        self._factor = self.data_size if engine.gradient_average else 1
        self._wrapped.put_into(engine)
        if self._precision is not None:
            self._precision.engine = engine
        self._before.also_undo(_converting_inputs(model, engine))
        theirs, engine.lr_scheduler = engine.lr_scheduler, None
        return self._optimizer, theirs if theirs is not None else moved(schedule, optimizer, self._optimizer)

    def _made(self, model: nn.Module, optimizer: Optimizer) -> Any:
        package = self._library()
        own = config.makes_optimizer(self.args)
        with kept_from_children(), library.environment(LOCAL_RANK=str(self.processes.local_rank)):
            engine, *_ = package.initialize(
                model=model,
                optimizer=None if own else optimizer,
                model_parameters=_decaying(optimizer) if own else None,
                config=self._written(model),
            )
        return engine

    def _library(self) -> Any:
        package = library.load(self.args.device)
        library.join(package, self.processes)
        return package

    def _written(self, model: nn.Module | None) -> config.Config:
        width = None if model is None else hidden_size(model)
        return config.written(self.args, config.Facts(self.processes.world_size, width, self._updates))

    def _give_back(self) -> None:
        engine, before = self._engine, self._before
        if engine is None or before is None:
            return
        before.restore(engine, self._pieces, self.processes)
        self._engine, self._optimizer, self._before, self._pieces = None, None, None, []

    # The steps

    def accumulating(self, model: nn.Module, *, last: bool) -> AbstractContextManager[Any]:
        # Its own counter of micro-batches knows nothing of windows that end early.
        self._there().set_gradient_accumulation_boundary(last)
        return _NOTHING

    def backward(self, loss: Tensor, *, counts: bool = True) -> None:
        engine = self._there()
        # It averages over processes, and these are parts of a sum.
        share = _scaled(engine, loss * self._factor if self._factor != 1 else loss)
        if counts:
            engine.backward(share, scale_wrt_gas=False)
            return
        with ExitStack() as stack:
            for piece in self._pieces:
                hook: Any = piece.parameter.register_hook(torch.zeros_like)  # type: ignore[no-untyped-call]
                stack.callback(hook.remove)
            engine.backward(share, scale_wrt_gas=False)

    def clip(self, parameters: Iterable[Tensor], max_norm: float) -> Tensor:
        engine = self._there()
        _clip_at(engine, max_norm)
        return measured(engine)

    def step(self) -> bool:
        engine = self._there()
        try:
            engine.step()
        finally:
            forget(engine)
        return bool(engine.was_step_applied())

    # What is saved

    def weights(self, kind: Kind = "full") -> Mapping[str, Tensor]:
        formats = {} if self._before is None else self._before.formats
        return whole_weights(self._has_model(), self._pieces, self.processes, formats)

    def dealt_weights(self) -> DealtWeights | None:
        if self._engine is None or not self.is_sharded:
            return None
        formats = {} if self._before is None else self._before.formats
        return dealt_weights(self._has_model(), self._pieces, self.processes, formats)

    def state(self, kind: Kind = "full") -> State:
        model, optimizer = self._has_model(), self._optimizer
        if optimizer is None:
            return State(self.weights(kind))
        if kind == "sharded":
            return State(self.weights(), saved_state.local_state(optimizer, self._pieces, model))
        return State(self.weights(), saved_state.whole_state(optimizer, self._pieces, model, self.processes))

    def load_state(self, state: State) -> None:
        model = self._has_model()
        if state.model is not None:
            load_weights(model, state.model)
            if self._engine is not None:
                masters_from_weights(self._engine, self._pieces, model, state.model)
        if state.optimizer is not None:
            optimizer = self._optimizer
            if optimizer is None:
                raise RuntimeError(_NOT_YET)
            has_masters = saved_state.load(state.optimizer, optimizer, self._pieces, model, self.processes)
            if has_masters or self.has_masters:
                weights_from_masters(self._engine)

    @property
    def is_sharded(self) -> bool:
        return config.stage_of(self.args) > 0 and self.processes.world_size > 1

    def layout(self) -> dict[str, Any]:
        return {"strategy": "deepspeed", "world_size": self.processes.world_size, "stage": config.stage_of(self.args)}

    def pieces(self) -> dict[str, Any]:
        if not self.is_sharded:
            return {}
        names = {id(value): name for name, value in plain_parameters(self._has_model())}
        return {names[id(piece.parameter)]: piece.place() for piece in self._pieces if id(piece.parameter) in names}

    @property
    def has_masters(self) -> bool:
        return any(piece.has_master for piece in self._pieces)

    def _there(self) -> Any:
        if self._engine is None:
            raise RuntimeError(_NOT_YET)
        return self._engine

    def _has_model(self) -> nn.Module:
        if self._model is None:
            raise RuntimeError(_NOT_YET)
        return self._model


def hidden_size(model: nn.Module) -> int | None:
    """The widest that a model of transformers says of itself."""
    described = getattr(model, "config", None)
    for part in (described, getattr(described, "text_config", None)):
        for name in ("hidden_size", "hidden_sizes"):
            found = getattr(part, name, None)
            if found:
                return int(max(found) if isinstance(found, (list, tuple)) else found)
    return None


def _decaying(optimizer: Optimizer) -> list[dict[str, Any]]:
    """The groups of ours for an optimizer of DeepSpeed's: what decays, and what does not."""
    return [{"params": group["params"], "weight_decay": group["weight_decay"]} for group in optimizer.param_groups]


def _options(optimizer: Optimizer) -> list[dict[str, Any]]:
    """Copies of what each group says."""
    return [
        {key: deepcopy(value) for key, value in group.items() if key != "params"} for group in optimizer.param_groups
    ]


def _undo_first_step(engine: Any, options: list[dict[str, Any]] | None) -> None:
    """Without ZeRO, half precision has its optimizer make its state by a step on gradients of zero. That would count in
    Adam's bias correction, and has let the masters decay. `options`: what its groups said before; some count there.
    """
    optimizer = engine.optimizer
    if not hasattr(optimizer, "fp32_groups"):
        return
    engine.basic_optimizer.state.clear()
    for group, said in zip(engine.basic_optimizer.param_groups, options or (), strict=options is not None):
        group.update(said)
    with torch.no_grad():
        for parameters, masters in zip(optimizer.fp16_groups, optimizer.fp32_groups, strict=True):
            for parameter, master in zip(parameters, masters, strict=True):
                master.copy_(parameter)


def _scaled(engine: Any, loss: Tensor) -> Tensor:
    """Without ZeRO the engine divides float16 gradients by its scale, and never multiplies a loss by it."""
    if not hasattr(engine.optimizer, "fp32_groups"):
        return loss
    scale = scale_of(engine)
    return loss if scale == 1 else loss.float() * scale


def _clip_at(engine: Any, max_norm: float) -> None:
    engine._config.gradient_clipping = max_norm
    if hasattr(engine.optimizer, "clip_grad"):
        engine.optimizer.clip_grad = max_norm


def _converting_inputs(model: nn.Module, engine: Any) -> ExitStack:
    """Layers in half precision take inputs in it; whoever calls the model need not know. Until the stack is closed."""
    stack = ExitStack()
    if engine.fp16_enabled() or engine.bfloat16_enabled():
        dtype = engine.get_data_types()[0]

        def convert(module: nn.Module, inputs: tuple[Any, ...], named: dict[str, Any]) -> tuple[Any, Any]:
            return cast(inputs, dtype), cast(named, dtype)

        stack.callback(model.register_forward_pre_hook(convert, prepend=True, with_kwargs=True).remove)
    return stack
