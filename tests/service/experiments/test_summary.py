"""The summary: its numbers against SciPy and scikit-learn, and its findings about useless models."""

from typing import Any

import pytest

from service.store.database import Database
from service.store.epochs import epoch_writer
from tests.service.fake_worker import FakeWorker, Matrix
from workers.evaluation.metrics import FROM_RESIDUALS

BY_ACCURACY = {"epochs": 1, "early_stopping": {"metric": "accuracy"}}
CONSTANT = [[180, 0], [20, 0]]
GOOD = [[176, 4], [2, 18]]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """One database is enough for numbers."""
    return sqlite_url


def trained(fake_worker: FakeWorker, *validation: Matrix, **spec: Any) -> dict[str, Any]:
    """The response for an experiment with a seed for each matrix, that of its only epoch."""
    seeds = list(range(len(validation)))
    experiment_id = fake_worker.submit(seeds=seeds, **spec)
    for seed, matrix in zip(seeds, validation, strict=True):
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, matrix, seed=seed)
        fake_worker.finish(experiment_id, "succeeded", seed=seed)
    return fake_worker.read(experiment_id)


def findings(answer: dict[str, Any]) -> dict[str, str]:
    return {each["code"]: each["sentence"] for each in answer["summary"]["findings"]}


def test_the_spread_over_seeds_is_no_interval(fake_worker: FakeWorker) -> None:
    stats = pytest.importorskip("scipy.stats", reason="the oracle of the spread")
    matrices = [GOOD, [[170, 10], [5, 15]], [[175, 5], [8, 12]]]
    summary = trained(fake_worker, *matrices)["summary"]
    accuracies = [(m[0][0] + m[1][1]) / 200 for m in matrices]
    assert [seed["accuracy"] for seed in summary["seeds"]] == accuracies
    described = stats.describe(accuracies)
    assert summary["metrics"]["accuracy"] == pytest.approx(
        {
            "mean": described.mean,
            "sd": described.variance**0.5,
            "min": min(accuracies),
            "max": max(accuracies),
            "n": 3,
            "low": None,
            "high": None,
        }
    )


def test_the_metrics_are_scikit_learns(fake_worker: FakeWorker) -> None:
    metrics = pytest.importorskip("sklearn.metrics", reason="the oracle of the metrics")
    matrix = [[170, 10], [5, 15]]
    (seed,) = trained(fake_worker, matrix)["summary"]["seeds"]
    true = [0] * 180 + [1] * 20
    predicted = [0] * 170 + [1] * 10 + [0] * 5 + [1] * 15
    assert seed["balanced_accuracy"] == pytest.approx(metrics.balanced_accuracy_score(true, predicted))
    assert seed["macro_f1"] == pytest.approx(metrics.f1_score(true, predicted, average="macro"))
    assert seed["mcc"] == pytest.approx(metrics.matthews_corrcoef(true, predicted))


def test_a_single_seed_has_no_spread_and_wilsons_interval_for_itself(fake_worker: FakeWorker) -> None:
    summary = trained(fake_worker, GOOD)["summary"]
    accuracy = summary["metrics"]["accuracy"]
    assert (accuracy["mean"], accuracy["sd"], accuracy["n"]) == (0.97, None, 1)
    (seed,) = summary["seeds"]
    assert seed["accuracy_low"] < 0.97 < seed["accuracy_high"]


def test_every_figure_is_of_the_selected_epoch_even_if_another_has_a_better_one(
    fake_worker: FakeWorker,
) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, [[160, 20], [1, 19]])
    fake_worker.epoch(experiment_id, 2, [[180, 0], [10, 10]], best_epoch=1)
    summary = fake_worker.read(experiment_id)["summary"]
    assert summary["selection"] == {"metric": "balanced_accuracy", "direction": "max", "split": "validation"}
    assert [(seed["epoch"], seed["accuracy"]) for seed in summary["seeds"]] == [(1, 179 / 200)]
    assert summary["classes"][1]["accuracy"] == 19 / 20


def test_the_selection_metric_is_that_of_the_spec(fake_worker: FakeWorker) -> None:
    answer = trained(fake_worker, GOOD, training={"early_stopping": {"metric": "loss"}})
    assert answer["summary"]["selection"] == {"metric": "loss", "direction": "min", "split": "validation"}


def test_a_class_is_averaged_over_seeds_and_measured_on_the_rows_of_one(fake_worker: FakeWorker) -> None:
    rare = trained(fake_worker, [[180, 0], [4, 16]], [[180, 0], [6, 14]])["summary"]["classes"][1]
    assert rare == {
        "class": "1",
        "index": 1,
        "support": 20,
        "mae": None,
        "mae_low": None,
        "mae_high": None,
        "accuracy": pytest.approx(0.75),
        "accuracy_low": None,
        "accuracy_high": None,
    }


