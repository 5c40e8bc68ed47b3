"""Hostile tables are taken or refused within the memory of the sandbox, in seconds, and without a traceback."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workers.data.formats import CSV
from workers.sandbox.client import SandboxClient
from workers.sandbox.protocol import ReadRequest

MOST_MEGABYTES, MOST_CPU_SECONDS = 500, 20
MEMORY_BYTES = 600_000_000


def distinct_texts() -> bytes:
    draw = random.Random(0)
    return b"t,x,y\n" + b"".join(
        b"%x,%d,%s\n" % (draw.getrandbits(60), n % 7, b"kl"[n % 2 : n % 2 + 1]) for n in range(200_000)
    )


def wide(cell: bytes, columns: int, rows: int) -> bytes:
    names = b",".join(b"c%d" % n for n in range(columns))
    return names + b",y\n" + b"".join(cell * columns + b"kl"[n % 2 : n % 2 + 1] + b"\n" for n in range(rows))


HOSTILE: dict[str, tuple[Callable[[], bytes], str]] = {
    "another text in each row": (distinct_texts, "taken"),
    "another class in each row": (
        lambda: b"x,y\n" + b"".join(b"%d,class %d\n" % (n % 7, n) for n in range(200_000)),
        "has 1,001 different texts or more",
    ),
    "a text of 3,000 letters in each row": (
        lambda: b"t,x,y\n" + b"".join(b"z" * 3000 + b"%d,%d,%d\n" % (n, n % 7, n % 2) for n in range(10_000)),
        "taken",
    ),
    "10,000 columns of numbers": (lambda: wide(b"1.25,", 10_000, 100), "taken"),
    "10,000 columns of texts": (lambda: wide(b"red,", 10_000, 20), "taken"),
    "2,000,000 columns between spaces": (lambda: b"a b " * 10**6, "names 2,000,001 columns"),
    "a million doubled quotes": (lambda: b"t,y\n" + b'"a""b",k\n"c",l\n' * 500_000, "taken"),
    "a quote that is never closed": (
        lambda: b"t,y\n" + b"a,k\nc,l\n" * 200_000 + b'"a,k\n' + b"c,l\n" * 50_000,
        "cannot be parsed",
    ),
    "a ragged line at the end": (
        lambda: b"t,y\n" + b"a,k\nc,l\n" * 200_000 + b"a,k,z\n",
        "line 400002 has 3 fields",
    ),
    "numbers that become texts": (lambda: b"x,y\n" + b"1,k\n3,l\n" * 5000 + b"a,k\nc,l\n" * 200_000, "taken"),
    "nothing but zero bytes": (lambda: bytes(20_000_000), "goes on without an end"),
    "nothing but line ends": (lambda: b"x,y\n" + b"\n" * 20_000_000, "has no rows"),
    "not UTF-8 at the end": (
        lambda: b"t,y\n" + b"a,k\nc,l\n" * 200_000 + b"\xff,k\n",
        "line 400002 is not UTF-8 at byte 1",
    ),
}
"""What makes the content of a file, and what becomes of it."""


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxClient]:
    sandbox = SandboxClient()
    yield sandbox
    sandbox.close()


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_table_is_taken_or_refused_within_bounds(
    sandbox: SandboxClient, tmp_path: Path, capfd: pytest.CaptureFixture[str], name: str
) -> None:
    content, outcome = HOSTILE[name]
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "file").write_bytes(content())
    result = sandbox.read(ReadRequest(folder, tmp_path / "contents", CSV(), MEMORY_BYTES, 100))
    with capfd.disabled():
        print(f"\n{name}: {result.cpu_seconds:.1f} s, {result.peak_bytes / 1e6:.0f} MB", end="")  # noqa: T201
    assert not result.out_of_memory
    if outcome == "taken":
        assert result.upload is not None, result.refusal or result.schema
    else:
        assert outcome in str(result.refusal)
    assert result.peak_bytes < MOST_MEGABYTES * 1e6
    assert result.cpu_seconds < MOST_CPU_SECONDS
    assert "Traceback" not in capfd.readouterr().err
