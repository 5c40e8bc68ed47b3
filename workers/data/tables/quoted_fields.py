"""Fields of ARFF and KEEL lines: between commas, without the blanks around them, in quotes if need be."""

import re

FIELD = re.compile(r"""\s*+(?:'((?:[^'\\]|\\.)*+)'\s*+|"((?:[^"\\]|\\.)*+)"\s*+|([^,'"]*+))(,|$)""")
"""Nothing is tried twice: a line of a million blanks costs no more than another."""
ESCAPE = re.compile(r"\\(.)")
ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}


class Unreadable(ValueError):
    """A line has a quote that does not close, or text beside a quoted field."""


def fields_of(line: str) -> list[str]:
    """The fields of a line. Raises Unreadable."""
    if not any(mark in line for mark in "'\"\\"):
        return [field.strip() for field in line.split(",")]
    fields, place = list[str](), 0
    while True:
        found = FIELD.match(line, place)
        if found is None:
            raise Unreadable("has a quote that does not close, or text beside a quoted field")
        single, double, plain, end = found.groups()
        quoted = single if single is not None else double
        fields.append(plain.rstrip() if quoted is None else _unescaped(quoted))
        place = found.end()
        if not end:
            return fields


def unquoted(text: str) -> str:
    """A text without the quotes around it."""
    return _unescaped(text[1:-1]) if text[:1] in ("'", '"') and len(text) > 1 else text


def _unescaped(text: str) -> str:
    return ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), text)
