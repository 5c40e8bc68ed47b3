"""Finds out which format a file has that names none: by its first bytes, or by its first lines if it is text."""

import json
from pathlib import Path

from workers.data.errors import MalformedFile
from workers.data.formats.image_members import is_image
from workers.data.formats.signatures import AS_ROWS, SHOWN_BYTES, START_BYTES, refusal_of, signature_of
from workers.data.formats.wrappers import first_bytes, members_of, wrapper_of
from workers.data.formats.zip_reader import FILES, open_zip
from workers.data.tables.svmlight_reader import is_row

ROWS = 20
"""Lines that have to be rows of SVMlight."""
DECLARATIONS = ("@relation", "@attribute", "@inputs", "@input", "@outputs", "@output", "@data")
OUTPUTS = ("@inputs", "@input", "@outputs", "@output")


def recognised(path: Path, file: str) -> str:
    """The name of the format of a file. Raises MalformedFile, with a remedy, if none reads it."""
    if wrapper_of(path) == "zip":
        with open_zip(path, file, FILES) as archive:
            names = [member.filename for member in members_of(archive, file)]
        if any(name.endswith(".npy") for name in names):
            return "npz"
        if any(map(is_image, names)):
            return "images"
    start = first_bytes(path, START_BYTES, file)
    found = signature_of(start)
    if found is not None:
        if found.name is None:
            raise refusal_of(found, file)
        return found.name
    if b"\0" in start[:SHOWN_BYTES]:
        right = "send a table (csv, parquet, feather, jsonl, arff), arrays (npz) or images; docs/tables.md lists all"
        raise MalformedFile(file, "is a binary file of an unknown kind", right)
    return _of_text(start, file)


def _of_text(start: bytes, file: str) -> str:
    text = start.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = [line.strip() for line in text.split("\n")]
    if len(lines) > 1 and len(start) == START_BYTES:
        lines.pop()  # which is cut off
    filled = [line for line in lines if line]
    declared = [line for line in filled if not line.startswith("%")]
    if declared and _word(declared[0]) in DECLARATIONS:
        return "keel" if any(_word(line) in OUTPUTS for line in declared) else "arff"
    if filled and filled[0].startswith(("{", "[")):
        return _of_json(filled[0], file, is_whole=len(start) < START_BYTES)
    rows = [line for line in filled if not line.startswith("#")][:ROWS]
    if rows and all(map(is_row, rows)) and any(":" in row for row in rows):
        return "svmlight"
    return "csv"


def _of_json(line: str, file: str, *, is_whole: bool) -> str:
    """The format of a text whose first line begins like JSON: a table may have such names too."""
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        begins_object = line == "{" or line.startswith(('{"', '{ "'))
        if begins_object and not is_whole:
            return "jsonl"  # whose first object is longer than what is looked at
        if not begins_object and not line.startswith(("[{", "[[")) and line != "[":
            return "csv"
        value = None
    if isinstance(value, dict):
        return "jsonl"
    raise MalformedFile(file, "is one JSON document", f"write an object in each line: {AS_ROWS}")


def _word(line: str) -> str:
    return line.split(maxsplit=1)[0].casefold()
