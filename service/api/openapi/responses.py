"""The responses that routes declare for the OpenAPI document: problems with examples, 304, and export formats."""

from collections.abc import Iterable
from typing import Any

from limits import parse

from service.api.auth.authorization import ScopeTooNarrow, Unauthenticated
from service.api.auth.origins import CrossSite, ForeignHost
from service.api.auth.rate_limits import TooManyRequests
from service.api.errors.problems import MEDIA_TYPE, UNAVAILABLE, Problem
from service.api.live.stream_places import TooManyStreams
from service.api.thread_limiters import Standstill, TooBusy
from service.charts.rasterizer import NoRasterizer
from service.datasets.previews import NoPicture, NoTable
from service.datasets.uploads import NotTheOwner, OpenQuestions, UnusableUpload, UploadsBusy, UploadTooLarge
from service.free_space import StorageFull
from service.http.bodies import BodyTooLarge, BodyTooSlow, MalformedJSON, UnsupportedMediaType
from service.http.cursors import InvalidCursor
from service.http.forms import InvalidField, UploadTooSlow
from service.http.multipart import MalformedForm, NotAForm
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.operations.readiness import NotReady
from service.schemas.formats import MEDIA_TYPES
from service.store.artifacts.blob_store import BlobStoreUnavailable
from service.store.credentials.tokens import Caller
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
    NothingToRetryInSweep,
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
from service.webhooks.ssrf_protection import PrivateAddress
from workers.data.errors import DatasetError, MissingFile, NameReserved, NotUploaded, UnknownDataset
from workers.data.sources.upload_store import QuotaExceeded
from workers.data.tables.schema import Answer, Doubt
from workers.table_rows import MalformedCsv
from workers.validation.errors import FieldError, InvalidSpec

Responses = dict[int | str, dict[str, Any]]

PROBLEM_SCHEMA = {"$ref": "#/components/schemas/Problem"}
EXAMPLES: dict[type[Exception], Exception] = {
    InvalidSpec: InvalidSpec(
        [FieldError("loss.gama", 2, "unknown field; did you mean 'gamma'? it is one of name, gamma")]
    ),
    InvalidQuery: InvalidQuery("splitt", "train", "unknown query parameter; did you mean 'split'?"),
    InvalidCursor: InvalidCursor(),
    MalformedJSON: MalformedJSON("The body is not JSON: Expecting ',' delimiter (line 1, column 18)."),
    MalformedCsv: MalformedCsv("The first line names the columns, and lacks 'age', 'country'."),
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
    UnknownMonitor: UnknownMonitor(7),
    UnknownBatch: UnknownBatch(7, 12, 11),
    MonitorNameTaken: MonitorNameTaken("line 2", 7),
    BatchNameTaken: BatchNameTaken("2026-11-02", 5),
    TooManyStreams: TooManyStreams(100),
    TooBusy: Standstill(40),
    OutOfMemory: OutOfMemory(),
    QueueFull: QueueFull("nightly", 9_999, 10_000),
    BlobStoreUnavailable: BlobStoreUnavailable(),
    KeyReused: KeyReused("6f1c2d0e-nightly"),
    NotReady: NotReady([FieldError("agent", 75, "the embedded agent has stopped: restart the service")]),
    UnknownExperiment: UnknownExperiment(7),
    ExperimentOver: ExperimentOver(7, "succeeded"),
    ExperimentActive: ExperimentActive(7, "running"),
    UnknownRun: UnknownRun(7, [(0, 0, 0), (0, 0, 1), (0, 0, 2)]),
    ManyModels: ManyModels(7, 10),
    NoModel: NoModel(7, "seed 0", "running"),
    UnusableModel: UnusableModel(
        7,
        "seed 0",
        "checkpoints/4f0c.. is not in the artifact store",
        "Restore that file in HOLDOUT_ARTIFACTS",
    ),
    NoScores: NoScores.of_many_classes(7, 10),
    NoRowResults: NoRowResults(7, ["succeeded"]),
    UnknownRow: UnknownRow(7, 12),
    NotClassification: NotClassification(7, "confusion matrix"),
    NotRegression: NotRegression(7),
    NoThreshold: NoThreshold(7),
    UnusableRowResults: UnusableRowResults(7, "seed 0", "row_results/4f0c.. is not in the artifact store"),
    RowsGone: RowsGone(7, "There is no data set 'flowers'."),
    ImportanceTooLong: ImportanceTooLong.of_work(7, 95, 6),
    UnknownJob: UnknownJob(7, "robustness"),
    JobOver: JobOver(7, "robustness", "succeeded"),
    NoTestPart: NoTestPart(7),
    RowsUsedBefore: RowsUsedBefore(
        budget=1,
        looks=[
            FieldError(
                "ledger[0]",
                {
                    "kind": "looked_at",
                    "rows": 180,
                    "experiment_id": 3,
                    "owner": "local",
                    "dataset": "digits",
                    "look": 1,
                },
                "look 1, by experiment 3, at 180 of these 180 rows, under data set 'digits'",
            )
        ],
    ),
    NothingToRetry: NothingToRetry(7, "running"),
    NothingToRetryInSweep: NothingToRetryInSweep(7, "running"),
    UnknownSweep: UnknownSweep(7),
    SweepOver: SweepOver(7, "succeeded"),
    SweepActive: SweepActive(7, "running"),
    InvalidField: InvalidField("label", "specie", "is not a field of npz"),
    MalformedForm: MalformedForm("The form ends before its last boundary."),
    NotAForm: NotAForm("text/csv"),
    UnusableUpload: UnusableUpload(
        "flowers.csv, line 17, column 'petal'", "is 'NaN'; a feature is a finite decimal number"
    ),
    UploadTooLarge: UploadTooLarge(
        "flowers.csv, line 1", "names 1,000,001 columns; at most 262,144 features"
    ),
    OpenQuestions: OpenQuestions(
        [
            Doubt(
                "label",
                "class",
                "Column 'class' is named like a label, but 'petal' is the last one.",
                (Answer("label", "class", "predict 'class'"), Answer("label", "petal", "predict 'petal'")),
            )
        ]
    ),
    UploadTooSlow: UploadTooSlow(),
    UploadsBusy: UploadsBusy(),
    StorageFull: StorageFull(),
    QuotaExceeded: QuotaExceeded("nightly", 9_990_000_000, 20_000_000, 10_000_000_000),
    NotTheOwner: NotTheOwner("flowers", "nightly"),
    NameReserved: NameReserved("digits", "a bundled data set"),
    NotUploaded: NotUploaded("digits", "a bundled data set"),
    DatasetInUse: DatasetInUse("flowers", [7, 12]),
    NoPicture: NoPicture("flowers"),
    NoRasterizer: NoRasterizer("PNG needs the package resvg-py, which is not installed."),
    NoTable: NoTable("digits"),
    UnknownDataset: UnknownDataset("digts", ("digits", "iris"), "digits", "DATA_DIR/datasets/NAME"),
    DatasetError: MissingFile("mnist", "train-labels-idx1-ubyte"),
}
FORM_ERRORS = (NotAForm, MalformedForm, InvalidField, BodyTooLarge, UploadTooSlow)
"""Errors of any route that reads a form."""
BODY_ERRORS = (MalformedJSON, UnsupportedMediaType, BodyTooLarge, BodyTooSlow)
"""Errors of any route that reads a JSON body."""
ACCESS_ERRORS = (Unauthenticated, ScopeTooNarrow, CrossSite, ForeignHost, TooManyRequests)
"""Errors of any route that needs a token."""


