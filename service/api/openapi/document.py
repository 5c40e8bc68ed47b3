"""The OpenAPI document: every error with its shape and an example, beside what the routes declare themselves."""

from collections.abc import Iterable
from functools import cache
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from limits import parse
from pydantic import BaseModel

from service.api.auth.authorization import ScopeTooNarrow, Unauthenticated
from service.api.auth.origins import CrossSite, ForeignHost
from service.api.auth.rate_limits import TooManyRequests
from service.api.errors.problems import MEDIA_TYPE, UNAVAILABLE, Problem
from service.api.openapi import headers, links, response_examples
from service.api.openapi.compatibility import in_plain_words
from service.api.openapi.exact_integers import with_exact_bounds
from service.api.routing.thread_limiters import Standstill, TooBusy
from service.datasets.previews import NoPicture
from service.datasets.uploads import StorageFull, UnusableUpload, UploadsBusy, UploadTooLarge
from service.http.bodies import BodyTooLarge, BodyTooSlow, MalformedJSON, UnsupportedMediaType
from service.http.cursors import InvalidCursor
from service.http.forms import InvalidField, UploadTooSlow
from service.http.multipart import MalformedForm, NotAForm
from service.http.query import InvalidQuery
from service.operations.readiness import NotReady
from service.schemas.formats import MEDIA_TYPES
from service.schemas.problem import ProblemAnswer
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
from service.store.tokens import Caller
from service.webhooks.ssrf_protection import PrivateAddress
from workers.data.errors import DatasetError, MissingFile, NameReserved, NotUploaded, UnknownDataset
from workers.validation.errors import Fault, InvalidSpec

Responses = dict[int | str, dict[str, Any]]

DESCRIPTION = """
A service for honest classification experiments. POST a spec, workers train it, and the answers give the accuracy of
each class with baselines and confidence intervals.

`POST /experiments` with `{}` trains on the bundled digits. `GET /experiments/{id}` returns the progress and the
results; `.../metrics`, `.../classes` and `.../confusion` return the details. `/catalog` lists everything that a spec
can name. Every error is a problem (RFC 9457) that gives the place, the value, and what would be right.
"""
TAGS = [
    {
        "name": "experiments",
        "description": "Submit experiments, follow their progress, and read and compare their results.",
    },
    {
        "name": "epochs",
        "description": "Metrics, class accuracies and confusion matrices of each epoch, as flat rows.",
    },
    {
        "name": "models",
        "description": "Trained models: weights, predictions, and a bundle to repeat the experiment.",
    },
    {
        "name": "test set",
        "description": "The sealed test part: a budget limits its evaluations, and a ledger records them.",
    },
    {"name": "data", "description": "The data sets that a spec can name."},
    {"name": "catalog", "description": "The losses, optimizers, balancings, ... that a spec can name."},
    {"name": "webhooks", "description": "Messages to your own server when an experiment ends."},
    {"name": "operation", "description": "Health, readiness and metrics of the service."},
]
EXAMPLES: dict[type[Exception], Exception] = {
    InvalidSpec: InvalidSpec(
        [Fault("loss.gama", 2, "unknown field; did you mean 'gamma'? it is one of name, gamma")]
    ),
    InvalidQuery: InvalidQuery("splitt", "train", "unknown query parameter; did you mean 'split'?"),
    InvalidCursor: InvalidCursor(),
    MalformedJSON: MalformedJSON("The body is not JSON: Expecting ',' delimiter (line 1, column 18)."),
    UnsupportedMediaType: UnsupportedMediaType("text/plain"),
    BodyTooLarge: BodyTooLarge(1_000_000),
    BodyTooSlow: BodyTooSlow(),
    Unauthenticated: Unauthenticated(),
    ScopeTooNarrow: ScopeTooNarrow(Caller("dashboard", "read"), "submit"),
    CrossSite: CrossSite("https://dashboard.example.org"),
    ForeignHost: ForeignHost("holdout.example.org"),
    TooManyRequests: TooManyRequests("writes", parse("6000/minute"), 12),
    PrivateAddress: PrivateAddress("intranet.example.org"),
    UnknownWebhook: UnknownWebhook(7),
    TooBusy: Standstill(40),
    QueueFull: QueueFull("nightly", 9_999, 10_000),
    BlobStoreUnavailable: BlobStoreUnavailable(),
    KeyReused: KeyReused("6f1c2d0e-nightly"),
    NotReady: NotReady([Fault("agent", 75, "the embedded agent has stopped: restart the service")]),
    UnknownExperiment: UnknownExperiment(7),
    ExperimentOver: ExperimentOver(7, "succeeded"),
    ExperimentActive: ExperimentActive(7, "running"),
    UnknownSeed: UnknownSeed(7, [0, 1, 2]),
    NoModel: NoModel(7, 0, "running"),
    UnusableModel: UnusableModel(
        7, 0, "checkpoints/4f0c.. is not in the artifact store", "Restore that file in HOLDOUT_ARTIFACTS"
    ),
    NoTestPart: NoTestPart(7),
    BudgetSpent: BudgetSpent(
        1, [Fault("ledger[0]", {"experiment_id": 3, "accuracy": 0.971}, "look 1, by experiment 3")]
    ),
    NothingToRetry: NothingToRetry(7, "running"),
    InvalidField: InvalidField("label", "specie", "is not a field of npz"),
    MalformedForm: MalformedForm("The form ends before its last boundary."),
    NotAForm: NotAForm("text/csv"),
    UnusableUpload: UnusableUpload(
        "flowers.csv, line 17, column 'petal'", "is 'NaN'; a feature is a finite decimal number"
    ),
    UploadTooLarge: UploadTooLarge(
        "flowers.csv, line 1", "names 1,000,001 columns; at most 262,144 features"
    ),
    UploadTooSlow: UploadTooSlow(),
    UploadsBusy: UploadsBusy(),
    StorageFull: StorageFull(),
    NameReserved: NameReserved("digits", "a bundled data set"),
    NotUploaded: NotUploaded("digits", "a bundled data set"),
    DatasetInUse: DatasetInUse("flowers", [7, 12]),
    NoPicture: NoPicture("flowers"),
    UnknownDataset: UnknownDataset("digts", ("digits", "iris"), "digits", "DATA_DIR/datasets/NAME"),
    DatasetError: MissingFile("mnist", "train-labels-idx1-ubyte"),
}
FORM = (NotAForm, MalformedForm, InvalidField, BodyTooLarge, UploadTooSlow)
"""What can be wrong with any form."""
BODY = (MalformedJSON, UnsupportedMediaType, BodyTooLarge, BodyTooSlow)
"""What can be wrong with any body."""
GUARDED = (Unauthenticated, ScopeTooNarrow, CrossSite, ForeignHost, TooManyRequests)
"""What keeps a request from any route that needs a token."""
LICENSE = {"name": "MIT", "identifier": "MIT"}
SERVERS = [{"url": "/"}]
"""Where the document is served."""
OPEN: dict[str, list[str]] = {}
"""Of security: none is needed while the service is open."""
SCHEMA = {"$ref": "#/components/schemas/Problem"}