def test_the_summary_has_the_majority_baseline(fake_worker: FakeWorker) -> None:
    dummy = pytest.importorskip("sklearn.dummy", reason="the oracle of the baseline")
    (majority,) = trained(fake_worker, GOOD)["summary"]["baselines"]
    oracle = dummy.DummyClassifier(strategy="most_frequent").fit([[0]] * 700, [0] * 630 + [1] * 70)
    assert majority["accuracy"] == oracle.score([[0]] * 200, [0] * 180 + [1] * 20)
    assert (majority["name"], majority["split"], majority["predicted_class"]) == (
        "majority",
        "validation",
        "0",
    )
    assert majority["balanced_accuracy"] == 0.5


def test_a_good_model_has_no_findings(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(training={"epochs": 2})
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, GOOD)
    fake_worker.epoch(experiment_id, 2, GOOD, best_epoch=1)
    fake_worker.finish(experiment_id, "succeeded")
    assert findings(fake_worker.read(experiment_id)) == {}


def test_a_constant_classifier_on_90_to_10_is_reported_as_one(fake_worker: FakeWorker) -> None:
    answer = trained(fake_worker, CONSTANT)
    assert answer["summary"]["metrics"]["accuracy"]["mean"] == 0.9
    assert findings(answer) == {
        "collapsed": "The model predicts '0' for every validation row: it does not distinguish the classes.",
        "no_better_than_majority": "Balanced accuracy 0.500 equals that of always answering '0'; "
        "accuracy is 0.900 and 0.900.",
    }
    remedies = {each["code"]: each["remedy"] for each in answer["summary"]["findings"]}
    assert '"balancing": "oversample"' in remedies["collapsed"]


def test_a_remedy_that_the_spec_already_uses_is_not_proposed(fake_worker: FakeWorker) -> None:
    for spec in (
        {"balancing": "oversample"},
        {"class_weights": "inverse_frequency"},
        {"loss": "balanced_softmax"},
    ):
        answer = trained(fake_worker, CONSTANT, **spec)
        assert not [each for each in answer["summary"]["findings"] if "oversample" in each["remedy"]]


def test_an_accuracy_not_clearly_above_the_majority_is_not_called_better(
    fake_worker: FakeWorker,
) -> None:
    answer = trained(fake_worker, [[178, 2], [14, 6]], training=BY_ACCURACY)
    assert answer["summary"]["metrics"]["accuracy"]["mean"] == 0.92
    assert findings(answer)["no_better_than_majority"].startswith(
        "Accuracy 0.920 is not clearly above the 0.900 of always answering '0' (its interval starts at 0.874)"
    )


def test_an_accuracy_below_the_majority_is_called_below(fake_worker: FakeWorker) -> None:
    sentence = findings(trained(fake_worker, [[150, 30], [2, 18]], training=BY_ACCURACY))[
        "no_better_than_majority"
    ]
    assert sentence.startswith(
        "Accuracy 0.840 is below the 0.900 of always answering '0'; balanced accuracy is 0.867"
    )


def test_a_class_that_is_never_predicted_is_named_with_its_seeds(fake_worker: FakeWorker) -> None:
    three = {"name": "synthetic", "counts": [100, 100, 100], "features": 2}
    misses_2, good = [[20, 0, 0], [0, 20, 0], [10, 10, 0]], [[20, 0, 0], [0, 20, 0], [0, 1, 19]]
    by_all = findings(trained(fake_worker, misses_2, misses_2, dataset=three))
    assert by_all["never_predicted"] == "Never predicted: '2', though validation has such rows."
    by_one = findings(trained(fake_worker, good, misses_2, dataset=three))
    assert by_one["never_predicted"] == "Never predicted (seed 1): '2', though validation has such rows."
    assert "collapsed" not in by_one


def test_seeds_that_collapsed_are_named(fake_worker: FakeWorker) -> None:
    found = findings(trained(fake_worker, GOOD, CONSTANT, CONSTANT))
    assert found["collapsed"].startswith("The model predicts '0' for every validation row (seeds 1, 2):")
    assert "never_predicted" not in found


def test_a_better_balanced_accuracy_than_the_baselines_is_no_finding(
    fake_worker: FakeWorker, database: Database
) -> None:
    """The case of a network of .87 that was advised to become a linear model of .50, because of its accuracy."""
    answer = with_linear(fake_worker, database, [[150, 30], [2, 18]], {"hidden": [8]}, 0.9, 0.5)
    assert answer["summary"]["metrics"]["accuracy"]["mean"] == 0.84
    assert not {"no_better_than_majority", "no_better_than_linear"} & set(findings(answer))


