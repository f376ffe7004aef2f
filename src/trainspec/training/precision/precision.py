"""Half precision, loss scaling and TF32."""

from __future__ import annotations

from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainspec.settings.values.choices import ApexOptLevel, HalfPrecisionBackend
from trainspec.training.findings.found import found
from trainspec.training.precision.half_models import Autocast, HalfCopies, PureHalf, Whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from trainspec.settings.arguments import TrainingArguments
    from trainspec.settings.diagnostics import Diagnostic
    from trainspec.training.findings.facts import Job, Machine
    from trainspec.training.precision.half_models import Form

# These modules replace themselves when imported, which type checkers cannot see.
_BACKENDS: Any = torch.backends
_TF32_ON = ("high", "tf32", "tf32", "tf32", "tf32")
_TF32_OFF = ("highest", "ieee", "ieee", "ieee", "ieee")


class Precision:
    """How numbers are computed: what forward and backward run in, and the scaler that float16 gradients need.

    With a scaler, one update waits for the device once, to learn whether the step was skipped: the scaler itself waits
    before it lets an optimizer step, and where a fused optimizer decides on the device, the scale tells.
    """

    def __init__(self, form: Form, scaled_on: torch.device | None = None) -> None:
        self._form = form
        self._scaled_on = scaled_on
        self._paused = False
        self.restart()

    def restart(self) -> None:
        """Begin a run: what the scaler has learned of gradients belonged to the last one."""
        self.scaler = torch.amp.GradScaler(self._scaled_on.type) if self._scaled_on is not None else None
        self._scale: float | None = None

    def prepare(self, model: nn.Module) -> None:
        """Make the model ready, before an optimizer is made from its parameters; O3 halves it for good."""
        self._form.prepare(model)

    def autocast(self) -> AbstractContextManager[Any]:
        """Around what computes outputs and losses, with or without gradients."""
        return nullcontext() if self._paused else self._form.forward()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """`autocast` does nothing while the block runs: the model is in the format to compute in already."""
        before, self._paused = self._paused, True
        try:
            yield
        finally:
            self._paused = before

    def backward(self, loss: Tensor, times: float = 1) -> None:
        """Add up its gradients, `times` as large: no other tensor is made of the loss for that."""
        loss = loss if self.scaler is None else self.scaler.scale(loss)
        with self._form.backward():
            torch.autograd.backward(loss, None if times == 1 else torch.full_like(loss, times))

    def unscale(self, optimizer: torch.optim.Optimizer) -> None:
        """After this, gradients have their true size and may be clipped."""
        if self.scaler is not None:
            self.scaler.unscale_(optimizer)

    def step(self, optimizer: torch.optim.Optimizer) -> bool:
        """Step the optimizer; False when the step was skipped because a gradient overflowed."""
        if self.scaler is None:
            optimizer.step()
            return True
        if _decides_on_the_device(optimizer):
            return self._step_by_scale(optimizer, self.scaler)
        steps: list[None] = []
        hook = optimizer.register_step_post_hook(lambda *_: steps.append(None))
        try:
            self.scaler.step(optimizer)
        finally:
            hook.remove()
        self.scaler.update()
        self._scale = None
        return bool(steps)

    def _step_by_scale(self, optimizer: torch.optim.Optimizer, scaler: torch.amp.GradScaler) -> bool:
        before, fresh = self._known_scale(scaler), _without_momentum(optimizer)
        scaler.step(optimizer)
        scaler.update()
        self._scale = scaler.get_scale()
        stepped = self._scale >= before
        for value in fresh if not stepped else ():
            optimizer.state.pop(value, None)
        return stepped

    def loss_scale(self) -> float | None:
        """What losses are multiplied by at present; None where they are not."""
        return None if self.scaler is None else self._known_scale(self.scaler)

    def _known_scale(self, scaler: torch.amp.GradScaler) -> float:
        if self._scale is None:
            self._scale = scaler.get_scale()
        return self._scale

    def state_dict(self) -> dict[str, Any] | None:
        return None if self.scaler is None else self.scaler.state_dict()

    def load_state_dict(self, state: dict[str, Any] | None) -> None:
        """Go on from a saved scale; nothing was saved, or nothing is scaled: nothing happens."""
        if self.scaler is not None and state:
            # An engine's scale goes on; when it last grew, each counts in its own way.
            theirs = {} if "scale" in state else {"scale": state.get("cur_scale", self.scaler.get_scale())}
            self.scaler.load_state_dict({**self.scaler.state_dict(), **theirs} if theirs else state)
            self._scale = None


