"""The parameters that routes take in path and query: typed, with a closed set of values wherever there is one."""

import re
from dataclasses import replace
from typing import Annotated, Any, Literal

from fastapi import Header, Path, Request
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    WithJsonSchema,
)
from starlette.convertors import Convertor, register_url_convertor

from service.api.routing import conditions, positions
from service.http import cursors
from service.http.cursors import InvalidCursor
from service.http.query import InvalidQuery
from service.schemas.formats import Format
from service.store.epochs.epoch_reader import MAX_ROWS, MIN_POINTS, EpochQuery, RowPosition, Thinning
from service.store.experiment_lists import KEYS, Filters, Order, Position
from service.store.experiment_metrics import NAMES
from service.store.row_results_reader import FIRST, ResultPosition
from service.store.run_keys import RunFilter
from service.store.tables import Status
from workers.data.balancing import AnyBalancing
from workers.data.sources.folder import NAME_PATTERN
from workers.evaluation.metrics import BY_NAME
from workers.evaluation.selection import SelectionMetric
from workers.nn.losses import AnyLoss
from workers.nn.optimizers import AnyOptimizer
from workers.spec import ExperimentTag
from workers.tagged_union import OneOf, names
from workers.validation.patterns import worded


class Number(Convertor[int]):
    """The number in a path. A path without a number is no experiment, but may be another resource."""

    regex = "[1-9][0-9]{0,18}"

    def convert(self, value: str) -> int:
        return int(value)

    def to_string(self, value: int) -> str:
        return str(value)


register_url_convertor("number", Number())

ExperimentId = Annotated[int, Path(ge=1, lt=2**63, description="The experiment's number.", examples=[1])]
SweepId = Annotated[int, Path(ge=1, lt=2**63, description="The sweep's number.", examples=[1])]
MonitorId = Annotated[int, Path(ge=1, lt=2**63, description="The monitor's number.", examples=[1])]
RowIndex = Annotated[
    int, Path(ge=0, lt=2**63, description="The index of the row in the data set as uploaded.", examples=[0])
]
DatasetName = Annotated[
    str, Path(pattern=NAME_PATTERN, description="The data set's name.", examples=["digits"])
]

IdempotencyKey = Annotated[
    str | None,
    Header(
        pattern=worded(r"^[\x20-\x7e]{1,255}$", "up to 255 characters of printable ASCII"),
        description="A text of your choice, such as a UUID. The same request with the same key is carried out once.",
        examples=["6f1c2d0e-9a1b-4a53-8f3e-0c6f5a0f2c11"],
    ),
]


LastEventId = Annotated[
    str,
    Header(
        max_length=10_000,
        description="The id of the last event received; the stream continues after it.",
        json_schema_extra={"format": "cursor"},
    ),
]

Cursor = Annotated[str, Field(json_schema_extra={"format": "cursor"})]
FROM_A_LINK = "The position of a page, as `next` links contain it."


class Query(BaseModel):
    """The query parameters of a route. `StrictRoute` has refused unknown ones before."""

    model_config = ConfigDict(frozen=True)


