"""The errors of requests that do not fit the stored rows, each with its own class.

StoreError
├── UnknownExperiment   no experiment has this number
├── ExperimentOver      it has ended: there is nothing to cancel
├── ExperimentActive    it has not ended: it cannot be deleted yet
├── NothingToRetry      none of its runs failed or was cancelled
│   └── NothingToRetryInSweep   the same of all candidates of a sweep
├── DatasetInUse        experiments need the data set
├── QueueFull           the owner has reached the limit of queued runs
├── UnknownRun          none of the experiment's runs has this seed, fold and repeat
├── UnknownRow          the experiment neither trained nor validated on this row
├── NoModel             the run has no model yet, or never will
├── ManyModels          a cross-validation has a model for each fold: the request names none
├── UnusableModel       the run's model is lost, damaged, or of an older version
├── NoScores            the experiment has no scores of the kind that curves need
├── NotClassification   what was asked for is of classes, and the experiment predicts numbers
├── NotRegression       what was asked for is of numbers, and the experiment predicts classes
├── NoThreshold         the experiment predicts the likelier class
├── UnusableRowResults  the row-level results of a run are lost or damaged
├── RowsGone            the data set of the experiment is gone or has changed
├── ImportanceTooLong   measuring the importance of the columns would take too long
├── UnknownJob          nobody has asked for this job on the experiment's models
├── JobOver             the job has ended: there is nothing to cancel
├── NoTestPart          the split leaves no rows for a test
├── RowsUsedBefore      rows of the test set were looked at, or learned from, before
├── KeyReused           the idempotency key belongs to another request
├── UnknownSweep        no sweep has this number
├── SweepOver           it has ended: there is nothing to cancel
├── SweepActive         it has not ended: it cannot be deleted yet
├── UnknownMonitor      no monitor has this number
├── UnknownBatch        the monitor has no batch with this number
├── MonitorNameTaken    the experiment has another monitor of this name
├── BatchNameTaken      the monitor has another batch of this name
├── UnknownWebhook      no webhook has this number
├── NameTaken           another valid token has this name
└── UnknownToken        no valid token has this name
"""

import json
from collections.abc import Sequence
from typing import Self

from workers.validation.errors import FieldError


class StoreError(ValueError):
    """The request does not fit the stored rows."""


