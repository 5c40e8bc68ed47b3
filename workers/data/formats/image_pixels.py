"""Decodes one PNG or JPEG image with Pillow: what its header declares is checked before a pixel is read."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from workers.data.errors import FileTooLarge, MalformedFile
from workers.data.formats.png_file import is_whole

MOST_PIXELS = 2**24
"""Of an image before it is scaled."""
COLOURED = {"1": False, "L": False, "LA": False, "P": True, "PA": True, "RGB": True, "RGBA": True}
"""Whether images of a mode of Pillow have colours. A palette may."""
PNG_MAGIC, PNG_BIT_DEPTH = b"\x89PNG", 24
DAMAGED = ("is damaged, or no PNG or JPEG image", "save it again as PNG")


class ImageFacts(NamedTuple):
    """What the header of an image declares."""

    height: int
    width: int
    is_coloured: bool


def facts_of(content: bytes, file: str) -> ImageFacts:
    """The size and colours of an image, from its header. Raises MalformedFile or FileTooLarge."""
    with _opened(content, file) as image:
        return ImageFacts(image.height, image.width, COLOURED[image.mode])


def pixels_of(content: bytes, file: str, facts: ImageFacts) -> NDArray[np.uint8]:
    """The pixels of an image, scaled if need be, (height, width), or (height, width, 3) of a coloured one.

    Raises MalformedFile or FileTooLarge.
    """
    with _opened(content, file) as image:
        if content.startswith(PNG_MAGIC) and not is_whole(content):
            raise MalformedFile(file, *DAMAGED)
        _require_opaque(image, file)
        plain = image.convert("RGB" if facts.is_coloured else "L")
        size = facts.width, facts.height
        scaled = (
            plain if plain.size == size else plain.resize(size, 2)
        )  # bilinear, of all pixels that it covers
        return np.asarray(scaled, np.uint8)


def _require_opaque(image: Any, file: str) -> None:
    if "A" in image.mode or "transparency" in image.info:
        lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
        if lowest < 255:
            right = "save it without transparency: what is behind it is not known"
            raise MalformedFile(file, "has transparent pixels", right)


@contextmanager
def _opened(content: bytes, file: str) -> Iterator[Any]:
    from PIL import Image  # imported here: the service itself imports the formats, but never Pillow

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
                _require_plain(image, content, file)
                yield image
    except (MalformedFile, MemoryError):
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large(file) from None
    except (
        Exception
    ):  # Pillow raises OSError, SyntaxError, ValueError, struct.error and others about damaged files
        raise MalformedFile(file, *DAMAGED) from None


def _require_plain(image: Any, content: bytes, file: str) -> None:
    if image.height * image.width > MOST_PIXELS:
        raise _too_large(file)
    is_deep = content.startswith(PNG_MAGIC) and content[PNG_BIT_DEPTH] == 16
    if is_deep or image.mode not in COLOURED:
        wrong = "has 16 bits for each value" if is_deep else f"has the colour mode {image.mode}"
        raise MalformedFile(
            file, wrong, "save it in RGB or in shades of grey, with 8 bits, or send arrays, format=npz"
        )
    if getattr(image, "is_animated", False):
        raise MalformedFile(file, "is animated", "save each picture as an image of its own")


def _too_large(file: str) -> FileTooLarge:
    return FileTooLarge(file, f"has more than {MOST_PIXELS:,} pixels", "send smaller images")
