import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tests.workers.nn.gradient_check import check_gradient
from workers.nn import network as network_module
from workers.nn.activations import Gelu, Relu, Tanh
from workers.nn.arrays import Array
from workers.nn.models import MLP, ConvNet, Model, Task
from workers.nn.network import Network, build_network, parameter_count

pytestmark = pytest.mark.usefixtures("every_kernel_set")

TASK = Task(features=20, classes=3, image_shape=(4, 5, 1))
COSINE = replace(TASK, output="cosine", scale=5.0)
CONVNET = ConvNet(filters=(3, 4), hidden=(5,), activation=Tanh(), batch_norm=True)
MODELS: dict[str, Model] = {
    "softmax regression": MLP(hidden=()),
    "perceptron": MLP(hidden=(7, 5), activation=Gelu()),
    "batch norm and dropout": MLP(
        hidden=(7, 5), activation=Tanh(), batch_norm=True, dropout=0.3, input_dropout=0.2
    ),
    "layer norm": MLP(hidden=(7,), activation=Tanh(), layer_norm=True),
    "convolutions": CONVNET,
    "convolutions and dropout": ConvNet(filters=(3,), hidden=(), activation=Tanh(), dropout=0.4),
}
every_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS.keys())


def network(model: Model, task: Task = TASK, dtype: type = np.float64, seed: int = 0) -> Network:
    init, dropout = np.random.default_rng([seed, 0]), np.random.default_rng([seed, 1])
    return build_network(model, task, init=init, dropout=dropout, dtype=dtype)


def rows(n: int, dtype: type = np.float64) -> Array:
    return np.random.default_rng(2).normal(size=(n, TASK.features)).astype(dtype)


def slopes(n: int, dtype: type = np.float64) -> Array:
    return np.random.default_rng(3).normal(size=(n, TASK.classes)).astype(dtype)


def gradient_of(net: Network, n: int = 6) -> Array:
    _, backward = net.forward(rows(n, net.dtype.type), training=True)
    backward(slopes(n, net.dtype.type))
    return net.parameters.gradient.copy()


@pytest.mark.sampled(8)
@every_model
@pytest.mark.parametrize("task", [TASK, COSINE], ids=["softmax", "cosine"])
def test_the_gradient_of_a_network_is_the_numerical_derivative_of_its_logits(
    model: Model, task: Task
) -> None:
    """The dropout masks are fixed: each evaluation resets their generator."""
    dropout, x, dlogits = np.random.default_rng(1), rows(6), slopes(6)
    start = dropout.bit_generator.state
    net = build_network(model, task, init=np.random.default_rng(0), dropout=dropout, dtype=np.float64)
    values, gradient = net.parameters.values.copy(), gradient_of(net)

    def f(values: Array) -> float:
        dropout.bit_generator.state = start
        net.parameters.values[...] = values
        return float(np.sum(dlogits * net.forward(x, training=True)[0]))

    check_gradient(f, values, gradient, rtol=1e-5, atol=1e-8)


