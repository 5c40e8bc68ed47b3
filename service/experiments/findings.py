"""Findings: reasons to read the figures of an experiment with care. Each is one function."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from service.experiments.baseline_comparison import BaselineComparison, compare
from service.experiments.column_drop import drop_by_column
from service.figure_text import figure_text
from service.schemas.base import Remark
from service.schemas.summary import Baseline, ClassEstimate, Estimate
from service.store.attempts import Computations, described
from service.store.run_keys import RunKey
from service.store.spec_facts import is_of_folds, is_regression, is_solved, measured_part
from service.store.tables import Rows
from workers.data.far_rows import FarRows, describe
from workers.evaluation.heavy_tails import has_heavy_tails
from workers.nn.losses import AnyLoss
from workers.spec_rules import LINEAR_LOSSES
from workers.tagged_union import members, name_of

NAMED_COLUMNS = 3
WEIGHTED = ("linear_balanced", "ridge_balanced")
"""Baselines that are fitted with the balancing and weights of the spec."""
PLAIN_CHOICES = (("balancing", "none"), ("class_weights", "none"), ("prediction", "argmax"))
"""The fields that tell a balanced baseline from a plain one, with the plain choice of each."""
FREQUENCY_AWARE = frozenset(name_of(loss) for loss in members(AnyLoss) if loss.frequency_aware)


@dataclass(frozen=True, eq=False)
class Evidence:
    """The figures behind the findings, all of the validation part. They exist once a run has selected an epoch.

    repeated_rows: how many rows of each part are equal to training rows. gaps: of the columns of a table, as the plan
    has them. image_shape: (height, width, channels), or
    None. far_rows: those of the measured part that lie far outside of training; None if there are none.
    slopes: a row per run of a solved model with its `gradient_norm`, the largest slope that is left; else empty.
    selected: a row per seed with its `seed`, `rows`, and for each class `support` and `class_precision`, which is
    null for a class that is never predicted.
    """

    spec: dict[str, Any]
    split_counts: dict[str, list[int]]
    repeated_rows: Mapping[str, int]
    gaps: Sequence[Mapping[str, Any]]
    image_shape: Sequence[int] | None
    far_rows: FarRows | None
    runs: Rows
    slopes: Rows
    selected: Rows
    computations: Computations
    metrics: Mapping[str, Estimate | None]
    classes: list[ClassEstimate]
    baselines: list[Baseline]

    @property
    def of_folds(self) -> bool:
        """Whether the experiment is a cross-validation."""
        return is_of_folds(self.spec)

    @property
    def part(self) -> str:
        """The part that the figures are of."""
        return measured_part(self.spec)

    @property
    def unit(self) -> str:
        """What the figures are means over: seeds, or the runs of a cross-validation."""
        return "run" if self.of_folds else "seed"

    @property
    def is_solved(self) -> bool:
        """Whether the model is solved, not trained in epochs."""
        return is_solved(self.spec)

    @property
    def is_linear_network(self) -> bool:
        """Whether the model is a network without hidden layers: softmax regression, trained in steps."""
        model = self.spec["model"]
        return bool(model["name"] == "mlp" and not model["hidden"])

    @property
    def present(self) -> list[ClassEstimate]:
        """The classes with validation rows."""
        return [each for each in self.classes if each.support]

    def comparisons(self, *names: str) -> list[BaselineComparison]:
        """The comparisons with the baselines of these names that there are."""
        found = (
            compare(self.spec, self.metrics, self.classes, each)
            for each in self.baselines
            if each.name in names
        )
        return [comparison for comparison in found if comparison is not None]

    @cached_property
    def linear(self) -> BaselineComparison | None:
        """The comparison with the better one of the linear baselines."""
        return min(self.comparisons("linear", "ridge", *WEIGHTED), key=lambda each: each.gain, default=None)

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
    if is_regression(evidence.spec):
        return
    for each in evidence.classes:
        runs = [run for run, classes in evidence.predicted.items() if classes == {each.index}]
        if runs and len(evidence.present) > 1:
            every = f"The model predicts '{each.class_}' for every {evidence.part} row{_by(runs, evidence)}"
            sentence = f"{every}: it does not distinguish the classes."
            yield Remark(code="collapsed", sentence=sentence, remedy=_how_to_learn(evidence))


def no_better_than_majority(evidence: Evidence) -> Iterator[Remark]:
    for majority in evidence.comparisons("majority"):
        if majority.is_clearly_better:
            continue
        always = f"always answering '{majority.baseline.predicted_class}'"
        if majority.baseline.predicted_class is None:
            always = "always answering the most frequent class of training"
        remedy = _how_to_learn(evidence)
        if majority.metric == "accuracy":
            balanced, chance = evidence.metrics["balanced_accuracy"], 1 / len(evidence.present)
            beside = (
                f"balanced accuracy is {figure_text(balanced.mean)}, where chance is {figure_text(chance)}"
                if balanced
                else ""
            )
            remedy = f"Judge the model by its balanced accuracy and the accuracy of each class. {remedy}"
        else:
            accuracy = evidence.metrics["accuracy"]
            beside = (
                f"accuracy is {figure_text(accuracy.mean)} and {figure_text(majority.baseline.accuracy or 0.0)}"
                if accuracy
                else ""
            )
        sentence = f"{majority.sentence(always)}; {beside}."
        yield Remark(code="no_better_than_majority", sentence=sentence, remedy=remedy)


def no_better_than_constant(evidence: Evidence) -> Iterator[Remark]:
    constants = evidence.comparisons("mean", "median")
    best = min(constants, key=lambda each: each.gain, default=None)
    if best is None or best.is_clearly_better:
        return
    always = f"always predicting the {best.baseline.name} of the training targets"
    remedy = (
        "Train longer, change the learning rate, the loss or the network; or the features say little of it."
    )
    yield Remark(code="no_better_than_constant", sentence=f"{best.sentence(always)}.", remedy=remedy)


def no_better_than_linear(evidence: Evidence) -> Iterator[Remark]:
    linear = evidence.linear
    if linear is None or linear.is_clearly_better or evidence.is_solved or evidence.is_linear_network:
        return
    use = "do not improve on it yet" if linear.gain <= 0 else "are not shown to improve on it"
    sentence = f"{linear.sentence(_linear_model(linear, evidence))}: the hidden layers {use}."
    remedy = f"Train longer, change the network, or take the simpler model: {_changes(linear)}."
    yield Remark(code="no_better_than_linear", sentence=sentence, remedy=remedy)


SHORTFALL = 0.01
"""How far a linear network may stay behind the solution: regularisation and early stopping differ, too."""


def short_of_solution(evidence: Evidence) -> Iterator[Remark]:
    linear = evidence.linear
    if evidence.is_linear_network and linear is not None and linear.gain < -SHORTFALL * linear.unit:
        sentence = (
            f"{linear.sentence(_linear_model(linear, evidence))}, solved to convergence: this network is linear too, "
            "and its training falls short of that solution."
        )
        remedy = f"Take the solution: {_changes(linear)}. Or train longer, with a larger learning rate."
        yield Remark(code="short_of_solution", sentence=sentence, remedy=remedy)


def never_predicted(evidence: Evidence) -> Iterator[Remark]:
    """Models that predict a single class are left out: `collapsed` reports those."""
    if is_regression(evidence.spec):
        return
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
    if evidence.is_solved:
        return
    last = {RunKey.of(run): run.epochs for run in evidence.runs if run.status == "succeeded"}
    if all(last.get(RunKey.of(row)) == row.epoch for row in evidence.selected):
        sentence = f"Every {evidence.unit} was at its best in its last epoch, so these figures may still change with "
        sentence += "more epochs."
        remedy = (
            "Raise training.epochs and let early_stopping end the training. Until then, do not compare it."
        )
        yield Remark(code="still_improving", sentence=sentence, remedy=remedy)


NOT_CONVERGED = 1e-7
"""The largest slope of a solution, well above the tolerance of the solver: rounding may end it before."""


def not_converged(evidence: Evidence) -> Iterator[Remark]:
    left = {RunKey.of(row): row.gradient_norm for row in evidence.slopes}
    short = [run for run, slope in left.items() if slope > NOT_CONVERGED]
    if short:
        largest = max(left[run] for run in short)
        sentence = (
            f"The solver used up its rounds{_by(short, evidence)} before it converged: a slope of {largest:.1e} is "
            f"left, at a solution it is below {NOT_CONVERGED:g}. The figures are not those of the best linear model."
        )
        remedy = 'Give the model a stronger penalty, such as "l2": 0.01, or another scaling.'
        yield Remark(code="not_converged", sentence=sentence, remedy=remedy)


def below_random_split(evidence: Evidence) -> Iterator[Remark]:
    by = evidence.spec["split"].get("by")
    found = next((each.random_split for each in evidence.baselines if each.random_split), None)
    if by is not None and found is not None and found.drop_low > 0:
        yield drop_by_column(by["column"], found)


def far_from_training(evidence: Evidence) -> Iterator[Remark]:
    far = evidence.far_rows
    shape = None if evidence.image_shape is None else tuple(evidence.image_shape)
    if far is None:
        return
    rows = (
        f"{far.rows:,} {evidence.part} {_plural('row', far.rows)}{' of a fold' if evidence.of_folds else ''}"
    )
    sentence, remedy = describe(far, rows, evidence.spec["scaling"]["name"], shape)
    yield Remark(code="far_from_training", sentence=sentence, remedy=remedy)


def levels_unknown(evidence: Evidence) -> Iterator[Remark]:
    unknown = [each for each in evidence.gaps if each["unknown"]]
    if unknown:
        named = "; ".join(
            f"'{each['column']}' in {each['unknown']:,} {_plural('row', each['unknown'])} ({_named(each['levels'])})"
            for each in unknown[:NAMED_COLUMNS]
        )
        more = f"; and {len(unknown) - NAMED_COLUMNS} more columns" if len(unknown) > NAMED_COLUMNS else ""
        where = " of the first fold" if evidence.of_folds else ""
        sentence = (
            f"Categories have levels in {evidence.part}{where} that no training row has: {named}{more}. The model "
            "knows nothing of them, and reads zeros."
        )
        remedy = (
            'Train on more rows, or let levels share elements: "preprocessing": {"categories": "hashing"}.'
        )
        yield Remark(code="levels_unknown", sentence=sentence, remedy=remedy)


def heavy_tails(evidence: Evidence) -> Iterator[Remark]:
    rmse, mae = evidence.metrics.get("rmse"), evidence.metrics.get("mae")
    rows = sum(evidence.split_counts[evidence.part])
    if rmse is None or mae is None or not has_heavy_tails(rmse.mean, mae.mean, rows):
        return
    sentence = (
        f"The errors have heavy tails: RMSE is {rmse.mean / mae.mean:.2f} times MAE, where 1.25 is normal. "
        "A few rows decide MSE, RMSE and R2, so that their intervals are too short: in simulations of such errors "
        "they contain the truth in 70 to 85 of 100 cases, and not in 95."
    )
    remedy = 'Compare and select by "mae" or "median_absolute_error"; train with "l1" or "huber".'
    yield Remark(code="heavy_tails", sentence=sentence, remedy=remedy)


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


STABILISE = "Report the failures with the means, or stabilise training: a lower learning rate, or clip_norm."


def seeds_left_out(evidence: Evidence) -> Iterator[Remark]:
    failed = [run for run in evidence.runs if run.status == "failed"]
    if failed and not evidence.of_folds:
        causes = ", ".join(f"{run.seed} ({run.cause})" for run in failed)
        sentence = (
            f"{_plural('Seed', len(failed))} {causes} failed: the means cover the other {len(evidence.selected)} "
            f"of {len(evidence.runs)} seeds, and do not show how often training fails."
        )
        yield Remark(code="seeds_left_out", sentence=sentence, remedy=STABILISE)


def folds_left_out(evidence: Evidence) -> Iterator[Remark]:
    failed = [run for run in evidence.runs if run.status == "failed"]
    if failed and evidence.of_folds:
        causes = ", ".join(sorted({run.cause for run in failed}))
        folds = [{(row.repeat, row.fold) for row in rows} for rows in (evidence.selected, evidence.runs)]
        sentence = (
            f"{len(failed)} of {len(evidence.runs)} runs failed ({causes}): the means cover the other runs of "
            f"{len(folds[0])} of {len(folds[1])} folds, and do not show how often training fails."
        )
        yield Remark(code="folds_left_out", sentence=sentence, remedy=STABILISE)


def mixed_kernels(evidence: Evidence) -> Iterator[Remark]:
    mixed = {key: computed for key, computed in evidence.computations.items() if len(computed) > 1}
    if not mixed:
        return
    runs = [row for row in evidence.selected if RunKey.of(row) in mixed]
    first = mixed[min(mixed)]
    start = described(first[0].environment)
    changes = "; ".join(f"after epoch {each.after_epoch} {described(each.environment)}" for each in first[1:])
    yield Remark(
        code="mixed_kernels",
        sentence=f"{len(mixed)} of {len(evidence.runs)} runs were continued by another processor, other kernels or "
        f"other versions{_by([RunKey.of(row) for row in runs], evidence)}: at first {start}; "
        f"{changes}. Rounding differs, so these figures cannot be repeated to the last bit.",
        remedy="Submit the spec again to agents of one kind if you need that.",
    )


FINDERS: tuple[Finder, ...] = (
    collapsed,
    no_better_than_majority,
    no_better_than_constant,
    never_predicted,
    no_better_than_linear,
    short_of_solution,
    not_converged,
    rows_repeated,
    below_random_split,
    far_from_training,
    levels_unknown,
    heavy_tails,
    still_improving,
    seeds_left_out,
    folds_left_out,
    mixed_kernels,
)


def _linear_model(linear: BaselineComparison, evidence: Evidence) -> str:
    """The linear baseline in words."""
    baseline, rows = linear.baseline, sum(evidence.split_counts["train"])
    words = "ridge regression" if is_regression(evidence.spec) else "a linear model"
    if baseline.name in WEIGHTED:
        words += f" with the same {_corrections(evidence.spec, 'and')}"
    elif any(each.name in WEIGHTED for each in evidence.baselines):
        words += f" without {_corrections(evidence.spec, 'or')}"
    fitted = baseline.training_rows
    if fitted is not None and fitted < rows and not evidence.of_folds:
        words += f" fitted to {fitted:,} of the {rows:,} training rows"
    return words


def _corrections(spec: dict[str, Any], conjunction: str) -> str:
    """What of the spec a balanced linear baseline has, and a plain one has not, in words."""
    found = [field.replace("_", " ") for field, plain in PLAIN_CHOICES if spec[field]["name"] != plain]
    if spec["loss"]["name"] in LINEAR_LOSSES[1:]:
        found.append(f"loss {spec['loss']['name'].replace('_', ' ')}")
    if not found:
        found = ["settings"]
    return f" {conjunction} ".join(filter(None, (", ".join(found[:-1]), found[-1])))


def _changes(linear: BaselineComparison) -> str:
    """The fields to change in a spec to train the linear baseline, as JSON without its braces."""
    changes = linear.baseline.changes or {"model": "linear"}
    return ", ".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in changes.items())


def _how_to_learn(evidence: Evidence) -> str:
    spec, training = evidence.spec, evidence.split_counts["train"]
    corrected = (
        spec["balancing"]["name"] != "none"
        or spec["class_weights"]["name"] != "none"
        or spec["loss"]["name"] in FREQUENCY_AWARE
    )
    if not corrected and max(training) >= 1.5 * min(training):
        return 'Try "balancing": "oversample", or "class_weights": "inverse_frequency".'
    if evidence.is_solved:
        return 'Try a network with hidden layers, such as "model": {"hidden": [64]}.'
    return "Train longer, or change the learning rate, the loss or the network."


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
