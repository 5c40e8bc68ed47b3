"""What all streams of server-sent events have in common."""

import random

from fastapi.responses import StreamingResponse

RETRY_MILLISECONDS = (1000, 3000)
HEARTBEAT_SECONDS = 15.0
"""The longest silence: then a comment shows that the stream is alive."""
END = ".end"
"""Follows the position in the id of the last event."""
UNBUFFERED = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Headers: proxies pass each event on at once."""


class NothingFollows(Exception):
    """The client has received the last event. The status 204 tells a browser not to reconnect."""


class EventStreamResponse(StreamingResponse):
    """Bytes of server-sent events. FastAPI's own class would format each event anew for every client."""

    media_type = "text/event-stream"


def retry_milliseconds() -> int:
    """When a client reconnects after a lost connection: at random, so that not all do at the same time."""
    return random.randint(*RETRY_MILLISECONDS)  # noqa: S311 -- nothing secret
