"""The system's Chromium without a window, driven by Playwright, which downloads none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

PROGRAMS = ("chromium-headless-shell", "chromium", "chromium-browser")
"""The first is the same browser without its window: it opens pages in a third of the processor time."""


class NoChromium(Exception):
    """Chromium or Playwright is not installed. The message says how to install it."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser for as long as the context lasts. Raises NoChromium."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        raise NoChromium("needs Chromium: apt install chromium-headless-shell, or chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoChromium("needs Playwright: pip install 'holdout[test]'") from None
    with sync_playwright() as playwright:
        # Containers lack what its sandbox needs, and it opens only pages of the service.
        arguments = ["--no-sandbox", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=program, args=arguments)
        yield browser
        browser.close()