class ExperimentsQuery(Query):
    """Which experiments to list, in which order, from which position."""

    status: Status | None = None
    dataset: Annotated[str, Field(pattern=NAME_PATTERN)] | None = None
    loss: Annotated[str, OneOf(names(AnyLoss))] | None = None
    optimizer: Annotated[str, OneOf(names(AnyOptimizer))] | None = None
    balancing: Annotated[str, OneOf(names(AnyBalancing))] | None = None
    tag: ExperimentTag | None = None
    q: str | None = Field(
        None, min_length=1, max_length=200, description="A part of the name, in any case of its letters."
    )
    where: str | None = Field(
        None,
        max_length=1000,
        description="Conditions that all have to hold, separated by commas: a metric, or `spec.` and the path of a "
        "field of the spec; then =, !=, >=, <=, > or <; then the value.",
        examples=["balanced_accuracy>=0.8,spec.optimizer.name=adam"],
    )
    fields: str | None = Field(
        None,
        max_length=1000,
        description="Metrics that the rows contain, separated by commas: the means of the selected epochs, null "
        "until the experiment has ended.",
        examples=["balanced_accuracy,macro_f1"],
    )
    sort: Annotated[str, OneOf(f"{sign}{key}" for key in ("id", *KEYS) for sign in ("-", ""))] = Field(
        "-id",
        description="-id: newest first. Or a metric: -balanced_accuracy: the largest first. Experiments without a "
        "value come last.",
    )
    limit: int = Field(100, ge=1, le=1000)
    cursor: Cursor | None = Field(None, max_length=1000, description=FROM_A_LINK)
    format: Format | None = Field(
        None, description="By default the format that the header Accept prefers, or json. All come in pages."
    )

    @property
    def filters(self) -> Filters:
        return Filters(self.status, self.dataset, self.loss, self.optimizer, self.balancing, self.tag, self.q)

    @property
    def conditions(self) -> conditions.Conditions:
        """Raises InvalidQuery."""
        return conditions.parse(self.where)

    @property
    def metrics(self) -> list[str]:
        """The metrics of the rows: those of `fields`, and that of `sort`. Raises InvalidQuery."""
        named = conditions.metric_names("fields", self.fields)
        key = self.order.key
        return list(dict.fromkeys([*named, key] if key in NAMES else named))

    @property
    def order(self) -> Order:
        return Order(self.sort.removeprefix("-"), ascending=not self.sort.startswith("-"))

    @property
    def after(self) -> Position | None:
        """The position after which the page starts. Raises InvalidCursor."""
        if self.cursor is None:
            return None
        if self.order.key == "id":
            return Position(self.sort, None, cursors.decode(self.cursor, LAST_ID))
        position = cursors.decode(self.cursor, LAST_KEY)
        if position.sort != self.sort:
            raise InvalidCursor
        return position

    def position(self, last: Any) -> Any:
        """The position behind the last row of a page, with its `id` and `value`."""
        return last.id if self.order.key == "id" else Position(self.sort, last.value, last.id)


class ExperimentQuery(Query):
    """How much of an experiment to wait for."""

    intervals: Literal["complete", "known"] = Field(
        "complete",
        description="complete: if nobody has computed the intervals of an experiment that has ended, compute them. "
        "known: respond at once, then without them.",
    )


class SweepsQuery(Query):
    """How many sweeps, or how many candidates of one, from which position."""

    limit: int = Field(100, ge=1, le=1000)
    cursor: Cursor | None = Field(None, max_length=100, description=FROM_A_LINK)

    def after(self, position: TypeAdapter[int]) -> int | None:
        """What the page follows. Raises InvalidCursor."""
        return None if self.cursor is None else cursors.decode(self.cursor, position)


class BatchesQuery(SweepsQuery):
    """How many batches of a monitor, from which position."""


class MonitorsQuery(SweepsQuery):
    """How many monitors, of which experiment, from which position."""

    experiment_id: int | None = Field(None, ge=1, lt=2**63)


BATCH_NAME = worded(r"^[^\x00-\x1f\x7f]+$", "a text without control characters")


class NewBatchQuery(Query):
    """What a batch is called."""

    name: str | None = Field(
        None,
        min_length=1,
        max_length=100,
        pattern=BATCH_NAME,
        description="A name of your choice, such as a date, unique within the monitor: a batch that is sent again "
        "under its name is tested once.",
        examples=["2026-11-02"],
    )


class LeaderboardQuery(Query):
    """By what the candidates are ranked."""

    metric: SelectionMetric | None = Field(
        None, description="By default the metric by which the base spec selects its epochs."
    )


RESULT_POSITION: TypeAdapter[ResultPosition] = TypeAdapter(ResultPosition)
LAST_ID: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=1, lt=2**63)])
LAST_KEY: TypeAdapter[Position] = TypeAdapter(Position)
LAST_CANDIDATE: TypeAdapter[int] = TypeAdapter(Annotated[int, Field(ge=0, lt=2**31)])

