"""Writes docs/pictures: what the README shows, from experiments that this trains. Needs Chromium.

Run: python -m tools.make_pictures
"""

import io
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx2
from PIL import Image

from service.launcher import serving
from service.settings import Settings
from tools.chromium import chromium
from tools.doc_commands import wait_until_idle

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
MOST_BYTES = 150_000
"""Of all pictures together."""
COLOURS = 128
"""Of a picture. Texts and lines of a few colours look the same as with all."""
DATA = {"name": "digits", "imbalance": {"kind": "step", "ratio": 20}}
COMMON: dict[str, Any] = {"dataset": DATA, "seeds": [0, 1, 2]}
EXPERIMENTS = [
    {"name": "cross-entropy", "training": {"epochs": 25}},
    {"name": "balanced softmax", "training": {"epochs": 25}, "loss": "balanced_softmax"},
]
SWEEP = {
    "name": "imbalanced digits",
    "spec": {**COMMON, "training": {"epochs": 8}},
    "strategy": {"name": "random", "seed": 1},
    "candidates": 12,
    "space": {
        "loss": ["cross_entropy", "focal", "balanced_softmax"],
        "optimizer.learning_rate": {"log": [0.0005, 0.05]},
        "model.hidden": [[16], [64], [128, 64]],
    },
}
CHARTS = {
    "curves.png": "comparisons/curves.png?ids=1,2&width=560",
    "classes.png": "experiments/2/charts/classes.png?width=560",
    "leaderboard.png": "sweeps/1/chart.png?width=600",
}
SCREEN = {"width": 1280, "height": 1000}
ROWS = 6
"""Of the list, that are shown."""
PAGE = "page.png", "ui/experiments?sort=-balanced_accuracy&status=succeeded"


def main() -> None:
    """Train, and write the pictures."""
    PICTURES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), port=0, workers=2, log_level="warning")
        with serving(settings) as url:
            for spec in EXPERIMENTS:
                _post(f"{url}/experiments", {**COMMON, **spec})
            _post(f"{url}/sweeps", SWEEP)
            _wait(url)
            for name, address in CHARTS.items():
                response = httpx2.get(f"{url}/{address}", timeout=60).raise_for_status()
                _write(name, response.content)
            _write(PAGE[0], _screenshot(f"{url}/{PAGE[1]}"))
    sizes = {each.name: each.stat().st_size for each in sorted(PICTURES.glob("*.png"))}
    sys.stdout.write(f"{sizes}\n{sum(sizes.values()):,} bytes\n")
    if sum(sizes.values()) > MOST_BYTES:
        sys.exit(f"The pictures have more than {MOST_BYTES:,} bytes.")


def _wait(url: str) -> None:
    """Wait until all has ended, which takes minutes on a busy machine."""
    with httpx2.Client(base_url=url) as http:
        for _ in range(5):
            with suppress(TimeoutError):
                return wait_until_idle(http)
        return wait_until_idle(http)


def _post(address: str, body: dict[str, Any]) -> None:
    httpx2.post(address, json=body, timeout=60).raise_for_status()


def _write(name: str, content: bytes) -> None:
    """Write a picture with a palette."""
    picture = Image.open(io.BytesIO(content)).convert("RGB")
    few = picture.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(PICTURES / name, optimize=True)


def _screenshot(address: str) -> bytes:
    with chromium() as browser:
        page = browser.new_page(viewport=SCREEN)
        page.goto(address)
        page.wait_for_load_state("networkidle")
        rows = page.locator("tbody tr")
        bottom = rows.nth(ROWS).bounding_box()["y"]
        picture: bytes = page.screenshot(clip={"x": 0, "y": 0, "width": SCREEN["width"], "height": bottom})
        return picture


if __name__ == "__main__":
    main()
