"""Two machines train what a third has submitted; one of them is lost, and no result is."""

import os
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from service.experiments.submission import submit
from service.notifiers import Notifier, notifier_of
from service.settings import Settings
from service.store import migrations
from service.store.artifacts.artifact_store import ArtifactStore
from service.store.artifacts.blob_store import BlobStore
from service.store.database import Database
from service.store.tables import Checkpoint, Run
from tests.harness import Harness
from tests.postgresql import private_server
from tests.service.notifiers.machines import Machine, let_in, networks
from tests.slow_runs import BATCH, repetitions
from tests.workers.data.idx_files import write_folder
from workers.data.registry import DatasetRegistry
from workers.plan import make_plan
from workers.spec import ExperimentSpec

pytest.importorskip("procrastinate", reason="the extra [cluster] is not installed")
pytestmark = pytest.mark.timeout(300)

EPOCHS, SEEDS = 6, [0, 1, 2]
SPEC = {
    "dataset": "mine",
    "model": {"hidden": [32], "dropout": 0.2},
    "training": {"epochs": EPOCHS, "batch_size": BATCH},
    "seeds": SEEDS,
}
"""Its data set is on the submitting machine alone; an epoch lasts as long as one of tests/slow_runs.py."""


PASSES = [(epoch, split) for epoch in range(1, EPOCHS + 1) for split in ("train", "validation")]


