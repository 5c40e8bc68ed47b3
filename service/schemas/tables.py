"""The response models of tables: the columns as they are taken, and the doubts about them."""

from typing import Any

from pydantic import Field

from service.schemas.base import ResponseModel
from workers.data.sources.upload_store import Upload
from workers.data.tables.options import ColumnKind, Task
from workers.data.tables.schema import ColumnSchema, Doubt, TableSchema


class ValueCount(ResponseModel):
    """A text of a column, and how many rows have it."""

    value: str
    rows: int


class TableColumn(ResponseModel):
    """A column of the file. `ignore`: it is left out. `label`: it is the one to predict."""

    name: str
    kind: ColumnKind
    missing: float = Field(description="The share of cells that are missing.")
    distinct: int = Field(description="Different values, counted up to 10,000.")
    low: float | None = Field(
        None, description="The smallest number, or the first date as days since 1970-01-01."
    )
    high: float | None = None
    top: list[ValueCount] = Field(description="The most frequent texts; none for numbers and dates.")

    @classmethod
    def of(cls, column: ColumnSchema) -> "TableColumn":
        top = [ValueCount(value=text, rows=rows) for text, rows in column.top]
        return cls.model_validate({**vars(column), "top": top})


class TableChoice(ResponseModel):
    """One answer to a doubt."""

    field: str = Field(description="The form field.")
    value: str
    meaning: str = Field(description="What it does, as an infinitive.", examples=["leave them out"])


class TableDoubt(ResponseModel):
    """Something that the table may mean in two ways, or that is probably a mistake."""

    code: str = Field(description="What the form field `accept` takes.")
    column: str | None
    message: str = Field(description="The sentence with the remedy.")
    sentence: str = Field(description="What was found.")
    remedy: str = Field(description="The form fields that answer it, in words.")
    choices: list[TableChoice] = Field(description="The same fields, for a program that asks a person.")
    fields: dict[str, str] = Field(description="The form fields that decide, each with an example.")
    blocking: bool = Field(
        description="Whether the upload is refused until it is answered; else it is a warning."
    )

    @classmethod
    def of(cls, doubt: Doubt) -> "TableDoubt":
        choices = [TableChoice.model_validate(vars(each)) for each in doubt.choices]
        more = {"message": doubt.text, "remedy": doubt.remedy, "fields": doubt.fields, "choices": choices}
        return cls.model_validate({**vars(doubt), **more})


class Table(ResponseModel):
    """A table as it is taken. At most 1,000 columns are described."""

    rows: int
    label: str
    task: Task
    header: bool | None = Field(
        description="Whether the first line names the columns; null if the file is no text."
    )
    delimiter: str | None
    decimal: str | None
    columns: list[TableColumn]
    warnings: list[TableDoubt]

    @classmethod
    def of(cls, schema: TableSchema) -> "Table":
        columns, warnings = map(TableColumn.of, schema.columns), map(TableDoubt.of, schema.doubts)
        return cls.model_validate({**vars(schema), "columns": list(columns), "warnings": list(warnings)})


class Inspection(ResponseModel):
    """What an upload of the same form would be."""

    name: str
    format: str
    is_ready: bool = Field(description="Whether the upload would be taken; false if a question is open.")
    rows: int
    features: int | None = Field(None, description="Null while a question is open.")
    classes: list[str] | None = Field(None, description="The classes, or the bins of the numbers to predict.")
    table: Table | None = Field(None, description="Null if the format holds no table.")

    @classmethod
    def of(
        cls, name: str, file_format: str, upload: Upload | None, schema: TableSchema | None
    ) -> "Inspection":
        if upload is None:
            counts: dict[str, Any] = {"rows": schema.rows if schema else 0}
        else:
            counts = {"rows": upload.rows, "features": upload.features, "classes": list(upload.classes)}
        table = None if schema is None else Table.of(schema)
        given = {"name": name, "format": file_format, "is_ready": upload is not None, "table": table}
        return cls.model_validate({**given, **counts})
