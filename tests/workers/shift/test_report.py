"""The report on a batch, from a trained model and its validation rows."""

from typing import Any

import numpy as np
import pytest
from scipy.spatial import distance

from tests.workers.conftest import TrainingAndValidation
from workers import scored_rows
from workers.checkpoint import Checkpoint
from workers.predictor import Overflow, Predictor
from workers.shift.report import compare
from workers.shift.rows import Reference
from workers.shift.two_sample_classifier import compare_by_classifier
from workers.spec import ExperimentSpec
from workers.training import Trainer


def trained(parts: TrainingAndValidation, given: dict[str, Any]) -> Predictor:
    spec = ExperimentSpec.model_validate(given)
    trainer = Trainer(spec, *parts, seed=0)
    list(trainer.epochs())
    model = Checkpoint.from_bytes(trainer.model().to_bytes())
    return Predictor(spec, model, classes=parts[0].classes, image_shape=parts[0].shape)


@pytest.fixture(scope="module")
def predictor(digits: TrainingAndValidation) -> Predictor:
    return trained(digits, {"training": {"epochs": 5}, "model": {"hidden": [32]}})


@pytest.fixture(scope="module")
def halves(digits: TrainingAndValidation) -> tuple[Any, Any]:
    validation = digits[1]
    order = np.random.default_rng(0).permutation(len(validation))
    return validation.take(np.sort(order[::2])), validation.take(np.sort(order[1::2]))


@pytest.fixture(scope="module")
def known(predictor: Predictor, halves: tuple[Any, Any]) -> Reference:
    return scored_rows.reference(predictor, halves[0], np.random.default_rng(0))


def test_an_unshifted_batch_raises_no_alarm(
    predictor: Predictor, known: Reference, halves: tuple[Any, Any]
) -> None:
    stream = np.random.default_rng(1)
    batch = scored_rows.score(predictor, halves[1].features, stream, halves[1].labels)
    report = compare(known, batch, stream)
    assert not report.has_shifted
    assert report.labelled is not None
    assert report.prior is not None
    assert report.labelled.measured.accuracy.difference == pytest.approx(0, abs=0.06)
    interval = report.labelled.measured.accuracy.interval
    assert interval is not None
    assert interval.low < 0 < interval.high
    assert [each.name for each in report.detections] == [
        "outputs",
        "classes",
        "mmd",
        "classifier",
        "features",
    ]


def test_images_that_are_moved_by_a_pixel_are_found(
    predictor: Predictor, known: Reference, halves: tuple[Any, Any]
) -> None:
    stream = np.random.default_rng(1)
    images = halves[1].features.reshape(-1, 8, 8)
    moved = np.roll(images, 1, axis=2).reshape(len(images), -1)
    report = compare(known, scored_rows.score(predictor, moved, stream, halves[1].labels), stream)
    assert report.has_shifted
    assert report.labelled is not None
    change = report.labelled.measured.accuracy.difference
    assert change is not None
    assert change < -0.3
    assert report.features[0].has_moved
    assert report.features[0].move > 0.3


@pytest.mark.parametrize(
    ("model", "units"),
    [({"hidden": [600]}, 500), ({"name": "convnet", "filters": [4], "hidden": []}, 64)],
    ids=["projected", "convnet"],
)
def test_the_classifier_reads_the_hidden_units_of_wide_networks_and_of_convnets(
    digits: TrainingAndValidation, halves: tuple[Any, Any], model: dict[str, Any], units: int
) -> None:
    predictor = trained(digits, {"training": {"epochs": 1}, "model": model})
    known = scored_rows.reference(predictor, halves[0], np.random.default_rng(0))
    assert known.rows.units.shape == (len(halves[0]), units)
    stream = np.random.default_rng(1)
    moved = np.roll(halves[1].features.reshape(-1, 8, 8), 1, axis=2).reshape(len(halves[1]), -1)
    same, shifted = (
        compare_by_classifier(known.rows.units, scored_rows.score(predictor, rows, stream).units, stream)
        for rows in (halves[1].features, moved)
    )
    assert not same.is_alarm
    assert (shifted.is_alarm, shifted.p_value) == (True, 0.001)


def test_the_projection_of_units_keeps_their_distances(
    digits: TrainingAndValidation, halves: tuple[Any, Any]
) -> None:
    predictor = trained(digits, {"training": {"epochs": 1}, "model": {"hidden": [600]}})
    features = halves[0].features[:30]
    projected = scored_rows.score(predictor, features, np.random.default_rng(0)).units
    ratios = distance.pdist(projected, "sqeuclidean") / distance.pdist(
        predictor.representation(features), "sqeuclidean"
    )
    assert ratios == pytest.approx(500, rel=0.35)  # sqrt(2 / 500) is a standard deviation of 6 %


def test_labels_that_the_model_does_not_know_count_as_wrong(
    predictor: Predictor, known: Reference, halves: tuple[Any, Any]
) -> None:
    stream = np.random.default_rng(1)
    labels = halves[1].labels.copy()
    labels[:50] = -1
    report = compare(known, scored_rows.score(predictor, halves[1].features, stream, labels), stream)
    assert report.labelled is not None
    assert report.labelled.unknown == 50
    accuracy = report.labelled.measured.accuracy
    assert accuracy.rows_after == len(labels)
    assert accuracy.after is not None
    assert accuracy.after <= 1 - 50 / len(labels)


def test_a_row_that_overflows_is_named_in_whichever_chunk_it_is(
    iris: TrainingAndValidation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored_rows, "CHUNK_CELLS", 40)
    predictor = trained(iris, {"dataset": "iris", "training": {"epochs": 1}})
    rows = np.ones((40, 4), np.float32)
    rows[23] = 3e38
    with pytest.raises(Overflow, match="row 23"):
        scored_rows.score(predictor, rows, np.random.default_rng(0))
