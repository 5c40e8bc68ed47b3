"""Forms with files, received within limits: small fields into memory, files onto the disk.

A route that takes a form is a plain function in a thread. It asks the event loop for each chunk of the body, so
that a slow disk delays no other request.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

import anyio
from anyio import from_thread
from fastapi import Request
from starlette.types import Message

from service.http.bodies import BODY_SECONDS, BodyTooLarge, BodyTooSlow
from service.http.multipart import MalformedForm, Multipart, Part
from service.http.query import InvalidQuery
from workers.validation.suggestions import did_you_mean

LONGEST_FIELD = 20_000
"""In bytes. The longest fields list the kinds of columns."""
SLOWEST_BYTES_PER_SECOND = 10_000
MOST_PARTS = 1000

Joiner = Callable[[Sequence[str]], str]
"""Makes one value of several. Raises ValueError if one of them is not valid."""


class InvalidField(InvalidQuery):
    """A field of the form is missing, unknown or not valid."""


class UploadTooSlow(BodyTooSlow):
    """The upload pauses for too long, or trickles, or takes too long as a whole."""

    def __init__(self) -> None:
        ValueError.__init__(
            self,
            f"The upload paused for {BODY_SECONDS:.0f} seconds, brought fewer than "
            f"{SLOWEST_BYTES_PER_SECOND:,} bytes a second, or took longer than HOLDOUT_UPLOAD_TRANSFER_SECONDS.",
        )


@dataclass(frozen=True)
class Form:
    """A received form: the values of its fields, and the names of the files, which are in its folder.

    empty: the files without content. Browsers send one for each file field that the user left empty.
    """

    fields: dict[str, str]
    files: frozenset[str]
    empty: frozenset[str] = frozenset()


def receive(
    request: Request,
    folder: Path,
    *,
    fields: Collection[str],
    files: Collection[str],
    limit: int,
    seconds: float,
    joiners: Mapping[str, Joiner] | None = None,
) -> Form:
    """Receive the form in the body of a request, of at most `limit` bytes, within so many seconds. Each file is
    written to `folder` under the name of its field; the file name that the client sends is ignored.

    joiners: for each field that may have several values, as boxes of a page that are ticked, how they become one.

    Raises NotAForm, MalformedForm, InvalidField, BodyTooLarge or BodyTooSlow.
    """
    parser = Multipart(request.headers.get("content-type"))
    with _Receiver(folder, fields, files, joiners or {}) as receiver:
        for chunk in _chunks(request, limit, seconds):
            for event in parser.feed(chunk):
                if isinstance(event, Part):
                    receiver.begin(event.name)
                else:
                    receiver.write(event)
    if not parser.is_over:
        raise MalformedForm("The form ends before its last boundary.")
    return receiver.form()


class _Receiver:
    """Stores the parts of a form. A field comes twice if one is empty, if both are equal, or if it has a joiner."""

    def __init__(
        self, folder: Path, fields: Collection[str], files: Collection[str], joiners: Mapping[str, Joiner]
    ) -> None:
        self._folder, self._fields, self._files, self._joiners = folder, fields, files, joiners
        self._values: dict[str, list[bytearray]] = {}
        self._written: dict[str, BinaryIO] = {}
        self._part, self._parts = "", 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._written.values():
            file.close()

    def begin(self, name: str) -> None:
        """Begin the part `name`: what is written next belongs to it."""
        self._parts += 1
        if name in self._written or self._parts > MOST_PARTS:
            raise InvalidField(name, "", "is given more than once")
        if name in self._files:
            self._written[name] = (self._folder / name).open("wb")
        elif name in self._fields:
            self._values.setdefault(name, []).append(bytearray())
        else:
            known = [*self._fields, *self._files]
            meant = did_you_mean(name[:100], known)
            raise InvalidField(name, "", f"unknown field; {meant}it is one of {', '.join(known)}")
        self._part = name

    def write(self, content: bytes) -> None:
        if self._part in self._written:
            self._written[self._part].write(content)
            return
        value = self._values[self._part][-1]
        value += content
        if len(value) > LONGEST_FIELD:
            raise InvalidField(self._part, _text(value[:100]), f"is longer than {LONGEST_FIELD:,} bytes")

    def form(self) -> Form:
        empty = frozenset(name for name in self._written if not (self._folder / name).stat().st_size)
        fields = {name: self._joined(name, [*map(_text, values)]) for name, values in self._values.items()}
        return Form(fields, frozenset(self._written), empty)

    def _joined(self, name: str, values: Sequence[str]) -> str:
        """The value of a field that may have come several times. Raises InvalidField."""
        found = list(dict.fromkeys(filter(None, values)))
        if len(found) <= 1:
            return "".join(found)
        if name not in self._joiners:
            raise InvalidField(name, "", "is given more than once")
        try:
            return self._joiners[name](found)
        except ValueError:
            raise InvalidField(
                name, "", "is given more than once, and one of the values is not valid"
            ) from None


def _text(value: bytearray) -> str:
    """A value in UTF-8. Invalid bytes become characters that no name has."""
    return value.decode(errors="replace")


def _chunks(request: Request, limit: int, most_seconds: float) -> Iterator[bytes]:
    """The body as it arrives. Raises BodyTooLarge, at once if the size is declared, or UploadTooSlow."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:20]) > limit:
        raise BodyTooLarge(limit)
    started, received, more = time.monotonic(), 0, True
    while more:
        message = from_thread.run(_next_message, request)
        if message["type"] == "http.disconnect":
            raise MalformedForm("The connection was closed before the form was complete.")
        chunk, more = message.get("body", b""), message.get("more_body", False)
        received += len(chunk)
        if received > limit:
            raise BodyTooLarge(limit)
        seconds = time.monotonic() - started
        trickles = seconds > BODY_SECONDS and received < seconds * SLOWEST_BYTES_PER_SECOND
        if trickles or (more and seconds > most_seconds):
            raise UploadTooSlow
        yield chunk


async def _next_message(request: Request) -> Message:
    try:
        with anyio.fail_after(BODY_SECONDS):
            return await request.receive()
    except TimeoutError:
        raise UploadTooSlow from None
