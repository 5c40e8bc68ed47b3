"""Log formatting for all loggers: one line per event, as JSON, or as text on a terminal.

Lines that are written during a request have its id. Tokens and secrets are removed from every line.
"""

import json
import logging
import re
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from service.http.access_log import REQUEST_ID

if TYPE_CHECKING:
    from structlog.types import EventDict, Processor

PREFIXES = ("hold_", "whsec_")
SECRETS = re.compile(rf"\b({'|'.join(PREFIXES)})[A-Za-z0-9_+/=-]{{8,}}")
"""Access tokens, and the secrets that sign webhooks."""
CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Characters that move the cursor, break the line, or turn the direction of writing."""
CONTROL_BUT_LAYOUT = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
"""Those that neither the renderer nor a traceback writes: they use colours, tabs and line breaks."""
TALKATIVE = ("alembic", "aiobotocore", "azure", "botocore")
"""Libraries whose `info` is for their own developers: the clients of object stores write some for every request."""
ENCODER = json.JSONEncoder(default=repr)
STANDARD_ATTRIBUTES = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message"}
"""Attributes of every log record, and uvicorn's copy of its message in colours. Any other was given as `extra`."""


def configure(level: str) -> None:
    """Log to standard error, unless the embedding program has configured logging already."""
    # No line shows these, but collecting them would cost time in each request.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # documented in logging's HOWTO, "Optimization"
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(terminal=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    for library in TALKATIVE:
        logging.getLogger(library).setLevel(logging.WARNING)


def formatter(*, terminal: bool) -> logging.Formatter:
    """A formatter for the records of any logger, with their `extra` fields and the id of the request."""
    return _terminal_formatter() if terminal else JSONFormatter()


class JSONFormatter(logging.Formatter):
    """One JSON object per line. Every request writes one, so the code is direct: it takes a third of the time of a
    chain of structlog processors.
    """

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {"event": record.getMessage()}
        line.update((name, value) for name, value in vars(record).items() if name not in STANDARD_ATTRIBUTES)
        if (request_id := REQUEST_ID.get()) is not None:
            line["request_id"] = request_id
        line |= {"level": record.levelname.lower(), "logger": record.name, "timestamp": _utc(record.created)}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _remove_secrets(None, "", ENCODER.encode(line))


def _utc(seconds: float) -> str:
    """A Unix time in ISO 8601, to the microsecond."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def _terminal_formatter() -> logging.Formatter:
    import structlog  # it imports rich and Pygments, which take 7 MB, and a service has no terminal

    shared: list[Processor] = [
        _add_request_id,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _drop_colours,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            meta,
            _escape_control_characters,
            structlog.dev.ConsoleRenderer(),
            _escape_the_rest,
            _remove_secrets,
        ],
    )


def _add_request_id(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    """Add the id of the request during which the line is written."""
    if (request_id := REQUEST_ID.get()) is not None:
        event["request_id"] = request_id
    return event


def _drop_colours(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    """Drop uvicorn's copy of its message in colours."""
    event.pop("color_message", None)
    return event


def _escape_control_characters(_logger: object, _method: str, event: "EventDict") -> "EventDict":
    """Escape control characters in texts: what a client sent must not write to the terminal, or begin a line."""
    for name, value in event.items():
        if isinstance(value, str):
            event[name] = CONTROL.sub(_escaped, value)
    return event


def _escape_the_rest(_logger: object, _method: str, line: Any) -> str:
    """Escape control characters that a traceback contains."""
    return CONTROL_BUT_LAYOUT.sub(_escaped, line)


def _escaped(character: re.Match[str]) -> str:
    return character[0].encode("unicode_escape").decode()


def _remove_secrets(_logger: object, _method: str, line: Any) -> str:
    """Remove secrets. This is the last step, when the line is text."""
    return SECRETS.sub(r"\1...", line) if any(prefix in line for prefix in PREFIXES) else line
