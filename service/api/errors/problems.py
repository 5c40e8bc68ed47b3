"""Problem details (RFC 9457): one table from the domain's errors to HTTP, and one shape for all that goes wrong.

A value that a client sent is given back to it shortened, and no text of an exception that is not the domain's
own ever leaves.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from fastapi.responses import Response

from service.api.auth.authorization import ScopeTooNarrow, Unauthenticated
from service.api.auth.origins import CrossSite, ForeignHost
from service.api.auth.rate_limits import TooManyRequests
from service.api.routing.thread_limiters import TooBusy
from service.datasets.previews import NoPicture
from service.datasets.uploads import StorageFull, UnusableUpload, UploadsBusy, UploadTooLarge
from service.http.bodies import BodyTooLarge, BodyTooSlow, MalformedJSON, UnsupportedMediaType
from service.http.cursors import InvalidCursor
from service.http.forms import InvalidField
from service.http.multipart import MalformedForm, NotAForm
from service.http.query import InvalidQuery
from service.operations.readiness import NotReady
from service.store.blob_store import BlobStoreUnavailable
from service.store.errors import (
    BudgetSpent,
    DatasetInUse,
    ExperimentActive,
    ExperimentOver,
    KeyReused,
    NoModel,
    NoTestPart,
    NothingToRetry,
    QueueFull,
    UnknownExperiment,
    UnknownSeed,
    UnknownWebhook,
    UnusableModel,
)
from service.webhooks.ssrf_protection import PrivateAddress, Undeliverable
from workers.data.errors import DatasetError, NameReserved, NotUploaded, UnknownDataset
from workers.validation.errors import Fault, InvalidSpec

MEDIA_TYPE = "application/problem+json"
MOST_ERRORS = 20
LONGEST_TEXT = 500


@dataclass(frozen=True)
class Kind:
    """A kind of problem: its name in the type's URI, its status, and its title."""

    name: str
    status: int
    title: str
    retry_after: int | None = None
    """Seconds after which it may be over."""

    @property
    def type(self) -> str:
        return self.name if self.name == "about:blank" else f"/problems/{self.name}"


KINDS: dict[type[Exception], Kind] = {
    InvalidSpec: Kind("invalid-spec", 422, "The spec cannot be carried out"),
    InvalidQuery: Kind("invalid-parameter", 422, "A parameter is not valid"),
    InvalidCursor: Kind("invalid-cursor", 422, "The cursor is not valid"),
    MalformedJSON: Kind("malformed-json", 400, "The body is not valid JSON"),
    UnsupportedMediaType: Kind("unsupported-media-type", 415, "The body is not declared as JSON"),
    BodyTooLarge: Kind("body-too-large", 413, "The body is too large"),
    BodyTooSlow: Kind("body-too-slow", 408, "The body took too long"),
    Unauthenticated: Kind("unauthenticated", 401, "A token is needed"),
    ScopeTooNarrow: Kind("scope-too-narrow", 403, "The token's scope is too narrow"),
    CrossSite: Kind("cross-site", 403, "The page's origin is not allowed"),
    ForeignHost: Kind("foreign-host", 421, "The host name is not allowed"),
    TooManyRequests: Kind("too-many-requests", 429, "Too many requests"),
    TooBusy: Kind("too-busy", 503, "Too many requests wait for their turn", retry_after=5),
    QueueFull: Kind("queue-full", 429, "The queue is full", retry_after=60),
    BlobStoreUnavailable: Kind(
        "artifact-store-unavailable", 503, "The artifact store does not answer", retry_after=5
    ),
    Undeliverable: Kind("unusable-webhook", 422, "The webhook cannot be reached"),
    PrivateAddress: Kind("private-address", 422, "The webhook is in a private network"),
    UnknownWebhook: Kind("unknown-webhook", 404, "There is no such webhook"),
    KeyReused: Kind("idempotency-key-reused", 422, "The key belongs to another request"),
    NotReady: Kind("not-ready", 503, "The service is not ready", retry_after=5),
    UnknownExperiment: Kind("unknown-experiment", 404, "There is no such experiment"),
    ExperimentOver: Kind("experiment-over", 409, "The experiment has ended"),
    ExperimentActive: Kind("experiment-active", 409, "The experiment has not ended"),
    UnknownSeed: Kind("unknown-seed", 404, "The experiment has no such seed"),
    NoModel: Kind("no-model", 409, "There is no model yet"),
    UnusableModel: Kind("unusable-model", 409, "The model cannot be used"),
    NoTestPart: Kind("no-test-part", 409, "There is no test part"),
    BudgetSpent: Kind("test-set-spent", 409, "The budget of the test set is spent"),
    NothingToRetry: Kind("nothing-to-retry", 409, "There is nothing to retry"),
    InvalidField: Kind("invalid-field", 422, "A field of the form is not valid"),
    MalformedForm: Kind("malformed-form", 400, "The body is not a valid form"),
    NotAForm: Kind("not-a-form", 415, "The body is not declared as a form"),
    UnusableUpload: Kind("unusable-upload", 422, "The files cannot be used as they are"),
    UploadTooLarge: Kind("upload-too-large", 413, "The files contain too much"),
    UploadsBusy: Kind("uploads-busy", 429, "Too many uploads at once", retry_after=5),
    StorageFull: Kind("storage-full", 507, "The disk is full"),
    NameReserved: Kind("name-reserved", 409, "The name belongs to another data set"),
    NotUploaded: Kind("not-uploaded", 409, "The data set was not uploaded"),
    DatasetInUse: Kind("dataset-in-use", 409, "Experiments need the data set"),
    NoPicture: Kind("no-picture", 404, "The data set has no picture"),
    UnknownDataset: Kind("unknown-dataset", 404, "There is no such data set"),
    DatasetError: Kind("unusable-dataset", 409, "The data set cannot be used as it is"),
}
"""Every error of the domain that a client can cause. Its text is for the client to read."""


