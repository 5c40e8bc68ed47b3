from contextlib import closing
from pathlib import Path

import pytest
from fsspec.implementations.memory import MemoryFileSystem

from service.operations import doctor
from service.operations.doctor import CheckResult, has_wal_reset_bug, run_checks
from service.settings import Settings
from service.store.engine.sqlite_driver import driver
from workers import bfloat16, blas
from workers.bfloat16 import ProcessorUnit, Rates


def about(word: str, results: list[CheckResult]) -> CheckResult:
    return next(each for each in results if each.message.startswith(word))


@pytest.fixture(autouse=True)
def small_matrix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "MATRIX_SIZE", 8)


def test_a_new_installation_has_no_problem_and_is_not_changed(tmp_path: Path) -> None:
    results = run_checks(Settings(data_dir=tmp_path / "data"))
    assert [each.message for each in results if each.status == "bad"] == []
    assert "not there yet" in about("Database", results).message
    assert "digits (1,797 rows)" in about("Bundled", results).message
    assert list(tmp_path.iterdir()) == []


def test_a_migrated_database_is_current_and_an_empty_one_is_not(tmp_path: Path, sqlite_url: str) -> None:
    assert about("Database", run_checks(Settings(database_url=sqlite_url))).status == "ok"
    with closing(driver.connect(tmp_path / "empty.db")) as connection:
        connection.execute("CREATE TABLE t (x)")
    result = about("Database", run_checks(Settings(database_url=f"sqlite:///{tmp_path}/empty.db")))
    assert (result.status, "holdout migrate" in result.remedy) == ("warn", True)


def test_a_file_that_is_no_database_is_bad(tmp_path: Path) -> None:
    (tmp_path / "holdout.db").write_text("not a database, but long enough to be looked at as one" * 20)
    assert about("Database", run_checks(Settings(data_dir=tmp_path))).status == "bad"


@pytest.mark.parametrize(
    ("rates", "message"),
    [
        (Rates(600.0, 140.0), "AMX-BF16 with MKL 2026.2.0, 600 GFLOP/s beside 140 in float32"),
        (Rates(35.0, 58.0), "refused here, because MKL 2026.2.0 multiplies bfloat16 at 35 GFLOP/s"),
    ],
)
def test_the_unit_of_bfloat16_is_shown_with_its_rate(
    rates: Rates, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        bfloat16, "find_unit", lambda: ProcessorUnit("AMX-BF16", "2026.2.0", Path("libmkl_rt.so.3"))
    )
    monkeypatch.setattr(bfloat16, "MklProducts", lambda library, name: None)
    monkeypatch.setattr(bfloat16, "measure", lambda products: rates)
    (found,) = doctor.bfloat16_unit(Settings())
    assert (found.status, message in found.message) == ("ok", True)


def test_a_missing_unit_of_bfloat16_has_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blas, "read_cpuinfo", lambda: "flags : avx2")
    (found,) = doctor.bfloat16_unit(Settings())
    assert "neither AMX-BF16 nor AVX512-BF16; train with" in found.message


def test_an_unreachable_server_is_bad_and_its_password_is_not_shown() -> None:
    result = about(
        "Database", run_checks(Settings(database_url="postgresql://me:secret@127.0.0.1:1/holdout"))
    )
    assert result.status == "bad"
    assert "secret" not in result.message + result.remedy


def test_an_artifact_store_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not [each for each in run_checks(Settings()) if each.message.startswith("Artifact store")]
    settings = Settings(artifacts="memory://doctor")
    assert about("Artifact store", run_checks(settings)).status == "ok"

    def denied(*_: object, **__: object) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(MemoryFileSystem, "pipe_file", denied)
    result = about("Artifact store", run_checks(settings))
    assert (result.status, "PermissionError: Access Denied" in result.message) == ("bad", True)
    assert about("HOLDOUT_ARTIFACTS", run_checks(Settings(artifacts="sftp://host/folder"))).status == "bad"


def test_doctor_does_not_migrate_the_database(tmp_path: Path) -> None:
    path = tmp_path / "holdout.db"
    with closing(driver.connect(path)) as connection:
        connection.execute("CREATE TABLE t (x)")
    run_checks(Settings(data_dir=tmp_path))
    with closing(driver.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("t",)]


def test_a_read_only_folder_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(**_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("service.operations.doctor.tempfile.TemporaryFile", refuse)
    assert about("Data folder", run_checks(Settings(data_dir=tmp_path))).status == "bad"


def test_a_full_disk_causes_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(doctor, "MIN_FREE_BYTES", 2**80)
    assert about("Data folder", run_checks(Settings(data_dir=tmp_path))).status == "warn"


def test_damaged_bundled_data_is_bad(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (broken := tmp_path / "bundled.npz").write_bytes(b"torn")
    monkeypatch.setattr("workers.data.sources.bundled.FILE", broken)
    assert about("Bundled", run_checks(Settings(data_dir=tmp_path))).status == "bad"


@pytest.mark.parametrize(
    ("version", "is_fixed"),
    [
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 45, 0), False),
        ((3, 50, 7), True),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 53, 0), True),
    ],
)
def test_the_releases_of_sqlite_with_the_wal_reset_bug_are_known(
    version: tuple[int, ...], is_fixed: bool
) -> None:
    assert has_wal_reset_bug(version) is not is_fixed
