"""Problem details (RFC 9457): the table from domain errors to HTTP statuses, and the body of every error response.

Values that a client sent are shortened in the response. Texts of exceptions outside the domain are never sent.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Self

from fastapi.responses import Response

from service.api.auth.authorization import ScopeTooNarrow, Unauthenticated
from service.api.auth.origins import CrossSite, ForeignHost
from service.api.auth.rate_limits import TooManyRequests
from service.api.live.stream_places import TooManyStreams
from service.api.thread_limiters import TooBusy
from service.charts.rasterizer import NoRasterizer
from service.datasets.previews import NoPicture, NoTable
from service.datasets.uploads import NotTheOwner, OpenQuestions, UnusableUpload, UploadsBusy, UploadTooLarge
from service.free_space import StorageFull
from service.http.bodies import BodyTooLarge, BodyTooSlow, MalformedJSON, UnsupportedMediaType
from service.http.cursors import InvalidCursor
from service.http.forms import InvalidField
from service.http.multipart import MalformedForm, NotAForm
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.operations.readiness import NotReady
from service.schemas.tables import TableDoubt
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.errors import (
    BatchNameTaken,
    DatasetInUse,
    ExperimentActive,
    ExperimentOver,
    ImportanceTooLong,
    JobOver,
    KeyReused,
    ManyModels,
    MonitorNameTaken,
    NoModel,
    NoRowResults,
    NoScores,
    NotClassification,
    NoTestPart,
    NothingToRetry,
    NoThreshold,
    NotRegression,
    QueueFull,
    RowsGone,
    RowsUsedBefore,
    SweepActive,
    SweepOver,
    UnknownBatch,
    UnknownExperiment,
    UnknownJob,
    UnknownMonitor,
    UnknownRow,
    UnknownRun,
    UnknownSweep,
    UnknownWebhook,
    UnusableModel,
    UnusableRowResults,
)
from service.temporary_errors import Exhausted
from service.webhooks.ssrf_protection import PrivateAddress, Undeliverable
from workers.data.errors import DatasetError, NameReserved, NotUploaded, UnknownDataset
from workers.data.sources.upload_store import QuotaExceeded
from workers.table_rows import MalformedCsv
from workers.validation.errors import FieldError, InvalidSpec

MEDIA_TYPE = "application/problem+json"
MAX_ERRORS = 20
MAX_TEXT_LENGTH = 500


@dataclass(frozen=True)
class ProblemType:
    """A problem type of RFC 9457: its name, which ends its URI, its HTTP status, and its title."""

    name: str
    status: int
    title: str
    retry_after: int | None = None
    """Seconds after which a retry may succeed."""

    @property
    def uri(self) -> str:
        return self.name if self.name == "about:blank" else f"/problems/{self.name}"


PROBLEM_TYPES: dict[type[Exception], ProblemType] = {
    InvalidSpec: ProblemType("invalid-spec", 422, "The spec cannot be carried out"),
    InvalidQuery: ProblemType("invalid-parameter", 422, "A parameter is not valid"),
    InvalidCursor: ProblemType("invalid-cursor", 422, "The cursor is not valid"),
    MalformedJSON: ProblemType("malformed-json", 400, "The body is not valid JSON"),
    MalformedCsv: ProblemType("malformed-csv", 422, "The body is not valid CSV"),
    UnsupportedMediaType: ProblemType("unsupported-media-type", 415, "The body is not declared as JSON"),
    BodyTooLarge: ProblemType("body-too-large", 413, "The body is too large"),
    BodyTooSlow: ProblemType("body-too-slow", 408, "The body took too long"),
    Unauthenticated: ProblemType("unauthenticated", 401, "A token is needed"),
    ScopeTooNarrow: ProblemType("scope-too-narrow", 403, "The token's scope is too narrow"),
    CrossSite: ProblemType("cross-site", 403, "The page's origin is not allowed"),
    ForeignHost: ProblemType("foreign-host", 421, "The host name is not allowed"),
    TooManyRequests: ProblemType("too-many-requests", 429, "Too many requests"),
    TooManyStreams: ProblemType("too-many-streams", 429, "Too many event streams are open", retry_after=5),
    TooBusy: ProblemType("too-busy", 503, "Too many requests wait for their turn", retry_after=5),
    OutOfMemory: ProblemType("out-of-memory", 503, "The service has no memory left", retry_after=5),
    Exhausted: ProblemType("exhausted", 503, "Something of the machine is used up", retry_after=5),
    QueueFull: ProblemType("queue-full", 429, "The queue is full", retry_after=60),
    BlobStoreUnavailable: ProblemType(
        "artifact-store-unavailable", 503, "The artifact store does not answer", retry_after=5
    ),
    Undeliverable: ProblemType("unusable-webhook", 422, "The webhook cannot be reached"),
    PrivateAddress: ProblemType("private-address", 422, "The webhook is in a private network"),
    UnknownWebhook: ProblemType("unknown-webhook", 404, "There is no such webhook"),
    UnknownMonitor: ProblemType("unknown-monitor", 404, "There is no such monitor"),
    UnknownBatch: ProblemType("unknown-batch", 404, "The monitor has no such batch"),
    MonitorNameTaken: ProblemType("monitor-name-taken", 409, "The experiment has a monitor of this name"),
    BatchNameTaken: ProblemType("batch-name-taken", 409, "The monitor has a batch of this name"),
    KeyReused: ProblemType("idempotency-key-reused", 422, "The key belongs to another request"),
    NotReady: ProblemType("not-ready", 503, "The service is not ready", retry_after=5),
    UnknownExperiment: ProblemType("unknown-experiment", 404, "There is no such experiment"),
    ExperimentOver: ProblemType("experiment-over", 409, "The experiment has ended"),
    ExperimentActive: ProblemType("experiment-active", 409, "The experiment has not ended"),
    UnknownSweep: ProblemType("unknown-sweep", 404, "There is no such sweep"),
    SweepOver: ProblemType("sweep-over", 409, "The sweep has ended"),
    SweepActive: ProblemType("sweep-active", 409, "The sweep has not ended"),
    UnknownRow: ProblemType("unknown-row", 404, "The experiment has not used such a row"),
    UnknownRun: ProblemType("unknown-seed", 404, "The experiment has no such seed"),
    ManyModels: ProblemType("many-models", 409, "The experiment has a model for each fold"),
    NoModel: ProblemType("no-model", 409, "There is no model yet"),
    UnusableModel: ProblemType("unusable-model", 409, "The model cannot be used"),
    NoRowResults: ProblemType("no-row-results", 404, "There are no row-level results"),
    NoScores: ProblemType("no-scores", 409, "The experiment has no such scores"),
    NotClassification: ProblemType(
        "not-a-classification", 409, "The experiment predicts numbers, not classes"
    ),
    NotRegression: ProblemType("not-a-regression", 409, "The experiment predicts classes, not numbers"),
    NoThreshold: ProblemType("no-threshold", 409, "The models have no threshold"),
    UnusableRowResults: ProblemType("unusable-row-results", 409, "The row-level results cannot be read"),
    RowsGone: ProblemType("rows-gone", 409, "The rows of the experiment cannot be read"),
    ImportanceTooLong: ProblemType("importance-too-long", 409, "The importance would take too long"),
    UnknownJob: ProblemType("unknown-job", 404, "Nobody has asked for this"),
    JobOver: ProblemType("job-over", 409, "The job has ended"),
    NoTestPart: ProblemType("no-test-part", 409, "There is no test part"),
    RowsUsedBefore: ProblemType("test-set-spent", 409, "Rows of the test set were used before"),
    NothingToRetry: ProblemType("nothing-to-retry", 409, "There is nothing to retry"),
    InvalidField: ProblemType("invalid-field", 422, "A field of the form is not valid"),
    MalformedForm: ProblemType("malformed-form", 400, "The body is not a valid form"),
    NotAForm: ProblemType("not-a-form", 415, "The body is not declared as a form"),
    UnusableUpload: ProblemType("unusable-upload", 422, "The files cannot be used as they are"),
    UploadTooLarge: ProblemType("upload-too-large", 413, "The files contain too much"),
    OpenQuestions: ProblemType("open-questions", 422, "The table leaves questions open"),
    UploadsBusy: ProblemType("uploads-busy", 429, "Too many uploads at once", retry_after=5),
    StorageFull: ProblemType("storage-full", 507, "The disk is full"),
    QuotaExceeded: ProblemType("upload-quota-exceeded", 507, "The uploads take too much disk"),
    NotTheOwner: ProblemType("not-the-owner", 403, "The data set belongs to another owner"),
    NameReserved: ProblemType("name-reserved", 409, "The name belongs to another data set"),
    NotUploaded: ProblemType("not-uploaded", 409, "The data set was not uploaded"),
    DatasetInUse: ProblemType("dataset-in-use", 409, "Experiments need the data set"),
    NoRasterizer: ProblemType("no-rasterizer", 501, "This installation draws no PNG"),
    NoPicture: ProblemType("no-picture", 404, "The data set has no picture"),
    NoTable: ProblemType("no-table", 404, "The data set is no table"),
    UnknownDataset: ProblemType("unknown-dataset", 404, "There is no such data set"),
    DatasetError: ProblemType("unusable-dataset", 409, "The data set cannot be used as it is"),
}
"""Every domain error that a client can cause. Its text is sent to the client."""


@dataclass(frozen=True)
class Problem:
    """An error response: its type, a sentence, and each field error. members: further ones of the body."""

    type: ProblemType
    detail: str
    field_errors: Sequence[FieldError] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def from_error(cls, error: Exception) -> Self:
        """The problem of a domain error: the type of its class, or of the nearest base class in the table."""
        problem_type = next(PROBLEM_TYPES[each] for each in type(error).__mro__ if each in PROBLEM_TYPES)
        if isinstance(error, OpenQuestions):
            found = cls.from_field_errors(problem_type, error.field_errors, len(error.field_errors))
            questions = [TableDoubt.of(each).model_dump() for each in error.questions[:MAX_ERRORS]]
            return replace(found, members={"questions": questions})
        if isinstance(error, InvalidSpec | NotReady | UnusableUpload):
            return cls.from_field_errors(problem_type, error.field_errors, len(error.field_errors))
        if isinstance(error, InvalidQuery):
            return cls.from_field_errors(
                problem_type, [FieldError(error.name, error.value, error.message)], 1
            )
        return cls(
            problem_type, str(error), getattr(error, "field_errors", ()), getattr(error, "headers", {})
        )

    @classmethod
    def from_field_errors(
        cls, problem_type: ProblemType, field_errors: Sequence[FieldError], total: int
    ) -> Self:
        """The problem of several errors: `field_errors` are the first of `total`."""
        others = "1 more error" if total == 2 else f"{total - 1:,} more errors"
        more = f" (and {others})" if total > 1 else ""
        path, message = shortened(field_errors[0].path), shortened(field_errors[0].message)
        return cls(problem_type, f"{path or 'body'}: {message}{more}", field_errors)

    def body(self, instance: str) -> dict[str, Any]:
        """The body as JSON. `instance` is the path of the request."""
        return {
            "type": self.type.uri,
            "title": self.type.title,
            "status": self.type.status,
            "detail": shortened(self.detail),
            "instance": shortened(instance),
            "errors": [_error(error) for error in self.field_errors[:MAX_ERRORS]],
            **self.members,
        }

    def response(self, instance: str) -> Response:
        """The HTTP response. `instance` is the path of the request."""
        content = json.dumps(self.body(instance), allow_nan=False).encode()  # ASCII, whatever was sent
        retry = {} if self.type.retry_after is None else {"Retry-After": str(self.type.retry_after)}
        return Response(content, self.type.status, {**retry, **self.headers}, MEDIA_TYPE)


UNAVAILABLE = Problem(
    ProblemType("database-unavailable", 503, "The database does not answer", retry_after=5),
    "The database is busy or unreachable. Try again.",
)
REPLACED = Problem(
    UNAVAILABLE.type,
    "The file of the database was deleted or replaced; nothing was stored. The service has to be restarted.",
)
LOCKED = Problem(
    UNAVAILABLE.type,
    "Another transaction holds a lock of the database for too long; nothing was stored. Try again.",
)


def unexpected(request_id: str) -> Problem:
    """The problem of an unexpected exception: it says only where in the log to look."""
    problem_type = ProblemType("unexpected", 500, "Unexpected error")
    return Problem(problem_type, f"The error was logged under the request id {request_id}.")


def shortened(text: str) -> str:
    """The text, cut off if it is long."""
    return text if len(text) <= MAX_TEXT_LENGTH else f"{text[:MAX_TEXT_LENGTH]}..."


def _error(error: FieldError) -> dict[str, Any]:
    return {
        "path": shortened(error.path),
        "value": _presentable(error.value),
        "message": shortened(error.message),
    }


def _presentable(value: Any) -> Any:
    """The value itself if it is short JSON, else the beginning of its text."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__})"
    return value if len(text) <= MAX_TEXT_LENGTH else shortened(text)
