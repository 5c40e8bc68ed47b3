"""Mixed precision: rounding, the gradients of layers, the weights' copy, and the bits of resumed runs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.checkpoint import Checkpoint
from workers.nn import kernels, mixed_precision
from workers.nn.activations import Relu, Tanh
from workers.nn.arrays import Array, Bits, Shape
from workers.nn.execution import run
from workers.nn.initializers import GlorotUniform
from workers.nn.layers.batch_norm import BatchNorm
from workers.nn.layers.conv2d import Conv2D
from workers.nn.layers.cosine_classifier import CosineDense
from workers.nn.layers.dense import Dense
from workers.nn.layers.dropout import Dropout
from workers.nn.layers.layer import Layer
from workers.nn.layers.max_pool import MaxPool2D
from workers.nn.layers.reshape import Reshape
from workers.nn.mixed_precision import EmulatedProducts, RoundedProducts, widened
from workers.nn.network import Network
from workers.spec import ExperimentSpec
from workers.training import Trainer

STEP = 2.0**-7
"""The distance from 1 to the next number in bfloat16: rounding errs by at most half of it."""
GLOROT = GlorotUniform()

NETWORKS: dict[str, tuple[Shape, Callable[[], list[Layer]]]] = {
    "dense": ((30,), lambda: [Dense(30, 20, initializer=GLOROT, activation=Tanh()), dense(20, 5)]),
    "rectified": (
        (30,),
        lambda: [
            Dense(30, 40, initializer=GLOROT, activation=Relu()),
            Dense(40, 20, initializer=GLOROT, activation=Relu()),
            dense(20, 5),
        ],
    ),
    "batch norm and dropout": (
        (30,),
        lambda: [
            Dense(30, 20, initializer=GLOROT, bias=False),
            BatchNorm(20, activation=Tanh()),
            Dropout(0.3, np.random.default_rng(4)),
            dense(20, 5),
        ],
    ),
    "cosine": (
        (30,),
        lambda: [
            Dense(30, 20, initializer=GLOROT, activation=Tanh()),
            CosineDense(20, 5, scale=4.0, initializer=GLOROT),
        ],
    ),
    "convolutions": (
        (8, 6, 2),
        lambda: [
            Conv2D(2, 4, initializer=GLOROT, activation=Relu()),
            Conv2D(4, 5, initializer=GLOROT, stride=2, activation=Tanh()),
            MaxPool2D(1),
            Reshape((60,)),
            dense(60, 5),
        ],
    ),
}


def dense(inputs: int, units: int) -> Dense:
    return Dense(inputs, units, initializer=GLOROT)


def products_here() -> RoundedProducts:
    return EmulatedProducts()


@pytest.fixture
def emulated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train in mixed precision on any processor: only tests may."""
    monkeypatch.setattr(mixed_precision, "products", products_here)


def rounded(numbers: Any) -> Bits:
    bits = np.empty(len(numbers), np.uint16)
    kernels.current().round_to_bfloat16(np.asarray(numbers, np.float32), bits)
    return bits


@pytest.mark.usefixtures("every_kernel_set")
class TestRounding:
    def test_is_that_of_pytorch(self) -> None:
        torch = pytest.importorskip("torch")
        bits = np.random.default_rng(0).integers(0, 2**32, 200_000, dtype=np.uint64).astype(np.uint32)
        ties = (np.arange(2**16, dtype=np.uint32) << 16) | 0x8000
        numbers = np.concatenate([bits, ties, ties - 1, ties + 1]).view(np.float32)
        numbers = numbers[~np.isnan(numbers)]
        expected = torch.from_numpy(numbers).to(torch.bfloat16).view(torch.uint16).numpy()
        np.testing.assert_array_equal(rounded(numbers), expected)

    def test_takes_the_nearest_and_of_two_the_even_one(self) -> None:
        numbers = [1.0, 1 + STEP / 2, 1 + 1.5 * STEP, 1 + 0.51 * STEP, -1 - STEP / 2, 0.0, -0.0]
        expected = [1.0, 1.0, 1 + 2 * STEP, 1 + STEP, -1.0, 0.0, -0.0]
        found = widened(rounded(numbers))
        np.testing.assert_array_equal(found, np.array(expected, np.float32))
        assert np.signbit(found[-1])

    def test_keeps_nan_and_infinity(self) -> None:
        payload = np.array([0x7F800001, 0xFFFFFFFF], np.uint32).view(np.float32)
        found = widened(rounded([np.inf, -np.inf, np.nan, *payload, np.finfo(np.float32).max]))
        assert found[:2].tolist() == [np.inf, -np.inf]
        assert np.isnan(found[2:5]).all()
        assert found[5] == np.inf