def torch_perceptron(torch: Any, inputs: int) -> Any:
    nn = torch.nn
    return nn.Sequential(
        nn.Linear(inputs, 7, bias=False),
        nn.BatchNorm1d(7),
        nn.ReLU(),
        nn.Linear(7, 5, bias=False),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


def torch_convnet(torch: Any, channels: int) -> Any:
    nn = torch.nn

    class ChannelsLast(nn.Module):  # type: ignore[name-defined, misc]
        def forward(self, x: Any) -> Any:
            return x.permute(0, 2, 3, 1).flatten(1)

    return nn.Sequential(
        nn.Conv2d(channels, 3, 3, padding="same", bias=False),
        nn.BatchNorm2d(3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(3, 4, 3, padding="same", bias=False),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        ChannelsLast(),
        nn.Linear(4, 5, bias=False),
        nn.BatchNorm1d(5),
        nn.ReLU(),
        nn.Linear(5, 3),
    )


def as_torch(array: Array) -> Array:
    """A weight in the layout of PyTorch: outputs first, and a kernel's rows and columns last."""
    return array.transpose(3, 2, 0, 1) if array.ndim == 4 else array.T


@pytest.mark.parametrize("kind", ["perceptron", "convnet"])
def test_logits_and_gradients_are_those_of_torch(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    if kind == "perceptron":
        net = network(MLP(hidden=(7, 5), activation=Relu(), batch_norm=True))
        oracle = torch_perceptron(torch, TASK.features)
    else:
        net = network(ConvNet(filters=(3, 4), hidden=(5,), batch_norm=True))
        oracle = torch_convnet(torch, 1)
    oracle.double()
    views = net.parameters.views
    ours = [array for layer in views(net.parameters.values) for array in layer.values()]
    with torch.no_grad():
        for theirs, array in zip(oracle.parameters(), ours, strict=True):
            theirs[:] = torch.from_numpy(as_torch(array).copy())

    x, dlogits = rows(9), slopes(9)
    x_torch = torch.from_numpy(x if kind == "perceptron" else x.reshape(9, 4, 5, 1).transpose(0, 3, 1, 2))
    logits, backward = net.forward(x, training=True)
    logits_torch = oracle(x_torch)
    np.testing.assert_allclose(logits, logits_torch.detach(), rtol=1e-9, atol=1e-11)
    backward(dlogits.copy())
    expected = torch.autograd.grad(logits_torch, list(oracle.parameters()), torch.from_numpy(dlogits))
    found = [array for layer in views(net.parameters.gradient) for array in layer.values()]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(as_torch(one), other, rtol=1e-8, atol=1e-11)
    oracle.eval()
    np.testing.assert_allclose(net.logits(x), oracle(x_torch).detach(), rtol=1e-9, atol=1e-11)


@every_model
def test_parameters_are_counted_without_building_the_network(model: Model) -> None:
    for task in (TASK, COSINE):
        assert parameter_count(model, task) == network(model, task).parameters.size


@every_model
def test_single_precision_stays_single_precision(model: Model) -> None:
    net = network(model, dtype=np.float32)
    logits, _ = net.forward(rows(6, np.float32), training=True)
    dtypes = {logits.dtype, net.logits(rows(6)).dtype, net.parameters.gradient.dtype}
    assert dtypes == {np.dtype(np.float32)}
    single, double = network(model, dtype=np.float32), network(model)
    np.testing.assert_allclose(single.logits(rows(6)), double.logits(rows(6)), rtol=1e-4, atol=1e-5)


@every_model
def test_the_same_streams_give_the_same_bits(model: Model) -> None:
    one, other = network(model, dtype=np.float32), network(model, dtype=np.float32)
    for n in (6, 4, 6):
        np.testing.assert_array_equal(gradient_of(one, n), gradient_of(other, n))
    assert np.any(one.parameters.values != network(model, dtype=np.float32, seed=1).parameters.values)


@every_model
def test_evaluation_in_chunks_is_evaluation_in_one(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(model)
    gradient_of(net)
    at_once = net.logits(rows(23))
    monkeypatch.setattr(network_module, "EVALUATION_ELEMENTS", 5 * 60)
    np.testing.assert_allclose(net.logits(rows(23)), at_once, rtol=1e-12, atol=1e-12)
    assert net.logits(rows(0)).shape == (0, 3)


def test_chunks_are_as_large_as_the_widest_layer_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    net = network(CONVNET)
    monkeypatch.setattr(network_module, "EVALUATION_ELEMENTS", 5 * (4 * 5 * 3) + 1)
    sizes = []

    def halved(some: Array, x: Array) -> None:
        sizes.append(len(some))
        np.multiply(some, 0.5, out=x)

    logits = net.logits(rows(23), halved)
    assert sizes == [5, 5, 5, 5, 3]
    np.testing.assert_array_equal(logits, net.logits(0.5 * rows(23)))


def test_evaluation_takes_bytes_and_read_only_rows() -> None:
    net = network(MLP(input_dropout=0.5, batch_norm=True), dtype=np.float32)
    pixels = np.random.default_rng(0).integers(0, 256, (7, TASK.features), np.uint8)
    expected = net.logits(pixels.astype(np.float32))
    pixels.flags.writeable = False
    np.testing.assert_array_equal(net.logits(pixels), expected)


def test_evaluation_returns_a_new_array() -> None:
    net = network(MLP())
    first = net.logits(rows(4))
    expected = first.copy()
    net.logits(-rows(4))
    np.testing.assert_array_equal(first, expected)


def test_statistics_have_stable_names() -> None:
    assert list(network(CONVNET).statistics()) == [
        f"{index}.running_{moment}" for index, moment in itertools.product((2, 5, 9), ("mean", "variance"))
    ]


@every_model
def test_a_loaded_network_continues_with_the_same_bits(model: Model) -> None:
    trained, loaded = network(model), network(model, seed=1)
    trained.parameters.values -= 0.1 * gradient_of(trained)
    views = loaded.parameters.values
    loaded.load(trained.parameters.values, {k: v.copy() for k, v in trained.statistics().items()})
    assert loaded.parameters.values is views
    np.testing.assert_array_equal(loaded.logits(rows(5)), trained.logits(rows(5)))
    for net in (trained, loaded):
        for layer in net.layers:
            if hasattr(layer, "generator"):
                layer.generator.bit_generator.state = np.random.default_rng(9).bit_generator.state
    np.testing.assert_array_equal(gradient_of(loaded), gradient_of(trained))


def test_a_checkpoint_of_another_network_is_refused() -> None:
    net = network(CONVNET)
    statistics = net.statistics()
    with pytest.raises(ValueError, match="running_mean"):
        net.load(net.parameters.values, {})
    with pytest.raises(ValueError, match=str(net.parameters.size)):
        net.load(net.parameters.values[:-1], statistics)
    with pytest.raises(ValueError, match="running_mean"):
        net.load(net.parameters.values, statistics | {"2.running_mean": np.zeros(1)})


def test_no_gradient_of_the_input_is_computed() -> None:
    net = network(MODELS["batch norm and dropout"])
    assert [layer.needs_input_gradient for layer in net.layers] == [False, False] + [True] * 6
