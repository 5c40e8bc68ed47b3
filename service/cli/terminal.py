"""Where the command line prints: a terminal, or plain lines of a fixed width without control codes."""

import sys

from rich.console import Console
from rich.text import Text

PLAIN_WIDTH = 120


def terminal() -> Console:
    """The standard output."""
    return Console(highlight=False, width=None if sys.stdout.isatty() else PLAIN_WIDTH)


def print_paragraph(console: Console, sentence: str) -> None:
    """Print a text, wrapped to the width."""
    for line in Text(sentence).wrap(console, console.width):
        line.rstrip()
        console.print(line)
