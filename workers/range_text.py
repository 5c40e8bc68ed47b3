"""The names of the ranges of a regression's targets as people read them."""

import re


def range_text(name: str) -> str:
    """The name of a bin as people read it: "[1.88e+04, 1.69e+05)" becomes "[18,800, 169,000)".

    The name itself is part of the data set's hash, so it stays as it is.
    """
    return re.sub(r"\d+(\.\d+)?(e\+0[1-8])?", lambda found: _plain(found[0]), name)


def _plain(number: str) -> str:
    value = float(number)
    return f"{value:,.0f}" if value >= 1000 and value.is_integer() else number
