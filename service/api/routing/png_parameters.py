"""The parameters of charts as PNG: those of any chart of their kind, which the SVG checks, and the pixels."""

from typing import Annotated, Literal

from fastapi import Path
from pydantic import Field

from service.api.routing.comparison_parameters import ComparisonQuery
from service.api.routing.parameters import LeaderboardQuery, Metric, Query, RunsQuery
from service.charts.figure import WIDTH

ExperimentChart = Annotated[
    Literal[
        "curves",
        "classes",
        "confusion",
        "predictions",
        "roc",
        "pr",
        "reliability",
        "importance",
        "robustness",
        "sparkline",
    ],
    Path(description="Which chart."),
]
ComparisonChart = Annotated[Literal["chart", "curves"], Path(description="The differences, or the curves.")]
SweepChart = Annotated[
    Literal["chart", "parallel", "importance"],
    Path(description="The leaderboard, the candidates as parallel coordinates, or which field mattered."),
]


class PixelsQuery(Query):
    """How the picture looks."""

    theme: Literal["light", "dark", "print"] = "light"
    width: int = Field(WIDTH, ge=320, le=1600, description="As of the SVG: below 480, for a phone.")
    scale: int = Field(
        1,
        ge=1,
        le=3,
        description="Pixels of the picture for each of `width`: 2 gives sharp text on dense screens.",
    )


class ExperimentPngQuery(RunsQuery, PixelsQuery):
    """Of one experiment."""

    metric: Metric | None = Field(None, description="Of curves.")
    positive: str | None = Field(None, max_length=1000, description="Of roc and pr.")
    repeats: int | None = Field(None, ge=1, le=20, description="Of importance.")


class ComparisonPngQuery(ComparisonQuery, PixelsQuery):
    """Of several experiments."""

    split: Literal["train", "validation"] | None = Field(None, description="Of curves.")


class SweepPngQuery(LeaderboardQuery, PixelsQuery):
    """Of a sweep."""
