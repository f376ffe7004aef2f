"""`optim_args`: the arguments of each optimizer.

learning_rate, weight_decay, adam_beta1, adam_beta2 and adam_epsilon are settings of their own, so an
optimizer's lr, betas, eps and weight_decay are not repeated here, except where its maker gives it others
(AdEMAMix) or no setting reaches them (the epsilon of Adagrad, RMSprop, Adafactor).
"""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from trainspec.settings.sections.keys import key
from trainspec.settings.sections.section import Section
from trainspec.settings.values.choices import OptimizerNames as O
from trainspec.settings.values.types import BelowOne, Flag, NonNegative, NonNegativeNumber, Number, Positive

Pair = Annotated[list[NonNegativeNumber], Field(min_length=2, max_length=2)]
Triple = Annotated[list[Number], Field(min_length=3, max_length=3)]


Dtype = Literal["float32", "bfloat16", "float16", "torch.float32", "torch.bfloat16", "torch.float16"]


class OptimizerArguments(Section):
    """The arguments of one optimizer.

    `idle` are those that the optimizer's own class takes, or people write for it, and that change nothing here, with
    the reason: what they say follows from `optim`, or another setting says it.
    """

    idle: ClassVar[Mapping[str, str]] = {}


class NoOptimizerArguments(OptimizerArguments):
    """An optimizer that is wholly described by the other settings."""


class TorchArguments(OptimizerArguments):
    maximize: Flag = key(False, "Climb instead of descend.", False)
    foreach: Flag | None = key(None, "One kernel for many tensors; unset: where it is faster.", True)
    differentiable: Flag = key(False, "Let gradients flow through the step.", False)


class FusedArguments(OptimizerArguments):
    amsgrad: Flag = key(False, "Keep the largest second moment (AMSGrad).", True)
    maximize: Flag = key(False, "Climb instead of descend.", False)
    capturable: Flag = key(False, "Allow capture in a CUDA graph.", True)


class AdamWArguments(TorchArguments, FusedArguments):
    fused: Flag | None = key(None, "One kernel for the whole step; unset: where the device has it.", False)


class AmsgradArguments(OptimizerArguments):
    amsgrad: Flag = key(False, "Keep the largest second moment (AMSGrad).", True)
    maximize: Flag = key(False, "Climb instead of descend.", False)


class SGDArguments(TorchArguments):
    momentum: BelowOne = key(0.0, "Momentum.", 0.9)
    dampening: NonNegativeNumber = key(0.0, "Dampening of the momentum.", 0.0)
    nesterov: Flag = key(False, "Nesterov's momentum; needs momentum and no dampening.", True)
    fused: Flag | None = key(None, "One kernel for the whole step.", True)


class AdagradArguments(TorchArguments):
    lr_decay: NonNegativeNumber = key(0.0, "Decay of the learning rate.", 0.01)
    initial_accumulator_value: NonNegativeNumber = key(0.0, "Where the sums of squares start.", 0.1)
    eps: NonNegativeNumber = key(1e-10, "Added to the denominator.", 1e-10)
    fused: Flag | None = key(None, "One kernel for the whole step.", True)


class RMSpropArguments(TorchArguments):
    alpha: BelowOne = key(0.99, "Smoothing of the mean square.", 0.99)
    eps: NonNegativeNumber = key(1e-8, "Added to the denominator.", 1e-8)
    momentum: NonNegativeNumber = key(0.0, "Momentum.", 0.9)
    centered: Flag = key(False, "Normalise by the estimated variance.", True)
    capturable: Flag = key(False, "Allow capture in a CUDA graph.", True)


class AdafactorArguments(OptimizerArguments):
    eps: Pair = key([1e-30, 1e-3], "Regularisation of the squared gradient and of the parameter scale.", [1e-30, 1e-3])
    clip_threshold: Number = key(1.0, "Root mean square of an update, clipped above.", 1.0, gt=0)
    decay_rate: Number = key(-0.8, "Exponent of the running average of squares.", -0.8, le=0)
    beta1: BelowOne | None = key(None, "Running average of the gradient; unset: none is kept.", 0.9)
    scale_parameter: Flag = key(False, "Scale the learning rate by the parameter's size.", True)
    relative_step: Flag = key(False, "Learning rate from the step number, not from learning_rate.", True)
    warmup_init: Flag = key(False, "Start small; needs relative_step.", True)


