"""Warnings about method: choices that are allowed, but make an honest comparison harder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from workers.ineffective_settings import find_ineffective_settings
from workers.nn.arrays import Array
from workers.spec import ExperimentSpec

IMBALANCED = 1.5
"""Rows of the largest training class for each of the smallest, from which a data set counts as imbalanced."""
FEW_ROWS = 30
"""Validation rows of a class below which its accuracy says little: Wilson's interval spans a third and more."""
LARGE_WEIGHT = 10.0
LARGE_STEPS = {"sgd": 0.1, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.01}
"""Learning rates from which large class weights are apt to make training diverge."""


@dataclass(frozen=True)
class Warning:  # noqa: A001 -- the interface's word for it
    """A code for programs, a sentence for people, and what to do instead."""

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True, eq=False)
class WarningContext:
    """What a warning looks at: the spec, and what its data makes of it."""

    spec: ExperimentSpec
    classes: Sequence[str]
    split_counts: dict[str, list[int]]
    sampled_counts: Array

    @property
    def is_imbalanced(self) -> bool:
        """Whether the training part is."""
        training = self.split_counts["train"]
        return max(training) >= IMBALANCED * max(1, min(training))

    @property
    def weights(self) -> Array | None:
        """The class weights, relative to the smallest positive one."""
        weights = self.spec.class_weights(self.sampled_counts)
        if weights is None:
            return None
        with np.errstate(over="ignore"):
            relative: Array = weights / weights[weights > 0].min()
        return np.minimum(relative, np.finfo(np.float64).max)

    def named(self, indices: Iterator[int] | Sequence[int]) -> str:
        """The classes of `indices` by name, the first few of them."""
        names = [f"'{self.classes[index]}'" for index in indices]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return ", ".join(names[:5]) + more


Check = Callable[[WarningContext], Iterator[Warning]]


def find_warnings(
    spec: ExperimentSpec, classes: Sequence[str], split_counts: dict[str, list[int]], sampled_counts: Array
) -> list[Warning]:
    """Every warning that a planned spec deserves, in the order of CHECKS."""
    submitted = WarningContext(spec, classes, split_counts, sampled_counts)
    return [warning for check in CHECKS for warning in check(submitted)]


def one_seed(given: WarningContext) -> Iterator[Warning]:
    if len(given.spec.seeds) == 1:
        sentence = "A single seed shows a single outcome, not how much the outcome varies by chance."
        yield Warning("one_seed", sentence, 'Give several, such as "seeds": [0, 1, 2].')


def class_missing(given: WarningContext) -> Iterator[Warning]:
    for part, counts in given.split_counts.items():
        missing = [index for index, rows in enumerate(counts) if rows == 0]
        if missing and sum(counts):
            sentence = (
                f"The {part} part has no rows of {given.named(missing)}, so the accuracy there is unknown."
            )
            yield Warning("class_missing", sentence, 'Set "stratify": true in split.')


def few_validation_rows(given: WarningContext) -> Iterator[Warning]:
    few = [k for k, rows in enumerate(given.split_counts["validation"]) if 0 < rows < FEW_ROWS]
    if few:
        sentence = (
            f"The validation part has fewer than {FEW_ROWS} rows of {given.named(few)}, "
            "so the intervals of the accuracy there are wide."
        )
        yield Warning(
            "few_validation_rows", sentence, "Read the intervals, or give validation a larger share."
        )


def not_stratified(given: WarningContext) -> Iterator[Warning]:
    if not given.spec.split.stratify and given.is_imbalanced:
        sentence = (
            "The classes are imbalanced and the split is not stratified: chance decides how many rare rows a part "
            "has."
        )
        yield Warning("not_stratified", sentence, 'Set "stratify": true in split.')


def nothing_held_back(given: WarningContext) -> Iterator[Warning]:
    if not sum(given.split_counts["test"]):
        sentence = (
            "No test part is held back. A model chosen on the validation part looks better there than on new "
            "data."
        )
        yield Warning("nothing_held_back", sentence, 'Give "test" a share in split.')


def l1_collapses(given: WarningContext) -> Iterator[Warning]:
    if given.spec.loss.name == "l1" and given.spec.loss.output in ("linear", "sigmoid"):
        sentence = (
            "L1 estimates the median of each one-hot output. It is 0 wherever no class is likelier than all others "
            "together, so such a network collapses."
        )
        yield Warning("l1_collapses", sentence, 'Use {"name": "l1", "output": "softmax"}, or another loss.')


def large_weights_large_step(given: WarningContext) -> Iterator[Warning]:
    weights, optimizer = given.weights, given.spec.optimizer
    step = LARGE_STEPS.get(optimizer.name, np.inf)
    if weights is not None and weights.max() >= LARGE_WEIGHT and optimizer.learning_rate >= step:
        sentence = (
            f"Class weights up to {_rounded(weights.max())} times the smallest, with a learning rate of "
            f"{optimizer.learning_rate:g}, let single rare rows move the weights far: training may diverge."
        )
        yield Warning(
            "large_weights_large_step", sentence, "Lower the learning rate, set clip_norm, or oversample."
        )


def accuracy_selects(given: WarningContext) -> Iterator[Warning]:
    if given.spec.selection_metric == "accuracy" and given.is_imbalanced:
        sentence = "On imbalanced classes, accuracy selects the epoch that is best for the common classes."
        yield Warning("accuracy_selects", sentence, "Select by balanced_accuracy, macro_f1 or mcc.")


def double_correction(given: WarningContext) -> Iterator[Warning]:
    spec = given.spec
    corrections = []
    if spec.class_weights.name in ("inverse_frequency", "effective_number") and given.weights is not None:
        corrections += ["class_weights"] if given.weights.max() > 1 + 1e-6 else []
    corrections += ["loss"] if spec.loss.frequency_aware else []
    corrections += ["prediction"] if spec.prediction.name == "logit_adjusted" else []
    if len(corrections) > 1:
        sentence = f"{' and '.join(corrections)} each correct the imbalance: together they overcorrect it."
        yield Warning("double_correction", sentence, "Keep one of them.")


def weights_without_effect(given: WarningContext) -> Iterator[Warning]:
    weights, spec = given.weights, given.spec
    if weights is not None and spec.balancing.name != "none" and weights.max() <= 1 + 1e-6:
        sentence = "The balancing already draws all classes equally often, so every class weight is 1."
        yield Warning(
            "weights_without_effect", sentence, "Keep the balancing or the class weights, not both."
        )


def without_effect(given: WarningContext) -> Iterator[Warning]:
    counts = np.array(given.split_counts["train"])
    for setting in find_ineffective_settings(given.spec, counts, given.sampled_counts):
        yield Warning("without_effect", setting.sentence, setting.remedy)


CHECKS: tuple[Check, ...] = (
    one_seed,
    class_missing,
    few_validation_rows,
    not_stratified,
    nothing_held_back,
    l1_collapses,
    large_weights_large_step,
    accuracy_selects,
    double_correction,
    weights_without_effect,
    without_effect,
)


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number < 1e6 else f"{number:.1e}"
