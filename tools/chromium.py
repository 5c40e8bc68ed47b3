"""The system's Chromium without a window, driven by Playwright, which downloads none."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NoChromium(Exception):
    """Chromium or Playwright is not installed. The message says how to install it."""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser for as long as the context lasts. Raises NoChromium."""
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        raise NoChromium("needs Chromium: apt install chromium")
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
