"""Runs the commands of a page of the documentation in order, as a reader pastes them into one terminal."""

import os
import subprocess
import sys
from pathlib import Path

from tools.doc_commands import ADDRESS, Command, commands


def printed(page: Path, url: str, folder: Path) -> list[tuple[Command, str]]:
    """Each command with what it printed, in `folder`, against the service at `url`. They run in one shell.

    Only the address of the service and the folder of `holdout` are not a reader's. Fails if a command does.
    """
    found = list(commands(page.read_text()))
    mark = "\n--- next block ---\n"
    script = f"printf '%s' '{mark}'\n".join(each.text for each in found)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    ran = subprocess.run(
        ["sh", "-ec", script.replace(ADDRESS, url).replace(".venv/bin/holdout", "holdout")],
        cwd=folder,
        env=os.environ | {"PATH": path, "HOLDOUT_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return list(zip(found, ran.stdout.replace(url, ADDRESS).split(mark), strict=True))
