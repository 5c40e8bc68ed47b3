"""`holdout backup`: what it copies while the service works is a whole database, and can be restored as documented."""

import os
import shutil
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner

from service.cli.commands import app
from service.launcher import prepare, serving
from service.operations import backup
from service.operations.backup import BackupFailed, back_up
from service.settings import Settings, UnusableSetting
from service.store import history
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.database import Database
from service.store.epochs import epoch_writer
from tests.service.store.experiments import QueueHarness
from tests.slow_runs import endless_spec
from workers.processes.messages import CheckpointTaken

IRIS = {"dataset": "iris", "training": {"epochs": 3}, "seeds": [0, 1]}


@pytest.fixture(autouse=True)
def umask() -> Iterator[None]:
    before = os.umask(0o077)
    yield
    os.umask(before)


def settings_in(folder: Path) -> Settings:
    return Settings(data_dir=folder, port=0, workers=1, artifact_bytes=100, log_level="warning")


def finished(http: httpx2.Client, page: str) -> dict[str, object]:
    while (experiment := http.get(page, params={"wait": 30}).json())["finished_at"] is None:
        pass
    assert isinstance(experiment, dict)
    return experiment


def identity(settings: Settings) -> bytes | None:
    with closing(Database(settings.url)) as database, database.read() as connection:
        return history.identity(connection)


@pytest.mark.timeout(180)
def test_a_backup_of_a_busy_service_is_restored_with_its_models(tmp_path: Path) -> None:
    settings = settings_in(tmp_path / "data")
    with serving(settings) as url, httpx2.Client(base_url=url, timeout=60) as http:
        page = http.post("/experiments", json=IRIS).headers["location"]
        before = finished(http, page)
        weights = http.get(f"{page}/weights", params={"seed": 1}).content
        busy = http.post("/experiments", json=endless_spec() | {"name": "busy"}).headers["location"]
        while not http.get(f"{busy}/metrics").json()["items"]:
            pass
        made = back_up(settings, tmp_path / "backup")
        assert http.get(busy).json()["status"] == "running"
    assert (made.lost, made.artifacts) == (
        [],
        len(list((tmp_path / "backup/artifacts/checkpoints").iterdir())),
    )
    assert made.artifacts >= 2
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "backup").rglob("*")} == {0}
    restored = settings_in(tmp_path / "restored")
    shutil.copytree(tmp_path / "backup", restored.data_dir)
    assert identity(restored) is None
    with serving(restored) as url, httpx2.Client(base_url=url, timeout=60) as http:
        assert http.get(page).json()["summary"] == before["summary"]
        assert http.get(f"{page}/weights", params={"seed": 1}).content == weights
        rows = [[5.1, 3.5, 1.4, 0.2]]
        assert http.post(f"{page}/predict", json={"rows": rows}).status_code == 200
        while (continued := http.get(busy).json())["status"] != "running":
            pass
        assert continued["runs"][0]["attempt"] >= 1
    assert None is not identity(restored) != identity(settings)


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[QueueHarness]:
    prepare(settings_in(tmp_path))
    with closing(Database(f"sqlite:///{tmp_path / 'holdout.db'}")) as database:
        yield QueueHarness(database)


def save(harness: QueueHarness, artifacts: ArtifactStore, run_id: int, epoch: int) -> None:
    reference = artifacts.save(b"%d" % epoch * 200)
    taken = CheckpointTaken(epoch, 1, reference)
    harness.write(epoch_writer.save_checkpoint, artifacts, run_id, taken)
    artifacts.collect_garbage(harness.database)
    artifacts.wait_for_garbage(timeout=10)


@pytest.mark.sampled(1)
@pytest.mark.parametrize("replacements", [1, 3, backup.ROUNDS])
def test_a_checkpoint_that_is_replaced_meanwhile_is_copied_in_its_newest_state(
    harness: QueueHarness, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, replacements: int
) -> None:
    artifacts = ArtifactStore(str(tmp_path / "artifacts"), row_bytes=100)
    harness.submit()
    run_id = harness.take().run_id
    save(harness, artifacts, run_id, 1)
    copy, left = backup._copy_database, iter(range(replacements))

    def copy_then_replace(database: Database, file: Path) -> None:
        copy(database, file)
        if (number := next(left, None)) is not None:
            save(harness, artifacts, run_id, number + 2)

    monkeypatch.setattr(backup, "_copy_database", copy_then_replace)
    if replacements == backup.ROUNDS:
        with pytest.raises(BackupFailed, match="changed faster"):
            back_up(settings_in(tmp_path), tmp_path / "backup")
        return
    made = back_up(settings_in(tmp_path), tmp_path / "backup")
    assert (made.artifacts, made.lost) == (1, [])
    [file] = (tmp_path / "backup/artifacts/checkpoints").iterdir()
    assert file.read_bytes() == b"%d" % (replacements + 1) * 200


def test_an_artifact_that_is_lost_for_good_is_named(harness: QueueHarness, tmp_path: Path) -> None:
    artifacts = ArtifactStore(str(tmp_path / "artifacts"), row_bytes=100)
    harness.submit()
    save(harness, artifacts, harness.take().run_id, 1)
    [name] = artifacts.files.names("checkpoints")
    artifacts.files.remove(name)
    result = CliRunner().invoke(app, ["backup", str(tmp_path / "backup"), "--data-dir", str(tmp_path)])
    assert (result.exit_code, result.stdout) == (
        0,
        f"{tmp_path / 'backup/holdout.db'}: the database, with 0 artifacts and the data sets beside it\n",
    )
    assert result.stderr == f"not copied: {name} is not in the artifact store\n"


def test_a_backup_needs_sqlite_a_database_and_a_new_folder(tmp_path: Path) -> None:
    for settings, folder, message in (
        (Settings(database_url="postgresql://nowhere/x", data_dir=tmp_path), tmp_path / "new", "use pg_dump"),
        (Settings(data_dir=tmp_path), tmp_path / "new", "There is no database"),
    ):
        with pytest.raises(UnusableSetting, match=message):
            back_up(settings, folder)
    prepare(settings_in(tmp_path))
    with pytest.raises(UnusableSetting, match="needs a new folder"):
        back_up(settings_in(tmp_path), tmp_path)
