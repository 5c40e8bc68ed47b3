"""Method warnings: choices in a spec that are allowed, but make an honest comparison harder."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from workers.data.far_rows import describe
from workers.data.far_rows_of_split import FarRowsOfSplit
from workers.dense_steps import MOST_PRODUCTS
from workers.ineffective_settings import find_ineffective_settings
from workers.nn.arrays import Array, Shape
from workers.range_text import range_text
from workers.spec import ExperimentSpec
from workers.thresholds import ThresholdRule

IMBALANCED = 1.5
"""The ratio of the largest to the smallest training class from which a data set counts as imbalanced."""
FEW_ROWS = 30
"""Validation rows of a class below which its accuracy says little: Wilson's interval spans a third or more."""
LARGE_WEIGHT = 10.0
OUTLIER = 10.0
"""Robust standard deviations from the median from which a target counts as an outlier."""
ROBUST_SD = 1.4826
"""Standard deviations of a normal distribution in its median absolute deviation."""
LARGE_STEPS = {"sgd": 0.1, "adam": 0.01, "adamw": 0.01, "rmsprop": 0.01}
"""Learning rates, by optimizer, from which large class weights are likely to make training diverge."""


@dataclass(frozen=True)
class Warning:  # noqa: A001 -- the interface calls it a warning
    """A code for programs, a sentence for people, and what to do instead."""

    code: str
    sentence: str
    remedy: str


@dataclass(frozen=True, eq=False)
class WarningContext:
    """The input of a check: the spec, the names of the classes, and their counts.

    split_counts: rows of each class (K,) in each part. sampled_counts: expected examples of each class per epoch.
    evaluated_counts: rows of each class (K,) in the evaluation parts of all folds of a repeat; empty without folds.
    far_rows: those of the first fold, if there are any. shape: of an image, or None.
    targets: the training targets (n,) of a regression; the classes are then bins of them. None otherwise.
    parameters: of the network.
    """

    spec: ExperimentSpec
    classes: Sequence[str]
    split_counts: dict[str, list[int]]
    sampled_counts: Array
    evaluated_counts: Sequence[int] = ()
    far_rows: FarRowsOfSplit | None = None
    shape: Shape | None = None
    targets: NDArray[np.float64] | None = None
    parameters: int = 0

    @property
    def figure(self) -> str:
        """What is measured of each class, or of each bin of a regression."""
        return "error" if self.is_regression else "accuracy"

    @property
    def is_regression(self) -> bool:
        """Whether numbers are predicted."""
        return self.spec.task == "regression"

    @property
    def is_imbalanced(self) -> bool:
        """Whether the training part is imbalanced."""
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
        """The names of the classes at `indices`: the first five, and how many more there are."""
        text = range_text if self.is_regression else str
        names = [f"'{text(self.classes[index])}'" for index in indices]
        more = f" and {len(names) - 5} more" if len(names) > 5 else ""
        return ", ".join(names[:5]) + more


Check = Callable[[WarningContext], Iterator[Warning]]


def find_warnings(context: WarningContext) -> list[Warning]:
    """Every warning about a spec and its data, in the order of CHECKS."""
    return [warning for check in CHECKS for warning in check(context)]


def one_seed(context: WarningContext) -> Iterator[Warning]:
    spec = context.spec
    if len(spec.seeds) == len(spec.split.all_folds) == 1 and not spec.model.solved:
        sentence = "A single seed shows a single outcome, not how much the outcome varies by chance."
        yield Warning("one_seed", sentence, 'Give several, such as "seeds": [0, 1, 2].')


def small_products(context: WarningContext) -> Iterator[Warning]:
    training = context.spec.training
    if training.is_mixed and training.batch_size * context.parameters <= MOST_PRODUCTS:
        sentence = (
            f"With {context.parameters:,} parameters and {training.batch_size} rows in a batch, a step is too short "
            "for bfloat16 to save time: float32 is as fast or faster."
        )
        yield Warning(
            "small_products", sentence, 'Use "precision": "float32", a wider model or larger batches.'
        )


