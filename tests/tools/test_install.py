"""Installation without a wheel, and the build of PyTorch that is not installed."""

import tomllib

import pytest

from tools import install, install_torch

PROJECT = """
[project]
dependencies = ["numba>=0.68; python_version < '3.15'", "numpy>=2.4", "pysqlite3>=0.6.1"]
[project.optional-dependencies]
cluster = ["psycopg[binary]>=3.3"]
lint = ["ruff"]
"""


def test_requirements_are_those_of_the_project_and_its_extras_without_some() -> None:
    assert install.requirements(PROJECT, ["cluster"], without=["numba", "pysqlite3"]) == [
        "numpy>=2.4",
        "psycopg[binary]>=3.3",
    ]
    assert len(install.requirements(PROJECT, [], without=[])) == 3


def test_every_optional_package_is_a_dependency() -> None:
    dependencies = tomllib.loads(install.PROJECT.read_text())["project"]["dependencies"]
    left = install.requirements(install.PROJECT.read_text(), [], without=list(install.OPTIONAL))
    assert len(dependencies) - len(left) == len(install.OPTIONAL)


class FakePip:
    """Replaces pip: fails for a package without a wheel and, if one is missing, for the whole project."""

    def __init__(self, *missing: str, broken: bool = False) -> None:
        self.missing, self.broken, self.calls = missing, broken, list[tuple[str, ...]]()

    def __call__(self, *arguments: str) -> int:
        self.calls.append(arguments)
        everything = "--editable" in arguments and "--no-deps" not in arguments
        names = {argument.partition(">")[0] for argument in arguments}
        return int(self.broken or (everything and bool(self.missing)) or bool(names & set(self.missing)))


def test_a_dependency_without_a_wheel_is_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(install, "_pip", pip := FakePip("llvmlite"))
    assert install.main(["cluster"]) == 0
    *_, dependencies, holdout = pip.calls
    assert holdout == ("--no-deps", "--editable", str(install.ROOT))
    names = {each.partition(">")[0] for each in dependencies}
    assert {"numpy", "pysqlite3", "psycopg[binary]"} < names
    assert "numba" not in names
    assert "without numba" in capsys.readouterr().out


@pytest.mark.parametrize(("extras", "requested"), [([], ""), (["cluster", "lint"], "[cluster,lint]")])
def test_extras_are_passed_to_pip(extras: list[str], requested: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "_pip", pip := FakePip())
    assert install.main(extras) == 0
    assert pip.calls == [("--editable", f"{install.ROOT}{requested}")]


def test_any_other_failure_of_pip_is_returned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install, "_pip", lambda *arguments: int("--editable" in arguments))
    assert install.main([]) == 1


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["torch", "numpy"], []),
        (["torch", "nvidia-cublas", "cuda-toolkit", "nvidia-cufft"], ["nvidia-cublas", "cuda-toolkit"]),
    ],
)
def test_a_cuda_build_is_recognised_by_its_libraries(names: list[str], found: list[str]) -> None:
    assert (
        install_torch.cuda_libraries({"install": [{"metadata": {"name": name}} for name in names]}) == found
    )