def _without_momentum(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    """Parameters that fused SGD has made no step with: in one that overflows it leaves whatever the memory held."""
    if not isinstance(optimizer, torch.optim.SGD):
        return []
    every = (value for group in optimizer.param_groups if group["momentum"] for value in group["params"])
    return [value for value in every if optimizer.state.get(value, {}).get("momentum_buffer") is None]


def _decides_on_the_device(optimizer: torch.optim.Optimizer) -> bool:
    """Whether `step` is called even when it will not change anything, or cannot be observed."""
    fused = getattr(optimizer, "_step_supports_amp_scaling", False)
    return bool(fused) or not hasattr(optimizer, "register_step_post_hook")


def choose_precision(args: TrainingArguments, device: torch.device) -> Precision:
    if args.bf16:
        return Precision(Autocast(device, torch.bfloat16))
    return _LEVELS[args.fp16_opt_level](device) if args.fp16 else Precision(Whole())


_LEVELS: dict[ApexOptLevel, Callable[[torch.device], Precision]] = {
    ApexOptLevel.O0: lambda device: Precision(Whole()),
    ApexOptLevel.O1: lambda device: Precision(Autocast(device, torch.float16), scaled_on=device),
    ApexOptLevel.O2: lambda device: Precision(HalfCopies(device, torch.float16), scaled_on=device),
    # The scaler refuses float16 gradients: it could not tell an overflow of its own making from a true one.
    ApexOptLevel.O3: lambda device: Precision(PureHalf(torch.float16)),
}


@contextmanager
def tf32(wanted: bool | None) -> Iterator[None]:
    """TF32 on or off for as long as the block runs; None leaves the process alone."""
    if wanted is None:
        yield
        return
    before = _read_tf32()
    _write_tf32(_TF32_ON if wanted else _TF32_OFF)
    try:
        yield
    finally:
        _write_tf32(before)


# torch keeps the old switches apart from the new ones, and a read of an old one raises, in whichever library does it,
# when the two differ. So the old are set first, as their setters overwrite the new, and then the new.
def _read_tf32() -> tuple[str, str, str, str, str]:
    return (
        torch.get_float32_matmul_precision(),
        _BACKENDS.cuda.matmul.fp32_precision,
        _BACKENDS.mkldnn.matmul.fp32_precision,
        _BACKENDS.cudnn.conv.fp32_precision,
        _BACKENDS.cudnn.rnn.fp32_precision,
    )


def _write_tf32(values: tuple[str, str, str, str, str]) -> None:
    old, matmul, mkldnn, conv, rnn = values
    torch.set_float32_matmul_precision(old)
    _BACKENDS.cudnn.allow_tf32 = conv == "tf32"
    _BACKENDS.cuda.matmul.fp32_precision = matmul
    _BACKENDS.mkldnn.matmul.fp32_precision = mkldnn
    _BACKENDS.cudnn.conv.fp32_precision = conv
    _BACKENDS.cudnn.rnn.fp32_precision = rnn


def find_number_formats(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    """Number formats that this device does not compute in, or that this model does not go with."""
    bfloat16 = [name for name in ("bf16", "bf16_full_eval") if getattr(args, name)]
    if bfloat16 and not machine.bf16:
        yield found(
            args,
            "RUN104",
            f"this {machine.device.type} device does not compute in bfloat16",
            *bfloat16,
            remedy="use fp16: true (fp16_full_eval: true), or no half precision",
        )
    if args.tf32 and not machine.tf32:
        yield found(
            args,
            "RUN105",
            "this GPU has no TF32; that came with NVIDIA's Ampere generation",
            "tf32",
            remedy="leave tf32 out",
        )
    halves = [name for name, value in job.model.named_parameters() if value.dtype is torch.float16]
    # At O3 half weights are what is asked for.
    if args.fp16 and args.fp16_opt_level != ApexOptLevel.O3 and halves:
        yield found(
            args,
            "RUN106",
            f"the model's weights are float16 already ({halves[0]} and {len(halves) - 1} more)",
            "fp16",
            "fp16_opt_level",
            remedy="load the model in float32 (model.float()), or use bf16: true",
        )


# The smallest float16 above zero is 2 ** -24; half of it is rounded to zero.
_LOST_IN_HALF = 2.0**-25


def find_lost_epsilon(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.fp16 and args.fp16_opt_level == ApexOptLevel.O3 and args.adam_epsilon <= _LOST_IN_HALF:
        yield found(
            args,
            "RUN165",
            f"adam_epsilon {args.adam_epsilon:g} is zero in float16, and at O3 there is nothing but float16",
            "fp16_opt_level",
            "adam_epsilon",
            remedy="set adam_epsilon: 1e-4, or use fp16_opt_level: O2",
            severity="warning",
        )


def find_apex(args: TrainingArguments, machine: Machine, job: Job) -> Iterator[Diagnostic]:
    if args.half_precision_backend == HalfPrecisionBackend.APEX:
        here = "apex is not used" if find_spec("apex") else "apex is not installed, and would not be used"
        yield found(
            args,
            "RUN164",
            f"{here}: the levels O0 to O3 are computed with torch alone",
            "half_precision_backend",
            remedy="leave half_precision_backend out; fp16_opt_level keeps its meaning",
        )
