"""Nearest neighbours equal those of brute force in double precision, however tight the clusters."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from workers.data.balancing import neighbours
from workers.data.balancing.neighbours import nearest_neighbours


def brute_force(x: NDArray[Any], k: int) -> NDArray[np.int64]:
    x = x.astype(np.float64)
    distances = ((x[:, None] - x[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distances, np.inf)
    return np.sort(np.argsort(distances, axis=1, kind="stable")[:, :k])


def two_tight_clusters(spread: float, rows: int = 120, features: int = 2) -> NDArray[np.float64]:
    x = np.random.default_rng(0).normal(size=(rows, features)) * spread
    x[rows // 2 :] += 1.0
    return x


@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-5, 1e-9, 1e-12])
@pytest.mark.parametrize("features", [1, 2, 30])
def test_neighbours_in_tight_clusters_are_those_of_brute_force(spread: float, features: int) -> None:
    x = two_tight_clusters(spread, features=features)
    assert np.array_equal(np.sort(nearest_neighbours(x, 5)), brute_force(x, 5))


@pytest.mark.parametrize("block", [1, 40, 10**6])
def test_neighbours_are_found_block_by_block(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    monkeypatch.setattr(neighbours, "CHUNK_VALUES", block)
    x = 500 + np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32)
    assert np.array_equal(np.sort(nearest_neighbours(x, 5)), brute_force(x, 5))


def test_partners_in_tight_clusters_are_those_of_imbalanced_learn() -> None:
    """Every example of imbalanced-learn lies between a row and one of the neighbours found here."""
    over_sampling = pytest.importorskip("imblearn.over_sampling", reason="imbalanced-learn is the oracle")
    rare = two_tight_clusters(1e-4)
    x = np.concatenate([np.random.default_rng(1).normal(size=(600, 2)), rare])
    labels = np.repeat([0, 1], [600, len(rare)])
    new = over_sampling.SMOTE(random_state=0).fit_resample(x, labels)[0][len(x) :]
    nearest = rare[nearest_neighbours(rare, 5)]
    to_partner = nearest - rare[:, None]
    squares = (to_partner**2).sum(axis=2)
    for example in new:
        u = np.einsum("ijk,ijk->ij", example - rare[:, None], to_partner) / squares
        off = np.linalg.norm(rare[:, None] + np.clip(u, 0, 1)[..., None] * to_partner - example, axis=2)
        assert off.min() < 1e-12


def test_a_row_is_not_its_own_neighbour_even_among_copies() -> None:
    for rows in (7, 100):
        nearest = nearest_neighbours(np.zeros((rows, 2), np.float32), 6)
        for row, of_row in enumerate(nearest.tolist()):
            assert row not in of_row
            assert len(set(of_row)) == 6


def test_without_tight_clusters_single_precision_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []
    monkeypatch.setattr(neighbours, "_by_differences", lambda x, rows, nearest: compared.append(len(rows)))
    x = np.random.default_rng(0).normal(size=(2000, 50))
    nearest_neighbours(x, 5)
    assert compared == [0]
