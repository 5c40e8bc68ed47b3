#!/usr/bin/env bash
# Pillow 13.0.0: a JPEG opens as an animated image of another format, although only JPEG was allowed.
#
# Phones append further views to a photograph: a gain map, a depth map, the second eye. The file is a JPEG with an MPF
# segment, and its name ends with .jpg. `Image.open(file, formats=["JPEG"])` returns an image whose format is "MPO",
# `is_animated` is True, and `n_frames` counts the further views, which may have another size and other modes. `verify`,
# `thumbnail` and `save` work on the first view, as one would expect.
#
# Why it matters: `image.format in allowed` and `not image.is_animated` are the usual checks of an upload, and both refuse
# the photographs that people take today. A loop over the frames trains on gain maps.
# Instead: accept the format "MPO" where JPEG is accepted, and read the first frame only.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pillow==13.0.0

cat >expected <<'TEXT'
Pillow 13.0.0
one view: starts as a JPEG, format JPEG, animated False, frames 1
with a gain map: starts as a JPEG, format MPO, animated True, frames 2
sizes of the frames: [(64, 48), (16, 12)], modes: ['RGB', 'L']
TEXT

cat >program.py <<'PYTHON'
import PIL
from PIL import Image, ImageSequence

photograph, gain_map = Image.new("RGB", (64, 48), "teal"), Image.new("L", (16, 12), 128)
photograph.save("one.jpg", "JPEG")
photograph.save("two.jpg", "MPO", save_all=True, append_images=[gain_map])

print("Pillow", PIL.__version__)
for label, path in {"one view": "one.jpg", "with a gain map": "two.jpg"}.items():
    with open(path, "rb") as file:
        kind = "a JPEG" if file.read(3) == b"\xff\xd8\xff" else "something else"
    with Image.open(path, formats=["JPEG"]) as image:
        animated, frames = getattr(image, "is_animated", False), getattr(image, "n_frames", 1)
        print(f"{label}: starts as {kind}, format {image.format}, animated {animated}, frames {frames}")
        views = [(view.size, view.mode) for view in ImageSequence.Iterator(image)]
print(f"sizes of the frames: {[size for size, _ in views]}, modes: {[mode for _, mode in views]}")
PYTHON

venv/bin/python program.py | tee actual
if ! diff expected actual; then
    echo "The behaviour has changed." >&2
    exit 1
fi
