"""Builds SVG text: elements, escaped text without characters that XML forbids, and shortened names."""

import re
from html import escape
from unicodedata import east_asian_width

FORBIDDEN = re.compile(
    "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u202a-\u202e\u2066-\u2069]"
)
"""Characters that are not in XML 1.0, and those that turn the direction of the text around them."""
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
WIDTHS = {
    **dict.fromkeys("ijl|!.,:;' ", 0.33),
    **dict.fromkeys('frtI()[]-/"', 0.41),
    **dict.fromkeys("mwMW@%…", 1.0),
    **dict.fromkeys("<>=+~^&#", 0.84),
    **dict.fromkeys("ABCDEFGHJKLNOPQRSTUVXYZ", 0.7),
}
"""Of some characters, in ems. DejaVu Sans has them, which is wider than the fonts of other systems."""
OTHER, FULL_WIDTH = 0.61, 1.0
"""Of all other characters, and of those that are as wide as they are high."""


class Markup(str):
    """SVG text that may be put into a document as it is."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any text as the content of an element or an attribute."""
    return Markup(escape(FORBIDDEN.sub(REPLACEMENT, str(value))))


def number(value: float) -> str:
    """A coordinate, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def element(name: str, *content: Markup, **attributes: str | float | None) -> Markup:
    """An element. Attributes that are None are left out; `text_anchor` is text-anchor, `class_` is class."""
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if not content:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{''.join(content)}</{name}>")


def joined(*parts: Markup) -> Markup:
    """Elements one after the other."""
    return Markup("".join(parts))


def label(value: object, x: float, y: float, **attributes: str | float | None) -> Markup:
    """A line of text."""
    return element("text", text(value), x=x, y=y, **attributes)


def short_label(value: str, width: float, x: float, y: float, **attributes: str | float | None) -> Markup:
    """A line of text, shortened in its middle to about `width` pixels; then the whole text is its tooltip."""
    shown = abbreviated(value, width)
    hint = () if shown == value else (element("title", text(value[:1000])),)
    return element("text", *hint, text(shown), x=x, y=y, **attributes)


def wrapped_label(value: str, width: float, x: float, y: float, **attributes: str | float | None) -> Markup:
    """As `short_label`, but in two lines around y if one is not enough."""
    lines = wrapped(value, width, most=2)
    if len(lines) == 1 or shortened(value, width) == value:
        return short_label(value, width, x, y, **attributes)
    spans = [element("tspan", text(line), x=x, y=y + 14 * index - 7) for index, line in enumerate(lines)]
    return element("text", element("title", text(value[:1000])), *spans, **attributes)


def text_width(value: str, size: float = 12) -> float:
    """About how many pixels wide a text is in a font of `size`."""
    return size * sum(map(_character_width, value))


def shortened(value: str, width: float, size: float = 12) -> str:
    """The text, cut to about `width` pixels in a font of `size`."""
    left = width / size
    for index, character in enumerate(value):
        left -= _character_width(character)
        if left < 0:
            return value[: max(1, index - 1)].rstrip() + "…"
    return value


def abbreviated(value: str, width: float, size: float = 12) -> str:
    """As `shortened`, but cut in the middle: names of one kind often differ in their ends."""
    cut = shortened(value, width, size)
    if cut == value:
        return cut
    for kept in range(len(cut) - 1, 2, -1):
        shown = f"{value[: kept - kept // 3].rstrip()}…{value[-(kept // 3) :].lstrip()}"
        if text_width(shown, size) <= width:
            return shown
    return cut


def wrapped(value: str, width: float, most: int = 3) -> list[str]:
    """The words of a text in lines of about `width` pixels; what does not fit into `most` lines is cut."""
    lines = [""]
    for word in value.split():
        longer = f"{lines[-1]} {word}".lstrip()
        if shortened(longer, width) == longer or not lines[-1] or len(lines) == most:
            lines[-1] = longer
        else:
            lines.append(word)
    return [shortened(line, width) for line in lines]


def path(points: list[tuple[float, float]]) -> str:
    """The data of a path through points."""
    return "M" + "L".join(f"{number(x)},{number(y)}" for x, y in points)


def _character_width(character: str) -> float:
    if character.isascii() or character in WIDTHS:
        return WIDTHS.get(character, OTHER)
    return FULL_WIDTH if east_asian_width(character) in "WF" else OTHER


def _value(value: str | float) -> str:
    return text(value) if isinstance(value, str) else number(value)
