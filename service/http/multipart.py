"""Parses multipart/form-data (RFC 7578) as it arrives: no part is ever in memory as a whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message

LONGEST_HEADERS = 8192
LONGEST_BOUNDARY = 70  # RFC 2046


class MalformedForm(ValueError):
    """The body is not a valid multipart form."""


class NotAForm(ValueError):
    """The header Content-Type does not declare the body as multipart/form-data."""

    def __init__(self, given: str | None) -> None:
        found = f"is {given[:100]!r}" if given else "is missing"
        super().__init__(f"The header Content-Type {found}; send multipart/form-data (curl: use -F).")


@dataclass(frozen=True)
class Part:
    """A part begins; the bytes that follow are its content."""

    name: str


class Multipart:
    """An incremental parser: is fed the chunks of a body, and yields its parts and their content."""

    def __init__(self, content_type: str | None) -> None:
        """Raises NotAForm or MalformedForm."""
        self._delimiter = b"\r\n--" + _boundary(content_type)
        self._buffer = bytearray(b"\r\n")  # the first delimiter is then like the others
        self._reads: Callable[[], Part | bytes | None] = self._preamble
        self.is_over = False

    def feed(self, chunk: bytes) -> Iterator[Part | bytes]:
        """The parts and the content that `chunk` completes. Raises MalformedForm.

        Everything after the last delimiter is ignored.
        """
        if not self.is_over:
            self._buffer += chunk
        while not self.is_over and (event := self._reads()) is not None:
            if event:
                yield event

    # Each of these methods reads from the buffer. It returns an event; nothing if only the state has changed; None if
    # it needs more bytes.

    def _preamble(self) -> Part | bytes | None:
        return None if self._content() is None else b""

    def _content(self) -> Part | bytes | None:
        end = self._buffer.find(self._delimiter)
        if end >= 0:
            self._reads = self._delimited
            return self._taken(end, len(self._delimiter))
        # The last bytes may be the beginning of a delimiter, and stay.
        return self._taken(max(0, len(self._buffer) - len(self._delimiter) + 1)) or None

    def _delimited(self) -> Part | bytes | None:
        if len(self._buffer) < 2:
            return None
        follows = self._taken(2)
        if follows not in (b"--", b"\r\n"):
            raise MalformedForm("A boundary is followed by neither a line break nor two hyphens.")
        self.is_over = follows == b"--"
        self._reads = self._headers
        return b""

    def _headers(self) -> Part | bytes | None:
        end = self._buffer.find(b"\r\n\r\n", 0, LONGEST_HEADERS)
        if end < 0:
            if len(self._buffer) >= LONGEST_HEADERS:
                raise MalformedForm(f"The headers of a part are longer than {LONGEST_HEADERS:,} bytes.")
            return None
        self._reads = self._content
        return Part(_name(self._taken(end, 4)))

    def _taken(self, size: int, dropped: int = 0) -> bytes:
        taken = bytes(self._buffer[:size])
        del self._buffer[: size + dropped]
        return taken


def _boundary(content_type: str | None) -> bytes:
    headers = Message()
    headers["Content-Type"] = (content_type or "").replace("\r", "").replace("\n", "")
    if not content_type or headers.get_content_type() != "multipart/form-data":
        raise NotAForm(content_type)
    boundary = headers.get_param("boundary")
    if not isinstance(boundary, str) or not 0 < len(boundary) <= LONGEST_BOUNDARY or not boundary.isascii():
        raise MalformedForm("The header Content-Type names no boundary of 1 to 70 characters.")
    return boundary.encode()


def _name(headers: bytes) -> str:
    name = message_from_string(headers.decode("latin-1")).get_param("name", header="content-disposition")
    if not isinstance(name, str):
        raise MalformedForm("A part has no name.")
    return name