def test_a_linear_model_that_does_as_well_is_mentioned(fake_worker: FakeWorker, database: Database) -> None:
    answer = with_linear(fake_worker, database, GOOD, {"hidden": [8]}, 0.98, 0.97)
    majority, linear = answer["summary"]["baselines"]
    assert (majority["name"], linear["name"], linear["accuracy_low"]) == ("majority", "linear", 0.95)
    assert (linear["metrics"], linear["classes"]) == (None, [])  # it was stored without
    assert findings(answer)["no_better_than_linear"] == (
        "Balanced accuracy 0.939 is below the 0.970 of a linear model: the hidden layers do not improve on it yet."
    )


def test_a_linear_network_that_falls_short_of_the_solution_is_told_so(
    fake_worker: FakeWorker, database: Database
) -> None:
    answer = with_linear(fake_worker, database, GOOD, {"hidden": []}, 0.98, 0.97)
    assert findings(answer)["short_of_solution"] == (
        "Balanced accuracy 0.939 is below the 0.970 of a linear model, solved to convergence: this network is linear "
        "too, and its training falls short of that solution."
    )
    near = with_linear(fake_worker, database, GOOD, {"hidden": []}, 0.98, 0.945)
    assert not {"short_of_solution", "no_better_than_linear"} & set(findings(near))


def test_the_better_one_of_two_linear_baselines_is_compared_and_its_changes_are_the_remedy(
    fake_worker: FakeWorker, database: Database
) -> None:
    changes = {"model": "linear", "loss": "cross_entropy"}
    balanced = {"name": "linear_balanced", "accuracy": 0.9, "balanced_accuracy": 0.96, "changes": changes}
    given: dict[str, Any] = {"balancing": "oversample", "loss": "focal"}
    answer = with_linear(fake_worker, database, GOOD, {"hidden": [8]}, 0.98, 0.5, balanced, **given)
    (remark,) = [each for each in answer["summary"]["findings"] if each["code"] == "no_better_than_linear"]
    assert "of a linear model with the same balancing:" in remark["sentence"]
    assert remark["remedy"].endswith('the simpler model: "model": "linear", "loss": "cross_entropy".')


def test_a_linear_baseline_is_described_by_what_it_has_of_the_spec(
    fake_worker: FakeWorker, database: Database
) -> None:
    balanced = {"name": "linear_balanced", "accuracy": 0.9, "balanced_accuracy": 0.5}
    given: dict[str, Any] = {"prediction": "logit_adjusted", "class_weights": "inverse_frequency"}
    answer = with_linear(fake_worker, database, GOOD, {"hidden": [8]}, 0.98, 0.96, balanced, **given)
    sentence = findings(answer)["no_better_than_linear"]
    assert "0.960 of a linear model without class weights or prediction:" in sentence


def test_figures_that_differ_in_later_digits_are_not_called_equal(
    fake_worker: FakeWorker, database: Database
) -> None:
    answer = with_linear(fake_worker, database, GOOD, {"hidden": [8]}, 0.98, 0.93902)
    assert "is to these digits that of a linear model" in findings(answer)["no_better_than_linear"]


def test_a_solved_model_is_neither_compared_with_itself_nor_told_to_train_longer(
    fake_worker: FakeWorker, database: Database
) -> None:
    assert findings(with_linear(fake_worker, database, GOOD, "linear", 0.98, 0.97)) == {}
    useless = with_linear(fake_worker, database, CONSTANT, "linear", 0.98, 0.97, balancing="oversample")
    remedies = {each["remedy"] for each in useless["summary"]["findings"]}
    assert remedies == {'Try a network with hidden layers, such as "model": {"hidden": [64]}.'}


def test_a_solver_that_did_not_converge_is_reported(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(model="linear")
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, GOOD, gradient_norm=2e-4)
    assert findings(fake_worker.read(experiment_id))["not_converged"] == (
        "The solver used up its rounds before it converged: a slope of 2.0e-04 is left, at a solution it is below "
        "1e-07. The figures are not those of the best linear model."
    )


def test_a_metric_of_which_less_is_better_is_compared_the_other_way(
    fake_worker: FakeWorker, database: Database
) -> None:
    by_nll = {"epochs": 1, "early_stopping": {"metric": "nll"}}
    own = trained(fake_worker, GOOD, training=by_nll)["summary"]["metrics"]["nll"]["mean"]
    for reference, words in ((own / 2, "is above the"), (own * 2, None)):
        metrics = {"metrics": {"nll": reference}}
        answer = with_linear(fake_worker, database, GOOD, "mlp", 0.9, 0.9, training=by_nll, **metrics)
        sentence = findings(answer).get("no_better_than_linear")
        assert (sentence is None) if words is None else (words in str(sentence))
        assert sentence is None or sentence.startswith(f"NLL {own:.4g}")


