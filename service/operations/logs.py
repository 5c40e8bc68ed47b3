"""Logs: one line an event, JSON for programs and plain text on a terminal, by whichever logger it was written.

What is written while a request is answered carries its id. Tokens and secrets never leave, wherever they came from.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import Any

import structlog
from structlog.types import EventDict, Processor

from service.http.access_log import REQUEST_ID

PREFIXES = ("hold_", "whsec_")
SECRETS = re.compile(rf"\b({'|'.join(PREFIXES)})[A-Za-z0-9_+/=-]{{8,}}")
"""Tokens, and what signs webhooks."""
ENCODER = json.JSONEncoder(default=repr)
STANDARD = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
"""What every record has, and what uvicorn says a second time, in colours: the rest was given as `extra`."""


def configure(level: str) -> None:
    """Write to standard error, unless the program that this runs in has arranged its logs already."""
    # What no line shows, and each request would pay for.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # the switch that logging's documentation names
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(readable=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)


def formatter(*, readable: bool) -> logging.Formatter:
    """For the records of any logger, with what `extra` they have, and the id of the request."""
    return _readable() if readable else Lines()


class Lines(logging.Formatter):
    """A JSON object a line. Every request writes one, so this is done by hand: it takes a third of the time of a
    chain of processors.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"event": record.getMessage()}
        line.update((name, value) for name, value in vars(record).items() if name not in STANDARD)
        if (request_id := REQUEST_ID.get()) is not None:
            line["request_id"] = request_id
        line |= {"level": record.levelname.lower(), "logger": record.name, "timestamp": _utc(record.created)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _without_secrets(None, "", ENCODER.encode(line))


def _utc(seconds: float) -> str:
    """ISO 8601, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _readable() -> logging.Formatter:
    """For people, on a terminal."""
    shared: list[Processor] = [
        _with_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _without_colours,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[meta, structlog.dev.ConsoleRenderer(), _without_secrets]
    )


def _with_request_id(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Whose answer it was written for."""
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event


def _without_colours(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Uvicorn says what it says twice, the second time with colours."""
    event.pop("color_message", None)
    return event


def _without_secrets(_logger: object, _method: str, line: Any) -> str:
    """The last step: the line is text by now."""
    return SECRETS.sub(r"\1...", line) if any(prefix in line for prefix in PREFIXES) else line
