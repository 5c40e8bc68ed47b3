from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from workers.nn.activations import Tanh
from workers.nn.initializers import GlorotUniform, HeNormal
from workers.nn.layers.conv2d import Conv2D
from workers.nn.layers.cosine_classifier import CosineDense
from workers.nn.layers.dense import Dense
from workers.nn.layers.dropout import Dropout
from workers.nn.layers.layer import Layer
from workers.nn.models import MLP, AnyModel, ConvNet, Model, Task, UnsuitableModelError

FLAT = Task(features=12, classes=3)
IMAGES = Task(features=8 * 6 * 2, classes=3, image_shape=(8, 6, 2))

parse = TypeAdapter[Model](AnyModel).validate_python


def layers(model: Model, task: Task) -> list[Layer]:
    return model.layers(task, np.random.default_rng(0))


def kinds(model: Model, task: Task) -> list[str]:
    return [type(layer).__name__ for layer in layers(model, task)]


def initializers(model: Model, task: Task) -> list[type]:
    return [type(layer.initializer) for layer in layers(model, task) if isinstance(layer, Dense | Conv2D)]


def test_an_object_without_a_name_is_a_perceptron() -> None:
    assert parse({"hidden": [32, 16], "activation": "tanh"}) == MLP(hidden=(32, 16), activation=Tanh())
    assert parse("convnet") == ConvNet()


@pytest.mark.parametrize(
    ("given", "place"),
    [
        ({"hidden": [0]}, ("mlp", "hidden", 0)),
        ({"hidden": [65_537]}, ("mlp", "hidden", 0)),
        ({"hidden": [8] * 33}, ("mlp", "hidden")),
        ({"hidden": 8}, ("mlp", "hidden")),
        ({"dropout": 1.0}, ("mlp", "dropout")),
        ({"batch_norm": 1}, ("mlp", "batch_norm")),
        ({"filters": [8]}, ("mlp", "filters")),
        ({"initializer": "zeros"}, ("mlp", "initializer")),
        ({"name": "convnet", "filters": []}, ("convnet", "filters")),
        ({"name": "convnet", "kernel": 0}, ("convnet", "kernel")),
        ({"name": "convnet", "layer_norm": True}, ("convnet", "layer_norm")),
    ],
)
def test_what_is_out_of_range_is_refused_by_its_place(given: dict[str, Any], place: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError) as refused:
        parse(given)
    assert [error["loc"] for error in refused.value.errors()] == [place]


def test_batch_norm_and_layer_norm_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="exclude each other"):
        parse({"batch_norm": True, "layer_norm": True})


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (MLP(hidden=()), ["Dense"]),
        (MLP(hidden=(8, 4)), ["Dense", "Dense", "Dense"]),
        (MLP(hidden=(8,), batch_norm=True, dropout=0.5), ["Dense", "BatchNorm", "Dropout", "Dense"]),
        (MLP(hidden=(8,), layer_norm=True), ["Dense", "LayerNorm", "Dense"]),
        (MLP(hidden=(8,), input_dropout=0.2), ["Dropout", "Dense", "Dense"]),
    ],
)
def test_a_perceptron_is_dense_norm_dropout(model: MLP, expected: list[str]) -> None:
    assert kinds(model, FLAT) == expected


def test_a_convnet_pools_after_every_stage_and_ends_as_a_perceptron() -> None:
    stage = ["Conv2D", "BatchNorm", "MaxPool2D"]
    head = ["Dropout", "Dense", "BatchNorm", "Dropout", "Dense"]
    model = ConvNet(batch_norm=True, dropout=0.5)
    assert kinds(model, IMAGES) == ["Reshape", *stage, *stage, "Reshape", *head]


def test_a_convnet_of_one_stage_without_pooling_or_hidden_layers() -> None:
    model = ConvNet(filters=(4,), pool=1, hidden=())
    assert kinds(model, IMAGES) == ["Reshape", "Conv2D", "Reshape", "Dense"]


@pytest.mark.parametrize(
    ("model", "task"),
    [
        (MLP(hidden=(8, 4), layer_norm=True), FLAT),
        (ConvNet(), IMAGES),
        (ConvNet(filters=(3, 4, 5), pool=1, kernel=4), IMAGES),
        (ConvNet(filters=(2,), pool=3, hidden=()), IMAGES),
    ],
)
def test_every_layer_takes_what_the_one_before_gives_and_the_last_gives_classes(
    model: Model, task: Task
) -> None:
    shape: tuple[int, ...] = (task.features,)
    for layer in layers(model, task):
        if isinstance(layer, Dense):
            assert shape == (layer.inputs,)
        if isinstance(layer, Conv2D):
            assert shape[2] == layer.channels
        shape = layer.output_shape(shape)
    assert shape == (task.classes,)


def test_norms_with_a_shift_of_their_own_replace_the_bias() -> None:
    dense = layers(MLP(hidden=(8,), batch_norm=True), FLAT)[0]
    convolution = layers(ConvNet(batch_norm=True), IMAGES)[1]
    assert list(dense.parameters()) == ["weight"]
    assert list(convolution.parameters()) == ["weight"]
    assert list(layers(MLP(hidden=(8,), layer_norm=True), FLAT)[0].parameters()) == ["weight", "bias"]


def test_the_initializer_follows_the_activation_unless_it_is_given() -> None:
    assert initializers(MLP(hidden=(8,)), FLAT) == [HeNormal, GlorotUniform]
    assert initializers(MLP(hidden=(8,), activation=Tanh()), FLAT) == [GlorotUniform, GlorotUniform]
    assert initializers(MLP(hidden=(8,), initializer=HeNormal()), FLAT) == [HeNormal, HeNormal]
    assert initializers(ConvNet(filters=(4,)), IMAGES) == [HeNormal, HeNormal, GlorotUniform]


@pytest.mark.parametrize("model", [MLP(), ConvNet()])
def test_a_cosine_output_is_a_layer_of_its_own(model: Model) -> None:
    task = Task(8 * 6 * 2, 3, (8, 6, 2), output="cosine", scale=30.0)
    head = layers(model, task)[-1]
    assert isinstance(head, CosineDense)
    assert head.scale == 30


def test_dropout_layers_draw_from_the_generator_given() -> None:
    generator = np.random.default_rng(0)
    built = MLP(hidden=(8, 8), dropout=0.5).layers(FLAT, generator)
    assert [layer.generator is generator for layer in built if isinstance(layer, Dropout)] == [True, True]


def test_a_convnet_refuses_rows_that_are_no_images() -> None:
    with pytest.raises(UnsuitableModelError, match="no image shape"):
        layers(ConvNet(), FLAT)


def test_a_convnet_refuses_images_too_small_to_pool() -> None:
    layers(ConvNet(filters=(4, 4)), IMAGES)
    with pytest.raises(UnsuitableModelError, match="image of 8 x 6 cannot be pooled by 2 3 times"):
        layers(ConvNet(filters=(4, 4, 4)), IMAGES)