EPOCH = "^(best|last|[1-9][0-9]{0,8})$"


def _epoch(given: str) -> str | int:
    if not re.fullmatch(EPOCH, given):
        raise ValueError("should be best, last, or the number of an epoch, from 1")
    return int(given) if given.isdecimal() else given


Epoch = Annotated[
    Literal["best", "last"] | int,
    BeforeValidator(_epoch),
    WithJsonSchema(
        {"anyOf": [{"enum": ["best", "last"]}, {"type": "integer", "minimum": 1, "maximum": 999_999_999}]}
    ),
    Field(
        description="best: the selected epoch of each run; last: its latest epoch; or the number of an epoch."
    ),
]


FORMATS = (
    "By default the format that the header Accept prefers, or json. "
    "json comes in pages, each with a link to the next one. ndjson and csv have all rows, unless `limit` is given: "
    "then the link is in the header Link."
)


SEALED = (
    "the test part is sealed and no epoch is measured on it; POST /experiments/{id}/test-evaluations evaluates the "
    "finished models there"
)


def _measured(given: Any) -> Any:
    if given == "test":
        raise ValueError(SEALED)
    return given


class RunsQuery(Query):
    """Which runs of an experiment."""

    seed: int | None = Field(None, ge=0, lt=2**63)
    repeat: int | None = Field(None, ge=0, lt=2**31, description="Of a cross-validation: from 0.")
    fold: int | None = Field(None, ge=0, lt=2**31, description="Of a cross-validation: from 0.")

    @property
    def runs(self) -> RunFilter:
        return RunFilter(self.repeat, self.fold, self.seed)


class ModelQuery(RunsQuery):
    """The run whose model is used."""

    seed: int | None = Field(
        None,
        ge=0,
        lt=2**63,
        description="The seed of the run; by default the first one submitted that has a model.",
    )


class ImportanceQuery(RunsQuery):
    """The models that are measured, and how often."""

    repeats: int = Field(5, ge=1, le=20, description="Permutations of each column and run.")


class FormattedImportanceQuery(ImportanceQuery):
    """... and the format of the columns."""

    format: Format | None = Field(None, description=FORMATS)


class FormatQuery(Query):
    """The format of rows."""

    format: Format | None = Field(None, description=FORMATS)


class RowsQuery(RunsQuery):
    """Which rows of an experiment's epochs."""

    split: Annotated[Literal["train", "validation", "evaluation"], BeforeValidator(_measured)] | None = Field(
        None,
        description="Rows of this part only. The evaluation part of a cross-validation is measured once, at the "
        "selected epoch of each run. The test part is sealed: no epoch is measured on it.",
    )


ROWS = 1000
"""The rows of a page, by default."""


class PagesQuery(RowsQuery):
    """... from which position. If runs advance unevenly, only `cursor` misses no row."""

    after_epoch: int = Field(0, ge=0, lt=2**31, description="Only epochs with a larger number.")
    limit: int = Field(
        ROWS, ge=1, le=MAX_ROWS, description="The largest number of rows: on a page of JSON, or in all."
    )
    cursor: Cursor | None = Field(None, max_length=10_000, description=FROM_A_LINK)

    def epoch_query(self) -> EpochQuery:
        """The query of the store. Raises InvalidCursor."""
        after = positions.decode_runs(self.cursor) if self.cursor is not None else None
        return EpochQuery(self.split, self.runs, after_epoch=self.after_epoch, after=after, limit=self.limit)


Metric = Annotated[str, OneOf([*BY_NAME, "learning_rate", "gradient_norm"])]


