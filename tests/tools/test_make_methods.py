from pathlib import Path

import pytest

from tools import make_methods
from workers.catalog import catalog


def test_every_variant_of_every_kind_has_a_heading_of_its_own() -> None:
    lines = make_methods.document().splitlines()
    headings = [line.removeprefix("### ").strip("`") for line in lines if line.startswith("### ")]
    assert headings == [variant.name for variants in catalog().values() for variant in variants]


def test_every_field_has_a_row() -> None:
    rows = [line for line in make_methods.document().splitlines() if line.startswith("| `")]
    fields = [field for variants in catalog().values() for variant in variants for field in variant.fields]
    assert [row.split("`")[1] for row in rows] == [field.name for field in fields]


def test_links_lead_to_headings() -> None:
    text = make_methods.document()
    headings = {line[3:].lower().replace(" ", "-") for line in text.splitlines() if line.startswith("## ")}
    assert {link.partition(")")[0] for link in text.split("](#")[1:]} <= headings


def test_the_file_is_up_to_date() -> None:
    assert make_methods.main(["--check"]) is None


def test_the_check_sees_a_difference(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(make_methods, "FILE", tmp_path / "methods.md")
    assert make_methods.main(["--check"]) is not None
    make_methods.main([])
    assert make_methods.main(["--check"]) is None
    with make_methods.FILE.open("a") as file:
        file.write("one line more")
    assert make_methods.main(["--check"]) is not None
