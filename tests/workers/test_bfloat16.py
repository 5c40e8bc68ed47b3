"""Where products of bfloat16 are found, and that those of MKL are the emulated ones up to the order of the sums."""

from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workers import bfloat16
from workers.bfloat16 import MklProducts, NoUnit, ProcessorUnit, Rates
from workers.nn.arrays import Bits
from workers.nn.mixed_precision import EmulatedProducts

UNIT = ProcessorUnit("AMX-BF16", "2026.2.0", Path("libmkl_rt.so.3"))


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("avx2 avx512f avx512_bf16 amx_bf16 amx_tile", "AMX-BF16"),
        ("avx2 avx512f avx512_bf16", "AVX512-BF16"),
        ("avx2 avx512f avx512_fp16", None),
    ],
)
def test_the_flags_of_the_processor_name_its_unit(flags: str, name: str | None) -> None:
    cpuinfo = f"vendor_id\t: GenuineIntel\nmodel name\t: amx_bf16\nflags\t\t: {flags}"
    assert bfloat16.unit_name(cpuinfo) == name


def test_without_a_unit_or_a_library_there_is_a_reason_and_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoUnit, match=r"neither AMX-BF16 nor AVX512-BF16.*float32"):
        bfloat16.find_unit("flags : avx2")

    def missing(_: str) -> Any:
        raise metadata.PackageNotFoundError

    monkeypatch.setattr(metadata, "distribution", missing)
    with pytest.raises(NoUnit, match=r"MKL is not installed; pip install 'holdout\[bfloat16\]'"):
        bfloat16.find_unit("flags : avx512_bf16")


def test_products_that_are_emulated_are_refused() -> None:
    bfloat16.require_faster(UNIT, Rates(600.0, 140.0))
    with pytest.raises(NoUnit, match="at 35 GFLOP/s on this processor, and float32 is multiplied at 58"):
        bfloat16.require_faster(UNIT, Rates(35.0, 58.0))


@pytest.fixture(scope="module")
def mkl() -> MklProducts:
    """MKL's products, on this processor perhaps emulated."""
    try:
        library = bfloat16.find_unit("flags : amx_bf16").library
    except NoUnit as missing:
        pytest.skip(str(missing))
    return MklProducts(library, name="MKL")


def bits(*shape: int) -> Bits:
    numbers = np.random.default_rng(sum(shape)).normal(size=shape).astype(np.float32)
    return (numbers.view(np.uint32) >> np.uint32(16)).astype(np.uint16)


@pytest.mark.parametrize(("a_transposed", "b_transposed"), [(False, False), (True, False), (False, True)])
def test_mkl_multiplies_as_the_emulation_does(
    a_transposed: bool, b_transposed: bool, mkl: MklProducts
) -> None:
    m, k, n = 33, 70, 18
    a, b = bits(*((k, m) if a_transposed else (m, k))), bits(*((n, k) if b_transposed else (k, n)))
    found: list[Any] = []
    for products in (mkl, mkl, EmulatedProducts()):
        out = np.full((m, n), np.nan, np.float32)
        products.plan(a, b, out, a_transposed=a_transposed, b_transposed=b_transposed)()
        found.append(out)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], rtol=1e-5, atol=1e-4)


def test_the_rates_are_those_of_products(mkl: MklProducts) -> None:
    rates = bfloat16.measure(mkl)
    assert 1 < rates.float32 < 10_000
    assert 1 < rates.bfloat16 < 100_000
