"""Reads a text file in blocks of whole lines: the longest line bounds the memory, not the file."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, NoReturn

from workers.data.errors import FileTooLarge, MalformedFile

BLOCK_BYTES = 2**18
LONGEST_LINE = 2**22
"""In bytes; exact to one block."""
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class LineBlock:
    """Lines of a file; the first has the number `number`, counted from 1."""

    file: str
    number: int
    lines: list[str]

    def refuse(self, index: int, wrong: str, right: str, column: str | None = None) -> NoReturn:
        """Raise MalformedFile about the line at `index`."""
        where = f"{self.file}, line {self.number + index}"
        raise MalformedFile(where if column is None else f"{where}, column {quoted(column)}", wrong, right)


def quoted(text: str) -> str:
    """A text from a file for use in a message: short, in quotes, and printable."""
    return repr(text if len(text) <= 60 else f"{text[:60]}...")


def read_blocks(stream: BinaryIO, file: str) -> Iterator[LineBlock]:
    """The lines of a file in UTF-8, without a byte order mark. Raises MalformedFile or FileTooLarge."""
    number = 1
    while content := stream.read(BLOCK_BYTES):
        if not content.endswith(b"\n"):
            content += (rest := stream.readline(LONGEST_LINE))
            if len(rest) == LONGEST_LINE:
                number += content.count(b"\n")
                right = f"a line has at most {LONGEST_LINE:,} bytes"
                raise FileTooLarge(f"{file}, line {number}", "goes on without an end", right)
        block = _decoded(content.removesuffix(b"\n"), file, number)
        yield block
        number += len(block.lines)


def _decoded(content: bytes, file: str, number: int) -> LineBlock:
    try:
        text = (content.removeprefix(BYTE_ORDER_MARK) if number == 1 else content).decode()
    except UnicodeDecodeError as error:
        line = number + content.count(b"\n", 0, error.start)
        byte = error.start - content.rfind(b"\n", 0, error.start)
        wrong = f"is not UTF-8 at byte {byte} (hexadecimal {content[error.start]:02x})"
        raise MalformedFile(f"{file}, line {line}", wrong, "save it as UTF-8") from None
    return LineBlock(file, number, text.split("\n"))
