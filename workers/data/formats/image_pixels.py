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
COLOURED = {"1": False, "L": False, "LA": False, "P": None, "PA": None, "RGB": True, "RGBA": True}
"""Whether images of a mode of Pillow have colours; None: their palette tells."""
PALETTE_COLOURS = 256
ORIENTATION = 0x0112
TRANSPOSED = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}
"""By the orientation of EXIF, how Pillow (`Image.Transpose`) turns an image upright."""
ON_ITS_SIDE = (5, 6, 7, 8)
"""Orientations that exchange height and width."""
PNG_MAGIC, PNG_BIT_DEPTH = b"\x89PNG", 24
DAMAGED = ("is damaged, or no PNG or JPEG image", "save it again as PNG")


class ImageFacts(NamedTuple):
    """The size of an image, upright, and whether it has colours."""

    height: int
    width: int
    is_coloured: bool


def facts_of(content: bytes, file: str) -> ImageFacts:
    """The size and colours of an image, from its header or palette. Raises MalformedFile or FileTooLarge."""
    with _opened(content, file) as image:
        size = image.width, image.height
        height, width = size if _orientation(image) in ON_ITS_SIDE else reversed(size)
        coloured = COLOURED[image.mode]
        return ImageFacts(height, width, _has_colours(image) if coloured is None else coloured)


def pixels_of(content: bytes, file: str, facts: ImageFacts) -> NDArray[np.uint8]:
    """The pixels of an image, scaled if need be, (height, width), or (height, width, 3) of a coloured one.

    Raises MalformedFile or FileTooLarge.
    """
    with _opened(content, file) as image:
        if content.startswith(PNG_MAGIC) and not is_whole(content):
            raise MalformedFile(file, *DAMAGED)
        _require_opaque(image, file)
        plain = image.convert("RGB" if facts.is_coloured else "L")
        if (turn := TRANSPOSED.get(_orientation(image))) is not None:
            plain = plain.transpose(turn)
        size = facts.width, facts.height
        scaled = (
            plain if plain.size == size else plain.resize(size, 2)
        )  # bilinear, of all pixels that it covers
        return np.asarray(scaled, np.uint8)


def _has_colours(image: Any) -> bool:
    """Whether a pixel of an image with a palette is no shade of grey. The palette may have colours that none has."""
    palette = np.array(image.getpalette("RGB")).reshape(-1, 3)
    coloured = (palette != palette[:, :1]).any(axis=1)
    if not coloured.any():
        return False
    used = [place for _, place in image.getchannel(0).getcolors(PALETTE_COLOURS)]
    return bool(coloured[[place for place in used if place < len(palette)]].any())


def _orientation(image: Any) -> int:
    """How the camera was held, as EXIF says it: 1 for upright, and for what cannot be read, as viewers take it."""
    from PIL.Image import Exif

    exif = Exif()
    try:
        exif.load(image.info.get("exif"))
        return int(exif.get(ORIENTATION, 1))
    except Exception:  # as about damaged files
        return 1


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
    # Further pictures in a JPEG are views of the first.
    if content.startswith(PNG_MAGIC) and image.is_animated:
        raise MalformedFile(file, "is animated", "save each picture as an image of its own")


def _too_large(file: str) -> FileTooLarge:
    return FileTooLarge(file, f"has more than {MOST_PIXELS:,} pixels", "send smaller images")
