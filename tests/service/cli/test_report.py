import io
from typing import Any

import pytest
from rich.console import Console

from service.cli.report import show_report
from tests.service.cli.experiment_responses import (
    FINDING,
    INTERVALS,
    LINEAR,
    MAJORITY,
    NOT_ENDED,
    Experiment,
    experiment,
    regression,
    summary,
)


def report(*experiments: Experiment, width: int = 120) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False)
    show_report(console, experiments, "http://here")
    printed: str = console.file.getvalue()  # type: ignore[attr-defined]
    return printed


def rows(printed: str) -> dict[str, list[str]]:
    """The cells of each table row by its first cell. Two or more spaces separate cells."""
    cells = [[cell.strip() for cell in line.split("  ") if cell.strip()] for line in printed.splitlines()]
    return {line[0]: line[1:] for line in cells if len(line) > 2}


def test_each_class_has_its_rows_baselines_and_interval() -> None:
    table = rows(report(experiment(name="plain", summary=summary())))
    assert table["class"] == ["rows", "always 'well'", "linear", "plain"]
    assert table["well"] == ["180", "1.000", "0.980", "1.000 [0.90, 1.00]"]
    assert table["ill"] == ["20", "0.000", "0.440", "0.250 [0.15, 0.35]"]


def test_a_regression_has_the_error_of_each_range_of_its_targets() -> None:
    printed = report(regression())
    table = rows(printed)
    assert "Mean absolute error in each range of the targets on the validation part of diabetes" in printed
    assert table["targets"] == ["rows", "mean", "plain"]
    assert table["[25, 61)"] == ["9", "103.7", "86.57 [60.7, 120]"]
    assert table["[61, 346]"] == ["79", "8.250", "7.500 [6.50, 8.50]"]
    assert table["RMSE"] == ["88", "77.77", "53.51 [48.2, 97.1]"]
    assert "no rows" not in printed


def test_figures_of_large_targets_are_printed_whole() -> None:
    found: Any = regression()
    found["summary"]["metrics"]["rmse"] |= {"mean": 25490.1, "low": 12165.8, "high": 38876.1}
    found["summary"]["classes"][0] |= {"class": "[1.88e+04, 1.69e+05)", "mae": 1e6, "mae_high": 1234567.8}
    table = rows(report(found))
    assert table["RMSE"] == ["88", "77.77", "25,490 [12,166, 38,876]"]
    assert table["[18,800, 169,000)"][-1] == "1,000,000 [60.7, 1,234,568]"


def test_a_long_name_of_the_majority_class_leaves_room_for_the_table() -> None:
    found: Any = summary()
    found["baselines"][0]["predicted_class"] = "a class with a very very long name"
    assert rows(report(experiment(name="plain", summary=found)))["class"][1] == "always 'a class with a…'"


def test_a_regression_in_folds_counts_them() -> None:
    assert "Mean of 3 folds with 2 seeds in each" in report(regression(folds=3))


def test_a_baseline_of_an_earlier_version_has_no_recalls() -> None:
    old = summary(baselines=[{**LINEAR, "classes": []}])
    assert rows(report(experiment(summary=old)))["ill"] == ["20", "0.250 [0.15, 0.35]"]


def test_experiments_with_other_changes_to_become_the_baseline_share_a_table() -> None:
    other = summary(baselines=[MAJORITY, {**LINEAR, "changes": {"model": "linear", "loss": "cross_entropy"}}])
    printed = report(experiment(1, summary=summary()), experiment(2, summary=other))
    assert printed.count("Accuracy of each class") == 1


def test_the_means_have_both_baselines_and_the_interval_over_seeds() -> None:
    table = rows(report(experiment(summary=summary())))
    assert table["accuracy"][:3] == ["200", "0.900", "0.930"]
    assert table["accuracy"][3].startswith("0.925 [0.9")
    assert table["balanced accuracy"][:3] == ["200", "0.500", "0.710"]
    assert table["balanced accuracy"][3].startswith("0.625 [0.6")


def with_metrics(balanced: bool = False, selected: str = "mcc") -> Experiment:
    """An experiment with more metrics than each report shows; by default of 180 and 20 rows."""
    found = summary(selection={"metric": selected})
    found["classes"][1]["support"] = 180 if balanced else 20
    for metric, mean in {"mcc": 0.4, "macro_f1": 0.6, "auroc": 0.875, "nll": 0.3}.items():
        found["metrics"][metric] = {"mean": mean, "n": 2, "low": mean - 0.1, "high": mean + 0.1}
    found["metrics"]["average_precision"] = None
    found["baselines"][1] = {**LINEAR, "macro_f1": 0.55}
    return experiment(name="plain", summary=found)


def test_the_metric_that_selected_epochs_is_shown_too() -> None:
    assert rows(report(with_metrics(balanced=True)))["MCC"] == ["360", "0.400 [0.30, 0.50]"]
    assert "nll" not in report(with_metrics())
    assert rows(report(with_metrics(selected="nll")))["NLL"][-1] == "0.300 [0.20, 0.40]"


