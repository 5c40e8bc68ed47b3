"""A headless Chromium. If it or Playwright is missing, the tests skip, except in CI."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """The system's Chromium; none is downloaded.

    The scope is a module because no other test may run while Playwright's event loop does.
    """
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        if os.environ.get("CI"):
            pytest.fail("CI needs Chromium (apt install chromium)")
        pytest.skip("needs Chromium (apt install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="pip install 'holdout[test]'")
    with sync_api.sync_playwright() as playwright:
        # Containers lack what its sandbox needs, and the tests open only pages of the service.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()
