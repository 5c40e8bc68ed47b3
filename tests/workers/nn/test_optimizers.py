import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from workers.nn.arrays import Array
from workers.nn.optimizers import SGD, Adam, AdamW, AnyOptimizer, Optimizer, RMSprop, State
from workers.tagged_union import members, name_of, names

pytestmark = pytest.mark.usefixtures("every_kernel_set")

SETTINGS: dict[str, list[dict[str, Any]]] = {
    "sgd": [
        {"momentum": 0.9},
        {"momentum": 0.9, "weight_decay": 0.1},
        {"momentum": 0.9, "momentum_form": "nesterov", "weight_decay": 0.1},
        {"momentum": 0.8, "momentum_form": "ema", "weight_decay": 0.1},
        {"momentum": 0.8, "momentum_form": "ema", "ema_init": "first_gradient", "weight_decay": 0.1},
    ],
    "adam": [
        {"beta1": 0.8, "beta2": 0.95, "epsilon": 1e-2, "weight_decay": 0.1},
        {"beta1": 0.0, "epsilon": 1e-2, "epsilon_placement": "fused", "weight_decay": 0.1},
        {"epsilon_placement": "fused"},
    ],
    "adamw": [{"weight_decay": 0.3, "epsilon": 1e-2}, {"weight_decay": 0.0}],
    "rmsprop": [
        {"momentum": 0.9, "weight_decay": 0.1},
        {"centered": True, "alpha": 0.9, "epsilon": 1e-3},
        {"centered": True, "momentum": 0.5, "epsilon": 1e-3, "weight_decay": 0.1},
    ],
}
"""Settings to test beside the defaults, by name. A new optimizer is tested with its defaults without an entry."""

OPTIMIZERS = [
    cls(**fields) for cls in members(AnyOptimizer) for fields in [{}, *SETTINGS.get(name_of(cls), [])]
]
every_optimizer = pytest.mark.parametrize("optimizer", OPTIMIZERS, ids=repr)

SIZE, DECAYED = 12, 8
NOISE = np.random.default_rng(0).normal(size=(50, SIZE))


def start(dtype: Any = np.float64) -> Array:
    return np.random.default_rng(1).normal(size=SIZE).astype(dtype)


def gradient(parameters: Array, step: int) -> Array:
    """The gradient of a noisy quadratic function, whose elements differ in scale by three orders of magnitude."""
    scale = np.logspace(-2, 1, SIZE).astype(parameters.dtype)
    scale *= parameters + NOISE[step - 1].astype(parameters.dtype)
    return scale


def rate(optimizer: Optimizer, step: int) -> float:
    return optimizer.learning_rate * (1 if step % 3 else 0.5)


def run(optimizer: Optimizer, parameters: Array, state: State, first: int = 1, last: int = 50) -> None:
    for step in range(first, last + 1):
        optimizer.update(
            parameters,
            gradient(parameters, step),
            state,
            step=step,
            learning_rate=rate(optimizer, step),
            decayed=DECAYED,
        )


