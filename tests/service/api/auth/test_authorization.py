"""When the service is open, when it needs tokens, and where it refuses to listen without one."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlalchemy import update
from typer.testing import CliRunner

from service.api.auth.authorization import require_closed_door
from service.cli import commands
from service.settings import Settings, UnusableSetting
from service.store.credentials import tokens
from service.store.database import Database
from service.store.engine.clock import now
from service.store.tables import Token

Configured = Callable[..., Settings]


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.fixture
def configured(settings: Settings) -> Configured:
    return lambda **more: settings.model_copy(update=more)


def holdout(*arguments: str, data_dir: Path) -> tuple[int, str, str]:
    result = CliRunner().invoke(commands.app, [*arguments, "--data-dir", str(data_dir)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result.exit_code, result.stdout, result.stderr


def make(database: Database, **more: Any) -> str:
    with database.write() as connection:
        return tokens.create(connection, "ci", "submit", **more)


def test_on_its_own_machine_and_without_tokens_every_caller_may_do_everything(client: TestClient) -> None:
    assert client.get("/experiments").status_code == 200
    id_ = client.post("/experiments", json={"dataset": "iris"}).json()["id"]
    assert client.post(f"/experiments/{id_}/cancel").status_code == 202
    assert client.delete(f"/experiments/{id_}").status_code == 204


def test_the_first_token_closes_the_service_at_once(client: TestClient, database: Database) -> None:
    assert client.get("/experiments").status_code == 200
    token = make(database)
    assert client.get("/experiments").status_code == 401
    headers = {"Authorization": f"Bearer {token}"}
    assert client.get("/experiments", headers=headers).status_code == 200
    assert client.get("/health").status_code == client.get("/ready").status_code == 200


@pytest.mark.parametrize("ended", ["revoked_at", "expires_at"])
def test_it_stays_closed_when_no_token_is_valid_any_more(
    client: TestClient, database: Database, ended: str
) -> None:
    token = make(database)
    with database.write() as connection:
        connection.execute(update(Token).values({ended: now() - 1}))
    assert client.get("/experiments").status_code == 401
    response = client.get("/experiments", headers={"Authorization": f"Bearer {token}"})
    assert response.status_code == 401
    assert response.headers["www-authenticate"] == 'Bearer error="invalid_token"'


def test_a_wrong_token_is_told_so_even_while_the_service_is_open(client: TestClient) -> None:
    assert client.get("/experiments", headers={"Authorization": "Bearer hold_x"}).status_code == 401


def test_on_another_address_it_is_closed_even_without_tokens(app: FastAPI, configured: Configured) -> None:
    app.state.settings = configured(host="0.0.0.0")
    with TestClient(app) as client:
        assert client.get("/experiments").status_code == 401
        assert client.get("/docs").status_code == 200


def test_in_a_trusted_network_it_is_open(app: FastAPI, configured: Configured, sqlite_url: str) -> None:
    app.state.settings = configured(host="0.0.0.0", trust_network=True)
    with TestClient(app, base_url="http://172.17.0.2:8000") as client:
        assert client.get("/experiments").status_code == 200
        make(app.state.database)
        assert client.get("/experiments").status_code == 401


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_on_its_own_machine_it_needs_no_token_to_start(configured: Configured, host: str) -> None:
    require_closed_door(configured(host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "example.org", "localhost.example.org", ""])
def test_elsewhere_it_does_not_start_without_one(configured: Configured, host: str) -> None:
    with pytest.raises(UnusableSetting, match="holdout token create"):
        require_closed_door(configured(host=host))
    require_closed_door(configured(host=host, trust_network=True))
    with closing(Database(configured().url)) as database:
        make(database)
    require_closed_door(configured(host=host))


def test_the_command_says_why_it_does_not_start(tmp_path: Path) -> None:
    code, _, said = holdout("serve", "--host=0.0.0.0", "--port=0", data_dir=tmp_path)
    assert code == 1
    assert "HOLDOUT_TRUST_NETWORK=1" in said
    assert "holdout token create NAME --scope submit" in said


def test_a_token_is_made_used_listed_and_revoked_by_commands(
    tmp_path: Path, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "There is no token yet" in holdout("token", "list", data_dir=tmp_path)[2]
    code, token, said = holdout("token", "create", "ci", "--expires-days=30", data_dir=tmp_path)
    assert (code, token.count("\n")) == (0, 1)
    assert "HOLDOUT_TOKEN" in said
    app.state.settings = Settings(workers=0, data_dir=tmp_path)
    headers = {"Authorization": f"Bearer {token.strip()}"}
    with TestClient(app) as client:
        assert client.post("/experiments", json={"dataset": "iris"}, headers=headers).status_code == 202
        assert client.delete("/experiments/1", headers=headers).status_code == 403
        listed = holdout("token", "list", data_dir=tmp_path)[1]
        assert listed.splitlines()[1].split()[:2] == ["ci", "submit"]
        assert listed.rstrip().endswith("valid")
        assert token.strip()[5:] not in listed
        assert holdout("token", "revoke", "ci", data_dir=tmp_path)[0] == 0
        assert client.get("/experiments", headers=headers).status_code == 401
    assert holdout("token", "list", data_dir=tmp_path)[1].rstrip().endswith("revoked")


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("create", "ci"), 1, "revoke it first"),
        (("revoke", "nobody"), 1, "no valid token nobody"),
        (("create", "a b"), 2, "letters, digits"),
        (("create", "x", "--scope=root"), 2, "root"),
        (("create", "x", "--expires-days=-1"), 2, "expires"),
    ],
)
def test_what_cannot_be_done_with_tokens_is_said(
    tmp_path: Path, arguments: tuple[str, ...], code: int, words: str
) -> None:
    holdout("token", "create", "ci", data_dir=tmp_path)
    ended, _, said = holdout("token", *arguments, data_dir=tmp_path)
    assert ended == code
    assert words in said
    assert "Traceback" not in said
