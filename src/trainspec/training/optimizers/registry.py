"""Every value of `optim`: how it is built, the package it comes from, and the devices it is bound to."""

from __future__ import annotations

from trainspec.settings.values.choices import OptimizerNames as O
from trainspec.training.optimizers import bitsandbytes as bnb
from trainspec.training.optimizers import low_rank, schedule_free, torch_built_in, torchao
from trainspec.training.optimizers.adafactor import adafactor
from trainspec.training.optimizers.entry import Entry, Package, Recipe
from trainspec.training.optimizers.grokadamw import grokadamw, keep_everything
from trainspec.training.optimizers.lomo import adalomo, lomo
from trainspec.training.optimizers.low_rank import keep_projectors, layerwise
from trainspec.training.optimizers.muon import muon
from trainspec.training.optimizers.optimi import adamw_anyprecision, stable_adamw

_XLA = Package("torch_xla", "torch_xla")
_NPU = Package("torch_npu", "torch_npu")
_MUON = Package("torch.optim._muon", "torch>=2.9")
_OPTIMI = Package("optimi", "torch-optimi>=0.3")
_TORCHAO = Package("torchao", "torchao>=0.12")
_BNB = Package("bitsandbytes", "bitsandbytes>=0.46")
_GALORE = Package("galore_torch", "galore-torch>=1.0")
_APOLLO = Package("apollo_torch", "apollo-torch>=1.0")
_LOMO = Package("lomo_optim", "lomo-optim>=0.1 transformers")
_GROK = Package("grokadamw", "grokadamw>=0.1.2")
_SCHEDULE_FREE = Package("schedulefree", "schedulefree>=1.4")
_STATE_8BIT = ("torchao.optim.subclass_8bit:OptimState8bit",)
_STATE_4BIT = ("torchao.optim.subclass_4bit:OptimState4bit",)
_CUDA = ("cuda",)


def _bnb8(recipe: Recipe) -> Entry:
    return Entry(recipe, _BNB, finish=bnb.embeddings_in_32_bits)


def _low_rank(recipe: Recipe, package: Package, devices: tuple[str, ...] = ()) -> Entry:
    return Entry(recipe, package, devices, low_rank=True, finish=keep_projectors)


def _layerwise(recipe: Recipe, package: Package, devices: tuple[str, ...] = ()) -> Entry:
    return Entry(layerwise(recipe), package, devices, low_rank=True, updates_in_backward=True, finish=keep_projectors)


OPTIMIZERS: dict[O, Entry] = {
    O.ADAMW_TORCH: Entry(torch_built_in.adamw),
    O.ADAMW_TORCH_FUSED: Entry(torch_built_in.adamw_fused),
    O.ADAMW_APEX_FUSED: Entry(torch_built_in.adamw_fused),
    O.ADAMW_TORCH_XLA: Entry(torch_built_in.adamw_xla, _XLA, ("xla",)),
    O.ADAMW_TORCH_NPU_FUSED: Entry(torch_built_in.adamw_npu, _NPU, ("npu",)),
    O.SGD: Entry(torch_built_in.sgd),
    O.ADAGRAD: Entry(torch_built_in.adagrad),
    O.RMSPROP: Entry(torch_built_in.rmsprop),
    O.ADAFACTOR: Entry(adafactor),
    O.MUON: Entry(muon, _MUON),
    O.ADAMW_ANYPRECISION: Entry(adamw_anyprecision, _OPTIMI),
    O.STABLE_ADAMW: Entry(stable_adamw, _OPTIMI),
    O.ADAMW_TORCH_8BIT: Entry(torchao.adamw_8bit, _TORCHAO, safe_types=_STATE_8BIT),
    O.ADAMW_TORCH_4BIT: Entry(torchao.adamw_4bit, _TORCHAO, safe_types=_STATE_4BIT),
    O.ADAMW_BNB: _bnb8(bnb.adamw(8)),
    O.ADAMW_8BIT: _bnb8(bnb.adamw(8)),
    O.PAGED_ADAMW: Entry(bnb.adamw(32, paged=True), _BNB),
    O.PAGED_ADAMW_8BIT: _bnb8(bnb.adamw(8, paged=True)),
    O.ADEMAMIX: Entry(bnb.ademamix(32), _BNB),
    O.ADEMAMIX_8BIT: _bnb8(bnb.ademamix(8)),
    O.PAGED_ADEMAMIX: Entry(bnb.ademamix(32, paged=True), _BNB),
    O.PAGED_ADEMAMIX_8BIT: _bnb8(bnb.ademamix(8, paged=True)),
    O.LION: Entry(bnb.lion(32), _BNB),
    O.LION_8BIT: _bnb8(bnb.lion(8)),
    O.PAGED_LION: Entry(bnb.lion(32, paged=True), _BNB),
    O.PAGED_LION_8BIT: _bnb8(bnb.lion(8, paged=True)),
    O.RMSPROP_BNB: Entry(bnb.rmsprop(32), _BNB),
    O.RMSPROP_8BIT: _bnb8(bnb.rmsprop(8)),
    O.RMSPROP_32BIT: Entry(bnb.rmsprop(32), _BNB),
    O.GALORE_ADAMW: _low_rank(low_rank.galore_adamw, _GALORE),
    O.GALORE_ADAFACTOR: _low_rank(low_rank.galore_adafactor, _GALORE),
    O.GALORE_ADAMW_8BIT: _low_rank(low_rank.galore_adamw_8bit, _GALORE, _CUDA),
    O.GALORE_ADAMW_LAYERWISE: _layerwise(low_rank.galore_adamw, _GALORE),
    O.GALORE_ADAFACTOR_LAYERWISE: _layerwise(low_rank.galore_adafactor, _GALORE),
    O.GALORE_ADAMW_8BIT_LAYERWISE: _layerwise(low_rank.galore_adamw_8bit, _GALORE, _CUDA),
    O.APOLLO_ADAMW: _low_rank(low_rank.apollo_adamw, _APOLLO),
    O.APOLLO_ADAMW_LAYERWISE: _layerwise(low_rank.apollo_adamw, _APOLLO),
    O.LOMO: Entry(lomo, _LOMO, updates_in_backward=True),
    O.ADALOMO: Entry(adalomo, _LOMO, _CUDA, updates_in_backward=True),
    O.GROKADAMW: Entry(grokadamw, _GROK, finish=keep_everything),
    O.SCHEDULE_FREE_ADAMW: Entry(schedule_free.adamw, _SCHEDULE_FREE),
    O.SCHEDULE_FREE_SGD: Entry(schedule_free.sgd, _SCHEDULE_FREE),
    O.SCHEDULE_FREE_RADAM: Entry(schedule_free.radam, _SCHEDULE_FREE),
}
