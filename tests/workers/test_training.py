"""The training loop: it learns, it resumes with the same bits, and it stops when it should."""

from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import TrainingAndValidation
from workers import dense_steps
from workers.checkpoint import Checkpoint, CorruptCheckpoint
from workers.spec import ExperimentSpec
from workers.step import split_into_steps
from workers.training import Diverged, Epoch, Trainer, train

pytestmark = pytest.mark.usefixtures("every_kernel_set")

STATEFUL: dict[str, dict[str, Any]] = {
    "adam": {},
    "dropout and batch norm": {"model": {"hidden": [32, 16], "dropout": 0.3, "batch_norm": True}},
    "momentum": {"optimizer": {"name": "sgd", "momentum": 0.9, "momentum_form": "ema"}},
    "adamw, warm-up": {
        "optimizer": "adamw",
        "training": {"epochs": 4, "schedule": {"name": "warmup", "epochs": 1.5, "then": "cosine"}},
    },
    "rmsprop": {"optimizer": {"name": "rmsprop", "momentum": 0.5}},
    "smote": {"balancing": "smote", "dataset": "iris"},
    "weighted sampler": {"balancing": "weighted_sampler", "dataset": "iris"},
    "fixed undersampling": {"balancing": {"name": "undersample", "redraw": False}},
    "ldam": {"loss": {"name": "ldam", "reweight_from": 0.5}},
    "early stopping": {"training": {"epochs": 6, "early_stopping": {"patience": 1, "min_delta": 0.02}}},
    "accumulation": {"training": {"epochs": 4, "batch_size": 16, "accumulate": 3}},
    "convolution": {"model": {"name": "convnet", "filters": [4], "hidden": [8], "dropout": 0.1}},
}


class Interrupted(Exception):
    """Stands for a kill."""


def spec_of(given: dict[str, Any]) -> ExperimentSpec:
    return ExperimentSpec.model_validate({"training": {"epochs": 4}} | given)


def numbers(epochs: list[Epoch]) -> list[tuple[Any, ...]]:
    """Everything that is stored of epochs, except the seconds."""
    return [
        (
            epoch.number,
            epoch.drawn.tolist(),
            epoch.learning_rate,
            epoch.gradient_norm,
            epoch.best_epoch,
            *(
                (figures.loss, figures.weighted_loss, figures.nll, figures.confusion.tolist())
                for figures in (epoch.training, epoch.validation)
            ),
        )
        for epoch in epochs
    ]


def interrupted_at(trainer: Trainer, epoch: int, step: int) -> tuple[list[Epoch], Checkpoint]:
    """Interrupt as soon as so many epochs, and steps of the next one, are over. Returns those, and a checkpoint."""
    seen: list[Epoch] = []

    def between_steps() -> None:
        if trainer.epoch >= epoch and trainer.steps_done >= step:
            raise Interrupted

    with pytest.raises(Interrupted):  # noqa: PT012
        for complete in trainer.epochs(between_steps):
            seen.append(complete)  # noqa: PERF402 -- the epochs before the interruption are needed
    return seen, trainer.checkpoint()


def row_results(trainer: Trainer) -> bytes:
    """The row-level results of a trainer's best epoch."""
    results = trainer.row_results(np.arange(len(trainer.validation_part)))
    assert results is not None
    return results.to_bytes()


