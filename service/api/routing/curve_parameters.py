"""The query parameters of curves and of reliability bins."""

from collections.abc import Sequence

from pydantic import Field

from service.api.routing.parameters import FORMATS, RunsQuery
from service.http.query import InvalidQuery
from service.schemas.formats import Format
from workers.evaluation.score_curves import CURVE_POINTS


class ReliabilityQuery(RunsQuery):
    """The bins of which runs."""

    format: Format | None = Field(None, description=FORMATS)


class CurvesQuery(ReliabilityQuery):
    """The curves of which runs, for which class."""

    positive: str | None = Field(
        None,
        max_length=1000,
        description="The name of the positive class; by default the rarer one in training, of two equal ones the "
        "second.",
    )
    max_points: int = Field(
        CURVE_POINTS,
        ge=2,
        le=CURVE_POINTS,
        description="The largest number of points of a curve: both ends, and between them evenly along it.",
    )

    def positive_index(self, classes: Sequence[str]) -> int | None:
        """The index of the positive class; None if it is not given. Raises InvalidQuery."""
        return index_of_class(self.positive, classes)


def index_of_class(positive: str | None, classes: Sequence[str]) -> int | None:
    """The index of a class by its name; None if it is not given. Raises InvalidQuery."""
    if positive is None:
        return None
    if positive not in classes:
        raise InvalidQuery("positive", positive, f"is no class; it is one of {', '.join(classes)}")
    return classes.index(positive)