def problems(*errors: type[Exception], body: bool = False, form: bool = False) -> Responses:
    """What a route declares of its errors; `body` adds those of reading one, `form` those of a form."""
    all_errors = (*errors, *(BODY if body else ()), *(FORM if form else ()))
    return _responses(Problem.of(EXAMPLES[error]) for error in all_errors)


def conditional() -> Responses:
    """What a route declares that answers with an ETag."""
    return {304: {"description": "Nothing has changed since the answer that had this ETag."}}


def formats() -> Responses:
    """What a route declares that answers flat rows as JSON lines and CSV too."""
    text = {"schema": {"type": "string"}}
    return {200: {"content": {MEDIA_TYPES["ndjson"]: text, "text/csv": text}}}


def unavailable() -> Responses:
    """What any route may answer."""
    return _responses([UNAVAILABLE, Problem.of(EXAMPLES[TooBusy])])


def _responses(problems: Iterable[Problem]) -> Responses:
    """For each status, the problems that it may carry, with an example each."""
    responses: Responses = {}
    for problem in problems:
        kind = problem.kind
        shape: dict[str, Any] = {"schema": SCHEMA, "examples": {}}
        response = responses.setdefault(
            kind.status, {"description": kind.title, "content": {MEDIA_TYPE: shape}}
        )
        example = {"summary": kind.title, "value": problem.body("/experiments/7")}
        response["content"][MEDIA_TYPE]["examples"][kind.name] = example
    return responses


def document(app: FastAPI) -> dict[str, Any]:
    """The document of `app`, made once."""
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title,
            version=app.version,
            description=DESCRIPTION,
            tags=TAGS,
            license_info=LICENSE,
            servers=SERVERS,
            routes=app.routes,
        )
        schema["components"]["schemas"] |= _schemas(ProblemAnswer)
        schema = in_plain_words(with_exact_bounds(schema))
        operations = {
            each["operationId"]: each for path in schema["paths"].values() for each in path.values()
        }
        for operation in operations.values():
            _complete(operation["responses"])
            operation["security"] = [OPEN, *operation["security"]] if "security" in operation else []
            if operation["security"]:
                _add(operation["responses"], problems(*GUARDED))
        headers.add(operations, _headers_of_problems())
        links.add(operations)
        response_examples.add(operations)
        app.openapi_schema = schema
    return app.openapi_schema


def _add(responses: dict[str, Any], more: Responses) -> None:
    """Add responses to those of an operation, and examples where it has the status already."""
    for status, response in more.items():
        there = responses.setdefault(str(status), response)["content"][MEDIA_TYPE]
        there["examples"] |= response["content"][MEDIA_TYPE]["examples"]


def _complete(responses: dict[str, Any]) -> None:
    """Give the examples back their nulls, which FastAPI leaves out of whatever a route declares."""
    for response in responses.values():
        for name, example in response.get("content", {}).get(MEDIA_TYPE, {}).get("examples", {}).items():
            example["value"] = _examples()[name]["value"]


@cache
def _examples() -> dict[str, Any]:
    """The example of each kind of problem, by its name."""
    responses = _responses([UNAVAILABLE, *map(Problem.of, EXAMPLES.values())])
    return {
        name: example
        for response in responses.values()
        for name, example in response["content"][MEDIA_TYPE]["examples"].items()
    }


def _headers_of_problems() -> dict[str, frozenset[str]]:
    """The headers that each kind of problem carries, by its name."""
    known = {name.lower(): name for name in headers.DESCRIBED}
    return {
        problem.kind.name: frozenset(known[each] for each in problem.response("").headers if each in known)
        for problem in (UNAVAILABLE, *map(Problem.of, EXAMPLES.values()))
    }


def _schemas(model: type[BaseModel]) -> dict[str, Any]:
    """A model and those within it, as components."""
    schema = model.model_json_schema(mode="serialization", ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs", {}), schema["title"]: schema}