class UnknownExperiment(StoreError):
    """No experiment has this number."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(f"There is no experiment {experiment_id}.")


class ExperimentOver(StoreError):
    """The experiment has ended, and its status is final."""

    def __init__(self, experiment_id: int, status: str) -> None:
        super().__init__(
            f"Experiment {experiment_id} has already ended ({status}): there is nothing to cancel."
        )


class ExperimentActive(StoreError):
    """The experiment has not ended yet."""

    def __init__(self, experiment_id: int, status: str) -> None:
        super().__init__(f"Experiment {experiment_id} is {status}. Cancel it before deleting it.")


class NothingToRetry(StoreError):
    """No run of the experiment failed or was cancelled."""

    def __init__(self, experiment_id: int, status: str) -> None:
        super().__init__(
            f"Experiment {experiment_id} is {status}, and none of the runs in question has failed or was cancelled: "
            "there is nothing to retry."
        )


class NothingToRetryInSweep(NothingToRetry):
    """No run of any candidate failed or was cancelled."""

    def __init__(self, sweep_id: int, status: str) -> None:
        StoreError.__init__(
            self,
            f"Sweep {sweep_id} is {status}, and no run of its candidates has failed or was cancelled: there is "
            "nothing to retry.",
        )


class UnknownSweep(StoreError):
    """No sweep has this number."""

    def __init__(self, sweep_id: int) -> None:
        super().__init__(f"There is no sweep {sweep_id}.")


class SweepOver(StoreError):
    """All candidates of the sweep have ended."""

    def __init__(self, sweep_id: int, status: str) -> None:
        super().__init__(f"Sweep {sweep_id} has already ended ({status}): there is nothing to cancel.")


class SweepActive(StoreError):
    """A candidate of the sweep has not ended yet."""

    def __init__(self, sweep_id: int, status: str) -> None:
        super().__init__(f"Sweep {sweep_id} is {status}. Cancel it before deleting it.")


class DatasetInUse(StoreError):
    """Stored experiments need the data set to continue, to be evaluated and to be repeated."""

    def __init__(self, name: str, experiment_ids: list[int]) -> None:
        shown, more = experiment_ids[:10], len(experiment_ids) - 10
        them = ", ".join(map(str, shown)) + (f" and {more:,} more" if more > 0 else "")
        noun = "experiment" if len(experiment_ids) == 1 else "experiments"
        super().__init__(
            f"Data set '{name}' is needed by {noun} {them}. Delete every experiment that needs it first."
        )


class QueueFull(StoreError):
    """The owner has reached the limit of queued runs and jobs."""

    def __init__(self, owner: str, queued: int, limit: int) -> None:
        super().__init__(
            f"{owner} has {queued:,} runs and jobs in the queue; the limit is {limit:,}. "
            "Wait until some have ended, or cancel some."
        )


class UnknownRun(StoreError):
    """No run of the experiment has this seed, fold and repeat."""

    def __init__(self, experiment_id: int, runs: Sequence[tuple[int, int, int]]) -> None:
        repeats, folds, seeds = (sorted(set(values)) for values in zip(*runs, strict=True))
        known = f"the seeds {', '.join(map(str, seeds))}"
        if repeats != [0] or folds != [0]:
            known = f"the repeats 0 to {repeats[-1]}, the folds 0 to {folds[-1]} and {known}"
        super().__init__(f"Experiment {experiment_id} has only {known}.")


class UnknownRow(StoreError):
    """The experiment neither trained nor validated on this row: it is sealed, left out, or does not exist."""

    def __init__(self, experiment_id: int, row: int) -> None:
        super().__init__(
            f"Experiment {experiment_id} neither trained nor validated on a row {row}. "
            f"GET /experiments/{experiment_id}/errors names rows that it did."
        )


class ManyModels(StoreError):
    """A cross-validation estimates a procedure: each of its models lacks other rows, and none is its result."""

    def __init__(self, experiment_id: int, models: int) -> None:
        super().__init__(
            f"Experiment {experiment_id} is a cross-validation with {models:,} models, each trained without another "
            "part of the rows. Name one by repeat, fold and seed; or train one to use: send the spec with "
            '"split": {"train": 0.8, "validation": 0.2, "test": 0}, say, to POST /experiments.'
        )


class NoModel(StoreError):
    """The run has no model yet: a run keeps its model when it succeeds."""

    def __init__(self, experiment_id: int, run: str, status: str) -> None:
        super().__init__(
            f"{run.capitalize()} of experiment {experiment_id} is {status}, so it has no model: a run keeps its "
            "model when it succeeds."
        )


class UnusableModel(StoreError):
    """The model of the run cannot be used. `detail` gives the reason and how to get it back."""

    def __init__(self, experiment_id: int, run: str, why: str, remedy: str) -> None:
        super().__init__(
            f"The model of {run} of experiment {experiment_id} cannot be used: {why}. {remedy}, or train it "
            f"again: send the `spec` of GET /experiments/{experiment_id} to POST /experiments."
        )


class NoScores(StoreError):
    """What is stored of each row is not enough for a curve. The text says what there is instead."""

    @classmethod
    def of_many_classes(cls, experiment_id: int, classes: int) -> Self:
        return cls(
            f"Experiment {experiment_id} has {classes} classes, and this needs two: of each row, the "
            "probability of its true class is stored, which says nothing of each other class if there are several. "
            f"GET /experiments/{experiment_id}/metrics has the AUROC and the average precision of each class against "
            f"the rest, averaged; GET /experiments/{experiment_id}/reliability works with any number of classes."
        )

    @classmethod
    def without_probabilities(cls, experiment_id: int, output: str) -> Self:
        return cls(
            f"The {output} output of experiment {experiment_id} gives no probabilities; a loss on a softmax does. "
            f"GET /experiments/{experiment_id}/metrics has the AUROC and the average precision of its outputs."
        )


class NotClassification(StoreError):
    """What was asked for is of classes, and the experiment predicts numbers."""

    def __init__(self, experiment_id: int, what: str) -> None:
        super().__init__(
            f"Experiment {experiment_id} is a regression, which has no {what}. "
            f"GET /experiments/{experiment_id}/classes has the error of each bin of the targets, and "
            f"GET /experiments/{experiment_id}/predictions the prediction for each row."
        )


class NotRegression(StoreError):
    """What was asked for is of numbers, and the experiment predicts classes."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(
            f"Experiment {experiment_id} is a classification, which predicts no numbers. "
            f"GET /experiments/{experiment_id}/charts/confusion.svg draws what it predicts."
        )