class Headquarters(Harness):
    """Submits with the notifier, as the API does, and shares the data set."""

    notifier: Notifier

    def submit(self, spec: dict[str, Any]) -> int:
        plan = make_plan(ExperimentSpec.model_validate(spec), self.registry)
        self.registry.share(plan.spec.dataset)
        with self.database.write() as connection:
            return submit(connection, plan, self.notifier)

    def both_train(self, first: Machine, second: Machine, *, checkpoint: bool = False) -> bool:
        """Whether each of them holds a run; `checkpoint`: and that of `first` has one, as an artifact."""
        held = select(Run.agent, Checkpoint.artifact).join_from(Run, Checkpoint, isouter=True)
        with self.database.read() as connection:
            rows = connection.execute(held.where(Run.status == "running")).all()
        at_work = {int(row.agent.split(":")[1]): row.artifact for row in rows}
        ids = {machine.process.pid for machine in (first, second)}
        return ids <= at_work.keys() and (not checkpoint or bool(at_work[first.process.pid]))

    def claim_of(self, machine: Machine) -> str:
        """The token of the lease that it has on its run."""
        theirs = select(Run.claim_token).where(
            Run.status == "running", Run.agent.contains(f":{machine.process.pid}:")
        )
        with self.database.read() as connection:
            return str(connection.scalars(theirs).one())

    def wait_for_agents(self, count: int) -> None:
        """Until so many of them listen."""
        listening = text("SELECT count(*) FROM procrastinate_workers")

        def all_listen() -> bool:
            with self.database.read() as connection:
                return bool(connection.scalar(listening) == count)

        self.wait_until(all_listen)

    def wait_until(self, condition: Callable[[], bool], *, seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def check(self, experiment_id: int) -> None:
        """Every run has all its epochs, each once, with the figures of a run that nothing had happened to."""
        for run in self.runs(experiment_id):
            assert (run.status, run.epoch) == ("succeeded", EPOCHS)
            if run.deaths:
                assert self.figures(run) == self.undisturbed(SPEC, seed=run.seed)
            else:
                assert [each[:2] for each in self.figures(run)] == PASSES + PASSES


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    return tmp_path / "artifacts"


@pytest.fixture
def headquarters(database: Database, settings: Settings, tmp_path: Path, artifacts: Path) -> Headquarters:
    return headquarters_on(database, settings, tmp_path, artifacts)


def headquarters_on(database: Database, settings: Settings, tmp_path: Path, artifacts: Path) -> Headquarters:
    write_folder(tmp_path / "headquarters" / "datasets" / "mine", [0, 1, 2] * 330 * repetitions())
    harness = Headquarters(
        database, DatasetRegistry(tmp_path / "headquarters", BlobStore(str(artifacts))), settings
    )
    harness.notifier = notifier_of(settings)
    return harness


@pytest.fixture
def hire() -> Iterator[Callable[..., Machine]]:
    """Start an agent on a new machine."""
    with ExitStack() as stack:

        def start(*args: Any, **kwargs: Any) -> Machine:
            machine = Machine(*args, **kwargs)
            stack.callback(machine.close)
            machine.start()
            return machine

        yield start


def test_if_one_of_two_machines_is_killed_the_other_finishes(
    headquarters: Headquarters,
    settings: Settings,
    tmp_path: Path,
    artifacts: Path,
    hire: Callable[..., Machine],
) -> None:
    first, second = (hire(tmp_path / name, settings.url, artifacts) for name in ("first", "second"))
    headquarters.wait_for_agents(2)
    experiment_id = headquarters.submit(SPEC)
    headquarters.wait_until(lambda: headquarters.both_train(first, second, checkpoint=True))
    claim = headquarters.claim_of(first)
    first.stop(signal.SIGKILL)
    headquarters.wait_for_end(experiment_id, seconds=120)
    headquarters.check(experiment_id)
    assert sorted(run.deaths for run in headquarters.runs(experiment_id)) == [0, 0, 1]
    assert "starts over" not in second.log
    for machine in (first, second):
        assert {path.name for path in (machine.folder / "data").iterdir()} == {"cache", "parts"}
    second.stop()
    assert second.process.returncode == 0
    with headquarters.database.read() as connection:
        named = set(connection.scalars(select(Checkpoint.artifact)))
    assert len(named) == 2 * len(SEEDS), "the model and the row-level results of each run"
    store = ArtifactStore(str(artifacts))
    # The one that was killed had stored checkpoints that no row named yet, or named no longer.
    left = store.files.names("checkpoints") - named
    assert all(claim in name for name in left)
    for name in left:
        os.utime(artifacts / name, (0, 0))
    store.sweep(headquarters.database)
    assert store.files.names("checkpoints") == named


@pytest.mark.thorough
def test_if_one_of_two_networks_is_cut_off_the_other_finishes(
    tmp_path: Path, artifacts: Path, hire: Callable[..., Machine]
) -> None:
    with ExitStack() as stack:
        try:
            near, far = stack.enter_context(networks(2))
            server = stack.enter_context(private_server())
        except (OSError, LookupError) as error:
            pytest.skip(f"network namespaces, or PostgreSQL, cannot be had: {error}")
        let_in(server, [near, far])
        settings = Settings(database_url=server.create("holdout"), engine="procrastinate")
        database = Database(settings.url)
        stack.callback(database.close)
        migrations.upgrade(database, notifier_of(settings).migrate)
        headquarters = headquarters_on(database, settings, tmp_path, artifacts)
        close, distant = [
            hire(
                tmp_path / network.name,
                f"postgresql://holdout@{network.host}/holdout",
                artifacts,
                within=network.within,
            )
            for network in (near, far)
        ]
        headquarters.wait_for_agents(2)
        experiment_id = headquarters.submit(SPEC)
        headquarters.wait_until(lambda: headquarters.both_train(distant, close, checkpoint=True))
        far.unplug()
        headquarters.wait_for_end(experiment_id, seconds=120)
        headquarters.check(experiment_id)
        assert max(run.deaths for run in headquarters.runs(experiment_id)) == 1
        far.plug()
        headquarters.wait_until(lambda: "no longer belongs to this agent" in distant.log)
        headquarters.check(experiment_id)
        headquarters.submit(SPEC | {"name": "both are there again"})
        headquarters.wait_until(lambda: headquarters.both_train(distant, close))


@pytest.mark.thorough
def test_a_submission_is_running_at_once(
    headquarters: Headquarters,
    settings: Settings,
    tmp_path: Path,
    artifacts: Path,
    hire: Callable[..., Machine],
    capsys: pytest.CaptureFixture[str],
) -> None:
    hire(tmp_path / "machine", settings.url, artifacts)
    headquarters.wait_for_agents(1)
    spec = {"dataset": "iris", "training": {"epochs": 1}}
    headquarters.wait_for_end(headquarters.submit(spec))
    waited = []
    for _ in range(5):
        experiment_id = headquarters.submit(spec)
        headquarters.wait_for_end(experiment_id)
        run = headquarters.run(experiment_id)
        waited.append(1000 * (run.started_at - run.created_at))
    with capsys.disabled():
        median, worst = statistics.median(waited), max(waited)
        print(f"\nsubmit -> running by Procrastinate: median {median:.0f} ms, worst {worst:.0f} ms")  # noqa: T201
    assert median < 500  # on a machine that does a lot else; idle, it is some 20


@pytest.mark.thorough
def test_a_run_whose_job_is_lost_is_claimed_by_polling(
    headquarters: Headquarters,
    settings: Settings,
    tmp_path: Path,
    artifacts: Path,
    hire: Callable[..., Machine],
) -> None:
    hire(tmp_path / "machine", settings.url, artifacts)
    headquarters.wait_for_agents(1)
    spec = {"dataset": "iris", "training": {"epochs": 1}}
    headquarters.wait_for_end(headquarters.submit(spec))
    plan = make_plan(ExperimentSpec.model_validate(spec), headquarters.registry)
    with headquarters.database.write() as connection:
        experiment_id = submit(connection, plan, headquarters.notifier)
        connection.execute(text("DELETE FROM procrastinate_jobs"))
    headquarters.wait_for_end(experiment_id)
    run = headquarters.run(experiment_id)
    assert run.started_at - run.created_at < settings.poll_seconds + 1.0


@pytest.mark.thorough
def test_without_a_shared_place_a_data_set_of_one_machine_is_missing_on_others(
    headquarters: Headquarters, settings: Settings, tmp_path: Path, hire: Callable[..., Machine]
) -> None:
    hire(tmp_path / "machine", settings.url, tmp_path / "elsewhere")
    experiment_id = headquarters.submit(SPEC | {"seeds": [0]})
    headquarters.wait_for_end(experiment_id)
    run = headquarters.run(experiment_id)
    assert (run.status, run.cause) == ("failed", "dataset_missing")
