"""The finding that the rows which a column puts aside are harder than those that chance would."""

from service.experiments.baseline_comparison import metric_name, metric_text
from service.schemas.base import Remark
from service.schemas.summary import RandomSplit


def drop_by_column(column: str, found: RandomSplit) -> Remark:
    """How far a linear model falls: it has seen rows of the same kind on a random split alone."""
    name, direction = metric_name(found.metric), "above" if found.value > found.random else "below"
    value, drop, low, high, random = (
        metric_text(found.metric, each)
        for each in (found.value, found.drop, found.drop_low, found.drop_high, found.random)
    )
    sentence = (
        f"On these rows, which '{column}' divides, a linear model has a {name} of {value}: "
        f"{drop} ({low} to {high}) {direction} the {random} that "
        "it has on a random split of the same rows into parts of the same sizes."
    )
    remedy = (
        "Expect figures of this split where the model will meet such rows, not those of a random one. Submit the "
        'spec without "by" in split to see how far this model falls.'
    )
    return Remark(code="below_random_split", sentence=sentence, remedy=remedy)
