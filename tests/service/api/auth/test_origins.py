"""What a browser sends for other people's pages, as it would arrive."""

from collections.abc import Iterator

import anyio
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from starlette.types import Message

from service.app import create_app
from service.settings import Settings
from service.store.credentials import tokens

HERE = "http://testserver"


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """Nothing here depends on the database."""
    return sqlite_url


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"Origin": HERE}, 404),
        ({"Sec-Fetch-Site": "same-origin", "Origin": HERE}, 404),
        ({"Sec-Fetch-Site": "none"}, 404),
        ({"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Origin": "http://other.testserver"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[::1"}, 403),
        ({"Origin": f"{HERE}.evil.example"}, 403),
        ({"Origin": f"{HERE}:81"}, 403),
    ],
)
def test_a_page_of_another_site_changes_nothing(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    response = client.post("/experiments/7/cancel", headers=headers)
    assert response.status_code == status
    is_cross_site = headers.get("Sec-Fetch-Site") == "cross-site"
    assert client.get("/experiments", headers=headers).status_code == (403 if is_cross_site else 200)
    if status == 403:
        assert response.json()["type"] == "/problems/cross-site"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, 200),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
    ],
)
def test_a_page_of_another_site_reads_nothing_of_an_open_service(
    app: FastAPI, client: TestClient, headers: dict[str, str], status: int
) -> None:
    for path in ("/experiments", "/experiments", "/datasets/digits/preview.png"):  # also one that is cached
        assert client.get(path, headers=headers).status_code == status
    assert client.get("/health", headers=headers).status_code == 200
    with app.state.database.write() as connection:
        token = {"Authorization": f"Bearer {tokens.create(connection, 'ada', 'read')}"}
    assert client.get("/experiments", headers=headers | token).status_code == 200


@pytest.fixture
def shared(settings: Settings) -> Iterator[TestClient]:
    """A service whose pages may be used from a dashboard."""
    with_cors = settings.model_copy(update={"cors_origins": ("https://dashboard.example",)})
    with TestClient(create_app(with_cors)) as client:
        yield client


