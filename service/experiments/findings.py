"""Findings: reasons to read the figures of an experiment with care. Each is one function."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.schemas.base import Remark
from service.schemas.summary import Baseline, ClassEstimate, Estimate
from service.store.epochs.selected_epoch_reader import measured_part
from service.store.run_keys import RunKey
from service.store.tables import Rows
from workers.evaluation.intervals import wilson
from workers.nn.losses import AnyLoss
from workers.tagged_union import members, name_of

FREQUENCY_AWARE = frozenset(name_of(loss) for loss in members(AnyLoss) if loss.frequency_aware)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The figures behind the findings, all of the validation part. They exist once a run has selected an epoch.

    repeated_rows: how many rows of each part are equal to training rows. selected: a row per seed with its `seed`,
    `rows`, and for each class `support` and `class_precision`, which is null for a class that is never predicted.
    """

    spec: dict[str, Any]
    split_counts: dict[str, list[int]]
    repeated_rows: Mapping[str, int]
    runs: Rows
    selected: Rows
    metrics: Mapping[str, Estimate | None]
    classes: list[ClassEstimate]
    baselines: list[Baseline]

    @property
    def of_folds(self) -> bool:
        """Whether the experiment is a cross-validation."""
        return "folds" in self.spec["split"]

    @property
    def part(self) -> str:
        """The part that the figures are of."""
        return measured_part(self.spec)

    @property
    def unit(self) -> str:
        """What the figures are means over: seeds, or the runs of a cross-validation."""
        return "run" if self.of_folds else "seed"

    @property
    def accuracy(self) -> float:
        """The mean over the seeds."""
        return self.mean("accuracy")

    def mean(self, metric: str) -> float:
        """The mean over the seeds of a metric that every epoch has."""
        estimate = self.metrics[metric]
        if estimate is None:
            raise ValueError(f"no seed has a value of {metric}")
        return estimate.mean

    @property
    def accuracy_low(self) -> float:
        """The lower end of its interval; until that is computed, Wilson's for the rows of one seed."""
        estimate = self.metrics["accuracy"]
        if estimate is not None and estimate.low is not None:
            return estimate.low
        rows = self.selected[0].rows
        interval = wilson(round(self.accuracy * rows), rows)
        return interval.low if interval else 0.0

    @property
    def is_linear(self) -> bool:
        """Whether the network is softmax regression itself."""
        model = self.spec["model"]
        return bool(model["name"] == "mlp" and not model["hidden"])

    @property
    def present(self) -> list[ClassEstimate]:
        """The classes with validation rows."""
        return [each for each in self.classes if each.support]

    def baseline(self, name: str) -> Baseline | None:
        """The baseline of this name if the accuracy is not clearly above it: it reaches the lower bound."""
        found = next((each for each in self.baselines if each.name == name), None)
        return found if found and found.accuracy >= self.accuracy_low else None

    @cached_property
    def predicted(self) -> dict[RunKey, set[int]]:
        """The classes that the model of each run predicts at least once, by their index."""
        return {
            RunKey.of(row): {
                index for index, precision in enumerate(row.class_precision) if precision is not None
            }
            for row in self.selected
        }


Finder = Callable[[Evidence], Iterator[Remark]]


def findings_about(evidence: Evidence) -> list[Remark]:
    """All findings, the most serious first."""
    return [remark for finder in FINDERS for remark in finder(evidence)]


def collapsed(evidence: Evidence) -> Iterator[Remark]:
    for each in evidence.classes:
        runs = [run for run, classes in evidence.predicted.items() if classes == {each.index}]
        if runs and len(evidence.present) > 1:
            every = f"The model predicts '{each.class_}' for every {evidence.part} row{_by(runs, evidence)}"
            sentence = f"{every}: it does not distinguish the classes."
            yield Remark(code="collapsed", sentence=sentence, remedy=_how_to_learn(evidence))


def no_better_than_majority(evidence: Evidence) -> Iterator[Remark]:
    majority = evidence.baseline("majority")
    if majority is None:
        return
    always = f"always answering '{majority.predicted_class}'"
    balanced, chance = evidence.mean("balanced_accuracy"), 1 / len(evidence.present)
    sentence = (
        f"{_compared(evidence, majority.accuracy, always)}; "
        f"balanced accuracy is {balanced:.3f}, where chance is {chance:.3f}."
    )
    remedy = "Judge the model by its balanced accuracy and the accuracy of each class. " + _how_to_learn(
        evidence
    )
    yield Remark(code="no_better_than_majority", sentence=sentence, remedy=remedy)


def no_better_than_linear(evidence: Evidence) -> Iterator[Remark]:
    linear = evidence.baseline("linear")
    if linear is not None and not evidence.is_linear:
        stands = _compared(evidence, linear.accuracy, "a linear model")
        sentence = f"{stands}: the hidden layers do not improve on it yet."
        remedy = 'Train longer, change the network, or take the simpler model: "hidden": [].'
        yield Remark(code="no_better_than_linear", sentence=sentence, remedy=remedy)


