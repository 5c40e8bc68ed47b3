"""Head and body leave in one packet, and nothing stays behind: not of a stream, and not at a close."""

import asyncio
from collections.abc import Callable
from typing import Any

from service.api.transport.write_coalescing import CoalescingTransport


class Wire:
    """A transport that notes what is written to it."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        assert not self.closed
        self.packets.append(data)

    def write_eof(self) -> None:
        self.packets.append(b"EOF")

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


def written(*turns: Callable[[Any], None]) -> list[bytes]:
    """What is written when these are called, each in a turn of the event loop."""
    wire = Wire()

    async def play() -> None:
        transport = CoalescingTransport(wire, asyncio.get_running_loop())  # type: ignore[arg-type]
        for turn in turns:
            turn(transport)
            await asyncio.sleep(0)

    asyncio.run(play())
    return wire.packets


def test_two_pieces_of_one_turn_are_one_packet() -> None:
    def answer(to: CoalescingTransport) -> None:
        to.write(b"head ")
        to.write(b"body")

    assert written(answer, answer) == [b"head body", b"head body"]


def test_one_piece_leaves_with_the_end_of_its_turn() -> None:
    one, two = (lambda to: to.write(b"one")), (lambda to: to.write(b"two"))
    assert written(one, two) == [b"one", b"two"]


def test_a_stream_is_not_delayed() -> None:
    def stream(to: CoalescingTransport) -> None:
        for piece in (b"1", b"2", b"3", b"4", b"5"):
            to.write(piece)

    assert written(stream) == [b"12", b"34", b"5"]


def test_a_close_sends_the_delayed_bytes_and_nothing_after_it() -> None:
    def answer_and_close(to: CoalescingTransport) -> None:
        to.write(b"head")
        to.close()
        to.write(b"late")

    assert written(answer_and_close) == [b"head"]


def test_all_that_is_written_is_sent_in_its_order() -> None:
    def answer(to: CoalescingTransport) -> None:
        to.write(b"head ")
        to.writelines([b"one ", b"two"])
        to.write(b"end")
        to.write_eof()

    assert written(answer) == [b"head one two", b"end", b"EOF"]
