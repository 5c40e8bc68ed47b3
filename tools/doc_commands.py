"""The curl commands that documentation shows, run as they are written except for the address of the service.

A variable that one command assigns is there for those after it, as in the shell of a reader who pastes them.
"""

import os
import re
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx2

ADDRESS = "http://127.0.0.1:8000"
PATIENCE_SECONDS = 60
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r"^(\w+)=", re.MULTILINE)
METHOD = re.compile(r" -X ([A-Z]+)")
REPORT = 'write-out = "%{stderr}%{http_code} %{content_type}"\n'
"""In curl's settings: tells the status beside the body, without a change to the command."""


@dataclass(frozen=True)
class Command:
    """One command, and what the text shows of its answer."""

    text: str
    shown: str = ""

    @property
    def method(self) -> str:
        """What curl makes of its options."""
        given = METHOD.search(self.text)
        sends = re.search(r" (-d|-F|--json|--data\S*) ", self.text)
        return given[1] if given else "POST" if sends else "GET"

    @property
    def path(self) -> str:
        """Without its query."""
        address = re.search(rf"{re.escape(ADDRESS)}([^\s'\"?]*)", self.text)
        return address[1] if address else ""


@dataclass(frozen=True)
class Answer:
    """What curl printed, and the status and media type that came with it."""

    status: int
    media_type: str
    body: bytes


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language, in order."""
    return [content for name, content in BLOCK.findall(text) if name == language]


def commands(text: str) -> Iterator[Command]:
    """The shell commands of a text, each with the block after it if that shows an answer."""
    found = BLOCK.findall(text)
    for (language, content), (following, shown) in zip(found, [*found[1:], ("", "")], strict=True):
        if language == "sh":
            yield Command(content, shown if following in ("jsonc", "text") else "")


def run(command: Command, url: str, folder: Path) -> Answer:
    """Run a command in a folder against the service at `url`. Raises CalledProcessError."""
    (folder / ".curlrc").write_text(REPORT)
    environment = os.environ | {"CURL_HOME": str(folder)}
    script = [". ./variables", command.text.replace(ADDRESS, url)]
    script += [f'echo "{name}=${name}" >> variables' for name in ASSIGNED.findall(command.text)]
    (folder / "variables").touch()
    shell = ["sh", "-ec", "\n".join(script)]
    ran = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, check=True)  # noqa: S603
    status, _, media_type = ran.stderr.decode().rpartition("\n")[2].partition(" ")
    return Answer(int(status or 0), media_type.partition(";")[0], ran.stdout)


def settle(url: str) -> None:
    """Wait until no experiment is queued or running."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while any(
        httpx2.get(f"{url}/experiments?status={status}").json()["items"] for status in ("queued", "running")
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("experiments are still queued or running")
        time.sleep(0.1)
