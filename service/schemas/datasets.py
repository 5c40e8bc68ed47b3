"""The response models of data sets."""

from pydantic import Field

from service.schemas.base import OptionalTime, ResponseModel, Time
from service.schemas.tables import Table
from workers.data.errors import DatasetError
from workers.data.registry import DatasetDescription, DatasetRegistry
from workers.data.sources.upload_store import Version
from workers.data.tables.schema import TableSchema


class ClassCount(ResponseModel):
    """The number of rows of a class, without an official test part."""

    name: str
    rows: int


class DatasetVersion(ResponseModel):
    """One version of an uploaded data set. A spec with its sha256 uses it; any other spec uses the newest."""

    version: int
    sha256: str
    format: str
    rows: int
    features: int
    official_test: int
    uploaded_at: Time

    @classmethod
    def of(cls, version: Version) -> "DatasetVersion":
        counts = {"version": version.number, "official_test": version.upload.official_test_rows}
        return cls.model_validate({**vars(version.upload), **counts, "uploaded_at": version.uploaded_at})


class Dataset(ResponseModel):
    """A data set. If it cannot be read, `problem` gives the reason and all fields but the name are null.

    The fields of an uploaded data set describe its newest version.
    """

    name: str
    source: str | None = None
    sha256: str | None = Field(None, description="Hash of the content, whatever the name.")
    rows: int | None = None
    features: int | None = None
    shape: list[int] | None = Field(None, description="Height, width and channels of an image.")
    classes: list[ClassCount] | None = None
    official_test: int | None = Field(None, description='Rows for `"test": "official"`; 0 for none.')
    version: int | None = Field(
        None, description="The version of an uploaded data set, from 1; null for others."
    )
    uploaded_at: OptionalTime = None
    versions: list[DatasetVersion] | None = Field(
        None, description="All versions of an uploaded data set, newest last; null for others."
    )
    table: Table | None = Field(
        None,
        description="The columns of an uploaded table; null for others, in the list, and if it is older.",
    )
    problem: str | None = None

    @classmethod
    def of(cls, facts: DatasetDescription, schema: TableSchema | None = None) -> "Dataset":
        pairs = zip(facts.classes, facts.counts, strict=True)
        classes = [{"name": name, "rows": rows} for name, rows in pairs]
        versions = [DatasetVersion.of(version) for version in facts.versions] or None
        given = {**vars(facts), "classes": classes, "versions": versions}
        given["table"] = None if schema is None else Table.of(schema)
        if facts.versions:
            given |= {"version": facts.versions[-1].number, "uploaded_at": facts.versions[-1].uploaded_at}
        return cls.model_validate(given)

    @classmethod
    def listed(cls, registry: DatasetRegistry, name: str) -> "Dataset":
        try:
            return cls.of(registry.describe(name))
        except DatasetError as error:
            return cls(name=name, problem=str(error))


class Datasets(ResponseModel):
    """All data sets."""

    items: list[Dataset]


class PreviewedRow(ResponseModel):
    """One row. row: its index in the data set as uploaded."""

    row: int
    answer: str | float = Field(description="Its class, or in a regression the number to predict.")
    cells: list[float | str | None] = Field(
        description="In the order of `columns`; dates as text; null if missing."
    )


class DatasetPreview(ResponseModel):
    """Some rows of a table. A test part of up to half of the data has none of them."""

    name: str
    sha256: str
    columns: list[str] = Field(description="The names of the first columns; of unnamed ones their places.")
    features: int = Field(description="How many columns the data set has.")
    items: list[PreviewedRow]
