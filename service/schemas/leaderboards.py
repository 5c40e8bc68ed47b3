"""The response models of leaderboards."""

from typing import Literal

from pydantic import Field

from service.schemas.base import Links, Remark, ResponseModel
from service.schemas.sweeps import CandidateCounts, SweptValues


class RankedCandidate(ResponseModel):
    """One candidate that has succeeded."""

    rank: int
    candidate: int
    experiment_id: int
    name: str
    values: SweptValues
    value: float = Field(description="Of the metric, the mean over the runs at their selected epochs.")
    sd: float | None = Field(description="The standard deviation over the runs; null for a single one.")
    low: float | None
    high: float | None
    runs: int
    class_values: list[float | None] = Field(
        description="The recall of each class, the mean over the runs; empty in a regression."
    )
    seconds: float = Field(description="Of training, the mean over the runs.")
    parameters: int
    difference: float | None = Field(
        description="The best value minus this one; null if it is not compared with the best."
    )
    p_value: float | None = Field(description="Of no difference from the best, corrected for all pairs.")
    top: bool | None = Field(
        description="Whether it cannot be told from the best; null if it is not compared with the best."
    )
    recommended: bool
    links: Links


class BestValue(ResponseModel):
    """The value of the best candidate, as measured and corrected for having been chosen."""

    experiment_id: int
    measured: float
    corrected: float | None = Field(
        description="By bootstrap bias correction: chosen on drawn rows and seeds, measured on the others. Null for "
        "a single candidate, or without row-level results of all."
    )
    low: float | None
    high: float | None
    optimism: float | None = Field(
        description="How much better the measured value is than the corrected one."
    )
    among: int = Field(description="The number of candidates that it was chosen from.")


class Recommended(ResponseModel):
    """The simplest candidate of the top group: the fewest parameters, then the shortest training. Of those that train
    about as fast, it is the best.
    """

    experiment_id: int
    candidate: int
    sentence: str
    worse_by: float | None = Field(
        None, description="How much worse than the best it was measured: what one gives up by taking it."
    )
    low: float | None = Field(
        None, description="Of `worse_by`, by the interval that holds for all pairs of candidates at once."
    )
    high: float | None = Field(None, description="How much worse than the best it may be.")
    links: Links


class Leaderboard(ResponseModel):
    """The candidates of a sweep that have succeeded, the best first, and which of them are as good as the best."""

    sweep_id: int
    metric: str
    direction: Literal["max", "min"]
    split: Literal["validation", "evaluation"]
    level: float
    counts: CandidateCounts
    classes: list[str]
    ranked: int
    top: int | None = Field(description="How many candidates are in the top group.")
    critical: float | None = Field(
        description="How many standard errors a difference from the best has to exceed."
    )
    best: BestValue | None
    recommended: Recommended | None
    items: list[RankedCandidate]
    remarks: list[Remark]


class FieldLevel(ResponseModel):
    """One level of a swept field: a value, a range of numbers, or `not set` for candidates whose variant lacks it."""

    level: str
    candidates: int
    mean: float = Field(
        description="Of the candidates' values, if the other fields were the same for all levels."
    )
    low: float | None
    high: float | None


class FieldImportance(ResponseModel):
    """How much a swept field mattered."""

    path: str
    share: float | None = Field(
        description="Of the variation between candidates (omega squared); null with too few candidates."
    )
    p_value: float | None = Field(description="Of a field that does nothing (F test).")
    levels: list[FieldLevel]


class FieldInteraction(ResponseModel):
    """Two fields of which the one decides what the other does. share: of the variation between candidates."""

    paths: list[str]
    share: float


class SweepImportance(ResponseModel):
    """Which field mattered: an analysis of variance of the values of the candidates that have succeeded."""

    sweep_id: int
    metric: str
    candidates: int
    fields: list[FieldImportance] = Field(description="The most important first.")
    interactions: list[FieldInteraction] = Field(description="Those with a share, the largest first.")
    unexplained: float | None = Field(
        description="The share that the fields by themselves leave: interactions, and chance."
    )
