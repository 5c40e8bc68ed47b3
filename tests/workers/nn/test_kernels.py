"""The compiled kernels against the reference: every function, both float types, with and without a NaN."""

import errno
import inspect
import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from typing import Any

import numpy as np
import pytest

from tests.workers.conftest import KERNEL_SETS
from workers.nn import kernels
from workers.nn.arrays import Array, Bits
from workers.nn.kernels.contract import Kernels
from workers.nn.mixed_precision import widened

N, F, K, P = 300, 37, 10, 20_001
"""Rows, columns, classes, parameters: more than a chunk of the reference kernels, and no multiple of a block."""


class Draws:
    """Random arguments of one float type, the same for the same seed."""

    def __init__(self, dtype: Any) -> None:
        self.dtype, self.generator = dtype, np.random.default_rng(0)

    def normal(self, *shape: int) -> Array:
        return np.asarray(self.generator.normal(size=shape), self.dtype)

    def positive(self, *shape: int) -> Array:
        absolute: Array = np.abs(self.normal(*shape)) + self.dtype(0.1)
        return absolute

    def single(self, *shape: int) -> Array:
        return self.generator.normal(size=shape).astype(np.float32)

    def below(self, high: int, *shape: int, dtype: Any = np.int64) -> Any:
        return self.generator.integers(high, size=shape).astype(dtype)

    def bytes(self, *shape: int) -> Any:
        """Read-only bytes, like a memory-mapped part."""
        drawn = self.below(256, *shape, dtype=np.uint8)
        drawn.flags.writeable = False
        return drawn

    def bits(self, *shape: int) -> Bits:
        """Bits of bfloat16."""
        drawn: Bits = self.below(2**16, *shape, dtype=np.uint16)
        return drawn

    def scaling(self) -> tuple[Array, Array]:
        return self.single(F), self.single(F)

    def encoded_scaling(self) -> tuple[Array, Array]:
        return self.single(8), self.single(8)

    def table(self, rows: int) -> Array:
        """Two numbers and three columns of codes, some missing and some of no level."""
        table = np.column_stack([self.single(rows, 2), self.below(7, rows, 3).astype(np.float32) - 1])
        table[self.generator.random(table.shape) < 0.2] = np.nan
        return np.ascontiguousarray(table)

    def table_of_bytes(self, rows: int) -> Any:
        return self.below(7, rows, 5, dtype=np.uint8)

    def sparse(self, rows: int, columns: int) -> Array:
        """The same rows each time: none, some and all elements are not 0."""
        generator = np.random.default_rng(1)
        drawn = generator.normal(size=(rows, columns)) * (generator.random((rows, columns)) < 0.2)
        drawn[0], drawn[1] = 0, 1
        return np.asarray(drawn, self.dtype)

    def nonzero(self, rows: int, columns: int, x: Array | None = None) -> tuple[Any, Any]:
        """The places and counts of what is not 0 in x; without it, arrays to write them to."""
        places, counts = np.zeros((rows, columns), np.int32), np.zeros(rows, np.int64)
        for row, values in enumerate(() if x is None else x):
            found = np.flatnonzero(values)
            counts[row] = len(found)
            places[row, : len(found)] = found
        return places, counts

    def pooled(self, size: int) -> tuple[Array, Array]:
        """Images with ties, and the maximum of each square."""
        images = self.below(5, 3, 7, 8, 5).astype(self.dtype)
        squares = images[:, : 7 // size * size, : 8 // size * size].reshape(
            3, 7 // size, size, 8 // size, size, 5
        )
        return images, np.ascontiguousarray(squares.max(axis=(2, 4)))

    def ranked(self, values: int) -> tuple[Any, ...]:
        """The arguments of `areas`, with as many distinct scores, an absent class and a class of all rows."""
        labels, scores = self.below(K - 1, N), self.below(values, K + 1, N).astype(self.dtype)
        own = [np.flatnonzero(labels == k) for k in range(K)] + [np.arange(N)]
        starts = np.cumsum([0, *map(len, own)])
        return labels, starts, np.concatenate(own), scores, *self.generator.normal(size=(2, K + 1))

    def evaluated(self, classes: int, spread: float) -> tuple[Any, ...]:
        """The arguments of `evaluate`; the last class is absent. A large spread makes predictions sure."""
        labels = self.below(classes - 1, N)
        order, starts = (
            np.argsort(labels, kind="stable"),
            np.searchsorted(np.sort(labels), range(classes + 1)),
        )
        logits = (spread * self.normal(N, classes)).astype(self.dtype)
        return (
            *(logits, labels, starts, order, self.below(classes, N), *self.normal(3, N)),
            *(self.normal(classes, N), self.below(classes, N), self.below(9, classes, classes)),
            *(self.generator.normal(size=15), *self.generator.normal(size=(2, classes))),
        )