def problems(*errors: type[Exception], body: bool = False, form: bool = False) -> Responses:
    """The error responses of a route. `body` adds those of reading a JSON body, `form` those of reading a form."""
    all_errors = (*errors, *(BODY_ERRORS if body else ()), *(FORM_ERRORS if form else ()))
    return responses_of(Problem.from_error(EXAMPLES[error]) for error in all_errors)


def conditional() -> Responses:
    """The 304 response of a route that sends an ETag."""
    return {304: {"description": "Nothing has changed since the response with this ETag."}}


def formats() -> Responses:
    """The additional formats of a route that returns flat rows: JSON lines and CSV."""
    text = {"schema": {"type": "string"}}
    return {200: {"content": {MEDIA_TYPES["ndjson"]: text, "text/csv": text}}}


def chart() -> Responses:
    """The response of a route that draws a chart."""
    content = {"image/svg+xml": {"schema": {"type": "string"}}}
    return {200: {"content": content, "description": "An SVG with a title and a description"}}


def picture(description: str) -> Responses:
    """The response of a route that sends a picture in pixels."""
    image = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": {"image/png": image}, "description": description}}


def unavailable() -> Responses:
    """The error responses that every route may send."""
    return responses_of([UNAVAILABLE, Problem.from_error(EXAMPLES[TooBusy])])


def responses_of(problems: Iterable[Problem]) -> Responses:
    """Group problems by status, each with its example."""
    responses: Responses = {}
    for problem in problems:
        problem_type = problem.type
        shape: dict[str, Any] = {"schema": PROBLEM_SCHEMA, "examples": {}}
        response = responses.setdefault(
            problem_type.status, {"description": problem_type.title, "content": {MEDIA_TYPE: shape}}
        )
        example = {"summary": problem_type.title, "value": problem.body("/experiments/7")}
        response["content"][MEDIA_TYPE]["examples"][problem_type.name] = example
    return responses
