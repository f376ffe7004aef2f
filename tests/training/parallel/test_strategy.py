"""A model is prepared in one order whatever the strategy; in one process the steps are those of plain torch."""

import copy
from typing import Any

import pytest
import torch
from tests.training.optimizers.toy import Network, loss_of, same, settings, weights
from torch import Tensor, nn

from trainspec.training.model.compilation import compile_model
from trainspec.training.optimizers import build_optimizer
from trainspec.training.optimizers.behaviour import clear_gradients, saving, training_mode
from trainspec.training.parallel import Alone, Policy, ProcessesError, SingleProcess, State, Strategy, choose_strategy
from trainspec.training.parallel.named_state import NamedStateError
from trainspec.training.parallel.registry import STRATEGIES, StrategyName, strategy_class
from trainspec.training.precision.precision import Precision, choose_precision

CPU = torch.device("cpu")


class Noted(SingleProcess):
    """Fills in what a strategy may, and writes down when it was asked to."""

    def __init__(self) -> None:
        super().__init__()
        self.done: list[str] = []

    def note(self, name: str, model: nn.Module) -> nn.Module:
        self.done.append(name)
        return nn.Sequential(model)

    def parallelize(self, model: nn.Module) -> nn.Module:
        return self.note("parallelize", model)

    def place(self, model: nn.Module, device: torch.device) -> nn.Module:
        return self.note(f"place on {device}", model)

    def shard(self, model: nn.Module, policy: Policy) -> nn.Module:
        return self.note("shard", model)


class NotedPrecision(Precision):
    def __init__(self, strategy: Noted) -> None:
        self.strategy = strategy

    def prepare(self, model: nn.Module) -> None:
        self.strategy.note("precision", model)


def test_there_is_one_order_of_preparation() -> None:
    strategy, model = Noted(), nn.Linear(1, 1)
    policy = Policy(
        CPU,
        NotedPrecision(strategy),
        recompute=lambda module: strategy.note("recompute", module),
        compile=lambda module: strategy.note("compile", module),
    )
    prepared: Any = strategy.prepare(model, policy)
    assert strategy.done == ["parallelize", "place on cpu", "precision", "recompute", "compile", "shard"]
    assert prepared[0][0][0][0] is model, "each step works on what the last one made"


def nothing(model: nn.Module) -> None:
    pass


def prepared(optim: str, model: Network, **changes: Any) -> tuple[SingleProcess, Any, Any]:
    args = settings(optim, **changes)
    strategy = SingleProcess()
    policy = Policy(CPU, choose_precision(args, CPU), nothing, lambda module: compile_model(module, args))
    module = strategy.prepare(model, policy)
    optimizer = build_optimizer(model, args)
    assert strategy.attach(optimizer, None) == (optimizer, None)
    training_mode(optimizer)
    return strategy, module, optimizer


def update(
    strategy: SingleProcess, module: Any, optimizer: Any, number: int, max_norm: float = 0.0
) -> tuple[Tensor, bool]:
    with strategy.accumulating(module, last=True):
        strategy.backward(loss_of(module, number))
    norm, stepped = strategy.clip(module.parameters(), max_norm), strategy.step()
    clear_gradients(optimizer)
    return norm, stepped


@pytest.mark.parametrize("max_norm", [0.0, 0.05])
def test_an_update_is_what_torch_does(max_norm: float) -> None:
    model, plain = Network(), Network()
    strategy, module, optimizer = prepared("sgd", model, learning_rate=0.1)
    its_optimizer = torch.optim.SGD(plain.parameters(), 0.1, foreach=True)
    for number in range(3):
        norm, stepped = update(strategy, module, optimizer, number, max_norm)
        loss_of(plain, number).backward()
        whole = torch.linalg.vector_norm(torch.cat([value.grad.flatten() for value in plain.parameters()]))
        if max_norm:
            nn.utils.clip_grad_norm_(plain.parameters(), max_norm)
        its_optimizer.step()
        its_optimizer.zero_grad()
        assert stepped and norm.item() == pytest.approx(whole.item(), rel=1e-5) and norm > 0.05
    for name, value in weights(plain).items():
        assert torch.allclose(weights(model)[name], value, atol=1e-6)


def test_under_fp16_norms_are_true_and_an_overflow_is_skipped() -> None:
    model, whole = Network(), Network()
    strategy, module, optimizer = prepared("adamw_torch", model, fp16=True)
    norm, stepped = update(strategy, module, optimizer, 0)
    true, _ = update(*prepared("adamw_torch", whole), 0)
    assert stepped and norm.item() == pytest.approx(true.item(), rel=1e-2)
    before = weights(model)
    strategy.backward(loss_of(module, 1) * 1e38)
    assert not torch.isfinite(strategy.clip(model.parameters(), 0.5)) and strategy.step() is False
    assert same(weights(model), before)
    clear_gradients(optimizer)
    assert update(strategy, module, optimizer, 2)[1] is True and not same(weights(model), before)