def test_a_site_that_is_named_may_ask_and_read(shared: TestClient) -> None:
    headers = {"Origin": "https://dashboard.example", "Sec-Fetch-Site": "cross-site"}
    preflight = headers | {
        "Access-Control-Request-Method": "DELETE",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    response = shared.options("/experiments/1", headers=preflight)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://dashboard.example"
    response = shared.post("/experiments/7/cancel", headers=headers)
    assert response.status_code == 404
    assert response.headers["access-control-allow-origin"] == "https://dashboard.example"
    assert "Location" in response.headers["access-control-expose-headers"]
    assert "access-control-allow-credentials" not in response.headers


def test_one_that_is_not_may_not_and_its_preflight_is_told_why(
    shared: TestClient, client: TestClient
) -> None:
    for asked in (shared, client):
        response = asked.get("/experiments", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in response.headers
        preflight = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        refused = asked.options("/experiments", headers=preflight)
        assert refused.status_code == 403
        assert "https://evil.example, is not allowed" in refused.json()["detail"]
        assert "HOLDOUT_CORS_ORIGINS" in refused.json()["detail"]


def test_the_log_says_once_which_setting_allows_an_origin(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    for path in ("/experiments", "/health", "/experiments"):
        client.get(path, headers={"Origin": "https://dashboard.example"})
    client.get("/health", headers={"Origin": HERE})
    client.get("/health", headers=[(b"Origin", b"https://x.example\xe9 forged")])
    said = [each.getMessage() for each in caplog.records if "HOLDOUT_CORS_ORIGINS" in each.getMessage()]
    assert len(said) == 2
    assert "'https://dashboard.example', is not allowed" in said[0]
    assert said[1].isascii()


def test_pages_from_files_may_where_null_is_listed(
    settings: Settings, client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    page = {"Origin": "null", "Sec-Fetch-Site": "cross-site"}
    preflight = page | {"Access-Control-Request-Method": "GET"}
    assert client.options("/experiments", headers=preflight).status_code == 403
    with TestClient(create_app(settings.model_copy(update={"cors_origins": ("null",)}))) as allowing:
        assert allowing.options("/experiments", headers=preflight).status_code == 200
        answer = allowing.get("/experiments", headers=page)
        assert answer.headers["access-control-allow-origin"] == "null"
        assert allowing.post("/experiments/7/cancel", headers=page).status_code == 404
    assert "every page opened from a file" in caplog.text


@pytest.mark.parametrize(
    "wrong", ["*", "dashboard.example", "nullx", "https://a.example/x", "https://*.example"]
)
def test_an_origin_is_one_site(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("HOLDOUT_CORS_ORIGINS", f"https://good.example {wrong}")
    with pytest.raises(ValueError, match="cors_origins"):
        Settings()


def test_origins_are_separated_as_one_likes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_CORS_ORIGINS", "https://a.example, http://b.example:8080 null")
    assert Settings().cors_origins == ("https://a.example", "http://b.example:8080", "null")


def ask(app: FastAPI, host: str, *, server: str = "127.0.0.1", token: str | None = None) -> int:
    """The status of GET /experiments, over a connection to the address `server`."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", host.encode("latin-1"))]
    if token:
        headers.append((b"authorization", f"Bearer {token}".encode()))
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/experiments",
        "raw_path": b"/experiments",
        "query_string": b"",
        "headers": headers,
        "server": (server, 8000),
        "scheme": "http",
    }
    anyio.run(app, scope, receive, send)
    status: int = sent[0]["status"]
    return status


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "localhost:8000", "localhost", "[::1]:8000", "x.localhost", "127.0.0.2"]
)
def test_an_open_service_answers_to_its_own_machine(app: FastAPI, client: TestClient, host: str) -> None:
    assert ask(app, host) == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8000",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "",
        "[::",
        "\xff",
    ],
)
def test_a_name_that_was_turned_on_this_machine_is_not_answered(
    app: FastAPI, client: TestClient, host: str
) -> None:
    assert ask(app, host) == 421


def test_with_a_token_it_goes_by_any_name(app: FastAPI, client: TestClient) -> None:
    with app.state.database.write() as connection:
        token = tokens.create(connection, "ci", "read")
    assert ask(app, "holdout.example.org", token=token) == 200


@pytest.mark.parametrize("server", ["127.0.0.1", "172.17.0.2"])
@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8000", 200),
        ("127.0.0.1:8000", 200),
        ("172.17.0.2:8000", 200),
        ("[fd00::2]:8000", 200),
        ("holdout.internal", 200),
        ("HOLDOUT.internal:8000", 200),
        ("evil.example:8000", 421),
        ("172.17.0.2.evil.example", 421),
        ("", 421),
    ],
)
def test_where_the_network_is_trusted_it_goes_by_addresses_and_the_names_that_are_listed(
    app: FastAPI, client: TestClient, settings: Settings, server: str, host: str, status: int
) -> None:
    more = {"trust_network": True, "hosts": ("holdout.internal",)}
    app.state.authenticator.settings = settings.model_copy(update=more)
    assert ask(app, host, server=server) == status


def test_a_listed_name_does_without_trust_in_the_network(
    app: FastAPI, client: TestClient, settings: Settings
) -> None:
    app.state.authenticator.settings = settings.model_copy(update={"hosts": ("holdout.test",)})
    assert [ask(app, host) for host in ("holdout.test:8000", "10.0.0.1")] == [200, 421]


@pytest.mark.parametrize("wrong", ["*", "Holdout", "a:8000", "http://a", ".a", "a."])
def test_a_listed_name_is_a_name(monkeypatch: pytest.MonkeyPatch, wrong: str) -> None:
    monkeypatch.setenv("HOLDOUT_HOSTS", f"good.example {wrong}")
    with pytest.raises(ValueError, match="hosts"):
        Settings()
