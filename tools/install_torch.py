"""Installs PyTorch, which tests compare with, if its CPU build is available.

For many systems, only the CUDA build is, which needs several gigabytes of libraries. --cpu, the default, does not
install that one; --any does; --none installs no build. Without PyTorch, the tests that need it are skipped.
"""

import json
import subprocess
import sys
import tomllib

from tools.install import CONSTRAINED, PIP, PROJECT

SKIPPED = """\
Only the CUDA build of PyTorch is available here (with {}, ...), several gigabytes in all. It is not installed, \
and the tests that compare with it are skipped. To install it anyway: make test TORCH=any"""


def main(arguments: list[str]) -> int:
    """Install PyTorch, or skip it. Returns the exit code of pip, or 0 if PyTorch is skipped."""
    if "--none" in arguments:
        return 0
    requirements = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]["torch"]
    command = [*PIP, *CONSTRAINED, *requirements]
    if "--any" not in arguments:
        report = subprocess.run([*command, "--dry-run", "--report", "-"], check=False, stdout=subprocess.PIPE)
        if report.returncode:
            return report.returncode
        if libraries := cuda_libraries(json.loads(report.stdout)):
            print(SKIPPED.format(", ".join(libraries)), flush=True)
            return 0
    return subprocess.run(command, check=False).returncode


def cuda_libraries(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """The first two CUDA libraries in pip's report on an installation."""
    names = [each["metadata"]["name"] for each in report["install"]]
    return [name for name in names if name.startswith(("nvidia-", "cuda-"))][:2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
