"""What the models of responses share: their base, times, remarks, links, intervals."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from workers.evaluation.intervals import Interval, wilson


class ResponseModel(BaseModel):
    """The base of all response models. Its fields are read by name from a row or an object."""

    model_config = ConfigDict(from_attributes=True, defer_build=True)


def _utc(seconds: float | None) -> datetime | None:
    """Seconds since 1970, to the millisecond: the databases' clocks are no finer."""
    return None if seconds is None else datetime.fromtimestamp(round(seconds, 3), UTC)


Time = Annotated[datetime, BeforeValidator(_utc)]
OptionalTime = Annotated[datetime | None, BeforeValidator(_utc)]


REPEAT: Any = Field(0, description="Of a cross-validation, from 0; 0 with any other split.")
FOLD: Any = Field(0, description="Of a cross-validation, from 0; 0 with any other split.")
"""Two fields of everything that belongs to a run. With its seed they name it within its experiment."""


class Remark(ResponseModel):
    """A remark: a code for programs, a sentence for people, and a remedy."""

    code: str
    sentence: str
    remedy: str


Next = Annotated[
    str | None,
    Field(description="The link to the next page; null on the last.", examples=["/experiments?cursor=MTIz"]),
]
Links = Annotated[
    dict[str, str], Field(examples=[{"self": "/experiments/1", "metrics": "/experiments/1/metrics"}])
]


def bounds(interval: Interval | None) -> tuple[float | None, float | None]:
    """The two ends of an interval; two nulls if there is none."""
    return (interval.low, interval.high) if interval else (None, None)


def capitalised(sentence: str) -> str:
    """The sentence with a capital first letter; what follows keeps its case."""
    return sentence[:1].upper() + sentence[1:]


@lru_cache(maxsize=10_000)
def share_bounds(share: float, rows: int) -> tuple[float | None, float | None]:
    """The ends of Wilson's interval of a share of `rows` rows. Cached, because dashboards read the same epochs."""
    return bounds(wilson(round(share * rows), rows))
