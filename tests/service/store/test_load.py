"""Many clients and many runs."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from tests.service.store.experiments import QueueHarness

CLIENTS, EACH = 8, 6


def test_runs_that_eight_clients_submit_are_claimed_exactly_once(harness: QueueHarness) -> None:
    def submit(client: int) -> list[int]:
        return [harness.submit([client, client + 1], owner=f"owner-{client % 3}") for _ in range(EACH)]

    def work(agent: int) -> list[int]:
        taken = []
        while harness.has_work():
            if claim := harness.claim(str(agent)):
                taken.append(claim.lease.run_id)
                harness.finish(claim.lease)
        return taken

    with ThreadPoolExecutor(CLIENTS) as pool:
        submitted = [id_ for ids in pool.map(submit, range(CLIENTS)) for id_ in ids]
        claimed = Counter(id_ for ids in pool.map(work, range(3)) for id_ in ids)
    runs = [run for id_ in submitted for run in harness.runs(id_)]
    assert len(submitted) == len(set(submitted)) == CLIENTS * EACH
    assert claimed == Counter(run.id for run in runs)
    assert {run.status for run in runs} == {"succeeded"}
