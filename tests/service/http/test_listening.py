"""An address that cannot be listened on is a sentence and an exit code, never a traceback."""

import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from service.cli import commands
from service.http.listening import bind
from service.settings import UnusableSetting


def test_a_port_that_is_taken_is_named_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        options = ["--port", str(port), "--data-dir", str(tmp_path), "--workers", "0"]
        result = CliRunner().invoke(commands.app, ["serve", *options])
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    assert f"Cannot listen on 127.0.0.1, port {port}: Address already in use." in result.stderr
    assert "--port or HOLDOUT_PORT" in result.stderr


@pytest.mark.parametrize(
    ("host", "remedy"), [("192.0.2.1", "HOLDOUT_HOST"), ("no-such-host.invalid", "HOLDOUT_HOST")]
)
def test_an_address_of_no_interface_is_named_with_what_to_do(host: str, remedy: str) -> None:
    with pytest.raises(UnusableSetting, match=f"Cannot listen on {host}, port 0: .*{remedy}"):
        bind(host, 0)


def test_a_free_port_is_bound_and_does_not_listen_yet() -> None:
    with bind("127.0.0.1", 0) as listening, pytest.raises(ConnectionRefusedError):
        socket.create_connection(listening.getsockname(), timeout=1)