BATCH, WIDTH, SIZES = 20, 6, (20, 20, 7)
NETWORK = np.array(
    [
        [0, F * WIDTH + WIDTH * K, F, WIDTH, 0],
        [F * WIDTH, F * WIDTH + WIDTH * K + WIDTH, WIDTH, K, BATCH * WIDTH],
    ]
)
"""Two layers of weights, then their biases."""

LAYOUT = (
    np.array([0, 2, 3, 6, 7]),
    np.array([0.5, -1, 0, 0, 0], np.float32),
    np.array([1, -1, -1, -1, -1]),
    np.array([0, 0, 0, 6, 10, 14]),
    np.array([3, -1, 4, 5, 5, 3, 6, 6, 6, -1, 7, 7, 7, 7]),
    np.array([1, 1, 1, 1, 1, 1, 0.2, 0.3, 0.4, 0.1, 1, 1, 1, 1], np.float32),
)
"""Two numbers, one with an indicator; a category of three elements, a frequency, and one bucket."""

Case = Callable[[Draws], tuple[Any, ...]]
CASES: dict[str, list[Any]] = {
    "gather": [
        lambda d, stored=stored: (
            *(stored(d, 400, F), d.below(K, 400), d.below(400, N), *d.scaling()),
            *(d.normal(N, F), d.below(K, N)),
        )
        for stored in (Draws.bytes, Draws.single)
    ],
    "scale": [
        lambda d: (d.bytes(N, F), *d.scaling(), d.normal(N, F)),
        lambda d: (d.single(N, F), *d.scaling(), d.normal(N, F)),
    ],
    "encode": [
        lambda d, stored=stored: (
            stored(d, 400),
            d.below(400, N),
            *LAYOUT,
            *d.encoded_scaling(),
            d.normal(N, 8),
        )
        for stored in (Draws.table, Draws.table_of_bytes)
    ],
    "mix": [lambda d: (d.bytes(400, F), d.below(400, N), d.single(N), *d.scaling(), d.normal(N, F))],
    "dense": [
        lambda d, s=s: (d.normal(N, F), d.normal(F, K), d.normal(K), s, d.normal(N, K))
        for s in (0.0, 0.2, 1.0)
    ],
    "dense_backward": [
        lambda d, s=s, n=n: (
            *(d.normal(N, K), d.normal(N, K), s, d.normal(N, F), d.normal(F, K)),
            *(d.normal(F, K), d.normal(K), d.normal(n, F)),
        )
        for s in (0.0, 0.2, 1.0)
        for n in (0, N)
    ],
    "dense_steps": [
        lambda d, stored=stored, e=e: (
            *(stored(d, 400, F), d.below(K, 400), d.below(400, sum(SIZES)), np.cumsum([0, *SIZES])),
            *(*d.scaling(), NETWORK, np.array([0.2, 1.0]), d.normal(K), d.positive(K), e),
            *(d.normal(BATCH, F), d.below(K, BATCH)),
            *(d.normal(BATCH * (WIDTH + K)), d.normal(BATCH * (WIDTH + K)), d.normal(BATCH)),
            *(d.normal(F * WIDTH + WIDTH * K + WIDTH + K) for _ in range(3)),
            *(d.positive(F * WIDTH + WIDTH * K + WIDTH + K), 0.9, 0.999),
            *(np.array([1e-3, 2e-3, 5e-4]), np.full(len(SIZES), 1e-8)),
        )
        for stored in (Draws.bytes, Draws.single)
        for e in (0.0, 0.1)
    ],
    "sparse_dense": [
        lambda d, s=s, f=f: (
            *(d.sparse(N, f), d.normal(f, K), d.normal(K), s),
            *d.nonzero(N, f),
            d.normal(N, K),
        )
        for s in (0.0, 0.2, 1.0)
        for f in (1, F)
    ],
    "sparse_dense_backward": [
        lambda d, s=s, x=x: (
            *(d.normal(N, K), d.normal(N, K), s, x(d)),
            *(*d.nonzero(N, F, x(d)), d.normal(F, K), d.normal(K)),
        )
        for s in (0.0, 0.2, 1.0)
        for x in (lambda d: d.sparse(N, F), lambda d: np.zeros((N, F), d.dtype))
    ],
    "add_bias": [lambda d, s=s: (d.normal(N, F), d.normal(F), s) for s in (0.0, 0.2, 1.0)],
    "add_bias_backward": [
        lambda d, s=s: (d.normal(N, F), d.normal(N, F), s, d.normal(F)) for s in (0.0, 0.2, 1.0)
    ],
    "sum_rows": [lambda d: (d.normal(N, F), d.normal(F))],
    "batch_norm": [
        lambda d, s=s: (
            *(d.normal(N, F), d.normal(F), d.normal(F), d.normal(F), d.positive(F), 0.9, 1e-5, s),
            *(d.normal(N, F), d.normal(F), d.normal(N, F)),
        )
        for s in (0.0, 0.2, 1.0)
    ],
    "batch_norm_backward": [
        lambda d, s=s: (
            *(d.normal(N, F), d.normal(N, F), d.normal(N, F), d.positive(F), d.normal(F), s),
            *(d.normal(F), d.normal(F)),
        )
        for s in (0.0, 0.2, 1.0)
    ],
    "dropout": [
        lambda d, n=n, p=p: (d.normal(n), d.below(2**62, 1, dtype=np.uint64), p, d.normal(n))
        for n, p in ((P, 0.3), (P - 1, 0.9), (1, 0.5), (7, 0.0))
    ],
    "cross_entropy": [
        lambda d, e=e: (
            *(4 * d.normal(N, K), d.below(K, N), d.normal(K), d.positive(K), e, 0.01),
            *(d.normal(N), d.normal(N, K)),
        )
        for e in (0.0, 0.1)
    ],
    "focal": [
        lambda d, g=g: (
            *(4 * d.normal(N, K), d.below(K, N), d.positive(K), g, 0.01),
            *(d.normal(N), d.normal(N, K)),
        )
        for g in (0.0, 0.5, 2.0)
    ],
    "score": [
        lambda d, k=k: (
            *(4 * d.normal(N, k), d.below(k, N), d.below(k, N)),
            *(d.normal(N), d.normal(N), d.normal(N), d.normal(k, N)),
        )
        for k in (2, K, 5000)
    ],
    "place": [
        lambda d, k=k: (d.below(3, N, k).astype(d.dtype), d.below(k, N), d.below(k, N)) for k in (2, K, 5000)
    ],
    "areas": [lambda d, values=values: d.ranked(values) for values in (3, 10**6)],
    "evaluate": [lambda d, k=k, s=s: d.evaluated(k, s) for k in (3, K) for s in (1, 4)],
    "adam": [lambda d: (d.normal(P), d.normal(P), d.normal(P), d.positive(P), 0.9, 0.999, 1e-3, 1e-8)],
    "momentum": [
        lambda d, n=n: (d.normal(P), d.normal(P), d.normal(P), 0.9, 0.1, n, 0.01) for n in (False, True)
    ],
    "divide_by_rms": [
        lambda d, c=c: (d.normal(P), d.positive(P), 0.1 * d.normal(P), c, 0.9, 1e-2) for c in (False, True)
    ],
    "add_scaled": [lambda d: (d.normal(P), d.normal(P), -0.3)],
    "adam_rounded": [
        lambda d: (
            *(d.normal(P), d.normal(P), d.normal(P), d.positive(P), 0.9, 0.999, 1e-3, 1e-8),
            d.bits(P - 9),
        )
    ],
    "momentum_rounded": [
        lambda d: (d.normal(P), d.normal(P), d.normal(P), 0.9, 0.1, True, 0.01, d.bits(P - 9))
    ],
    "add_scaled_rounded": [lambda d: (d.normal(P), d.normal(P), -0.3, d.bits(P - 9))],
    "round_to_bfloat16": [lambda d: (d.normal(P), d.bits(P - 9))],
    "add_bias_rounded": [
        lambda d, s=s: (d.normal(N, F), d.normal(F), s, d.bits(N, F)) for s in (0.0, 0.2, 1.0)
    ],
    "add_bias_backward_rounded": [
        lambda d, s=s, y=y: (d.normal(N, F), y(d), s, d.normal(F), d.bits(N, F))
        for s in (0.0, 0.2, 1.0)
        for y in (lambda d: d.normal(N, F), lambda d: d.below(2**16, N, F, dtype=np.uint16).view(np.int16))
    ],
    "max_pool": [lambda d, s=s: (d.pooled(s)[0], s, d.normal(3, 7 // s, 8 // s, 5)) for s in (1, 2, 3)],
    "max_pool_backward": [
        lambda d, s=s: (d.normal(3, 7 // s, 8 // s, 5), *d.pooled(s), s, d.normal(3, 7, 8, 5))
        for s in (1, 2, 3)
    ],
    "copy_windows": [
        lambda d: (d.normal(3, 8, 9, 5), 1, d.normal(3, 6, 7, 3, 3, 5)),
        lambda d: (d.normal(3, 8, 9, 1), 2, d.normal(3, 3, 4, 3, 3, 1)),
        lambda d: (d.bits(3, 8, 9, 5), 1, d.bits(3, 6, 7, 3, 3, 5)),
    ],
}
LOST = {
    "add_bias_backward": {"y"},
    "dense_backward": {"y"},
    "dense_steps": {"outputs"},
    "sparse_dense": {"places", "counts"},
    "sparse_dense_backward": {"y"},
    "batch_norm_backward": {"y", "normalised"},
    "adam": {"gradient"},
    "momentum": {"gradient"},
    "adam_rounded": {"gradient"},
    "momentum_rounded": {"gradient"},
    "add_bias_rounded": {"z"},
    "add_bias_backward_rounded": {"dy"},
    "max_pool_backward": {"dy"},
}
"""Arguments that an implementation may overwrite with anything."""
LOST_TO_NAN = {"sparse_dense_backward": {"dweight"}}
"""Arguments that a NaN may reach or not: 0 times NaN may be 0. It reaches another result in any case."""

TOLERANCES = {np.float32: (1e-4, 2e-5), np.float64: (1e-11, 1e-13)}


def test_every_kernel_is_compared() -> None:
    declared = {name for name, _ in inspect.getmembers(Kernels, inspect.isfunction)}
    assert set(CASES) == {name for name in declared if not name.startswith("_")}


@pytest.mark.sampled(120)
@pytest.mark.skipif("numba" not in KERNEL_SETS, reason="without numba there is nothing to compare")
@pytest.mark.parametrize("nan", [False, True], ids=["finite", "nan"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("name", "case"),
    [(name, case) for name, cases in CASES.items() for case in cases],
    ids=[f"{name} {index}" for name, cases in CASES.items() for index in range(len(cases))],
)
def test_compiled_and_reference_kernels_agree(name: str, case: Case, dtype: Any, nan: bool) -> None:
    outcomes = []
    for kernel_set in KERNEL_SETS.values():
        arguments = case(Draws(dtype))
        if nan and arguments[0].dtype == dtype:
            arguments[0].flat[len(arguments[0].flat) // 2] = np.nan
        with np.errstate(invalid="ignore"):
            value = getattr(kernel_set, name)(*arguments)
        names = inspect.signature(getattr(Kernels, name)).parameters
        kept = zip(list(names)[1:], arguments, strict=True)
        lost = LOST.get(name, set()) | (LOST_TO_NAN.get(name, set()) if nan else set())
        outcomes.append({"value": value} | {key: each for key, each in kept if key not in lost})
    for key, expected in outcomes[0].items():
        if getattr(expected, "dtype", None) == np.uint16:
            np.testing.assert_allclose(widened(outcomes[1][key]), widened(expected), 2**-7, err_msg=key)
        elif expected is not None:
            rtol, atol = TOLERANCES[dtype]
            np.testing.assert_allclose(outcomes[1][key], expected, rtol, atol, err_msg=key)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS.values(), ids=KERNEL_SETS)
def test_a_nan_reaches_the_loss(kernel_set: Kernels) -> None:
    logits = np.zeros((2, 3), np.float32)
    logits[1, 2] = np.nan
    labels, ones, losses = np.array([0, 1]), np.ones(3, np.float32), np.empty(2, np.float32)
    gradient = np.empty_like(logits)
    assert np.isnan(kernel_set.cross_entropy(logits, labels, 0 * ones, ones, 0.0, 1.0, losses, gradient))
    assert np.isnan(kernel_set.focal(logits, labels, ones, 2.0, 1.0, losses, gradient))
    z = np.array([[np.nan, -1.0]], np.float32)
    kernel_set.add_bias(z, np.zeros(2, np.float32), 0.0)
    assert np.isnan(z[0, 0])


@pytest.mark.parametrize("kernel_set", KERNEL_SETS.values(), ids=KERNEL_SETS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_gradient_has_no_subnormal_numbers_in_it(kernel_set: Kernels, dtype: Any) -> None:
    """As the logit of the right class grows, the probabilities of the others vanish."""
    leads = np.linspace(0, 1000, 2001, dtype=dtype)
    logits = np.stack([leads, 0 * leads, -leads], axis=1)
    labels, ones = np.zeros(len(leads), np.int64), np.ones(3, dtype)
    losses, gradient = np.empty(len(leads), dtype), np.empty_like(logits)
    kernel_set.cross_entropy(logits, labels, 0 * ones, ones, 0.0, 1.0, losses, gradient)
    of_focal = np.empty_like(logits)
    kernel_set.focal(logits, labels, ones, 2.0, 1.0, losses, of_focal)
    for sizes in (np.abs(gradient), np.abs(of_focal)):
        assert sizes[sizes > 0].min() ** 2 >= 0.99 * np.finfo(dtype).tiny
        assert (sizes[1:10] > 0).all()


@pytest.mark.skipif("numba" not in KERNEL_SETS, reason="the reference does not do this")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_state_of_a_weight_without_gradients_vanishes(dtype: Any) -> None:
    """Rounding would keep it subnormal for ever, and every sweep over it would take 16 times as long."""
    kernel_set, gradient = KERNEL_SETS["numba"], np.ones(8, dtype)
    state = {name: np.zeros(8, dtype) for name in ("first", "second", "velocity", "square", "mean")}
    for _ in range(10_000):
        kernel_set.adam(0 * gradient, gradient, state["first"], state["second"], 0.9, 0.9, 1e-3, 1e-8)
        kernel_set.momentum(0 * gradient, gradient, state["velocity"], 0.9, 1.0, False, 1e-3)
        kernel_set.divide_by_rms(gradient, state["square"], state["mean"], True, 0.9, 1e-8)
        gradient = np.zeros(8, dtype)
    assert {name: array.any() for name, array in state.items()} == dict.fromkeys(state, False)


@pytest.mark.parametrize("kernel_set", KERNEL_SETS.values(), ids=KERNEL_SETS)
def test_the_bits_of_dropout_are_those_of_splitmix64(kernel_set: Kernels) -> None:
    """The first outputs of SplitMix64 for the seed 1234567, as published with its C source (prng.di.unimi.it)."""
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431]
    halves = [bits & 0xFFFFFFFF for bits in outputs] + [bits >> 32 for bits in outputs]
    for rate in (0.25, 0.5, 0.75):
        y = np.empty(8)
        kernel_set.dropout(np.ones(8), np.array([1234567], np.uint64), rate, y)
        np.testing.assert_array_equal(y > 0, [half >= rate * 2**32 for half in halves])


@pytest.mark.parametrize(("setting", "expected"), [("numpy", "numpy"), ("auto", list(KERNEL_SETS)[-1])])
def test_the_environment_chooses(setting: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_KERNELS", setting)
    loaded, choice = kernels.load.__wrapped__()
    assert expected == loaded.NAME == choice.name == kernels.choose().name


def test_an_unknown_choice_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_KERNELS", "fortran")
    with pytest.raises(ValueError, match="auto, numpy or numba"):
        kernels.choose()


def test_without_numba_the_reference_kernels_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDOUT_KERNELS", "auto")
    monkeypatch.setitem(sys.modules, "numba", None)
    loaded, choice = kernels.load.__wrapped__()
    assert (loaded.NAME, str(choice)) == ("numpy", "NumPy (numba is not installed)")


def test_the_reference_runs_if_numba_cannot_be_loaded(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOLDOUT_KERNELS", "auto")
    monkeypatch.setattr(kernels, "find_spec", lambda name: name)
    for name in [name for name in sys.modules if name.startswith("workers.nn.kernels.compiled")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    loaded, choice = kernels.load.__wrapped__()
    assert (loaded.NAME, choice.name) == ("numpy", "numpy")
    assert "numba cannot be loaded" in choice.reason
    assert choice.reason in caplog.text
    monkeypatch.setenv("HOLDOUT_KERNELS", "numba")
    with pytest.raises(ImportError):
        kernels.load.__wrapped__()


def test_a_process_without_descriptors_does_not_train_with_other_kernels(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class NoDescriptors(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "workers.nn.kernels.compiled":
                raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setenv("HOLDOUT_KERNELS", "auto")
    monkeypatch.setattr(kernels, "find_spec", lambda name: name)
    monkeypatch.delitem(sys.modules, "workers.nn.kernels.compiled", raising=False)
    monkeypatch.delattr(kernels, "compiled", raising=False)
    monkeypatch.setattr(sys, "meta_path", [NoDescriptors(), *sys.meta_path])
    with pytest.raises(OSError, match="Too many open files"):
        kernels.load.__wrapped__()
