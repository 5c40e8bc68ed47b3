"""Tests that every layer passes. Add a new layer to LAYERS; a test fails if it is missing there."""

import importlib
import inspect
import math
import pkgutil
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest

import workers.nn.layers
from tests.workers.nn.gradient_check import check_gradient
from tests.workers.nn.layers.binding import bound, gradients, normal
from workers.nn.activations import Tanh
from workers.nn.arrays import Array, Shape
from workers.nn.layers.batch_norm import BatchNorm
from workers.nn.layers.conv2d import Conv2D
from workers.nn.layers.cosine_classifier import CosineDense
from workers.nn.layers.dense import Dense
from workers.nn.layers.dropout import Dropout
from workers.nn.layers.layer import Layer
from workers.nn.layers.layer_norm import LayerNorm
from workers.nn.layers.max_pool import MaxPool2D
from workers.nn.layers.reshape import Reshape

Make = Callable[[], Layer]

LAYERS: dict[str, tuple[Make, Shape]] = {
    "dense": (lambda: Dense(4, 3, initializer=normal), (4,)),
    "dense, activated": (lambda: Dense(4, 3, initializer=normal, activation=Tanh()), (4,)),
    "dense, no bias": (lambda: Dense(4, 3, initializer=normal, bias=False), (4,)),
    "cosine": (lambda: CosineDense(9, 3, scale=7.0, initializer=normal), (9,)),
    "dropout": (lambda: Dropout(0.4, np.random.default_rng(5)), (4,)),
    "batch norm": (lambda: BatchNorm(4), (4,)),
    "batch norm, images, activated": (lambda: BatchNorm(2, activation=Tanh()), (3, 2, 2)),
    "layer norm, activated": (lambda: LayerNorm(4, activation=Tanh()), (4,)),
    "layer norm, images": (lambda: LayerNorm(8), (2, 1, 8)),
    "convolution, activated": (lambda: Conv2D(2, 3, initializer=normal, activation=Tanh()), (4, 3, 2)),
    "convolution, valid, no bias": (
        lambda: Conv2D(2, 3, initializer=normal, kernel=(3, 2), padding="valid", bias=False),
        (5, 4, 2),
    ),
    "convolution, as many filters as channels": (lambda: Conv2D(2, 2, initializer=normal), (4, 3, 2)),
    "convolution, stride 2": (lambda: Conv2D(1, 2, initializer=normal, kernel=(3, 4), stride=2), (5, 4, 1)),
    "max pooling": (lambda: MaxPool2D(), (4, 4, 2)),
    "max pooling, incomplete squares": (lambda: MaxPool2D(3), (7, 5, 2)),
    "reshape": (lambda: Reshape((2, 2, 1)), (4,)),
}

PLAIN = {name: case for name, case in LAYERS.items() if "activated" not in name}

every_layer = pytest.mark.parametrize(("make", "shape"), LAYERS.values(), ids=LAYERS.keys())
every_plain_layer = pytest.mark.parametrize(("make", "shape"), PLAIN.values(), ids=PLAIN.keys())


def rows(n: int, shape: Shape) -> Array:
    """n rows of values between -2 and 2, no two so close that they tie within a difference quotient."""
    values = np.linspace(-2, 2, n * math.prod(shape))
    return np.random.default_rng(2).permutation(values).reshape(n, *shape)


def slopes(layer: Layer, n: int, shape: Shape) -> Array:
    return np.random.default_rng(3).normal(size=(n, *layer.output_shape(shape)))


def test_every_layer_is_in_the_table() -> None:
    defined = {
        cls
        for module in pkgutil.iter_modules(workers.nn.layers.__path__, "workers.nn.layers.")
        for _, cls in inspect.getmembers(importlib.import_module(module.name), inspect.isclass)
        if issubclass(cls, Layer) and cls is not Layer
    }
    assert defined == {type(make()) for make, _ in LAYERS.values()}


@pytest.mark.sampled(16)
@every_layer
def test_the_gradient_of_the_input_is_the_numerical_derivative(make: Make, shape: Shape) -> None:
    layer, x = make(), rows(5, shape)
    dy = slopes(layer, 5, shape)
    bound(layer)

    def f(x: Array) -> float:
        fresh = make()
        bound(fresh)
        return float(np.sum(dy * fresh.forward(x, training=True)[0]))

    check_gradient(f, x, gradients(layer, x, dy)[1])