class OptimiArguments(OptimizerArguments):
    decouple_lr: Flag = key(False, "Weight decay independent of the learning rate.", True)
    max_lr: Number | None = key(None, "Highest learning rate, for decouple_lr.", 1e-3, gt=0)
    kahan_sum: Flag | None = key(None, "Kahan summation; unset: for low-precision parameters.", True)
    foreach: Flag | None = key(None, "One kernel for many tensors.", True)
    triton: Flag | None = key(None, "Triton kernels.", True)


class AnyPrecisionArguments(OptimiArguments):
    idle: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("momentum_dtype", "variance_dtype", "compensation_buffer_dtype"),
        "torch-optimi keeps its state in the type of the parameters, and sums up what that loses",
    )
    use_kahan_summation: Flag | None = key(None, "transformers' name of kahan_sum.", True)
    momentum_dtype: Dtype | None = key(None, "Without effect: as the parameters.", "bfloat16")
    variance_dtype: Dtype | None = key(None, "Without effect: as the parameters.", "bfloat16")
    compensation_buffer_dtype: Dtype | None = key(None, "Without effect: as the parameters.", "bfloat16")


_OFFLOADED = "an optimizer's state is offloaded by deepspeed, in zero_optimization, and here only as optim says"


class TorchAO8bitArguments(OptimizerArguments):
    idle: ClassVar[Mapping[str, str]] = {"offload_optimizer": _OFFLOADED}
    block_size: Positive = key(256, "Values that share a scale.", 256)
    bf16_stochastic_round: Flag = key(False, "Stochastic rounding of bfloat16 parameters.", True)
    amsgrad: Flag = key(False, "Keep the largest second moment (AMSGrad).", True)
    offload_optimizer: Flag | None = key(None, "Without effect.", True)


class TorchAO4bitArguments(TorchAO8bitArguments):
    block_size: Positive = key(128, "Values that share a scale.", 128)


_BY_NAME = "the name of optim says it"
_NOT_BUILT = "bitsandbytes takes it and does nothing with it"


class BnbArguments(OptimizerArguments):
    """What the classes of bitsandbytes take, of which optim decides almost all."""

    idle: ClassVar[Mapping[str, str]] = {
        "optim_bits": _BY_NAME,
        "is_paged": _BY_NAME,
        "amsgrad": _NOT_BUILT,
        "percentile_clipping": _NOT_BUILT,
        "block_wise": _NOT_BUILT,
        "offload_optimizer": _OFFLOADED,
    }
    optim_bits: Positive | None = key(None, "Without effect: as optim says.", 8)
    is_paged: Flag | None = key(None, "Without effect: as optim says.", True)
    amsgrad: Flag | None = key(None, "Without effect.", True)
    percentile_clipping: Positive | None = key(None, "Without effect.", 100)
    block_wise: Flag | None = key(None, "Without effect.", True)
    offload_optimizer: Flag | None = key(None, "Without effect.", True)


class Bnb32bitArguments(BnbArguments):
    idle: ClassVar[Mapping[str, str]] = {**BnbArguments.idle, "min_8bit_size": "all of the state has 32 bits"}
    min_8bit_size: NonNegative | None = key(None, "Without effect: all state has 32 bits.", 16384)


class Bnb8bitArguments(BnbArguments):
    min_8bit_size: NonNegative = key(4096, "Tensors smaller than this keep 32-bit state.", 16384)


class AdEMAMixArguments(OptimizerArguments):
    beta1: BelowOne | None = key(None, "Overrides adam_beta1.", 0.9)
    beta2: BelowOne | None = key(None, "Overrides adam_beta2.", 0.999)
    beta3: BelowOne = key(0.9999, "Decay of the slow average.", 0.9999)
    alpha: NonNegativeNumber = key(5.0, "Weight of the slow average.", 5.0)
    eps: Number | None = key(None, "Overrides adam_epsilon.", 1e-8, gt=0)
    t_alpha: Positive | None = key(None, "Updates over which alpha rises.", 10000)
    t_beta3: Positive | None = key(None, "Updates over which beta3 rises.", 10000)


