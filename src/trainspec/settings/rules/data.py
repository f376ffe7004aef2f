"""DAT: how rows reach the model."""

from __future__ import annotations

from trainspec.settings.rules.effect import NO_PREDICTION, UNLESS_CALLED, without_effect
from trainspec.settings.rules.predicates import above, all_of, any_of, equals, is_set, negate, off, on, one_of
from trainspec.settings.rules.rule import Rule
from trainspec.settings.values.choices import SamplingStrategy, UnevenInputs

_NO_WORKERS = equals("dataloader_num_workers", 0)
_STRATEGY = "train_sampling_strategy"
_GROUPS = any_of(on("group_by_length"), equals(_STRATEGY, SamplingStrategy.GROUP_BY_LENGTH))

RULES: tuple[Rule, ...] = (
    Rule(
        code="DAT101",
        name="prefetch-without-workers",
        message="dataloader_prefetch_factor needs dataloader_num_workers above 0",
        reason="only loading processes work ahead; without them, batches are made when they are asked for",
        fix="set dataloader_num_workers, or leave dataloader_prefetch_factor out",
        when=all_of(is_set("dataloader_prefetch_factor"), _NO_WORKERS),
    ),
    Rule(
        code="DAT102",
        name="persistence-without-workers",
        message="dataloader_persistent_workers needs dataloader_num_workers above 0",
        reason="there are no loading processes to keep",
        fix="set dataloader_num_workers, or leave dataloader_persistent_workers out",
        when=all_of(on("dataloader_persistent_workers"), _NO_WORKERS),
    ),
    Rule(
        code="DAT103",
        name="two-orders",
        message="group_by_length and train_sampling_strategy contradict each other",
        reason="each says in which order the training rows come, and there is one",
        fix="drop group_by_length, or set train_sampling_strategy: group_by_length",
        when=all_of(on("group_by_length"), one_of(_STRATEGY, SamplingStrategy.RANDOM, SamplingStrategy.SEQUENTIAL)),
    ),
    Rule(
        code="DAT104",
        name="any-order-under-determinism",
        message="dataloader_in_order false and full_determinism exclude each other",
        reason="which loading process is done first is different in every run, and so is the order of the batches",
        fix="leave dataloader_in_order out, or drop full_determinism",
        when=all_of(off("dataloader_in_order"), on("full_determinism"), above("dataloader_num_workers", 0)),
    ),
    Rule(
        code="DAT105",
        name="padding-without-even-batches",
        message="uneven_inputs pad and even_batches false of accelerator_config contradict each other",
        reason="padding is what makes as many batches of one size for every process",
        fix="set uneven_inputs: join, or drop even_batches",
        when=all_of(equals("uneven_inputs", UnevenInputs.PAD), off("accelerator_config.even_batches")),
    ),
    without_effect(
        "DAT301",
        "length-column-without-grouping",
        "length_column_name",
        negate(_GROUPS),
        cause="without group_by_length",
        because="nothing else asks how long rows are",
        fix="set group_by_length: true, or leave length_column_name out",
    ),
    without_effect(
        "DAT302",
        "pinning-on-cpu",
        "dataloader_pin_memory",
        on("use_cpu"),
        cause="under use_cpu",
        because="pinned memory speeds up copies to an accelerator",
        fix="drop dataloader_pin_memory or use_cpu",
    ),
    without_effect(
        "DAT303",
        "label-names-without-evaluation",
        "label_names",
        NO_PREDICTION,
        cause="without evaluation",
        because=UNLESS_CALLED,
        severity="note",
        fix="set eval_strategy (or do_eval, do_predict), or leave label_names out",
    ),
    without_effect(
        "DAT304",
        "any-order-without-workers",
        "dataloader_in_order",
        _NO_WORKERS,
        when_off=True,
        cause="without dataloader_num_workers",
        because="the training process makes one batch after the other",
        fix="set dataloader_num_workers, or leave dataloader_in_order out",
    ),
    without_effect(
        "DAT305",
        "start-without-workers",
        "dataloader_multiprocessing_context",
        _NO_WORKERS,
        cause="without dataloader_num_workers",
        because="no loading process is started",
        fix="set dataloader_num_workers, or leave dataloader_multiprocessing_context out",
    ),
    Rule(
        code="DAT401",
        name="non-blocking-without-pinning",
        message="non_blocking of accelerator_config wants dataloader_pin_memory",
        reason="a copy from memory that is not pinned waits until it is done",
        fix="set dataloader_pin_memory: true, or drop non_blocking",
        when=all_of(off("dataloader_pin_memory"), on("accelerator_config.non_blocking")),
        severity="warning",
    ),
)