def seeds_without_effect(context: WarningContext) -> Iterator[Warning]:
    if len(context.spec.seeds) > 1 and context.spec.model.solved:
        sentence = (
            f"The linear model is solved, and chance plays no part in it: all {len(context.spec.seeds)} seeds give "
            "the same figures."
        )
        yield Warning("seeds_without_effect", sentence, 'Give one seed. The split has a "seed" of its own.')


def class_missing(context: WarningContext) -> Iterator[Warning]:
    for part, counts in context.split_counts.items():
        missing = [index for index, rows in enumerate(counts) if rows == 0]
        if missing and sum(counts):
            sentence = (
                f"The {part} part has no rows of {context.named(missing)}, so the {context.figure} there is "
                "unknown."
            )
            yield Warning("class_missing", sentence, 'Set "stratify": true in split.')


def few_evaluation_rows(context: WarningContext) -> Iterator[Warning]:
    few = [k for k, rows in enumerate(context.evaluated_counts) if 0 < rows < FEW_ROWS]
    if few:
        sentence = (
            f"The folds together evaluate fewer than {FEW_ROWS} rows of {context.named(few)}, so the intervals of "
            f"the {context.figure} there are wide. More repeats evaluate the same rows again."
        )
        yield Warning("few_evaluation_rows", sentence, "Read the intervals, or collect more such rows.")


def few_validation_rows(context: WarningContext) -> Iterator[Warning]:
    if context.evaluated_counts:  # the validation part only selects the epoch
        return
    few = [k for k, rows in enumerate(context.split_counts["validation"]) if 0 < rows < FEW_ROWS]
    if few:
        sentence = (
            f"The validation part has fewer than {FEW_ROWS} rows of {context.named(few)}, "
            f"so the intervals of the {context.figure} there are wide."
        )
        yield Warning(
            "few_validation_rows", sentence, "Read the intervals, or give validation a larger share."
        )


def not_stratified(context: WarningContext) -> Iterator[Warning]:
    by_column = getattr(context.spec.split, "by", None) is not None
    if not context.spec.split.stratify and not by_column and context.is_imbalanced:
        sentence = (
            "The classes are imbalanced and the split is not stratified: chance decides how many rare rows a part "
            "has."
        )
        yield Warning("not_stratified", sentence, 'Set "stratify": true in split.')


def nothing_held_back(context: WarningContext) -> Iterator[Warning]:
    if not sum(context.split_counts["test"]):
        sentence = (
            "No test part is held back. A model chosen on the validation part looks better there than on new "
            "data."
        )
        yield Warning("nothing_held_back", sentence, 'Give "test" a share in split.')


def far_from_training(context: WarningContext) -> Iterator[Warning]:
    far = context.far_rows
    if far is not None:
        of_read = "" if far.read == far.part_rows else f" of {far.read:,} that were looked at"
        fold = " of the first fold" if context.evaluated_counts else ""
        rows = f"{far.found.rows:,} {far.part} {'row' if far.found.rows == 1 else 'rows'}{of_read}{fold}"
        scaling = context.spec.scaling.name
        yield Warning("far_from_training", *describe(far.found, rows, scaling, context.shape))


def l1_collapses(context: WarningContext) -> Iterator[Warning]:
    if (
        not context.is_regression
        and context.spec.loss.name == "l1"
        and context.spec.loss.output in ("linear", "sigmoid")
    ):
        sentence = (
            "L1 estimates the median of each one-hot output. It is 0 wherever no class is likelier than all others "
            "together, so such a network collapses."
        )
        yield Warning("l1_collapses", sentence, 'Use {"name": "l1", "output": "softmax"}, or another loss.')