@pytest.mark.sampled(8)
@pytest.mark.parametrize("given", STATEFUL.values(), ids=STATEFUL)
def test_a_run_interrupted_in_an_epoch_resumes_with_the_same_bits(
    given: dict[str, Any],
    digits: TrainingAndValidation,
    iris: TrainingAndValidation,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spec, parts = spec_of(given), iris if given.get("dataset") == "iris" else digits
    undisturbed = Trainer(spec, *parts, seed=3)
    expected = list(undisturbed.epochs())
    per_epoch = len(split_into_steps(len(parts[0]), spec.training.batch_size, spec.training.accumulate))
    monkeypatch.setattr(dense_steps, "MOST_STEPS", max(1, per_epoch // 4))  # a call cannot be interrupted
    before, checkpoint = interrupted_at(Trainer(spec, *parts, seed=3), epoch=1, step=per_epoch // 2)
    resumed = Trainer(spec, *parts, seed=3)
    resumed.restore(Checkpoint.from_bytes(checkpoint.to_bytes()))
    after = list(resumed.epochs())
    assert numbers(before + after) == numbers(expected)
    assert resumed.model().to_bytes() == undisturbed.model().to_bytes()
    assert row_results(resumed) == row_results(undisturbed)


def test_a_run_interrupted_after_its_last_epoch_has_nothing_left_to_train(
    iris: TrainingAndValidation,
) -> None:
    spec = spec_of({})
    finished = Trainer(spec, *iris, seed=0)
    list(finished.epochs())
    resumed = Trainer(spec, *iris, seed=0)
    resumed.restore(finished.checkpoint())
    assert list(resumed.epochs()) == []
    assert resumed.model().to_bytes() == finished.model().to_bytes()
    assert row_results(resumed) == row_results(finished)


def test_a_checkpoint_without_predictions_leaves_none_of_a_best_epoch_before_it(
    iris: TrainingAndValidation,
) -> None:
    """As a version wrote it that did not keep predictions. An epoch after it that is better has its own."""
    spec = ExperimentSpec.model_validate({"training": {"epochs": 6}})
    finished = Trainer(spec, *iris, seed=0)
    checkpoints = [finished.checkpoint() for _ in finished.epochs()]
    best = finished.best.epoch
    assert best is not None
    assert best > 1
    for taken_after, has_results in ((best - 1, True), (best, False)):
        checkpoint = checkpoints[taken_after - 1]
        old = {name: array for name, array in checkpoint.arrays.items() if not name.startswith("rows.")}
        assert len(old) < len(checkpoint.arrays)
        resumed = Trainer(spec, *iris, seed=0)
        resumed.restore(Checkpoint(checkpoint.epoch, old, checkpoint.state))
        list(resumed.epochs())
        assert resumed.best.epoch == best
        found = resumed.row_results(np.arange(len(iris[1])))
        assert (found is not None) == has_results
        if found is not None:
            assert found.to_bytes() == row_results(finished)


@pytest.mark.parametrize("content", [b"", b"\x08", b"\xff" * 64, b"\x02\0\0\0\0\0\0\0{}"])
def test_bytes_that_are_no_checkpoint_are_refused(content: bytes) -> None:
    with pytest.raises(CorruptCheckpoint):
        Checkpoint.from_bytes(content)


def test_the_defaults_learn_digits(digits: TrainingAndValidation) -> None:
    *_, last = train(ExperimentSpec(), *digits)
    assert last.number == 20
    assert last.validation.accuracy > 0.95


def test_a_small_net_starts_at_the_entropy_of_a_guess(digits: TrainingAndValidation) -> None:
    spec = spec_of({"scaling": "minmax", "optimizer": {"name": "sgd", "learning_rate": 1e-9}})
    first = next(train(spec, *digits))
    assert first.validation.nll == pytest.approx(np.log(10), rel=0.25)


def test_an_epoch_counts_the_examples_that_it_drew(iris: TrainingAndValidation) -> None:
    thinned = iris[0].take(np.r_[0:60, 80:105])
    for balancing, alike in (("none", False), ("oversample", True), ("undersample", True), ("smote", True)):
        spec = spec_of({"balancing": balancing})
        expected = spec.balancing.expected_counts(thinned.counts).tolist()
        assert (len(set(expected)) == 1) == alike
        assert [epoch.drawn.tolist() for epoch in train(spec, thinned, iris[1])] == [expected] * 4
    by_chance = [epoch.drawn for epoch in train(spec_of({"balancing": "weighted_sampler"}), thinned, iris[1])]
    assert {int(drawn.sum()) for drawn in by_chance} == {len(thinned)}
    assert len({tuple(drawn) for drawn in by_chance}) > 1, (
        "the expected counts were reported, not the drawn ones"
    )


def test_seeds_differ_and_repeat(iris: TrainingAndValidation) -> None:
    spec = spec_of({})
    runs = [numbers(list(train(spec, *iris, seed=seed))) for seed in (0, 1, 0)]
    assert runs[0] == runs[2] != runs[1]


def test_early_stopping_ends_a_run_that_does_not_improve(iris: TrainingAndValidation) -> None:
    stopping = {"metric": "loss", "patience": 3, "min_delta": 1e6}
    spec = spec_of({"training": {"epochs": 50, "early_stopping": stopping}})
    assert len(list(train(spec, *iris))) == 4


def test_the_model_is_that_of_the_best_epoch(iris: TrainingAndValidation) -> None:
    spec = spec_of({"optimizer": {"name": "sgd", "learning_rate": 3.0}, "training": {"epochs": 8}})
    trainer = Trainer(spec, *iris, seed=1)
    weights = [trainer.network.parameters.values.copy() for epoch in trainer.epochs()]
    best_epoch = trainer.model().epoch
    assert best_epoch < len(weights), "the test needs a best epoch before the last"
    np.testing.assert_array_equal(trainer.model().arrays["parameters"], weights[best_epoch - 1])


def test_divergence_is_reported_with_its_epoch_and_step(iris: TrainingAndValidation) -> None:
    spec = spec_of({"loss": "l2", "optimizer": {"name": "sgd", "learning_rate": 1e6}})
    with np.errstate(all="ignore"), pytest.raises(Diverged, match=r"epoch 1, .*learning rate"):
        list(train(spec, *iris))


@pytest.mark.parametrize("weights", ["none", "inverse_frequency"])
def test_accumulated_micro_batches_equal_one_large_batch(weights: str, iris: TrainingAndValidation) -> None:
    """Each micro-batch counts by its rows (and their class weights), the smaller last one too."""
    sizes = [{"batch_size": 100}, {"batch_size": 30, "accumulate": 4}]
    runs = [
        spec_of(
            {
                "class_weights": weights,
                "dataset": "iris",
                "balancing": "none",
                "training": {"epochs": 3, "precision": "float64", **size},
            }
        )
        for size in sizes
    ]
    thinned = iris[0].take(np.r_[0:60, 80:105])
    large, micro = (list(train(spec, thinned, iris[1], seed=0)) for spec in runs)
    for a, b in zip(large, micro, strict=True):
        assert a.training.loss == pytest.approx(b.training.loss, rel=1e-12)
        assert a.gradient_norm == pytest.approx(b.gradient_norm, rel=1e-9)


@pytest.mark.parametrize(
    ("rows", "expected"), [(8, [4, 4]), (9, [4, 5]), (10, [4, 4, 2]), (1, [1]), (3, [3]), (5, [5])]
)
def test_a_last_batch_of_one_row_joins_the_one_before(rows: int, expected: list[int]) -> None:
    batches = [batch for step in split_into_steps(rows, 4, 1) for batch in step]
    assert [batch.stop - batch.start for batch in batches] == expected
    assert [batch.start for batch in batches] == [0, *np.cumsum(expected)[:-1]]


def test_clipping_bounds_every_step(iris: TrainingAndValidation) -> None:
    rate, limit = 0.1, 1e-3
    spec = spec_of({"optimizer": {"name": "sgd", "learning_rate": rate}, "training": {"clip_norm": limit}})
    trainer = Trainer(spec, *iris, seed=0)
    last: list[np.ndarray[Any, Any]] = []

    def moved_little() -> None:
        now = trainer.network.parameters.values.astype(np.float64)
        if last:
            assert np.linalg.norm(now - last[-1]) <= rate * limit * 1.01
        last.append(now)

    next(trainer.epochs(moved_little))
    assert len(last) > 1
