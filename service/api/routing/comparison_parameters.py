"""The query parameters of a comparison of experiments."""

from pydantic import Field

from service.api.routing.parameters import NUMBER, Query
from service.http.query import InvalidQuery
from workers.evaluation.selection import SelectionMetric
from workers.validation.patterns import worded

MOST_COMPARED = 20


class ComparedQuery(Query):
    """Which experiments to compare."""

    ids: str = Field(
        pattern=worded(
            rf"^{NUMBER}(,{NUMBER}){{1,{MOST_COMPARED - 1}}}$",
            f"the numbers of 2 to {MOST_COMPARED} experiments, separated by commas, such as 1,2",
        ),
        max_length=400,
        description=f"The numbers of 2 to {MOST_COMPARED} experiments, separated by commas.",
        examples=["1,2"],
    )

    @property
    def experiments(self) -> list[int]:
        """The numbers in the order given, each once. Raises InvalidQuery if there is nothing to compare."""
        distinct = list(dict.fromkeys(int(each) for each in self.ids.split(",")))
        if len(distinct) < 2:
            raise InvalidQuery("ids", self.ids, "names a single experiment; a comparison needs two")
        return distinct


class ComparisonQuery(ComparedQuery):
    """... and by what. The numbers of `reference` and `ids` are checked together."""

    metric: SelectionMetric | None = Field(
        None,
        description="By default the metric by which the reference or the first experiment selected its epochs.",
    )
    reference: int | None = Field(
        None,
        ge=1,
        lt=2**63,
        description="One of `ids`. The others are compared with it only, instead of all in pairs.",
    )

    @property
    def experiments(self) -> list[int]:
        """The numbers, of which the reference is one. Raises InvalidQuery."""
        distinct = super().experiments
        if self.reference not in (None, *distinct):
            raise InvalidQuery("reference", str(self.reference), f"is not among the ids {self.ids}")
        return distinct
