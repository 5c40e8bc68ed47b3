"""OpenTelemetry: FastAPI's own traces and metrics, sent where the OTEL_* variables say, if the extra is installed."""

import logging
import os
from importlib.util import find_spec

from fastapi.telemetry import TelemetryConfig

log = logging.getLogger("holdout")

ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_"))


def telemetry() -> TelemetryConfig:
    """For FastAPI. Its logs stay off: they hold the text of exceptions, which is for the service's own log."""
    installed = all(map(_is_there, ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")))
    wanted = any(os.environ.get(name) for name in ENDPOINTS)
    if wanted and not installed:
        log.warning("nothing is sent to OpenTelemetry: pip install 'holdout[telemetry]'")
    return {"auto_configure": wanted and installed, "logs": False}


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