def never_predicted(evidence: Evidence) -> Iterator[Remark]:
    """Models that predict a single class are left out: `collapsed` reports those."""
    alive = {run: classes for run, classes in evidence.predicted.items() if len(classes) > 1}
    missed = [
        (each.class_, run)
        for each in evidence.present
        for run, classes in alive.items()
        if each.index not in classes
    ]
    if missed:
        names = list(dict.fromkeys(name for name, _ in missed))
        runs = sorted({run for _, run in missed})
        sentence = (
            f"Never predicted{_by(runs, evidence)}: {_named(names)}, though {evidence.part} has such rows."
        )
        yield Remark(code="never_predicted", sentence=sentence, remedy=_how_to_learn(evidence))


def still_improving(evidence: Evidence) -> Iterator[Remark]:
    last = {RunKey.of(run): run.epochs for run in evidence.runs if run.status == "succeeded"}
    if all(last.get(RunKey.of(row)) == row.epoch for row in evidence.selected):
        sentence = f"Every {evidence.unit} was at its best in its last epoch, so these figures may still change with "
        sentence += "more epochs."
        remedy = (
            "Raise training.epochs and let early_stopping end the training. Until then, do not compare it."
        )
        yield Remark(code="still_improving", sentence=sentence, remedy=remedy)


def rows_repeated(evidence: Evidence) -> Iterator[Remark]:
    repeated = evidence.repeated_rows.get(evidence.part, 0)
    if repeated:
        rows = sum(evidence.split_counts[evidence.part])
        where = " of the first fold" if evidence.of_folds else ""
        are = "is equal to a training row" if repeated == 1 else "are equal to training rows"
        sentence = (
            f"{repeated:,} of the {rows:,} {evidence.part} rows{where} {are}: a model that remembers "
            "them looks better than it is on new rows."
        )
        remedy = 'Set "groups": "duplicates" in split, which keeps equal rows in one part.'
        yield Remark(code="rows_repeated", sentence=sentence, remedy=remedy)


def seeds_left_out(evidence: Evidence) -> Iterator[Remark]:
    failed = [run for run in evidence.runs if run.status == "failed"]
    if failed and not evidence.of_folds:
        causes = ", ".join(f"{run.seed} ({run.cause})" for run in failed)
        sentence = (
            f"{_plural('Seed', len(failed))} {causes} failed: the means cover the other {len(evidence.selected)} "
            f"of {len(evidence.runs)} seeds, and do not show how often training fails."
        )
        remedy = (
            "Report the failures with the means, or stabilise training: a lower learning rate, or clip_norm."
        )
        yield Remark(code="seeds_left_out", sentence=sentence, remedy=remedy)


def folds_left_out(evidence: Evidence) -> Iterator[Remark]:
    failed = [run for run in evidence.runs if run.status == "failed"]
    if failed and evidence.of_folds:
        causes = ", ".join(sorted({run.cause for run in failed}))
        folds = [{(row.repeat, row.fold) for row in rows} for rows in (evidence.selected, evidence.runs)]
        sentence = (
            f"{len(failed)} of {len(evidence.runs)} runs failed ({causes}): the means cover the other runs of "
            f"{len(folds[0])} of {len(folds[1])} folds, and do not show how often training fails."
        )
        remedy = (
            "Report the failures with the means, or stabilise training: a lower learning rate, or clip_norm."
        )
        yield Remark(code="folds_left_out", sentence=sentence, remedy=remedy)


FINDERS: tuple[Finder, ...] = (
    collapsed,
    no_better_than_majority,
    never_predicted,
    no_better_than_linear,
    rows_repeated,
    still_improving,
    seeds_left_out,
    folds_left_out,
)


def _compared(evidence: Evidence, baseline: float, whose: str) -> str:
    """A comparison of the accuracy with one that it is not clearly above, in words."""
    accuracy = evidence.accuracy
    if f"{accuracy:.3f}" == f"{baseline:.3f}":
        return f"Accuracy {accuracy:.3f} equals that of {whose}"
    if accuracy < baseline:
        return f"Accuracy {accuracy:.3f} is below the {baseline:.3f} of {whose}"
    return (
        f"Accuracy {accuracy:.3f} is not clearly above the {baseline:.3f} of {whose} "
        f"(its interval {'' if evidence.of_folds else 'over the rows '}starts at {evidence.accuracy_low:.3f})"
    )


def _how_to_learn(evidence: Evidence) -> str:
    spec, training = evidence.spec, evidence.split_counts["train"]
    corrected = (
        spec["balancing"]["name"] != "none"
        or spec["class_weights"]["name"] != "none"
        or spec["loss"]["name"] in FREQUENCY_AWARE
    )
    if corrected or max(training) < 1.5 * min(training):
        return "Train longer, or change the learning rate, the loss or the network."
    return 'Try "balancing": "oversample", or "class_weights": "inverse_frequency".'


def _by(runs: list[RunKey], evidence: Evidence) -> str:
    """The seeds in brackets, or of a cross-validation how many runs; nothing if it is all of them."""
    if len(runs) == len(evidence.selected):
        return ""
    if evidence.of_folds:
        return f" (in {len(runs)} of {len(evidence.selected)} runs)"
    return f" ({_plural('seed', len(runs))} {', '.join(str(run.seed) for run in runs)})"


def _plural(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def _named(names: Sequence[str]) -> str:
    """The first five names, in quotes."""
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(f"'{name}'" for name in names[:5]) + more
