"""DEV: the device."""

from __future__ import annotations

from trainspec.settings.rules.effect import without_effect
from trainspec.settings.rules.predicates import all_of, on, one_of
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import DDPBackend

RULES: tuple[Rule, ...] = (
    Rule(
        code="DEV101",
        name="accelerator-backend-on-cpu",
        message="ddp_backend cannot reach processes under use_cpu",
        reason="this backend exchanges tensors of an accelerator",
        fix="set ddp_backend: gloo, or leave it out",
        when=all_of(
            on("use_cpu"),
            one_of(
                "ddp_backend",
                DDPBackend.NCCL,
                DDPBackend.HCCL,
                DDPBackend.CNCL,
                DDPBackend.MCCL,
                DDPBackend.XCCL,
            ),
        ),
    ),
    without_effect(
        "DEV301",
        "tpu-cores-on-cpu",
        "tpu_num_cores",
        on("use_cpu"),
        cause="under use_cpu",
        because="the CPU computes even where a TPU is there",
        fix="drop tpu_num_cores or use_cpu",
    ),
    without_effect(
        "DEV302",
        "use-mps-device",
        "use_mps_device",
        None,
        because="the setting is deprecated: Apple devices are found by themselves",
        fix="drop use_mps_device",
    ),
)