def test_imbalance_asks_for_metrics_that_rare_classes_move() -> None:
    table = rows(report(with_metrics()))
    assert table["macro F1"] == ["200", "0.550", "0.600 [0.50, 0.70]"]
    assert table["AUROC"] == ["200", "0.875 [0.78, 0.97]"]
    assert "average precision" not in table
    assert "AUROC" not in rows(report(with_metrics(balanced=True)))


def test_experiments_on_the_same_rows_share_a_table() -> None:
    printed = report(
        experiment(1, name="plain", summary=summary()),
        experiment(2, name="focal", summary=summary(0.95, 0.5)),
    )
    assert printed.count("Accuracy of each class") == 1
    assert rows(printed)["ill"] == ["20", "0.000", "0.440", "0.250 [0.15, 0.35]", "0.500 [0.40, 0.60]"]


def test_experiments_with_other_baselines_do_not_share_a_table() -> None:
    other = summary(baselines=[{**LINEAR, "accuracy": 0.5}])
    printed = report(experiment(1, summary=summary()), experiment(2, summary=other))
    assert printed.count("Accuracy of each class") == 2


def test_the_caption_says_once_of_what_the_intervals_are() -> None:
    printed = report(experiment(1, summary=summary()), experiment(2, summary=summary(0.95)))
    assert printed.count("In brackets, 95 % intervals. How models of this training do on new rows.") == 1


def test_a_cross_validation_is_a_mean_over_folds_and_names_the_fold_of_a_failed_run() -> None:
    folds = [{"repeat": repeat, "fold": fold} for repeat in (0, 1) for fold in (0, 1, 2)]
    measured = summary()
    for mean in measured["metrics"].values():
        mean["n"] = 6
    failed = {"seed": 1, "repeat": 1, "fold": 2, "status": "failed", "cause": "diverged", "message": "NaN"}
    plan = experiment()["plan"] | {"folds": folds}
    printed = report(experiment(summary=measured, plan=plan, runs=[failed]))
    assert "on the evaluation parts of clinic" in printed
    assert "Mean of 6 folds with 2 seeds in each, each run at its epoch of best validation" in printed
    assert "Seed 1 of fold 2, repeat 1, diverged: NaN" in printed


def test_means_without_intervals_stand_alone_and_the_caption_says_why() -> None:
    without = summary(intervals=[{**INTERVALS, "missing": NOT_ENDED}])
    for mean in without["metrics"].values():
        mean |= {"low": None, "high": None}
    printed = report(experiment(name="slow", summary=without))
    assert rows(printed)["accuracy"][-1] == "0.925"
    assert "In brackets" not in printed
    assert "No intervals for slow: The experiment has not ended." in printed


def test_a_class_without_rows_has_no_accuracy() -> None:
    assert rows(report(experiment(summary=summary(ill=None))))["ill"][-1] == "no rows"


def test_a_finding_of_two_experiments_is_printed_once_with_both_names() -> None:
    found = summary(findings=[FINDING])
    printed = report(experiment(1, name="a", summary=found), experiment(2, name="b", summary=found))
    assert printed.count("Every row is called") == 1
    assert "a, b: Every row is called 'well'. Try oversampling." in printed


def test_warnings_and_failures_are_sentences() -> None:
    runs = [{"seed": 7, "status": "failed", "cause": "diverged", "message": "epoch 3: the loss is nan"}]
    warning = {"code": "one_seed", "sentence": "One seed shows one outcome.", "remedy": "Give several."}
    printed = report(experiment(status="failed", name="wild", runs=runs, warnings=[warning]))
    assert "wild: Seed 7 diverged: epoch 3: the loss is nan" in printed
    assert "wild: One seed shows one outcome. Give several." in printed


def test_an_experiment_without_a_name_is_shown_by_id_and_link() -> None:
    printed = report(experiment(12, summary=summary()))
    assert "experiment 12" in printed
    assert "http://here/ui/experiments/12" in printed
    assert "http://here/docs" in printed


@pytest.mark.parametrize("name", ["[red]ill", "[/]", ":ok:"])
def test_names_are_shown_as_they_are_given(name: str) -> None:
    marked: dict[str, Any] = summary()
    marked["classes"][1]["class"] = name
    printed = report(experiment(name=name, summary=marked))
    assert name in rows(printed)
    assert rows(printed)["class"][-1] == name


@pytest.mark.parametrize("width", [80, 120])
def test_many_experiments_take_several_tables_and_no_line_is_too_wide(width: int) -> None:
    many = [
        experiment(number, name=f"experiment-{number}", summary=summary(findings=[FINDING]))
        for number in range(1, 8)
    ]
    printed = report(*many, width=width)
    assert all(len(line) <= width for line in printed.splitlines())
    assert printed.count("balanced") >= 2
    assert printed.count("0.250 [0.15, 0.35]") == 7