class NoThreshold(StoreError):
    """The models of the experiment have no threshold of their own."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(
            f"Experiment {experiment_id} predicts the likelier class: its spec asks for no threshold. Submit it with "
            '"prediction": {"name": "threshold", "maximise": "f1"}, say; or read thresholds off '
            f"GET /experiments/{experiment_id}/curves."
        )


class NoRowResults(StoreError):
    """No run has row-level results: a run keeps them when it succeeds, and earlier versions kept none."""

    def __init__(self, experiment_id: int, statuses: Sequence[str]) -> None:
        why = (
            "they are from a version of Holdout that kept none. Submit the spec again to get them"
            if statuses == ["succeeded"]
            else f"a run keeps them when it succeeds, and these are {' or '.join(statuses)}"
        )
        super().__init__(f"The runs of experiment {experiment_id} have no row-level results: {why}.")


class UnusableRowResults(StoreError):
    """The row-level results of a run cannot be read."""

    def __init__(self, experiment_id: int, run: str, why: str) -> None:
        super().__init__(
            f"The row-level results of {run} of experiment {experiment_id} cannot be read: {why}. Restore them from "
            f"a backup, or train it again: send the `spec` of GET /experiments/{experiment_id} to POST /experiments."
        )


class RowsGone(StoreError):
    """The rows of the experiment cannot be read any more, because the data set is gone or another one."""

    def __init__(self, experiment_id: int, why: str) -> None:
        super().__init__(
            f"The validation rows of experiment {experiment_id} cannot be read. {why} Its stored figures remain: "
            f"GET /experiments/{experiment_id}."
        )


class ImportanceTooLong(StoreError):
    """Measuring the importance of the columns would take too long. The text says what takes less."""

    @classmethod
    def of_columns(cls, experiment_id: int, columns: int, most: int) -> Self:
        return cls(
            f"Experiment {experiment_id} has {columns:,} columns without the shape of an image; the importance of at "
            f"most {most:,} is measured. Upload the rows as images, whose regions are measured, or fewer columns."
        )

    @classmethod
    def of_work(cls, experiment_id: int, seconds: float, most: float) -> Self:
        return cls(
            f"The importance of the columns of experiment {experiment_id} would take about {seconds:,.0f} seconds "
            f"even on few rows; at most {most:,.0f} are spent. Ask for one run with ?seed=, or for ?repeats=2."
        )


class UnknownJob(StoreError):
    """Nobody has asked for this job."""

    def __init__(self, experiment_id: int, kind: str) -> None:
        path = f"POST /experiments/{experiment_id}/{kind}"
        super().__init__(f"Nobody has asked for the {kind} of experiment {experiment_id}: {path} does.")


class JobOver(StoreError):
    """The job has ended, and its status is final."""

    def __init__(self, experiment_id: int, kind: str, status: str) -> None:
        super().__init__(
            f"The {kind} of experiment {experiment_id} has already ended ({status}): there is nothing to cancel."
        )


class NoTestPart(StoreError):
    """The split of the experiment has no test part."""

    def __init__(self, experiment_id: int) -> None:
        super().__init__(
            f'The split of experiment {experiment_id} has no test part. Submit the spec with, say, "test": 0.1.'
        )


class RowsUsedBefore(StoreError):
    """Rows of the test set were used before. `errors` lists by whom: earlier looks, and experiments that learned from
    them.
    """

    def __init__(
        self,
        *,
        budget: int | None,
        looks: Sequence[FieldError] = (),
        exposed: Sequence[FieldError] = (),
        is_strict: bool = False,
    ) -> None:
        self.field_errors = [*looks, *exposed]
        reasons = [_of_looks(budget, len(looks))] if looks or budget == 0 else []
        reasons += [_of_experiments(len(exposed))] if exposed else []
        kinds = (["exposed"] if exposed else []) + (["looked_at"] if looks and not is_strict else [])
        accepting = json.dumps({"accept": kinds})
        remedy = (
            f" A request with the body {accepting} is answered all the same, and says so." if kinds else ""
        )
        super().__init__(
            f"{' '.join(reasons)} Choose by the validation part, or hold back rows that nobody has used.{remedy}"
        )


class KeyReused(StoreError):
    """The idempotency key was sent before with another body."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The key {key[:100]!r} was sent with another spec in the last 24 hours. Send a new key with a new spec."
        )


class UnknownMonitor(StoreError):
    """No monitor has this number."""

    def __init__(self, monitor_id: int) -> None:
        super().__init__(f"There is no monitor {monitor_id}.")


class UnknownBatch(StoreError):
    """The monitor has no batch with this number."""

    def __init__(self, monitor_id: int, number: int, batches: int) -> None:
        super().__init__(f"Monitor {monitor_id} has no batch {number}: it has tested {batches:,}.")


class MonitorNameTaken(StoreError):
    """The experiment has a monitor of this name with other settings."""

    def __init__(self, name: str, monitor_id: int) -> None:
        super().__init__(
            f"The experiment has a monitor {name!r} with other settings: number {monitor_id}. Choose another name."
        )


class BatchNameTaken(StoreError):
    """The monitor has a batch of this name with other rows."""

    def __init__(self, name: str, number: int) -> None:
        super().__init__(
            f"Batch {number} of the monitor has the name {name!r} and other rows. Choose another name for new rows."
        )


class UnknownWebhook(StoreError):
    """No webhook has this number."""

    def __init__(self, webhook_id: int) -> None:
        super().__init__(f"There is no webhook {webhook_id}.")


class NameTaken(StoreError):
    """Another valid token has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is a valid token {name} already; to replace it, revoke it first.")


class UnknownToken(StoreError):
    """No valid token has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no valid token {name}; holdout token list shows all.")


def _of_looks(budget: int | None, looks: int) -> str:
    made = "1 look" if looks == 1 else f"{looks:,} looks"
    if budget is None:
        return (
            f"{made} at other test sets saw some of these rows, so this Ladder would answer for them again."
        )
    times = "once" if budget == 1 else f"{budget:,} times"
    return f"The test rows may be evaluated {times} (HOLDOUT_TEST_BUDGET), and their ledger has {made}."


def _of_experiments(experiments: int) -> str:
    by = (
        "1 experiment trains or validates"
        if experiments == 1
        else f"{experiments:,} experiments train or validate"
    )
    return f"{by} on some of the test rows, so they are no test of what was learned from that."
