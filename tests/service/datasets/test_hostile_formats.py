"""Hostile files of every format are refused, or taken, within bounds, and without the words of an outside library."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient

from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from service.store.tables import Base
from tests.service.api.test_hostile import LEAKS
from tests.service.datasets.hostile_files import HOSTILE, MEGABYTE, THOROUGH
from tests.upload_files import FLOWERS

MOST_SECONDS, MOST_MEGABYTES = 10, 450
"""Of processor time, and of memory, of which the imported libraries take 60."""
ARROW = ("arrow", "Arrow", "thrift", "Invalid", "IOError", "zlib", "Pillow", "PIL")


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile")


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    settings = Settings(
        workers=0, data_dir=data_dir, max_unpacked_bytes=32 * MEGABYTE, upload_memory_bytes=600_000_000
    )
    database = Database(settings.url)
    Base.metadata.create_all(database.engine)
    with TestClient(create_app(settings)) as client:
        form = {"name": "first", "format": "csv"}
        assert client.post("/datasets", data=form, files={"file": FLOWERS}).status_code == 201
        yield client
    database.close()


CASES = [pytest.param(name, marks=pytest.mark.thorough if name in THOROUGH else ()) for name in HOSTILE]


@pytest.mark.sampled(24)
@pytest.mark.parametrize("name", CASES)
def test_a_hostile_file_is_refused_or_taken_within_bounds(
    client: TestClient,
    data_dir: Path,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
    name: str,
) -> None:
    file_format, make, status, says = HOSTILE[name]
    content, fields = make(), {"name": "bad", "format": file_format, "accept": "all"}
    if file_format == "images":
        del fields["accept"]
    with caplog.at_level(logging.INFO, logger="holdout.uploads"):
        response = client.post("/datasets", data=fields, files={"file": content})
    [arguments] = [each.args for each in caplog.records if each.name == "holdout.uploads"]
    cpu, megabytes = cast("tuple[Any, ...]", arguments)[-2:]
    with capfd.disabled():
        used = f"{response.status_code}, {cpu / 1000:.1f} s, {megabytes:.0f} MB"
        print(f"\n{name}: {len(content):,} bytes, {used}", end="")  # noqa: T201
    assert response.status_code == (status or response.status_code), response.text
    assert cpu / 1000 < MOST_SECONDS
    assert megabytes < MOST_MEGABYTES
    assert "Traceback" not in capfd.readouterr().err
    if response.status_code == 201:
        assert client.delete("/datasets/bad").status_code == 204
    else:
        assert response.status_code in (413, 422)
        assert says in response.json()["detail"]
        assert not [leak for leak in (*LEAKS, *ARROW) if leak in response.text]
    assert [path.name for path in (data_dir / "datasets").iterdir() if path.is_dir()] == ["first"]
