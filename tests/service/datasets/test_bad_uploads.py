"""Every bad file, uploaded: it is refused with a reason, at once and with little memory, and nothing is kept."""

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any, cast

import pytest
from fastapi.testclient import TestClient
from httpx2 import Response

from service.app import create_app
from service.settings import Settings
from service.store.database import Database
from service.store.tables import Base
from tests.service.api.test_hostile import LEAKS
from tests.uploads import FLOWERS, Files, bad_files

MOST_MILLISECONDS = 100
MOST_MEGABYTES = 64
BAD_FILES = bad_files()


@dataclass(frozen=True)
class Refusal:
    """In milliseconds: the whole request; the reading, from the file's arrival on; what it took of a processor."""

    status: int
    request: float
    reading: float
    cpu: float
    megabytes: float


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def client(data_dir: Path) -> Iterator[TestClient]:
    """One application for all, whose reading server runs already."""
    settings = Settings(workers=0, data_dir=data_dir)
    database = Database(settings.url)
    Base.metadata.create_all(database.engine)
    with TestClient(create_app(settings)) as client:
        assert upload(client, "csv", {"file": FLOWERS}, name="first").status_code == 201
        yield client
    database.close()


@pytest.fixture(scope="module")
def refusals() -> Iterator[dict[str, Refusal]]:
    """What was measured; `pytest -s` shows it at the end."""
    measured: dict[str, Refusal] = {}
    yield measured
    print(f"\n{'file':40} status    request    reading  processor    memory")  # noqa: T201
    for name, each in measured.items():
        times = "".join(f"{time:8.1f} ms" for time in (each.request, each.reading, each.cpu))
        print(f"{name:40} {each.status:6} {times} {each.megabytes:6.1f} MB")  # noqa: T201


def upload(client: TestClient, file_format: str, files: Files, name: str = "bad") -> Response:
    return client.post("/datasets", data={"name": name, "format": file_format}, files=files)


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_at_once_with_what_is_wrong_and_where(
    client: TestClient,
    data_dir: Path,
    refusals: dict[str, Refusal],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    file_format, files, status, says = BAD_FILES[name]
    with caplog.at_level(logging.INFO, logger="holdout.uploads"):
        started = perf_counter()
        response = upload(client, file_format, files)
        request = 1000 * (perf_counter() - started)
    [arguments] = [each.args for each in caplog.records if each.name == "holdout.uploads"]
    refusal = refusals[name] = Refusal(
        response.status_code, request, *cast("tuple[Any, ...]", arguments)[-3:]
    )
    assert refusal.status == status, response.text
    problem = response.json()
    assert says in problem["detail"]
    assert problem["errors"][0]["path"].startswith("bad")
    assert len(response.content) < 5000
    assert not [leak for leak in LEAKS if leak != "0x" and leak in response.text]
    assert " at 0x" not in response.text
    assert refusal.cpu < MOST_MILLISECONDS
    assert refusal.megabytes < MOST_MEGABYTES
    assert [path.name for path in (data_dir / "datasets").iterdir() if path.is_dir()] == ["first"]


def test_a_refusal_takes_less_than_100_ms_by_the_clock_too(refusals: dict[str, Refusal]) -> None:
    """At least as a rule: the machine that tests run on has other things to do."""
    assert median(each.reading for each in refusals.values()) < MOST_MILLISECONDS