def network(layers: list[Layer], products: RoundedProducts | None) -> Network:
    return Network(layers, np.random.default_rng(1), products=products)


def passes(made: Network, shape: Shape) -> tuple[Array, Array]:
    """The logits and the gradient of a batch."""
    x = np.random.default_rng(2).normal(size=(40, *shape)).astype(np.float32)
    forward = made.plan_forward(x, training=True)
    dlogits = np.empty_like(forward.y)
    backward = forward.plan_backward(dlogits)
    run(forward.operations)
    dlogits[...] = np.random.default_rng(3).normal(size=dlogits.shape)
    run(backward.operations)
    return forward.y.copy(), made.parameters.gradient.copy()


def distance(found: Array, expected: Array) -> float:
    return float(np.linalg.norm(found - expected) / np.linalg.norm(expected))


@pytest.mark.usefixtures("every_kernel_set")
@pytest.mark.parametrize(("shape", "layers"), NETWORKS.values(), ids=NETWORKS)
def test_gradients_differ_from_those_of_float32_by_rounding(
    shape: Shape, layers: Callable[[], list[Layer]]
) -> None:
    exact, mixed = network(layers(), None), network(layers(), EmulatedProducts())
    (y, gradient), (mixed_y, mixed_gradient) = passes(exact, shape), passes(mixed, shape)
    assert 0 < distance(mixed_y, y) < STEP
    is_rectified = any(isinstance(getattr(layer, "activation", None), Relu) for layer in exact.layers)
    limit = 0.1 if is_rectified else 1.5 * STEP  # a rectifier whose sign rounding has changed counts fully
    assert 0 < distance(mixed_gradient, gradient) < limit
    mixed.load(exact.parameters.values, exact.statistics())
    ones = np.ones((3, *shape), np.float32)
    np.testing.assert_array_equal(mixed.logits(ones), exact.logits(ones))  # which are in float32 alone


def test_bits_are_passed_on_where_the_next_layer_reads_them() -> None:
    _, layers = NETWORKS["rectified"]
    mixed = network(layers(), EmulatedProducts())
    given = []
    x: Array = np.ones((4, 30), np.float32)
    for layer in mixed.layers:
        x = layer.plan_forward(x, training=True).y
        given.append(x.dtype.name)
    assert given == ["uint16", "uint16", "float32"]


@pytest.mark.usefixtures("every_kernel_set")
def test_gradients_are_exact_where_the_operands_are() -> None:
    """Small whole numbers round to themselves, and rectifiers keep their signs."""
    found = []
    for products in (None, EmulatedProducts()):
        made = network(NETWORKS["rectified"][1](), products)
        values = made.parameters.values
        values[...] = np.random.default_rng(5).integers(-1, 2, len(values))
        made.round_weights()
        x = np.random.default_rng(6).integers(-1, 2, (8, 30)).astype(np.float32)
        forward = made.plan_forward(x, training=True)
        dlogits = np.empty_like(forward.y)
        backward = forward.plan_backward(dlogits)
        run(forward.operations)
        dlogits[...] = np.random.default_rng(7).integers(-1, 2, dlogits.shape)
        run(backward.operations)
        found.append(made.parameters.gradient.copy())
    np.testing.assert_array_equal(found[0], found[1])


