"""A service in a thread accepts requests as soon as the context begins, or raises an error if it did not start."""

import signal
import time
from pathlib import Path

import pytest
from httpx2 import Client
from pydantic import ValidationError

from service import launcher
from service.launcher import in_thread, server_config
from service.settings import Settings


def test_the_context_waits_for_a_service_that_starts_slowly(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = server_config(Settings(workers=0, data_dir=tmp_path, database_url=sqlite_url, port=0))
    load = config.load

    def slowly() -> None:
        time.sleep(0.5)
        load()

    monkeypatch.setattr(config, "load", slowly)
    with in_thread(config) as url, Client(base_url=url) as client:
        assert client.get("/health").is_success


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_service_that_cannot_start_raises_an_error(tmp_path: Path) -> None:
    never_migrated = Settings(workers=0, data_dir=tmp_path, port=0)
    with pytest.raises(RuntimeError, match="did not start"), in_thread(server_config(never_migrated)):
        pass


@pytest.mark.parametrize(("before", "is_taken"), [(signal.SIG_DFL, True), (signal.SIG_IGN, False)])
def test_a_closed_terminal_is_a_clean_stop_unless_the_service_runs_under_nohup(
    before: signal.Handlers, is_taken: bool
) -> None:
    given = signal.signal(signal.SIGHUP, before)
    stopped: list[object] = []
    try:
        launcher._on_hangup(stopped.append)
        if is_taken:
            signal.raise_signal(signal.SIGHUP)
        assert len(stopped) == is_taken
        assert (signal.getsignal(signal.SIGHUP) is before) != is_taken
    finally:
        signal.signal(signal.SIGHUP, given)


@pytest.mark.parametrize("seconds", [0.5, 1.9, float("inf"), float("nan")])
def test_a_lease_that_ends_between_two_heartbeats_is_refused(seconds: float) -> None:
    with pytest.raises(ValidationError, match="lease_seconds"):
        Settings(lease_seconds=seconds)