@dataclass(frozen=True)
class Problem:
    """One problem: its kind, a sentence, and each thing that is wrong."""

    kind: Kind
    detail: str
    faults: Sequence[Fault] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, error: Exception) -> Self:
        """The problem that an error of the domain is: that of its class, or of the nearest base in the table."""
        kind = next(KINDS[each] for each in type(error).__mro__ if each in KINDS)
        if isinstance(error, InvalidSpec | NotReady | UnusableUpload):
            return cls.of_faults(kind, error.faults, len(error.faults))
        if isinstance(error, InvalidQuery):
            return cls.of_faults(kind, [Fault(error.name, error.value, error.message)], 1)
        return cls(kind, str(error), getattr(error, "faults", ()), getattr(error, "headers", {}))

    @classmethod
    def of_faults(cls, kind: Kind, faults: Sequence[Fault], total: int) -> Self:
        """Faults, the first of `total`."""
        others = "1 more error" if total == 2 else f"{total - 1:,} more errors"
        more = f" (and {others})" if total > 1 else ""
        path, message = shortened(faults[0].path), shortened(faults[0].message)
        return cls(kind, f"{path or 'body'}: {message}{more}", faults)

    def body(self, instance: str) -> dict[str, Any]:
        """As JSON; `instance` is the path of the request."""
        return {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": shortened(self.detail),
            "instance": shortened(instance),
            "errors": [_error(fault) for fault in self.faults[:MOST_ERRORS]],
        }

    def response(self, instance: str) -> Response:
        """The answer that carries it."""
        content = json.dumps(self.body(instance), allow_nan=False).encode()  # ASCII, whatever was sent
        retry = {} if self.kind.retry_after is None else {"Retry-After": str(self.kind.retry_after)}
        return Response(content, self.kind.status, {**retry, **self.headers}, MEDIA_TYPE)


UNAVAILABLE = Problem(
    Kind("database-unavailable", 503, "The database does not answer", retry_after=5),
    "The database is busy or unreachable. Try again.",
)
LOCKED = Problem(
    UNAVAILABLE.kind,
    "Another transaction holds a lock of the database for too long; nothing was stored. Try again.",
)


def unexpected(request_id: str) -> Problem:
    """Something broke; the answer says nothing but where to look."""
    kind = Kind("unexpected", 500, "Unexpected error")
    return Problem(kind, f"The error was logged under the request id {request_id}.")


def shortened(text: str) -> str:
    """The text, cut off where it is long."""
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}..."


def _error(fault: Fault) -> dict[str, Any]:
    return {
        "path": shortened(fault.path),
        "value": _presentable(fault.value),
        "message": shortened(fault.message),
    }


def _presentable(value: Any) -> Any:
    """The value itself where it is short JSON, else the beginning of its text."""
    try:
        text = json.dumps(value, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        return f"({type(value).__name__})"
    return value if len(text) <= LONGEST_TEXT else shortened(text)
