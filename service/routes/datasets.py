"""Data sets: list, read, preview, upload and delete them."""

from typing import Any

from fastapi import APIRouter, Request, Response

from service.api.auth.authorization import allow
from service.api.openapi.responses import Responses, problems
from service.api.routing.dependencies import CallerDep, DatabaseDep, RegistryDep, UploadsDep
from service.api.routing.parameters import DatasetName
from service.api.routing.strict_route import StrictRoute
from service.api.routing.thread_kinds import run_on
from service.datasets.free_space import StorageFull
from service.datasets.previews import NoPicture, preview
from service.datasets.upload_form import form_schema
from service.datasets.uploads import (
    NotTheOwner,
    OpenQuestions,
    UnusableUpload,
    UploadsBusy,
    UploadTooLarge,
    delete_upload,
)
from service.http.query import InvalidQuery
from service.png import png
from service.schemas.datasets import Dataset, Datasets
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
known: Responses = {200: {"model": Dataset, "description": "The same content exists already"}}
image: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
picture: Responses = {200: {"content": {"image/png": image}, "description": "A row of images for each class"}}


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
    """Upload a table as CSV, arrays as NPZ, or images as IDX, for example with
    `curl -F name=flowers -F format=csv -F file=@flowers.csv`.

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
    responses=picture | problems(UnknownDataset, NoPicture, DatasetError, InvalidQuery),
)
def preview_dataset(name: DatasetName, registry: RegistryDep) -> Response:
    """Show the first ten images of each class in one picture. A table has no picture."""
    return Response(png(preview(registry.load(registry.source(name)))), media_type="image/png")


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