@every_optimizer
class TestEveryOptimizer:
    def test_keeps_single_precision_and_the_parameters_shape(self, optimizer: Optimizer) -> None:
        parameters = start(np.float32)
        state = optimizer.init(parameters)
        run(optimizer, parameters, state)
        for array in (parameters, *state.values()):
            assert array.dtype == np.float32
            assert array.shape == (SIZE,)

    def test_moves_in_single_precision_as_in_double(self, optimizer: Optimizer) -> None:
        single, double = start(np.float32), start(np.float32).astype(np.float64)
        for parameters in (single, double):
            run(optimizer, parameters, optimizer.init(parameters))
        np.testing.assert_allclose(single, double, rtol=1e-3, atol=1e-5)

    def test_resumes_from_a_stored_state_with_the_same_bits(self, optimizer: Optimizer) -> None:
        parameters = start(np.float32)
        state = optimizer.init(parameters)
        run(optimizer, parameters, state, last=25)
        stored = {name: array.copy() for name, array in state.items()}
        resumed = parameters.copy()
        run(optimizer, parameters, state, first=26)
        run(optimizer, resumed, stored, first=26)
        assert resumed.tobytes() == parameters.tobytes()

    def test_decays_only_the_weights(self, optimizer: Optimizer) -> None:
        parameters = start()
        state = optimizer.init(parameters)
        for step in range(1, 4):
            zero = np.zeros(SIZE)
            optimizer.update(parameters, zero, state, step=step, learning_rate=1e-3, decayed=DECAYED)
        np.testing.assert_array_equal(parameters[DECAYED:], start()[DECAYED:])
        shrunk = np.abs(parameters[:DECAYED]) < np.abs(start()[:DECAYED])
        assert shrunk.all() if optimizer.weight_decay else not shrunk.any()

    @pytest.mark.sampled(17)
    def test_minimises_a_quadratic_function(self, optimizer: Optimizer) -> None:
        parameters, bottom = np.array([2.0, -1.0]), np.array([0.5, 1.5])
        state = optimizer.init(parameters)
        for step in range(1, 3001):
            slope = parameters - bottom
            optimizer.update(parameters, slope, state, step=step, learning_rate=0.01, decayed=0)
        np.testing.assert_allclose(parameters, bottom, atol=0.02)

    def test_survives_a_round_trip_through_json(self, optimizer: Optimizer) -> None:
        adapter: TypeAdapter[Optimizer] = TypeAdapter(AnyOptimizer)
        assert adapter.validate_json(adapter.dump_json(optimizer)) == optimizer


Reference = Callable[[Any, Array], Array]
"""Takes an optimizer and parameters. Returns the parameters after 50 steps of an independent implementation."""


def torch_steps(build: Callable[[Any], tuple[Any, dict[str, Any], float]]) -> Reference:
    """Fifty steps of a torch optimizer; `build` returns its class, its fields, and a factor on the learning rate."""

    def steps(optimizer: Optimizer, parameters: Array) -> Array:
        torch = pytest.importorskip("torch", reason="torch is the oracle of the optimizers")
        cls, fields, factor = build(optimizer)
        weights, others = (torch.tensor(part) for part in np.split(parameters, [DECAYED]))
        groups = [
            {"params": [weights], "weight_decay": optimizer.weight_decay},
            {"params": [others], "weight_decay": 0.0},
        ]
        oracle = getattr(torch.optim, cls)(groups, lr=1.0, **fields)
        for step in range(1, 51):
            slopes = gradient(np.concatenate([weights.numpy(), others.numpy()]), step)
            weights.grad, others.grad = (torch.tensor(part) for part in np.split(slopes, [DECAYED]))
            for group in oracle.param_groups:
                group["lr"] = rate(optimizer, step) * factor
            oracle.step()
        return np.concatenate([weights.numpy(), others.numpy()])

    return steps


def torch_sgd(sgd: SGD) -> tuple[str, dict[str, Any], float]:
    fields: dict[str, Any] = {"momentum": sgd.momentum, "nesterov": sgd.momentum_form == "nesterov"}
    if sgd.momentum_form == "ema" and sgd.ema_init == "zero":
        return "SGD", fields, 1 - sgd.momentum
    if sgd.momentum_form == "ema":
        fields["dampening"] = sgd.momentum
    return "SGD", fields, 1.0


def torch_adam(adam: Adam | AdamW) -> tuple[str, dict[str, Any], float]:
    return type(adam).__name__, {"betas": (adam.beta1, adam.beta2), "eps": adam.epsilon}, 1.0


def torch_rmsprop(rmsprop: RMSprop) -> tuple[str, dict[str, Any], float]:
    fields = {"alpha": rmsprop.alpha, "eps": rmsprop.epsilon}
    return "RMSprop", fields | {"momentum": rmsprop.momentum, "centered": rmsprop.centered}, 1.0


def adam_steps(adam: Adam, parameters: Array) -> Array:
    """Fifty steps of torch's Adam, or with epsilon fused of the Adam of scikit-learn's multilayer perceptron."""
    if adam.epsilon_placement == "published":
        return torch_steps(torch_adam)(adam, parameters)
    reason = "scikit-learn is the oracle of Adam with epsilon fused"
    sklearn = pytest.importorskip("sklearn.neural_network._stochastic_optimizers", reason=reason)
    parameters = parameters.copy()
    oracle = sklearn.AdamOptimizer([parameters], 1.0, adam.beta1, adam.beta2, adam.epsilon)
    decay = np.where(np.arange(SIZE) < DECAYED, adam.weight_decay, 0)
    for step in range(1, 51):
        oracle.learning_rate_init = rate(adam, step)
        oracle.update_params([parameters], [gradient(parameters, step) + decay * parameters])
    return parameters


