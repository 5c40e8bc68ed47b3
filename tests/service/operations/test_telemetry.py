"""OpenTelemetry: FastAPI's own spans, only if an endpoint is set."""

import sys

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from service.operations import telemetry
from service.operations.telemetry import ENDPOINTS

sdk = pytest.importorskip("opentelemetry.sdk.trace", reason="pip install 'holdout[telemetry]'")
export = pytest.importorskip("opentelemetry.sdk.trace.export.in_memory_span_exporter")
simple = pytest.importorskip("opentelemetry.sdk.trace.export")


@pytest.fixture
def database_url(sqlite_url: str) -> str:
    """SQLite only: these tests do not depend on the database."""
    return sqlite_url


@pytest.fixture(autouse=True)
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ENDPOINTS:
        monkeypatch.delenv(name, raising=False)


def test_it_is_off_without_an_endpoint() -> None:
    assert telemetry.telemetry() == {"auto_configure": False, "logs": False}


@pytest.mark.parametrize("name", ENDPOINTS)
def test_it_is_on_with_an_endpoint(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "http://collector:4318")
    assert telemetry.telemetry()["auto_configure"] is True


def test_without_the_extra_it_is_off_and_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(ENDPOINTS[0], "http://collector:4318")
    monkeypatch.setitem(sys.modules, "opentelemetry.exporter.otlp", None)
    monkeypatch.delitem(sys.modules, "opentelemetry.exporter.otlp.proto", raising=False)
    monkeypatch.delitem(sys.modules, "opentelemetry.exporter.otlp.proto.http", raising=False)
    assert telemetry.telemetry()["auto_configure"] is False
    assert "holdout[telemetry]" in caplog.text


def test_a_request_is_a_span_named_by_its_route(
    app: FastAPI, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    spans = export.InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(simple.SimpleSpanProcessor(spans))
    monkeypatch.setitem(app._native_telemetry.config, "tracer_provider", provider)
    client.get("/experiments/12345", headers={"Authorization": "Bearer hold_secret"})
    client.get("/health")
    finished = spans.get_finished_spans()
    assert {"GET /experiments/{experiment_id}", "GET /health"} <= {span.name for span in finished}
    assert "hold_secret" not in "".join(span.to_json() for span in finished)
    provider.shutdown()
