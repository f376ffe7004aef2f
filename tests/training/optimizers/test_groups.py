"""Weight decay is for what is neither a bias nor part of a normalisation layer."""

import torch
from torch import nn

from trainspec.training.optimizers import decay_parameter_names
from trainspec.training.optimizers.groups import parameter_groups


class ScaleNorm(nn.Module):
    """A normalisation of somebody's own, known by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4))


class Many(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(3, 4)
        self.norm = nn.LayerNorm(4)
        self.batch = nn.BatchNorm1d(4)
        self.rms = nn.RMSNorm(4)
        self.own = ScaleNorm()
        self.attention = nn.MultiheadAttention(4, 2)
        # Named like a norm without being one, and a weight whose name has "bias" in it.
        self.norm_projection = nn.Linear(4, 4)
        self.bias_scale = nn.Parameter(torch.ones(2))
        self.head = nn.Linear(4, 3, bias=False)
        self.head.weight = nn.Parameter(self.embed.weight.detach().clone())
        self.tied = self.head


def test_weight_decay_leaves_out_biases_and_normalisation_layers() -> None:
    assert set(decay_parameter_names(Many())) == {
        "embed.weight",
        "attention.in_proj_weight",
        "attention.out_proj.weight",
        "norm_projection.weight",
        "bias_scale",
        "head.weight",
    }


def test_groups_hold_every_parameter_that_trains_once() -> None:
    model = Many()
    model.attention.requires_grad_(False)
    groups = parameter_groups(model, 0.5)
    held = [id(value) for group in groups for value in group["params"]]
    assert sorted(held) == sorted(id(value) for value in model.parameters() if value.requires_grad)
    assert [group["weight_decay"] for group in groups] == [0.5, 0.0]
    assert [group["weight_decay"] for group in parameter_groups(nn.LayerNorm(2), 0.5)] == [0.0]
    assert parameter_groups(nn.Linear(2, 2).requires_grad_(False), 0.5) == []