SPECS: dict[str, dict[str, Any]] = {
    "adam": {},
    "adamw, batch norm and dropout": {
        "optimizer": "adamw",
        "model": {"hidden": [16, 8], "batch_norm": True, "dropout": 0.2},
    },
    "sgd, layer norm, focal": {
        "optimizer": {"name": "sgd", "weight_decay": 0.01},
        "model": {"hidden": [16], "layer_norm": True, "activation": "gelu"},
        "loss": "focal",
    },
    "momentum, clipping": {
        "optimizer": {"name": "sgd", "momentum": 0.9},
        "training": {"clip_norm": 1.0, "accumulate": 2},
    },
    "rmsprop, ldam": {"optimizer": "rmsprop", "loss": "ldam"},
    "rmsprop with momentum, sigmoid": {
        "optimizer": {"name": "rmsprop", "momentum": 0.5},
        "loss": {"name": "l2", "output": "sigmoid"},
    },
    "convolution": {"model": {"name": "convnet", "filters": [4, 4], "hidden": [8]}, "dataset": "digits"},
    "smote": {"balancing": "smote"},
    "regression": {"task": "regression", "dataset": "diabetes"},
}


def spec_of(given: dict[str, Any], **training: Any) -> ExperimentSpec:
    settings = {"epochs": 2, "batch_size": 32, **given.get("training", {}), **training}
    return ExperimentSpec.model_validate({"dataset": "iris", **given, "training": settings})


def trainer(given: dict[str, Any], parts: Any, **training: Any) -> Trainer:
    spec = spec_of(given, **{"precision": "bfloat16", **training})
    return Trainer(spec, *parts[spec.dataset.name], seed=0)


@pytest.fixture(scope="module")
def parts(registry: Any) -> dict[str, TrainingAndValidation]:
    found = {}
    for name in ("iris", "digits", "diabetes"):
        spec = ExperimentSpec.model_validate({"dataset": name})
        split = registry.prepare_split(spec.dataset, spec.split)
        found[name] = (split.read("train"), split.read("validation"))
    return found


@pytest.mark.usefixtures("emulated", "every_kernel_set")
@pytest.mark.parametrize("given", SPECS.values(), ids=SPECS)
class TestTraining:
    @pytest.mark.sampled(6)
    def test_it_comes_near_float32(self, given: dict[str, Any], parts: Any) -> None:
        mixed, exact = trainer(given, parts), trainer(given, parts, precision="float32")
        losses = [list(each.epochs())[-1].training.loss for each in (mixed, exact)]
        assert losses[0] == pytest.approx(losses[1], rel=0.05)
        weights = [each.network.parameters.values for each in (mixed, exact)]
        assert 0 < distance(*weights) < 0.05
        assert weights[0].dtype == np.float32

    def test_the_optimizer_writes_the_rounded_weights(self, given: dict[str, Any], parts: Any) -> None:
        trained = trainer(given, parts, epochs=1)
        list(trained.epochs())
        values, bits = trained.network.parameters.values, trained.network.rounded_weights
        assert bits is not None
        np.testing.assert_array_equal(bits, rounded(values[: len(bits)]))

    @pytest.mark.sampled(6)
    def test_a_resumed_run_has_the_bits_of_one_that_was_not_interrupted(
        self, given: dict[str, Any], parts: Any
    ) -> None:
        undisturbed, interrupted = trainer(given, parts), trainer(given, parts)
        list(undisturbed.epochs())
        next(interrupted.epochs())
        resumed = trainer(given, parts)
        resumed.restore(Checkpoint.from_bytes(interrupted.checkpoint().to_bytes()))
        list(resumed.epochs())
        assert resumed.checkpoint().to_bytes() == undisturbed.checkpoint().to_bytes()


def test_the_hash_of_float32_is_as_it_was() -> None:
    assert spec_of({}).spec_hash == spec_of({}, precision="float32").spec_hash
    assert spec_of({}).spec_hash != spec_of({}, precision="bfloat16").spec_hash
