"""The files in a zip file of images: which are images, and of which class and part each is, by its folders."""

from collections.abc import Sequence
from typing import NamedTuple

from workers.data.errors import MalformedFile
from workers.data.formats.npz_layout import PARTS
from workers.data.tables.class_names import wrong_with

ENDINGS = (".png", ".jpg", ".jpeg")
JUNK = ("thumbs.db", "desktop.ini")
LAYOUT = (
    "the files are CLASS/NAME.png (or .jpg), with train/ and test/ above the classes if there is a test part"
)


class ImageMember(NamedTuple):
    """An image: the name of its file in the archive, its class, and whether it is of the official test part."""

    name: str
    label: str
    is_test: bool


def is_image(name: str) -> bool:
    """Whether a file is an image, by its name."""
    return name.lower().endswith(ENDINGS) and not _is_junk(name)


def image_members(names: Sequence[str], file: str) -> list[ImageMember]:
    """The images among the files of an archive, in the order of their names. Raises MalformedFile.

    Folders that all files share are left out; what systems add, such as __MACOSX, is no file of the archive.
    """
    names = sorted(name for name in names if not _is_junk(name))
    paths = [name.split("/") for name in names]
    for name, path in zip(names, paths, strict=True):
        if not is_image(name):
            raise _misplaced(name, file, "is no PNG or JPEG image")
        if len(path) < 2:
            raise _misplaced(name, file, "is in no folder, which would name its class")
    shared = _shared_folders(paths)
    has_parts = bool(paths) and all(_is_part(path[shared:]) for path in paths)
    return [
        _member(name, path[shared:], file, has_parts=has_parts)
        for name, path in zip(names, paths, strict=True)
    ]


def _shared_folders(paths: list[list[str]]) -> int:
    """How many folders above those of the classes all paths begin with."""
    first, last = (min(paths), max(paths)) if paths else ([], [])
    most = min((len(path) - 2 for path in paths), default=0)
    return next((n for n in range(most) if first[n] != last[n]), most)


def _member(name: str, path: Sequence[str], file: str, *, has_parts: bool) -> ImageMember:
    if len(path) != (3 if has_parts else 2):
        raise _misplaced(name, file, "is not in the folder of a class")
    if wrong := wrong_with(path[-2]):
        raise MalformedFile(f"{file}: {name[:80]!a}", *wrong)
    return ImageMember(name, path[-2], has_parts and PARTS[path[0].lower()] == "test")


def _misplaced(name: str, file: str, wrong: str) -> MalformedFile:
    return MalformedFile(f"{file}: {name[:80]!a}", wrong, LAYOUT)


def _is_part(path: Sequence[str]) -> bool:
    """Whether a path is PART/CLASS/NAME."""
    return len(path) == 3 and path[0].lower() in PARTS


def _is_junk(name: str) -> bool:
    """Whether a file system or a program has added a file."""
    parts = name.split("/")
    return any(part.startswith((".", "__MACOSX")) for part in parts) or parts[-1].lower() in JUNK
