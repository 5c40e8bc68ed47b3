"""The query parameters of charts."""

from typing import Literal

from pydantic import Field

from service.api.routing.comparison_parameters import ComparedQuery, ComparisonQuery
from service.api.routing.parameters import ImportanceQuery, LeaderboardQuery, Metric, Query, RunsQuery
from service.charts.figure import WIDTH, Canvas
from service.charts.theme import Theme


class CanvasQuery(Query):
    """How a chart looks."""

    theme: Theme = Field(
        "auto",
        description="auto: light, dark or print, as the reader's system prefers. print: black on white, with dashes.",
    )
    width: int = Field(
        WIDTH, ge=320, le=1600, description="In pixels. Below 480, texts are laid out for a phone."
    )

    @property
    def canvas(self) -> Canvas:
        return Canvas(self.width, self.theme)


class ChartQuery(RunsQuery, CanvasQuery):
    """A chart of which runs, and how it looks."""


class CurvesChartQuery(ChartQuery):
    """The curves of which metric."""

    metric: Metric | None = Field(None, description="By default the metric that selects epochs.")


class ImportanceChartQuery(ImportanceQuery, CanvasQuery):
    """Which models are measured, and how the chart looks."""


class ScoresChartQuery(ChartQuery):
    """The curves of which class."""

    positive: str | None = Field(
        None,
        max_length=1000,
        description="The name of the positive class; by default the rarer one in training.",
    )


class ComparisonChartQuery(ComparisonQuery, CanvasQuery):
    """Which experiments to compare, and how the chart looks."""


class ComparedCurvesQuery(ComparedQuery, CanvasQuery):
    """Whose curves, of which metric and part, and how the chart looks."""

    metric: Metric | None = Field(
        None, description="By default the metric by which the first experiment selects its epochs."
    )
    split: Literal["train", "validation"] = Field("validation", description="The part that is measured.")


class SweepChartQuery(LeaderboardQuery, CanvasQuery):
    """By what the candidates are ranked, and how the chart looks."""