def test_an_optimizer_that_updates_in_the_backward_pass_does_it_all() -> None:
    model, plain = Network(), Network()
    strategy, module, optimizer = prepared("lomo", model, learning_rate=0.1)
    norm, stepped = update(strategy, module, optimizer, 0, max_norm=1e-9)
    true, _ = update(*prepared("sgd", plain, learning_rate=0.1), 0)
    assert stepped and norm.item() == pytest.approx(true.item(), rel=1e-5)
    # It was not clipped: by then the gradients are gone.
    assert torch.allclose(weights(model)["up.weight"], weights(plain)["up.weight"], atol=1e-6)


@pytest.mark.parametrize(
    "optim, changes",
    [
        ("adamw_torch", {"torch_compile": True, "torch_compile_backend": "eager"}),
        ("schedule_free_adamw", {"lr_scheduler_type": "constant"}),
    ],
)
def test_state_has_the_names_of_the_users_module_and_goes_on(optim: str, changes: dict[str, Any]) -> None:
    model, other = Network(), Network()
    strategy, module, optimizer = prepared(optim, model, **changes)
    update(strategy, module, optimizer, 0)
    with saving(optimizer):
        state = copy.deepcopy(strategy.state("full"))
    names = [name for name, _ in Network().named_parameters()]
    assert list(state.model) == names and sorted(state.optimizer["state"]) == sorted(names)
    assert list(strategy.weights()) == names
    resumed, its_module, its_optimizer = prepared(optim, other, **changes)
    resumed.load_state(state)
    training_mode(its_optimizer)
    for each in ((strategy, module, optimizer), (resumed, its_module, its_optimizer)):
        update(*each, 1)
    assert same(weights(model), weights(other)) and not same(weights(other), state.model)


def test_parts_of_a_state_are_loaded_alone_and_checked() -> None:
    strategy, module, optimizer = prepared("adamw_torch", Network())
    bare = SingleProcess()
    bare.prepare(Network(), Policy(CPU, choose_precision(settings("sgd"), CPU), nothing, lambda module: module))
    assert bare.state().optimizer is None
    update(strategy, module, optimizer, 0)
    moved = weights(module)
    strategy.load_state(bare.state())
    assert same(weights(module), weights(Network())) and optimizer.state
    strategy.load_state(State(moved))
    assert same(weights(module), moved)
    with pytest.raises(NamedStateError):
        strategy.load_state(State(optimizer={"state": {}, "param_groups": [{"params": ["elsewhere"]}]}))


def test_a_gradient_may_be_had_before_there_is_an_optimizer() -> None:
    strategy, model = SingleProcess(), Network()
    for call in (strategy.state, strategy.step, lambda: strategy.backward(loss_of(model, 0))):
        with pytest.raises(RuntimeError, match="prepare"):
            call()
    strategy.prepare(model, Policy(CPU, choose_precision(settings("sgd"), CPU), nothing, lambda module: module))
    strategy.backward(loss_of(model, 0))
    assert model.up.weight.grad is not None
    with pytest.raises(RuntimeError, match="attach"):
        strategy.step()


class Two(Alone):
    world_size = 2


def test_the_registry_has_every_strategy_and_chooses_one() -> None:
    assert set(STRATEGIES) == set(StrategyName)
    assert all(issubclass(strategy_class(name), Strategy) for name in STRATEGIES)
    alone = Alone()
    chosen = choose_strategy(alone)
    assert type(chosen) is SingleProcess and chosen.processes is alone
    with pytest.raises(ProcessesError, match="there are 2"):
        choose_strategy(Two())


@pytest.mark.parametrize(("said", "saved"), [(None, True), (None, False), (True, False), (False, True)])
def test_what_was_known_of_unused_parameters_is_known_again(said: bool | None, saved: bool) -> None:
    """Else the first window of a resumed run would exchange its gradients in another way than the undisturbed one."""
    from trainspec.training.parallel.ddp import DataParallelProcesses

    strategy = DataParallelProcesses(Alone(), settings("sgd", ddp_find_unused_parameters=said))
    assert "find_unused_parameters" not in strategy.layout()
    strategy.goes_on({"find_unused_parameters": saved})
    assert strategy.layout().get("find_unused_parameters") == (saved if said is None else None)
    strategy.goes_on({})
    assert "find_unused_parameters" not in strategy.layout()
