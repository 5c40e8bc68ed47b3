"""Data sets: list, read, preview, upload and delete them."""

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import conditional, picture, problems
from service.api.routing.dependencies import CallerDep, DatabaseDep, MemoryDep, RegistryDep, UploadsDep
from service.api.routing.parameters import DatasetName
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.datasets.previews import NoPicture, NoTable, first_open_rows, preview
from service.datasets.table_preview import answers_of, cells_of, columns_of
from service.datasets.upload_form import form_schema
from service.datasets.uploads import (
    NotTheOwner,
    OpenQuestions,
    UnusableUpload,
    UploadsBusy,
    UploadTooLarge,
    delete_upload,
)
from service.free_space import StorageFull
from service.http.conditional import PreconditionDep
from service.http.query import InvalidQuery
from service.memory_budget import OutOfMemory
from service.png import png
from service.schemas.datasets import Dataset, DatasetPreview, Datasets, PreviewedRow
from service.schemas.tables import Inspection
from service.store.errors import DatasetInUse
from workers.data.errors import DatasetError, NameReserved, NotUploaded, UnknownDataset
from workers.data.sources.upload_store import QuotaExceeded

router = APIRouter(prefix="/datasets", tags=["data"], route_class=StrictRoute)
reading, uploading, deleting = ([allow(scope)] for scope in ("read", "submit", "submit"))
flowers = {
    "name": "flowers",
    "format": "csv",
    "label": "species",
    "file": "petal,sepal,species\n1.4,5.1,setosa\n1.3,4.7,setosa\n4.7,7.0,versicolor\n4.5,6.4,versicolor\n",
}
form: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": form_schema(), "example": flowers}},
    }
}
upload_errors = (
    UnusableUpload,
    UploadTooLarge,
    NameReserved,
    UploadsBusy,
    StorageFull,
    QuotaExceeded,
    InvalidQuery,
)
known: dict[int | str, Any] = {200: {"model": Dataset, "description": "The same content exists already"}}
PREVIEWED_ROWS = 20


@router.get(
    "",
    operation_id="list_datasets",
    summary="List the data sets",
    dependencies=reading,
    responses=problems(InvalidQuery),
)
def list_datasets(registry: RegistryDep) -> Datasets:
    """List the data sets that a spec can name: the bundled ones, `synthetic`, uploads, folders of the data directory.

    A folder that cannot be read is listed with its error.
    """
    return Datasets(items=[Dataset.listed(registry, name) for name in registry.names()])


@router.post(
    "",
    status_code=201,
    operation_id="upload_dataset",
    summary="Upload a data set",
    dependencies=[*uploading, run_on("uploads")],
    responses=known | problems(*upload_errors, OpenQuestions, form=True),
    openapi_extra=form,
)
def upload_dataset(request: Request, response: Response, uploads: UploadsDep, caller: CallerDep) -> Dataset:
    """Upload a table (CSV, Parquet and others), arrays as NPZ, or images as a zip file or IDX, for example with
    `curl -F name=flowers -F label=species -F file=@flowers.csv`.

    The first bytes of the file show its format, if `format` does not say it.

    New content under an existing name becomes a new version; the same content keeps its version.
    If a table may mean several things, the response is a question, with the form field that answers it.
    """
    facts, is_new = uploads.receive(request, caller.name)
    response.status_code = 201 if is_new else 200
    response.headers["Location"] = f"/datasets/{facts.name}"
    return Dataset.of(facts, uploads.registry.table_schema(facts))


@router.post(
    "/inspect",
    operation_id="inspect_dataset",
    summary="Inspect a data set without storing it",
    dependencies=[*uploading, run_on("uploads")],
    responses=problems(*upload_errors, form=True),
    openapi_extra=form,
)
def inspect_dataset(request: Request, uploads: UploadsDep, caller: CallerDep) -> Inspection:
    """Show how the upload of the same form would be taken: its columns, every doubt about them, and the form fields
    that decide otherwise. Nothing is stored.
    """
    found = uploads.inspect(request, caller.name)
    return Inspection.of(found.name, found.format, found.upload, found.schema)


@router.get(
    "/{name}",
    operation_id="read_dataset",
    summary="Read a data set",
    dependencies=reading,
    responses=problems(UnknownDataset, DatasetError, InvalidQuery),
)
def read_dataset(name: DatasetName, registry: RegistryDep) -> Dataset:
    """Read its rows, features and classes, the number of rows of each class, its hash, its versions, and the columns
    of a table.
    """
    facts = registry.describe(name)
    return Dataset.of(facts, registry.table_schema(facts))


@router.get(
    "/{name}/preview.png",
    operation_id="preview_dataset",
    summary="Preview images of each class",
    dependencies=reading,
    response_class=Response,
    responses=picture("A row of images for each class")
    | problems(UnknownDataset, NoPicture, DatasetError, OutOfMemory, InvalidQuery)
    | conditional(),
)
def preview_dataset(
    name: DatasetName, registry: RegistryDep, precondition: PreconditionDep, memory: MemoryDep
) -> Response:
    """Show ten images of each class in one picture. A test part of up to half of the data has none of them. A table
    has no picture.
    """
    source = registry.source(name)
    dataset = registry.load(source)
    precondition.require_modified(dataset.sha256)
    with memory.reserve(registry.planning_bytes(source)):
        content = png(preview(dataset, registry.digests(source)))
    return Response(content, media_type="image/png", headers=precondition.headers)


@router.get(
    "/{name}/preview",
    operation_id="preview_table",
    summary="Preview rows of a table",
    dependencies=reading,
    responses=problems(UnknownDataset, NoTable, DatasetError, OutOfMemory, InvalidQuery) | conditional(),
)
def preview_table(
    name: DatasetName, registry: RegistryDep, precondition: PreconditionDep, memory: MemoryDep
) -> DatasetPreview:
    """Read some rows of a table, of every class if possible. A test part of up to half of the data has none of
    them.
    """
    source = registry.source(name)
    dataset = registry.load(source)
    precondition.require_modified(dataset.sha256)
    with memory.reserve(registry.planning_bytes(source)):
        rows = first_open_rows(dataset, registry.digests(source), PREVIEWED_ROWS)
    shown = zip(rows.tolist(), answers_of(dataset, rows), cells_of(dataset, rows), strict=True)
    return DatasetPreview(
        name=name,
        sha256=dataset.sha256,
        columns=[column.name for column in columns_of(dataset)],
        features=dataset.features.shape[1],
        items=[PreviewedRow(row=row, answer=answer, cells=cells) for row, answer, cells in shown],
    )


@router.delete(
    "/{name}",
    status_code=204,
    operation_id="delete_dataset",
    summary="Delete an uploaded data set",
    dependencies=deleting,
    responses=problems(UnknownDataset, NotUploaded, NotTheOwner, DatasetInUse, InvalidQuery),
)
def delete_dataset(
    name: DatasetName, caller: CallerDep, registry: RegistryDep, database: DatabaseDep
) -> None:
    """Delete all its versions, unless experiments need them. This cannot be undone.

    A token with the scope submit deletes what it has uploaded itself; one with the scope admin deletes any upload.
    """
    delete_upload(name, caller, registry, database)