class AdEMAMix8bitArguments(AdEMAMixArguments, Bnb8bitArguments):
    pass


class BnbRMSpropArguments(OptimizerArguments):
    alpha: BelowOne = key(0.99, "Smoothing of the mean square.", 0.99)
    eps: Number = key(1e-8, "Added to the denominator.", 1e-8, gt=0)
    momentum: NonNegativeNumber = key(0.0, "Momentum.", 0.9)


class BnbRMSprop8bitArguments(BnbRMSpropArguments, Bnb8bitArguments):
    pass


class GaLoreArguments(OptimizerArguments):
    rank: Positive = key(128, "Rank of the projection.", 64)
    update_proj_gap: Positive = key(200, "Updates between new projections.", 50)
    scale: Number = key(0.25, "Factor of the low-rank update.", 0.25, gt=0)
    proj_type: Literal["std", "reverse_std", "left", "right", "full"] = key("std", "Side of the projection.", "std")


class GaLoreAdafactorArguments(GaLoreArguments):
    clip_threshold: Number = key(1.0, "Root mean square of an update, clipped above.", 1.0, gt=0)
    decay_rate: Number = key(-0.8, "Exponent of the running average of squares.", -0.8, le=0)
    beta1: BelowOne | None = key(None, "Running average of the gradient; unset: none is kept.", 0.9)


class ApolloArguments(GaLoreArguments):
    scale: Number = key(1.0, "Factor of the low-rank update.", 1.0, gt=0)
    proj: Literal["random", "svd"] = key("random", "Kind of projection.", "random")
    scale_type: Literal["channel", "tensor"] = key("channel", "What shares a scale.", "tensor")
    scale_front: Flag = key(False, "Scale before limiting the norm's growth.", True)
    disable_nl: Flag = key(False, "Do not limit the norm's growth.", True)


class LomoArguments(OptimizerArguments):
    clip_grad_norm: Number | None = key(
        None, "Largest gradient norm, at the cost of a second backward pass.", 1.0, gt=0
    )
    clip_grad_value: Number | None = key(None, "Largest value of a gradient.", 1.0, gt=0)


class AdaLomoArguments(LomoArguments):
    loss_scale: Number = key(1024.0, "Factor of the loss under float16.", 1024.0, gt=0)
    eps: Pair = key([1e-30, 1e-3], "Regularisation of the squared gradient and of the parameter scale.", [1e-30, 1e-3])
    clip_threshold: Number = key(1.0, "Root mean square of an update, clipped above.", 1.0, gt=0)
    decay_rate: Number = key(-0.8, "Exponent of the running average of squares.", -0.8, le=0)


class GrokAdamWArguments(OptimizerArguments):
    alpha_init: BelowOne = key(0.98, "Decay of the slow gradient at the start.", 0.98)
    lamb: NonNegativeNumber = key(2.0, "Weight of the slow gradient.", 2.0)
    gamma: BelowOne = key(0.1, "How fast beta 1 falls from layer to layer.", 0.1)
    grokking_signal_decay_rate: NonNegativeNumber = key(0.1, "How fast the grokking signal fades.", 0.1)
    gradient_clipping: NonNegativeNumber = key(1.0, "Largest gradient norm, clipped by the optimizer; 0: off.", 1.0)


class ScheduleFreeArguments(OptimizerArguments):
    r: NonNegativeNumber = key(0.0, "Exponent of the step number in the average's weights.", 0.0)
    weight_lr_power: NonNegativeNumber = key(2.0, "Exponent of the learning rate in the average's weights.", 2.0)
    foreach: Flag | None = key(None, "One kernel for many tensors.", True)


class ScheduleFreeSGDArguments(ScheduleFreeArguments):
    momentum: Number = key(0.9, "Interpolation that takes the place of momentum.", 0.9, gt=0, lt=1)


