"""The forms that real tables have are taken as meant, or lead to the right question."""

from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from tests.workers.data.tables.common_forms import FORMS, ROWS, Form
from tests.workers.data.tables.typed_forms import TYPED_FORMS
from workers.data.formats import AnyFormat, Format
from workers.data.formats.format import Reading
from workers.data.formats.recognition import recognised
from workers.tagged_union import names

FORMAT: TypeAdapter[Format] = TypeAdapter(AnyFormat)
ALL = FORMS | TYPED_FORMS
LETTERS = {"number": "n", "category": "c", "boolean": "b", "date": "d", "ignore": "i", "label": "L"}


def read(folder: Path, form: Form, answers: dict[str, str]) -> Reading:
    folder.mkdir()
    content = form.content.encode() if isinstance(form.content, str) else form.content
    files = content if isinstance(content, dict) else {"file": content}
    for name, each in files.items():
        (folder / name).write_bytes(each)
    name = recognised(folder / "file", folder.name) if "file" in files else "idx"
    assert name == form.format
    return FORMAT.validate_python({"name": name, **answers}).reading(folder)


@pytest.mark.parametrize("form", ALL.values(), ids=list(ALL))
def test_a_form_is_taken_as_meant_or_asked_about(form: Form, tmp_path: Path) -> None:
    if form.asks:
        contents, schema = read(tmp_path / "asked", form, {})
        assert schema is not None
        assert contents is None
        assert tuple(doubt.code for doubt in schema.questions) == form.asks
        assert all(doubt.fields for doubt in schema.questions)
    contents, schema = read(tmp_path / "taken", form, form.answers)
    assert contents is not None, schema and schema.questions
    dataset = contents.dataset
    assert len(dataset) == form.rows
    assert form.targets or dataset.classes == tuple(form.classes)
    assert (dataset.targets is not None) == form.targets
    assert (len(contents.official_test) if contents.official_test else 0) == form.test_rows
    if schema is None:
        assert not form.kinds
        return
    assert "".join(LETTERS[column.kind] for column in schema.columns) == form.kinds
    assert schema.rows == form.rows
    warned = {doubt.code for doubt in schema.doubts if not doubt.blocking}
    assert warned >= set(form.warns)
    assert form.warns or not warned & {"row_names", "identifier", "empty_column", "free_text"}


def test_every_dialect_of_a_table_has_the_same_hash(tmp_path: Path) -> None:
    same = [
        "numbers and a text label",
        "windows line ends",
        "a byte order mark",
        "empty lines",
        "no line end at the end",
        "everything quoted",
        "names with spaces and units",
        "semicolons",
        "semicolons and quoted names",
        "tabs",
        "bars",
        "runs of spaces",
        "a space after each comma",
        "decimal commas and semicolons",
        "quoted decimal commas",
        "gzip",
        "a zip file of one table",
        "zstd",
        "Parquet",
        "Feather",
        "JSON lines",
        "ARFF",
        "KEEL",
    ]
    hashes = set()
    for number, name in enumerate(same):
        contents, _ = read(tmp_path / str(number), ALL[name], {})
        assert contents is not None, name
        hashes.add(contents.dataset.sha256)
    assert len(hashes) == 1


def test_there_are_at_least_forty_forms_of_the_same_length() -> None:
    assert len(FORMS) >= 40
    assert {str(form.content).count("\n") >= ROWS - 1 for form in FORMS.values()} == {True}
    assert {form.format for form in TYPED_FORMS.values()} == {*names(AnyFormat)}


def test_gaps_are_missing_values_and_nothing_else_is(tmp_path: Path) -> None:
    contents, _ = read(tmp_path / "gaps", FORMS["-999 for gaps"], {"missing": "-999"})
    assert contents is not None
    gaps = np.isnan(contents.dataset.features)
    assert gaps[:, 0].tolist() == [row % 7 == 0 for row in range(ROWS)]
    assert not gaps[:, 1].any()
