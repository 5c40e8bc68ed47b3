"""The linear baseline: the first process fits it, and every run on the same rows gets it."""

import fcntl
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.workers.processes.test_worker import Pipe
from workers.data.registry import DatasetRegistry
from workers.evaluation.baselines import Baseline
from workers.evaluation.intervals import Interval
from workers.linear_baselines import fit_baseline
from workers.processes import worker as worker_module
from workers.processes.messages import Assignment, BaselinesFitted, Failed, Stopped, Succeeded
from workers.processes.worker import Worker
from workers.shared_baseline import SharedBaseline
from workers.spec import ExperimentSpec

SMALL = {"dataset": "iris", "model": {"hidden": [8]}, "training": {"epochs": 3}, "seeds": [0, 1]}
DIVERGING = SMALL | {"loss": "l2", "optimizer": {"name": "sgd", "learning_rate": 1e30}}
FITTED = Baseline("linear", 0.1 + 0.2, 1 / 3, Interval(0.25, 0.35, level=0.95))
LOCK_THE_FIT = """
import fcntl, sys, time
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("locked", flush=True)
time.sleep(60)
"""
Run = Callable[..., Pipe]


@pytest.fixture
def parts(registry: DatasetRegistry, tmp_path: Path) -> Path:
    """A folder of prepared parts without a fitted baseline."""
    spec = ExperimentSpec.model_validate(SMALL)
    folder = registry.prepare_split(spec.dataset, spec.split).folder
    return Path(shutil.copytree(folder, tmp_path / "parts", ignore=shutil.ignore_patterns("linear-*")))


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the baselines that workers fitted."""
    names: list[str] = []

    def counted(name: str, *arguments: Any) -> Baseline:
        names.append(name)
        return fit_baseline(name, *arguments)

    monkeypatch.setattr(worker_module, "fit_baseline", counted)
    return names


@pytest.fixture
def run(parts: Path) -> Run:
    """Runs one seed in this process. Returns the events that its worker sent."""

    def run(
        spec: dict[str, Any], seed: int, *, change: Callable[[Worker], None] = lambda _: None, **more: Any
    ) -> Pipe:
        pipe = Pipe()
        connection: Any = pipe
        written = ExperimentSpec.model_validate(spec).model_dump_json()
        worker = Worker(connection, Assignment(written, seed, parts, **more))
        change(worker)
        worker.send(worker.work())
        return pipe

    return run


def baselines(pipe: Pipe) -> list[Baseline]:
    sent = [event for events in pipe.sent for event in events]
    return [each for event in sent if isinstance(event, BaselinesFitted) for each in event.baselines]


def last(pipe: Pipe) -> object:
    return pipe.sent[-1][-1]


def test_every_run_supplies_the_same_one_and_the_first_fits_it(run: Run, fits: list[str]) -> None:
    (first,), (second,) = baselines(run(SMALL, 1)), baselines(run(SMALL, 0))
    assert first == second
    assert fits == ["linear"]
    assert 0.8 < (first.accuracy or 0) < 1


def test_another_scaling_has_another_one(run: Run, fits: list[str]) -> None:
    run(SMALL, 0)
    run(SMALL | {"scaling": "none"}, 0)
    assert fits == ["linear"] * 2


def test_a_balanced_experiment_has_two_and_shares_the_plain_one(run: Run, fits: list[str]) -> None:
    run(SMALL, 0)
    plain, balanced = baselines(run(SMALL | {"balancing": "oversample", "loss": "focal"}, 0))
    assert (plain.name, balanced.name) == ("linear", "linear_balanced")
    assert plain.changes == {"model": "linear", "balancing": "none", "loss": "cross_entropy"}
    assert balanced.changes == {"model": "linear", "loss": "cross_entropy"}
    assert fits == ["linear", "linear_balanced"]
    run(SMALL | {"class_weights": "inverse_frequency"}, 0)
    assert fits == ["linear", "linear_balanced", "linear_balanced"]


def test_a_run_that_diverges_in_its_first_epoch_supplies_it(run: Run) -> None:
    pipe = run(DIVERGING, 0)
    ended = last(pipe)
    assert isinstance(ended, Failed)
    assert ended.cause == "diverged"
    assert len(baselines(pipe)) == 1


def test_a_run_that_is_cancelled_after_its_first_epoch_has_supplied_it(run: Run) -> None:
    def cancel_in_the_second_epoch(worker: Worker) -> None:
        between_steps = worker._between_steps

        def step() -> None:
            if worker.trainer.epoch == 1:
                worker.command = "cancel"
            between_steps()

        worker._between_steps = step  # type: ignore[method-assign]

    pipe = run(SMALL, 0, change=cancel_in_the_second_epoch)
    assert last(pipe) == Stopped("cancel")
    assert len(baselines(pipe)) == 1


def test_a_cancelled_run_does_not_fit_it(run: Run, fits: list[str]) -> None:
    def cancel(worker: Worker) -> None:
        worker.command = "cancel"

    assert last(run(SMALL, 0, change=cancel)) == Stopped("cancel")
    assert fits == []


def test_it_is_not_sent_if_the_experiment_has_it(run: Run, fits: list[str]) -> None:
    assert baselines(run(SMALL, 0, has_baselines=True)) == []
    assert fits == []


def test_a_run_succeeds_without_it_if_it_cannot_be_fitted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any) -> Baseline:
        raise MemoryError

    monkeypatch.setattr(worker_module, "fit_baseline", fail)
    pipe = run(SMALL, 0)
    assert baselines(pipe) == []
    assert isinstance(last(pipe), Succeeded)


def test_while_another_process_fits_it_training_goes_on_and_the_end_waits(
    run: Run, parts: Path, fits: list[str]
) -> None:
    run(SMALL, 0)
    (lock,) = parts.glob("linear-*.lock")
    (file,) = parts.glob("linear-*.json")
    file.unlink()
    with lock.open("w") as locked:
        fcntl.flock(locked, fcntl.LOCK_EX)
        pipes: list[Pipe] = []
        thread = threading.Thread(target=lambda: pipes.append(run(SMALL, 1)))
        thread.start()
        thread.join(3)
        assert thread.is_alive()
        assert fits == ["linear"]
    thread.join(30)
    (pipe,) = pipes
    assert len(baselines(pipe)) == 1
    assert fits == ["linear"] * 2
    assert pipe.names[-2:] == [["BaselinesFitted"], ["Succeeded"]]


def test_a_process_killed_during_the_fit_does_not_block_the_others(tmp_path: Path) -> None:
    shared = SharedBaseline(tmp_path, {"name": "standard"})
    assert shared.get(lambda: FITTED, wait=True) == FITTED
    (lock,), (file,) = tmp_path.glob("*.lock"), tmp_path.glob("*.json")
    file.unlink()
    holder = subprocess.Popen([sys.executable, "-c", LOCK_THE_FIT, str(lock)], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    with holder:
        assert holder.stdout.readline() == b"locked\n"
        assert shared.get(lambda: FITTED, wait=False) is None
        holder.kill()
        holder.wait(10)
    assert shared.get(lambda: FITTED, wait=False) == FITTED


def test_it_is_stored_without_rounding(tmp_path: Path) -> None:
    def never() -> Baseline:
        raise AssertionError

    shared = SharedBaseline(tmp_path, {"name": "standard"})
    assert shared.get(lambda: FITTED, wait=False) == FITTED
    assert shared.get(never, wait=False) == FITTED
    (file,) = tmp_path.glob("*.json")
    file.write_text('{"name": "linear"')
    assert shared.get(lambda: FITTED, wait=False) == FITTED


def test_in_a_folder_that_cannot_be_written_to_every_run_fits_its_own(tmp_path: Path) -> None:
    shared = SharedBaseline(tmp_path / "absent" / "file", {"name": "standard"})
    (tmp_path / "absent").write_text("no folder")
    assert shared.get(lambda: FITTED, wait=False) == FITTED
