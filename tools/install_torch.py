"""Installs PyTorch, which tests compare with, where its build for the CPU can be had.

Many systems are only offered the build for CUDA, which brings several gigabytes of libraries: --cpu, the default,
leaves it out, --any takes it, and --none leaves out every build. The tests that need PyTorch are then skipped.
"""

import json
import subprocess
import sys
import tomllib

from tools.install import CONSTRAINED, PIP, PROJECT

LEFT_OUT = """\
PyTorch is offered here in its build for CUDA alone (with {}, ...), several gigabytes in all. It is left out, \
and the tests that compare with it are skipped. To install it all the same: make test TORCH=any"""


def main(arguments: list[str]) -> int:
    """The exit code of pip; 0 as well where PyTorch is left out."""
    if "--none" in arguments:
        return 0
    wanted = tomllib.loads(PROJECT.read_text())["project"]["optional-dependencies"]["torch"]
    command = [*PIP, *CONSTRAINED, *wanted]
    if "--any" not in arguments:
        report = subprocess.run([*command, "--dry-run", "--report", "-"], check=False, stdout=subprocess.PIPE)
        if report.returncode:
            return report.returncode
        if companions := of_cuda(json.loads(report.stdout)):
            print(LEFT_OUT.format(", ".join(companions)), flush=True)
            return 0
    return subprocess.run(command, check=False).returncode


def of_cuda(report: dict[str, list[dict[str, dict[str, str]]]]) -> list[str]:
    """What pip's report on an installation names of the libraries of CUDA: the first two."""
    names = [each["metadata"]["name"] for each in report["install"]]
    return [name for name in names if name.startswith(("nvidia-", "cuda-"))][:2]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
