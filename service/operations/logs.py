"""Logs: one line an event, JSON for programs and plain text on a terminal, by whichever logger it was written.

What is written while a request is answered carries its id. Tokens and secrets never leave, wherever they came from.
"""

import logging
import re
import sys
from collections.abc import Sequence
from typing import Any

import structlog
from structlog.types import EventDict, Processor

SECRETS = re.compile(r"\b(hold_|whsec_)[A-Za-z0-9_+/=-]{8,}")
"""Tokens, and what signs webhooks."""


def configure(level: str) -> None:
    """Write to standard error, unless the program that this runs in has arranged its logs already."""
    handler = logging.StreamHandler()
    handler.setFormatter(formatter(readable=sys.stderr.isatty()))
    logging.basicConfig(level=level.upper(), handlers=[handler])
    logging.getLogger("alembic").setLevel(logging.WARNING)


def formatter(*, readable: bool) -> logging.Formatter:
    """For the records of any logger, with what `extra` they have, and the id of the request."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        _without_colours,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: Sequence[Processor] = (structlog.processors.format_exc_info, structlog.processors.JSONRenderer())
    if readable:
        last = (structlog.dev.ConsoleRenderer(),)
    meta = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared, processors=[meta, *last, _without_secrets]
    )


def _without_colours(_logger: object, _method: str, event: EventDict) -> EventDict:
    """Uvicorn says what it says twice, the second time with colours."""
    event.pop("color_message", None)
    return event


def _without_secrets(_logger: object, _method: str, line: Any) -> Any:
    """The last step: the line is text by now."""
    return SECRETS.sub(r"\1...", line)