REFERENCES: dict[str, Reference] = {
    "sgd": torch_steps(torch_sgd),
    "adam": adam_steps,
    "adamw": torch_steps(torch_adam),
    "rmsprop": torch_steps(torch_rmsprop),
}


def test_every_optimizer_has_an_oracle() -> None:
    missing = set(names(AnyOptimizer)) - set(REFERENCES)
    assert not missing, f"without an oracle, to be added to REFERENCES: {sorted(missing)}"


@pytest.mark.sampled(12)
@every_optimizer
def test_fifty_steps_end_where_the_oracle_ends(optimizer: Optimizer) -> None:
    parameters = start()
    expected = REFERENCES[optimizer.name](optimizer, parameters)
    run(optimizer, parameters, optimizer.init(parameters))
    np.testing.assert_allclose(parameters, expected, rtol=1e-10, atol=1e-12)


def test_the_ema_form_is_heavy_ball_at_a_smaller_rate() -> None:
    ema, heavy = start(), start()
    run(SGD(momentum=0.9, momentum_form="ema", learning_rate=0.1), ema, {"velocity": np.zeros(SIZE)})
    run(SGD(momentum=0.9, learning_rate=0.1 * (1 - 0.9)), heavy, {"velocity": np.zeros(SIZE)})
    np.testing.assert_allclose(ema, heavy, rtol=1e-12)


def test_the_first_step_of_adam_is_the_learning_rate_whatever_the_gradient() -> None:
    parameters, slopes = np.zeros(4), np.array([1e-3, -1.0, 1e3, -1e6])
    adam = Adam(learning_rate=0.01)
    adam.update(parameters, slopes.copy(), adam.init(parameters), step=1, learning_rate=0.01, decayed=0)
    np.testing.assert_allclose(parameters, -0.01 * np.sign(slopes), rtol=1e-4)


def test_decoupled_decay_shrinks_all_weights_alike_whatever_their_gradients() -> None:
    slopes = np.logspace(-3, 3, SIZE)
    shrinkage = []
    for decay in (0.0, 0.5):
        parameters, optimizer = np.ones(SIZE), AdamW(weight_decay=decay)
        optimizer.update(
            parameters, slopes.copy(), optimizer.init(parameters), step=1, learning_rate=0.1, decayed=SIZE
        )
        shrinkage.append(parameters)
    np.testing.assert_allclose(shrinkage[0] - shrinkage[1], 0.1 * 0.5)


def test_a_centered_variance_that_rounds_below_zero_is_no_nan() -> None:
    optimizer, parameters = RMSprop(centered=True, alpha=0.5), np.ones(64, np.float32)
    state, slope = optimizer.init(parameters), np.linspace(0.1, 3, 64, dtype=np.float32)
    for step in range(1, 101):
        optimizer.update(parameters, slope.copy(), state, step=step, learning_rate=1e-9, decayed=0)
    assert np.isfinite(parameters).all()


@pytest.mark.parametrize("optimizer", [SGD(), SGD(momentum=0.9), Adam(), AdamW()], ids=repr)
def test_an_update_allocates_nothing_of_the_parameters_size(optimizer: Optimizer) -> None:
    parameters = np.ones(100_000, np.float32)
    state, slope = optimizer.init(parameters), np.ones_like(parameters)
    tracemalloc.start()
    optimizer.update(parameters, slope, state, step=1, learning_rate=0.1, decayed=50_000)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < parameters.nbytes / 10


def test_fields_out_of_range_are_refused() -> None:
    adapter: TypeAdapter[Optimizer] = TypeAdapter(AnyOptimizer)
    for wrong in ({"momentum": 1.0}, {"learning_rate": 0.0}, {"beta1": 0.9}, {"momentum_form": "classic"}):
        with pytest.raises(ValidationError):
            adapter.validate_python({"name": "sgd"} | wrong)
