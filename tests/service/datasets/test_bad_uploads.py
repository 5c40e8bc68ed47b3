"""Every bad file is refused with a reason, quickly and with little memory, and leaves nothing behind."""

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
from tests.upload_files import FLOWERS, Files, bad_files

MAX_MILLISECONDS = 100
MAX_MEGABYTES = 96
"""Of which the imported libraries take 60."""
BAD_FILES = bad_files()


@dataclass(frozen=True)
class Refusal:
    """Milliseconds of the whole request, of the reading after the file has arrived, and of processor time."""

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
    """One application for all tests, in which the process that reads uploads runs already."""
    settings = Settings(workers=0, data_dir=data_dir)
    database = Database(settings.url)
    Base.metadata.create_all(database.engine)
    with TestClient(create_app(settings)) as client:
        assert upload(client, "csv", {"file": FLOWERS}, name="first").status_code == 201
        yield client
    database.close()


@pytest.fixture(scope="module")
def refusals() -> Iterator[dict[str, Refusal]]:
    """The measurements; `pytest -s` shows them at the end."""
    measured: dict[str, Refusal] = {}
    yield measured
    print(f"\n{'file':40} status    request    reading  processor    memory")  # noqa: T201
    for name, each in measured.items():
        times = "".join(f"{time:8.1f} ms" for time in (each.request, each.reading, each.cpu))
        print(f"{name:40} {each.status:6} {times} {each.megabytes:6.1f} MB")  # noqa: T201


def upload(client: TestClient, file_format: str, files: Files, name: str = "bad") -> Response:
    return client.post("/datasets", data={"name": name, "format": file_format}, files=files)


@pytest.mark.sampled(44)
@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_quickly_with_the_place_and_the_reason(
    client: TestClient,
    data_dir: Path,
    refusals: dict[str, Refusal],
    caplog: pytest.LogCaptureFixture,
    name: str,
) -> None:
    file_format, files, status, says = BAD_FILES[name]
    content = files()
    with caplog.at_level(logging.INFO, logger="holdout.uploads"):
        started = perf_counter()
        response = upload(client, file_format, content)
        request = 1000 * (perf_counter() - started)
    [arguments] = [each.args for each in caplog.records if each.name == "holdout.uploads"]
    refusal = refusals[name] = Refusal(
        response.status_code, request, *cast("tuple[Any, ...]", arguments)[-3:]
    )
    assert refusal.status == status, response.text
    problem = response.json()
    assert says in problem["detail"]
    if problem["type"] != "/problems/open-questions":
        assert problem["errors"][0]["path"].startswith("bad")
    assert len(response.content) < 5000
    assert not [leak for leak in LEAKS if leak != "0x" and leak in response.text]
    assert " at 0x" not in response.text
    assert refusal.cpu < MAX_MILLISECONDS
    assert refusal.megabytes < MAX_MEGABYTES
    assert [path.name for path in (data_dir / "datasets").iterdir() if path.is_dir()] == ["first"]


def test_the_median_refusal_takes_less_than_100_ms_of_wall_time(refusals: dict[str, Refusal]) -> None:
    """The median, because the machine also runs other programs."""
    assert median(each.reading for each in refusals.values()) < MAX_MILLISECONDS
