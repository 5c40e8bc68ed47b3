"""OpenTelemetry: sends FastAPI's traces and metrics to the endpoint in the OTEL_* variables."""

import logging
import os
from importlib.util import find_spec

from fastapi.telemetry import TelemetryConfig

log = logging.getLogger("holdout")

ENDPOINTS = tuple(f"OTEL_EXPORTER_OTLP_{signal}ENDPOINT" for signal in ("", "TRACES_", "METRICS_"))


def telemetry() -> TelemetryConfig:
    """The telemetry configuration for FastAPI.

    Its logs stay off: they contain the text of exceptions, which belongs only into the service's own log.
    """
    installed = all(map(_is_installed, ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.http")))
    wanted = any(os.environ.get(name) for name in ENDPOINTS)
    if wanted and not installed:
        log.warning("nothing is sent to OpenTelemetry: pip install 'holdout[telemetry]'")
    return {"auto_configure": wanted and installed, "logs": False}


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:
        return False
