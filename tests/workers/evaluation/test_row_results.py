"""Row-level results: they say what the selected epoch predicted, and survive being written."""

from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers.evaluation.confusion import confusion_matrix
from workers.evaluation.row_results import CorruptRowResults, RowPredictions, RowResults
from workers.nn.output_layers import log_softmax
from workers.spec import ExperimentSpec
from workers.training import Trainer


def same(one: RowResults, other: RowResults) -> bool:
    pairs = (
        (getattr(one, name), getattr(other, name))
        for name in ("rows", "labels", "predicted", "score", "confidence")
    )
    return all(
        a is b if a is None or b is None else a.dtype == b.dtype and np.array_equal(a, b) for a, b in pairs
    )


@pytest.mark.parametrize("has_scores", [True, False])
@pytest.mark.parametrize(("classes", "type_"), [(2, "u1"), (256, "u1"), (257, "u2"), (70_000, "u4")])
def test_they_are_read_as_they_were_written(classes: int, type_: str, has_scores: bool) -> None:
    last = classes - 1
    negative_log_p = np.array([0.0, 1.5, 800.0], np.float32) if has_scores else None
    confidence = np.array([1, 0.5, 0.25]) if has_scores else None
    predictions = RowPredictions.of(np.array([0, last, 1]), negative_log_p, confidence, classes)
    results = RowResults.of(predictions, np.array([4, 7, 2**32 - 1]), np.array([0, last, last]), classes)
    assert results.labels.dtype == results.predicted.dtype == np.dtype(type_)
    assert results.rows.tolist() == [4, 7, 2**32 - 1]
    assert results.predicted.tolist() == [0, last, 1]
    read = RowResults.from_bytes(results.to_bytes())
    assert same(read, results)
    if has_scores:
        assert read.score is not None
        assert read.confidence is not None
        assert read.score.tolist() == pytest.approx([1, np.exp(-1.5), 0])
        assert read.confidence.tolist() == [1, 0.5, 0.25]


SPECS: dict[str, dict[str, Any]] = {
    "probabilities": {},
    "double precision": {"training": {"epochs": 5, "precision": "float64"}},
    "no probabilities": {"loss": "l2", "model": {"hidden": [8]}},
    "adjusted predictions": {"prediction": "logit_adjusted", "dataset": {"name": "iris", "imbalance": {}}},
}


@pytest.mark.parametrize("given", SPECS.values(), ids=SPECS)
def test_they_are_of_the_selected_epoch(given: dict[str, Any], iris: TrainingAndValidation) -> None:
    """Their confusion matrix is the stored one, and the mean of their -log score its NLL."""
    spec = ExperimentSpec.model_validate({"training": {"epochs": 5}} | given)
    trainer = Trainer(spec, *iris, seed=1)
    epochs = list(trainer.epochs())
    selected = epochs[epochs[-1].best_epoch - 1].validation
    rows = np.arange(len(iris[1])) + 7
    results = trainer.row_results(rows)
    assert results is not None
    assert results.rows.tolist() == rows.tolist()
    assert results.labels.tolist() == iris[1].labels.tolist()
    matrix = confusion_matrix(results.labels.astype(int), results.predicted.astype(int), 3)
    assert np.array_equal(matrix, selected.confusion)
    if selected.nll is None:
        assert results.score is None
    else:
        assert results.score is not None
        assert results.score.dtype == np.float32
        assert -np.log(results.score.astype(float)).mean() == pytest.approx(selected.nll, rel=1e-5)


def test_the_score_is_the_softmax_of_the_true_class(digits: TrainingAndValidation) -> None:
    trainer = Trainer(ExperimentSpec.model_validate({"training": {"epochs": 1}}), *digits, seed=0)
    list(trainer.epochs())
    part = digits[1]
    results = trainer.row_results(np.arange(len(part)))
    assert results is not None
    assert results.score is not None
    logits = trainer.network.logits(part.features, trainer.scaler.into)
    p = np.exp(log_softmax(logits))
    assert np.allclose(results.score, p[np.arange(len(part)), part.labels], rtol=1e-5)
    assert results.confidence is not None
    assert np.allclose(results.confidence, p.max(axis=1), rtol=1e-5)


@pytest.mark.parametrize("content", [b"", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 40])
def test_bytes_that_are_no_row_level_results_are_refused(content: bytes) -> None:
    with pytest.raises(CorruptRowResults):
        RowResults.from_bytes(content)
