"""Files are closed to other users: new ones from their creation, existing ones at the start."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.datasets import uploads
from service.operations import doctor
from service.operations.doctor import CheckResult
from service.operations.file_access import close_to_others, open_to_others
from service.settings import Settings
from tests.service.datasets.test_uploads import FORM
from tests.service.live_server import live
from tests.upload_files import FLOWERS
from workers.sandbox.client import SandboxClient


@pytest.fixture(autouse=True)
def open_umask() -> Iterator[None]:
    """The usual umask, under which new files are readable by everybody."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """The rights of others and of the group, for everything in a folder, and the folder itself."""
    paths = [folder, *folder.rglob("*")]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.lstat().st_mode) & 0o077 for path in paths}


def access(settings: Settings) -> CheckResult:
    [result] = doctor.file_access(settings)
    return result


def test_what_a_service_creates_is_closed_to_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also by the server that reads uploads, whose umask is that of the process that started it."""
    monkeypatch.setattr(uploads, "SandboxClient", SandboxClient)  # the tests share one that runs already
    settings = Settings(data_dir=tmp_path / "data", workers=0)
    from service.launcher import prepare

    prepare(settings)
    with live(settings) as service:
        assert service.client.post("/datasets", data=FORM, files={"file": FLOWERS}).status_code == 201
        assert service.client.post("/experiments", json={"dataset": "iris"}).status_code == 202
        service.app.state.models._artifacts.save(b"a model")
        found = modes(settings.data_dir)
    assert len(found) > 8
    assert set(found.values()) == {0}, found
    assert access(settings).status == "ok"


def test_existing_files_are_closed_at_the_start(tmp_path: Path) -> None:
    settings, data = Settings(data_dir=tmp_path / "data"), tmp_path / "data"
    for folder in ("datasets/mnist", "artifacts/checkpoints"):
        (data / folder).mkdir(parents=True)
    for file in (
        "holdout.db",
        "holdout.db-wal",
        "datasets/mnist/train-labels-idx1-ubyte",
        "artifacts/checkpoints/x",
    ):
        (data / file).write_text("content")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("not Holdout's")
    (data / "datasets" / "link").symlink_to(elsewhere)
    assert len([*open_to_others(settings)]) == 9
    assert "such as" in access(settings).message
    close_to_others(settings)
    found = modes(data)
    assert {name for name, mode in found.items() if mode} == {"datasets/link"}
    assert stat.S_IMODE(elsewhere.stat().st_mode) == 0o644
    assert stat.S_IMODE((data / "datasets").stat().st_mode) == 0o700
    assert stat.S_IMODE((data / "holdout.db").stat().st_mode) == 0o600
    assert access(settings).status == "ok"


def test_a_folder_with_files_of_others_stays_as_it_is(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "shared")
    (tmp_path / "shared" / "datasets").mkdir(parents=True)
    (tmp_path / "shared" / "notes.txt").write_text("of somebody else")
    close_to_others(settings)
    found = modes(tmp_path / "shared")
    assert {name for name, mode in found.items() if mode} == {".", "notes.txt"}
    assert "chmod go=" in access(settings).remedy


def test_a_database_elsewhere_is_closed_too_and_its_folder_is_not(tmp_path: Path) -> None:
    database = tmp_path / "elsewhere" / "mine.db"
    database.parent.mkdir()
    database.write_text("content")
    close_to_others(Settings(data_dir=tmp_path / "data", database_url=f"sqlite:///{database}"))
    assert modes(database.parent) == {".": 0o055, "mine.db": 0}