def test_rows_far_outside_of_training_are_named(fake_worker: FakeWorker, database: Database) -> None:
    far = {"rows": 3, "feature_count": 2, "features": [1, 0], "largest": [2181.4, 25.0]}
    fitted = {"name": "linear_balanced", "accuracy": 0.5, "balanced_accuracy": 0.5, "far_rows": far}
    answer = with_linear(fake_worker, database, GOOD, {"hidden": [8]}, 0.5, 0.5, fitted)
    (remark,) = [each for each in answer["summary"]["findings"] if each["code"] == "far_from_training"]
    assert remark["sentence"] == (
        "3 validation rows lie more than 20 standard deviations of training away, in feature 1 (up to 2,181), "
        "feature 0 (up to 25): the model extrapolates there, and a few such rows can decide its figures."
    )
    assert '"scaling": "robust"' in remark["remedy"]


def with_linear(
    fake_worker: FakeWorker,
    database: Database,
    matrix: Matrix,
    model: Any,
    accuracy: float,
    balanced_accuracy: float,
    *more: dict[str, Any],
    metrics: dict[str, float] | None = None,
    **spec: Any,
) -> dict[str, Any]:
    """The response for an experiment of one epoch, and a linear baseline with these figures, stored as long ago."""
    experiment_id = fake_worker.submit(model=model, **{"training": {"epochs": 1}, **spec})
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, matrix, gradient_norm=1e-11 if model == "linear" else 0.5)
    linear = {"name": "linear", "accuracy": accuracy, "balanced_accuracy": balanced_accuracy}
    linear |= {"metrics": metrics} if metrics else {}
    interval = {"low": 0.95, "high": 0.99, "level": 0.95}
    stored = [{"predicted_class": None, "interval": interval, **each} for each in (linear, *more)]
    with database.write() as connection:
        epoch_writer.save_baselines(connection, experiment_id, stored)
    return fake_worker.read(experiment_id)


def test_failed_seeds_are_left_out_with_a_finding(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(seeds=[0, 1, 2])
    for seed in (0, 1, 2):
        fake_worker.claim()
        fake_worker.epoch(experiment_id, 1, GOOD if seed else CONSTANT, seed=seed)
    assert fake_worker.read(experiment_id)["summary"]["metrics"]["accuracy"]["n"] == 3
    fake_worker.finish(experiment_id, "failed", seed=0, cause="diverged")
    answer = fake_worker.read(experiment_id)
    assert answer["summary"]["metrics"]["accuracy"] == pytest.approx(
        {"mean": 0.97, "sd": 0, "min": 0.97, "max": 0.97, "n": 2, "low": None, "high": None}
    )
    assert findings(answer)["seeds_left_out"] == (
        "Seed 0 (diverged) failed: the means cover the other 2 of 3 seeds, and do not show how often training "
        "fails."
    )


def test_if_all_seeds_failed_there_is_no_summary(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit()
    fake_worker.claim()
    fake_worker.epoch(experiment_id, 1, GOOD)
    fake_worker.finish(experiment_id, "failed", cause="diverged")
    answer = fake_worker.read(experiment_id)
    assert answer["summary"] is None
    assert [(run["status"], run["cause"]) for run in answer["runs"]] == [("failed", "diverged")]


def test_a_model_that_was_still_improving_is_called_unfinished(fake_worker: FakeWorker) -> None:
    assert "still_improving" in findings(trained(fake_worker, GOOD, GOOD, training={"epochs": 1}))
    assert "still_improving" not in findings(trained(fake_worker, GOOD, training={"epochs": 2}))


def test_an_output_without_probabilities_has_no_probabilistic_metrics(fake_worker: FakeWorker) -> None:
    experiment_id = fake_worker.submit(loss="l2")
    fake_worker.epoch(experiment_id, 1, GOOD, distribution=False)
    summary = fake_worker.read(experiment_id)["summary"]
    assert {name for name, estimate in summary["metrics"].items() if estimate is None} == {
        *(metric.name for metric in FROM_RESIDUALS),
        "nll",
        "brier",
        "ece",
        "top_3_accuracy",
        "top_5_accuracy",
    }
    assert [(seed["nll"], seed["brier"], seed["ece"]) for seed in summary["seeds"]] == [(None, None, None)]