def outliers_pull_the_mean(context: WarningContext) -> Iterator[Warning]:
    if context.targets is None or context.spec.loss.name != "l2":
        return
    distance = np.abs(context.targets - np.median(context.targets))
    far = int((distance > OUTLIER * ROBUST_SD * np.median(distance)).sum()) if distance.any() else 0
    if far and np.median(distance) > 0:
        sentence = (
            f"{far:,} of {len(distance):,} training targets lie more than {OUTLIER:g} robust standard deviations "
            "from the median. L2 estimates the mean, which a few such targets move far."
        )
        remedy = (
            "Check them. Use l1 or huber, which estimate a median or close to it, and select epochs by mae."
        )
        yield Warning("outliers_pull_the_mean", sentence, remedy)


def large_weights_large_step(context: WarningContext) -> Iterator[Warning]:
    if context.spec.model.solved:
        return
    weights, optimizer = context.weights, context.spec.optimizer
    step = LARGE_STEPS.get(optimizer.name, np.inf)
    if weights is not None and weights.max() >= LARGE_WEIGHT and optimizer.learning_rate >= step:
        sentence = (
            f"Class weights up to {_rounded(weights.max())} times the smallest, with a learning rate of "
            f"{optimizer.learning_rate:g}, let single rare rows move the weights far: training may diverge."
        )
        yield Warning(
            "large_weights_large_step", sentence, "Lower the learning rate, set clip_norm, or oversample."
        )


def accuracy_selects(context: WarningContext) -> Iterator[Warning]:
    if context.spec.selection_metric == "accuracy" and context.is_imbalanced:
        sentence = "On imbalanced classes, accuracy selects the epoch that is best for the common classes."
        yield Warning("accuracy_selects", sentence, "Select by balanced_accuracy, macro_f1 or mcc.")


def threshold_of_validation(context: WarningContext) -> Iterator[Warning]:
    if isinstance(context.spec.prediction, ThresholdRule) and not hasattr(context.spec.split, "folds"):
        sentence = (
            "The threshold is chosen on the validation rows, so its figures on these rows are too good."
        )
        remedy = (
            "Judge it on the test part, or by a cross-validation, whose evaluation part has no say in it."
        )
        yield Warning("threshold_of_validation", sentence, remedy)


def double_correction(context: WarningContext) -> Iterator[Warning]:
    spec = context.spec
    corrections = []
    if spec.class_weights.name in ("inverse_frequency", "effective_number") and context.weights is not None:
        corrections += ["class_weights"] if context.weights.max() > 1 + 1e-6 else []
    corrections += ["class_weights"] if spec.class_weights.name == "inverse_density" else []
    corrections += ["balancing"] if context.is_regression and spec.balancing.name != "none" else []
    corrections += ["loss"] if spec.loss.frequency_aware else []
    corrections += ["prediction"] if spec.prediction.name == "logit_adjusted" else []
    if len(corrections) > 1:
        sentence = f"{' and '.join(corrections)} each correct the imbalance: together they overcorrect it."
        yield Warning("double_correction", sentence, "Keep one of them.")


def weights_without_effect(context: WarningContext) -> Iterator[Warning]:
    weights, spec = context.weights, context.spec
    if weights is not None and spec.balancing.name != "none" and weights.max() <= 1 + 1e-6:
        sentence = "The balancing already draws all classes equally often, so every class weight is 1."
        yield Warning(
            "weights_without_effect", sentence, "Keep the balancing or the class weights, not both."
        )


def without_effect(context: WarningContext) -> Iterator[Warning]:
    counts = np.array(context.split_counts["train"])
    for setting in find_ineffective_settings(context.spec, counts, context.sampled_counts):
        yield Warning("without_effect", setting.sentence, setting.remedy)


CHECKS: tuple[Check, ...] = (
    one_seed,
    small_products,
    seeds_without_effect,
    class_missing,
    few_validation_rows,
    few_evaluation_rows,
    not_stratified,
    nothing_held_back,
    far_from_training,
    l1_collapses,
    outliers_pull_the_mean,
    large_weights_large_step,
    accuracy_selects,
    threshold_of_validation,
    double_correction,
    weights_without_effect,
    without_effect,
)


def _rounded(number: float) -> str:
    return f"{number:.0f}" if number < 1e6 else f"{number:.1e}"
