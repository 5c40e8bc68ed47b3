from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.workers.nn.activated import activated
from tests.workers.nn.gradient_check import check_gradient
from workers.nn.activations import Activation, AnyActivation, Identity, LeakyRelu, Relu
from workers.nn.arrays import Array
from workers.tagged_union import members, name_of, names

pytestmark = pytest.mark.usefixtures("every_kernel_set")

SETTINGS: dict[str, list[dict[str, Any]]] = {"leaky_relu": [{"slope": 0.3}, {"slope": 0.0}]}
ACTIVATIONS = [Identity()] + [
    cls(**fields) for cls in members(AnyActivation) for fields in [{}, *SETTINGS.get(name_of(cls), [])]
]
every_activation = pytest.mark.parametrize("activation", ACTIVATIONS, ids=lambda a: f"{vars(a) or a.name}")

Z = np.random.default_rng(0).normal(0, 2, (3, 4, 5))
DY = np.random.default_rng(1).normal(size=Z.shape)


def apply(activation: Activation, z: Array, dy: Array) -> tuple[Array, Array]:
    """The output and dL/dz."""
    y, backward = activated(activation, z)
    return y, backward(dy)


@every_activation
class TestEveryActivation:
    def test_has_the_gradient_that_finite_differences_have(self, activation: Activation) -> None:
        _, dz = apply(activation, Z, DY)
        check_gradient(lambda z: (apply(activation, z, DY)[0] * DY).sum(), Z, dz)

    def test_keeps_single_precision(self, activation: Activation) -> None:
        single = apply(activation, Z.astype(np.float32), DY.astype(np.float32))
        for mine, exact in zip(single, apply(activation, Z, DY), strict=True):
            assert mine.dtype == np.float32
            np.testing.assert_allclose(mine, exact, rtol=1e-5, atol=1e-6)

    def test_is_finite_at_extremes(self, activation: Activation) -> None:
        extremes = np.array([-1e4, -100, -20, 0, 20, 100, 1e4], np.float32)
        for array in apply(activation, extremes, np.ones_like(extremes)):
            assert np.isfinite(array).all()

    def test_grows_no_faster_than_its_argument(self, activation: Activation) -> None:
        """Each has a slope of at most 1.13 (gelu's), and differs from 0 or from z by at most a constant."""
        extremes = np.array([-1e4, 1e4])
        y, dz = apply(activation, extremes, np.ones(2))
        assert (np.abs(dz) <= 1.13).all()
        assert (np.abs(y) <= np.abs(extremes) + 1).all()


def torch_activation(activation: Any, z: Any) -> Any:
    torch = pytest.importorskip("torch", reason="torch is the oracle of the activations")
    functional = torch.nn.functional
    oracles = {
        "identity": lambda: z * 1,
        "relu": z.relu,
        "leaky_relu": lambda: functional.leaky_relu(z, activation.slope),
        "gelu": lambda: functional.gelu(z),
        "softplus": lambda: functional.softplus(z, threshold=1000),
        "sigmoid": z.sigmoid,
        "tanh": z.tanh,
    }
    missing = set(names(AnyActivation)) - set(oracles)
    assert not missing, f"without an oracle, to be added here: {sorted(missing)}"
    return oracles[activation.name]()


@every_activation
def test_values_and_gradients_are_those_of_torch_also_at_zero(activation: Activation) -> None:
    torch = pytest.importorskip("torch", reason="torch is the oracle of the activations")
    points = np.concatenate([Z.ravel(), [0.0, -30.0, 30.0]])
    upstream = np.random.default_rng(2).normal(size=points.shape)
    z = torch.tensor(points, requires_grad=True)
    expected = torch_activation(activation, z)
    expected.backward(torch.tensor(upstream))
    y, dz = apply(activation, points, upstream)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dz, z.grad.numpy(), rtol=1e-10, atol=1e-12)


def test_a_leaky_relu_without_a_slope_is_a_relu() -> None:
    for mine, theirs in zip(apply(LeakyRelu(slope=0.0), Z, DY), apply(Relu(), Z, DY), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_an_activation_may_be_named_barely() -> None:
    adapter: TypeAdapter[Activation] = TypeAdapter(AnyActivation)
    for name in names(AnyActivation):
        assert adapter.validate_python(name).name == name