@every_layer
def test_the_gradients_of_the_parameters_are_the_numerical_derivatives(make: Make, shape: Shape) -> None:
    layer, x = make(), rows(5, shape)
    dy = slopes(layer, 5, shape)
    parameters = bound(layer)
    gradients(layer, x, dy)

    def f(values: Array) -> float:
        parameters.values[...] = values
        return float(np.sum(dy * layer.forward(x, training=True)[0]))

    if parameters.size:
        check_gradient(f, parameters.values.copy(), parameters.gradient)


@every_layer
def test_gradients_replace_those_of_the_batch_before(make: Make, shape: Shape) -> None:
    layer, fresh, x = make(), make(), rows(5, shape)
    dy = slopes(layer, 5, shape)
    bound(layer).gradient[...] = np.nan
    bound(fresh)
    _, _, expected = gradients(fresh, x, dy)
    _, _, found = gradients(layer, x, dy)
    for name, gradient in expected.items():
        np.testing.assert_array_equal(found[name], gradient)


@every_layer
def test_single_precision_stays_single_precision(make: Make, shape: Shape) -> None:
    layer, x = make(), rows(5, shape).astype(np.float32)
    bound(layer, np.float32)
    y, dx, _ = gradients(layer, x, slopes(layer, 5, shape).astype(np.float32))
    evaluated, _ = layer.forward(x, training=False)
    assert {y.dtype, dx.dtype, evaluated.dtype} == {np.dtype(np.float32)}
    assert {array.dtype for array in layer.statistics().values()} <= {np.dtype(np.float32)}
    assert all(np.isfinite(array).all() for array in (y, dx, evaluated))


@every_layer
def test_the_output_has_the_declared_shape(make: Make, shape: Shape) -> None:
    layer = make()
    bound(layer)
    for training in (True, False):
        y, _ = layer.forward(rows(5, shape), training=training)
        assert y.shape == (5, *layer.output_shape(shape))


@every_layer
def test_the_input_is_not_overwritten(make: Make, shape: Shape) -> None:
    layer, x = make(), rows(5, shape)
    bound(layer)
    layer.forward(x, training=False)
    gradients(layer, x, slopes(layer, 5, shape))
    np.testing.assert_array_equal(x, rows(5, shape))


@every_layer
def test_a_batch_of_another_size_gives_the_same_as_in_a_new_layer(make: Make, shape: Shape) -> None:
    used, fresh = make(), make()
    bound(used)
    bound(fresh)
    generators = [layer.generator for layer in (used, fresh) if isinstance(layer, Dropout)]
    for n in (3, 6, 2):
        gradients(used, rows(n, shape), slopes(used, n, shape))
    for generator in generators:
        generator.bit_generator.state = np.random.default_rng(9).bit_generator.state
    x, dy = rows(4, shape), slopes(used, 4, shape)
    for one, other in zip(gradients(used, x, dy)[:2], gradients(fresh, x, dy)[:2], strict=True):
        np.testing.assert_array_equal(one, other)


@every_layer
def test_at_evaluation_rows_are_independent(make: Make, shape: Shape) -> None:
    layer, x = make(), rows(5, shape)
    bound(layer)
    together = layer.forward(x, training=False)[0].copy()
    alone = [layer.forward(x[n : n + 1], training=False)[0].copy() for n in range(5)]
    np.testing.assert_allclose(np.concatenate(alone), together, rtol=1e-12, atol=1e-14)


@every_layer
def test_inference_has_no_backward_pass(make: Make, shape: Shape) -> None:
    layer = make()
    bound(layer)
    y, backward = layer.forward(rows(5, shape), training=False)
    with pytest.raises(RuntimeError, match="no backward pass"):
        backward(np.ones_like(y))


@every_layer
def test_a_layer_may_omit_the_gradient_of_its_input(make: Make, shape: Shape) -> None:
    layer, fresh, x = make(), make(), rows(5, shape)
    dy = slopes(layer, 5, shape)
    bound(layer)
    bound(fresh)
    layer.needs_input_gradient = False
    expected, found = gradients(fresh, x, dy)[2], gradients(layer, x, dy)[2]
    for name, gradient in expected.items():
        np.testing.assert_array_equal(found[name], gradient)


@pytest.mark.sampled(8)
@every_plain_layer
def test_no_step_allocates_an_array_of_the_size_of_the_batch(make: Make, shape: Shape) -> None:
    layer, n = make(), 20_000
    bound(layer)
    x, dy = rows(n, shape), slopes(layer, n, shape)
    layer.forward(x, training=True)[1](dy)
    tracemalloc.start()
    layer.forward(x, training=True)[1](dy)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < x.nbytes / 2
