"""Small PNG and JPEG files, written by Pillow, and zip files of them."""

import io
from typing import Any

import numpy as np
from PIL import Image

from tests.upload_files import zipped


def image(array: Any, kind: str = "PNG", mode: str | None = None, **options: Any) -> bytes:
    """An image of an array (height, width) or (height, width, channels) of bytes."""
    out = io.BytesIO()
    picture = Image.fromarray(np.asarray(array, np.uint8))
    (picture if mode is None else picture.convert(mode)).save(out, kind, **options)
    return out.getvalue()


def grey(value: int, height: int = 4, width: int = 3) -> bytes:
    return image(np.full((height, width), value))


def two_classes(**others: bytes) -> bytes:
    """A zip file of two images of each of two classes, and others."""
    members = {f"cats/{n}.png": grey(n) for n in range(2)} | {
        f"dogs/{n}.png": grey(200 + n) for n in range(2)
    }
    return zipped(members | {name.replace("__", "/"): content for name, content in others.items()})
