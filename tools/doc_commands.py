"""Runs the curl commands in the documentation as they are written, except for the address of the service.

A variable that one command sets is available to the following ones, as in the shell of a reader who pastes them.
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
TIMEOUT_SECONDS = 60
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ASSIGNED = re.compile(r"^(\w+)=", re.MULTILINE)
METHOD = re.compile(r" -X ([A-Z]+)")
CURLRC = 'write-out = "%{stderr}%{http_code} %{content_type}"\n'
"""Settings of curl: print the status and media type to standard error, without a change to the command."""


@dataclass(frozen=True)
class Command:
    """A shell command, and the part of its output that the page shows."""

    text: str
    shown: str = ""

    @property
    def method(self) -> str:
        """The HTTP method that curl derives from its options."""
        given = METHOD.search(self.text)
        sends = re.search(r" (-d|-F|--json|--data\S*) ", self.text)
        return given[1] if given else "POST" if sends else "GET"

    @property
    def path(self) -> str:
        """The path of the URL, without its query."""
        address = re.search(rf"{re.escape(ADDRESS)}([^\s'\"?]*)", self.text)
        return address[1] if address else ""


@dataclass(frozen=True)
class Response:
    """The body that curl printed, with the status and media type of the response."""

    status: int
    media_type: str
    body: bytes


def blocks(text: str, language: str) -> list[str]:
    """The fenced code blocks of a language, in order."""
    return [content for name, content in BLOCK.findall(text) if name == language]


def commands(text: str) -> Iterator[Command]:
    """The shell commands of a text, each with the output that the next code block shows, if it is one."""
    found = BLOCK.findall(text)
    for (language, content), (following, shown) in zip(found, [*found[1:], ("", "")], strict=True):
        if language == "sh":
            yield Command(content, shown if following in ("jsonc", "text") else "")


def run(command: Command, url: str, folder: Path) -> Response:
    """Run a command in a folder, against the service at `url`. Raises CalledProcessError."""
    (folder / ".curlrc").write_text(CURLRC)
    environment = os.environ | {"CURL_HOME": str(folder)}
    script = [". ./variables", command.text.replace(ADDRESS, url)]
    script += [f'echo "{name}=${name}" >> variables' for name in ASSIGNED.findall(command.text)]
    (folder / "variables").touch()
    shell = ["sh", "-ec", "\n".join(script)]
    ran = subprocess.run(shell, cwd=folder, env=environment, capture_output=True, check=True)  # noqa: S603
    status, _, media_type = ran.stderr.decode().rpartition("\n")[2].partition(" ")
    return Response(int(status or 0), media_type.partition(";")[0], ran.stdout)


def wait_until_idle(http: httpx2.Client) -> None:
    """Wait until no experiment of the service is queued or running."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while any(
        http.get("/experiments", params={"status": status}).json()["items"]
        for status in ("queued", "running")
    ):
        if time.monotonic() > deadline:
            raise TimeoutError("experiments are still queued or running")
        time.sleep(0.1)