class MetricsQuery(PagesQuery):
    """... in which format; or at most `max_points` points of each curve, instead of pages."""

    max_points: int | None = Field(
        None,
        ge=MIN_POINTS,
        le=MAX_ROWS,
        description="The largest number of epochs for each run and split: the first, the last, and between them the "
        "extremes of `metric`. They come on one page; where it would have more than 10,000 rows, the number is "
        "reduced.",
    )
    metric: Metric = Field("loss", description="The metric whose extremes `max_points` keeps.")
    format: Format | None = Field(None, description=FORMATS)

    def epoch_query(self) -> EpochQuery:
        """The query of the store. Raises InvalidCursor, or InvalidQuery if `max_points` comes with a `limit`."""
        return replace(super().epoch_query(), thinning=thinning(self))


def takes_all(query: Query, wanted: Format) -> bool:
    """Whether the response has all rows, and not a page of them."""
    return wanted != "json" and "limit" not in query.model_fields_set


NUMBER = "[1-9][0-9]{0,17}"


class EpochsOfManyQuery(MetricsQuery):
    """Which rows of which experiments."""

    ids: str = Field(
        pattern=worded(
            rf"^{NUMBER}(,{NUMBER}){{0,99}}$",
            "the numbers of up to 100 experiments, separated by commas, such as 1,2,3",
        ),
        max_length=2000,
        description="The numbers of up to 100 experiments, separated by commas.",
        examples=["1,2,3"],
    )

    @property
    def experiments(self) -> list[int]:
        return sorted({int(each) for each in self.ids.split(",")})

    @property
    def position(self) -> RowPosition | None:
        """The position after which the page starts. Raises InvalidCursor."""
        return positions.decode_row(self.cursor) if self.cursor is not None else None

    def epoch_query(self) -> EpochQuery:
        """The query of the store, without the position: that is not one within a single experiment."""
        return EpochQuery(
            self.split, self.runs, after_epoch=self.after_epoch, limit=self.limit, thinning=thinning(self)
        )


def thinning(query: MetricsQuery) -> Thinning | None:
    """The thinning of curves, if any. Raises InvalidQuery if `limit` is given too.

    The default of `limit` is accepted, as many generated clients always send it.
    """
    if query.max_points is None:
        return None
    if query.limit != ROWS:
        raise InvalidQuery(
            "limit", str(query.limit), "cannot be combined with max_points, whose rows come on one page"
        )
    return Thinning(query.max_points, query.metric)


class ClassesQuery(PagesQuery):
    """`limit` counts epochs of a run and split, each of which has an item for every class."""

    format: Format | None = Field(None, description=FORMATS)
    epoch: Epoch = "best"
    series: bool = Field(False, description="All epochs instead of one.")

    def epoch_query(self) -> EpochQuery:
        return replace(super().epoch_query(), epoch=None if self.series else self.epoch)


class PredictedRowsQuery(RunsQuery):
    """Which predictions, from which position, in which format."""

    wrong: bool = Field(False, description="Only rows that the run got wrong.")
    limit: int = Field(
        ROWS, ge=1, le=MAX_ROWS, description="The largest number of rows: on a page of JSON, or in all."
    )
    cursor: Cursor | None = Field(None, max_length=100, description=FROM_A_LINK)
    format: Format | None = Field(None, description=FORMATS)

    def start(self) -> ResultPosition:
        """The position of the first row. Raises InvalidCursor."""
        return FIRST if self.cursor is None else cursors.decode(self.cursor, RESULT_POSITION)


class MisclassifiedQuery(RunsQuery):
    """The models that are compared, and how many rows are listed."""

    limit: int = Field(20, ge=1, le=1000, description="The largest number of rows.")


class ConfusionQuery(RowsQuery):
    """One matrix a run and split."""

    epoch: Epoch = "best"

    def epoch_query(self) -> EpochQuery:
        return EpochQuery(self.split, self.runs, self.epoch, limit=MAX_ROWS)


def next_link(request: Request, cursor: str | None) -> str:
    """The address of the same request from a cursor on; without one, of the same request."""
    url = request.url.include_query_params(cursor=cursor) if cursor else request.url
    return f"{url.path}?{url.query}" if url.query else url.path