class ScheduleFreeRAdamArguments(ScheduleFreeArguments):
    silent_sgd_phase: Flag = key(True, "Do nothing in the first updates, rather than plain SGD.", True)


class MuonArguments(OptimizerArguments):
    momentum: BelowOne = key(0.95, "Momentum.", 0.95)
    nesterov: Flag = key(True, "Nesterov's momentum.", True)
    ns_coefficients: Triple = key(
        [3.4445, -4.775, 2.0315], "Coefficients of the Newton-Schulz iteration.", [3.4445, -4.775, 2.0315]
    )
    ns_steps: Positive = key(5, "Newton-Schulz iterations.", 5, lt=100)
    eps: Number = key(1e-7, "Added to the norm of the gradient.", 1e-7, gt=0)
    adjust_lr_fn: Literal["original", "match_rms_adamw"] | None = key(
        None,
        "How the learning rate follows a matrix's shape; match_rms_adamw: AdamW's rates fit.",
        "match_rms_adamw",
    )


OPTIMIZER_ARGUMENTS: dict[O, type[OptimizerArguments]] = {
    O.ADAMW_TORCH: AdamWArguments,
    O.ADAMW_TORCH_FUSED: FusedArguments,
    O.ADAMW_TORCH_XLA: AmsgradArguments,
    O.ADAMW_TORCH_NPU_FUSED: AmsgradArguments,
    O.ADAMW_APEX_FUSED: FusedArguments,
    O.ADAFACTOR: AdafactorArguments,
    O.ADAMW_ANYPRECISION: AnyPrecisionArguments,
    O.ADAMW_TORCH_4BIT: TorchAO4bitArguments,
    O.ADAMW_TORCH_8BIT: TorchAO8bitArguments,
    O.ADEMAMIX: AdEMAMixArguments,
    O.ADEMAMIX_8BIT: AdEMAMix8bitArguments,
    O.PAGED_ADEMAMIX: AdEMAMixArguments,
    O.PAGED_ADEMAMIX_8BIT: AdEMAMix8bitArguments,
    O.SGD: SGDArguments,
    O.ADAGRAD: AdagradArguments,
    O.RMSPROP: RMSpropArguments,
    O.ADAMW_BNB: Bnb8bitArguments,
    O.ADAMW_8BIT: Bnb8bitArguments,
    O.PAGED_ADAMW: Bnb32bitArguments,
    O.PAGED_ADAMW_8BIT: Bnb8bitArguments,
    O.LION: Bnb32bitArguments,
    O.LION_8BIT: Bnb8bitArguments,
    O.PAGED_LION: Bnb32bitArguments,
    O.PAGED_LION_8BIT: Bnb8bitArguments,
    O.RMSPROP_BNB: BnbRMSpropArguments,
    O.RMSPROP_8BIT: BnbRMSprop8bitArguments,
    O.RMSPROP_32BIT: BnbRMSpropArguments,
    O.GALORE_ADAMW: GaLoreArguments,
    O.GALORE_ADAFACTOR: GaLoreAdafactorArguments,
    O.GALORE_ADAMW_LAYERWISE: GaLoreArguments,
    O.GALORE_ADAFACTOR_LAYERWISE: GaLoreAdafactorArguments,
    O.GALORE_ADAMW_8BIT: GaLoreArguments,
    O.GALORE_ADAMW_8BIT_LAYERWISE: GaLoreArguments,
    O.APOLLO_ADAMW: ApolloArguments,
    O.APOLLO_ADAMW_LAYERWISE: ApolloArguments,
    O.LOMO: LomoArguments,
    O.ADALOMO: AdaLomoArguments,
    O.GROKADAMW: GrokAdamWArguments,
    O.SCHEDULE_FREE_ADAMW: ScheduleFreeArguments,
    O.SCHEDULE_FREE_SGD: ScheduleFreeSGDArguments,
    O.SCHEDULE_FREE_RADAM: ScheduleFreeRAdamArguments,
    O.STABLE_ADAMW: OptimiArguments,
    O.MUON: MuonArguments,
}
