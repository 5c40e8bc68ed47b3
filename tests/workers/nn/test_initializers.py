from typing import Any

import numpy as np
import pytest

from tests.workers.nn.activated import activated
from workers.nn.activations import Relu, Tanh
from workers.nn.arrays import Array, Shape
from workers.nn.initializers import AnyInitializer, GlorotUniform, HeNormal, Initializer, fans
from workers.tagged_union import members, name_of, names

INITIALIZERS = [cls() for cls in members(AnyInitializer)]
every_initializer = pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda i: name_of(type(i)))
SHAPES: list[Shape] = [(80, 60), (30, 200), (3, 5, 16, 32)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def as_torch_lays_out(shape: Shape) -> Shape:
    """torch's layout: (out, in) for (in, out), and (out, in, height, width) for (height, width, in, out)."""
    return (*shape[:-3:-1], *shape[:-2])


@every_initializer
@every_shape
def test_values_are_double_and_depend_on_the_generator_alone(initializer: Initializer, shape: Shape) -> None:
    values = initializer(shape, np.random.default_rng(7))
    assert values.shape == shape
    assert values.dtype == np.float64
    np.testing.assert_array_equal(values, initializer(shape, np.random.default_rng(7)))
    assert not np.array_equal(values, initializer(shape, np.random.default_rng(8)))


@every_shape
def test_fans_are_those_of_torch(shape: Shape) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle of the fans")
    tensor = torch.empty(as_torch_lays_out(shape))
    assert fans(shape) == torch.nn.init._calculate_fan_in_and_fan_out(tensor)


@every_initializer
@every_shape
def test_values_are_distributed_as_those_of_torch(initializer: Initializer, shape: Shape) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle of the distributions")
    stats = pytest.importorskip("scipy.stats")
    oracles: dict[str, Any] = {
        "glorot_uniform": torch.nn.init.xavier_uniform_,
        "he_normal": lambda t, generator: torch.nn.init.kaiming_normal_(
            t, nonlinearity="relu", generator=generator
        ),
    }
    missing = set(names(AnyInitializer)) - set(oracles)
    assert not missing, f"without an oracle, to be added here: {sorted(missing)}"
    generator = torch.Generator().manual_seed(0)
    tensor = torch.empty((20, *as_torch_lays_out(shape)), dtype=torch.float64)
    for copy in tensor:
        oracles[name_of(type(initializer))](copy, generator=generator)
    draws = [initializer(shape, np.random.default_rng(seed)).ravel() for seed in range(20)]
    mine, theirs = np.concatenate(draws), tensor.numpy().ravel()
    assert stats.ks_2samp(mine, theirs).pvalue > 0.01
    assert np.var(mine) == pytest.approx(np.var(theirs), rel=0.02)


@pytest.mark.parametrize(
    ("initializer", "activation", "least"), [(HeNormal(), Relu(), 0.5), (GlorotUniform(), Tanh(), 0.05)]
)
def test_a_signal_survives_ten_layers(initializer: Initializer, activation: Any, least: float) -> None:
    generator = np.random.default_rng(0)
    x: Array = generator.normal(size=(200, 256))
    for _ in range(10):
        x, _ = activated(activation, x @ initializer((256, 256), generator))
    assert least < np.mean(x**2) < 2
