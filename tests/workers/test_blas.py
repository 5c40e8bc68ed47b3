"""The configuration of OpenBLAS for each processor."""

import pytest

from workers import blas

AMD_AVX512 = "vendor_id : AuthenticAMD\nflags : avx2 avx512f avx512_bf16"
ARM = "CPU implementer : 0x41\nFeatures : fp asimd asimddp"


@pytest.mark.parametrize(
    ("cpuinfo", "machine", "core"),
    [
        (AMD_AVX512, "x86_64", "Cooperlake"),
        (AMD_AVX512.replace("avx512_bf16", "avx512vl"), "x86_64", None),
        (AMD_AVX512.replace("AuthenticAMD", "GenuineIntel"), "x86_64", None),
        (AMD_AVX512, "aarch64", None),  # emulated: the file describes the processor of the host
        ("", "x86_64", None),
        (ARM, "aarch64", None),
        (f"{ARM} sve sve2 sme sme2", "aarch64", "ARMV8SVE"),
        (f"{ARM} sme", "aarch64", "ARMV8"),
        (f"{ARM} sve sme", "x86_64", None),
        ("", "arm64", "NEOVERSEN1"),
    ],
)
def test_kernels_are_selected_only_if_the_processor_supports_them(
    cpuinfo: str, machine: str, core: str | None
) -> None:
    environment: dict[str, str] = {}
    blas.configure(environment, cpuinfo, machine)
    assert environment.get("OPENBLAS_CORETYPE") == core
    assert {environment[variable] for variable in blas.THREAD_VARIABLES} == {"1"}


def test_existing_values_stay() -> None:
    environment = {"OPENBLAS_CORETYPE": "Zen", "OPENBLAS_NUM_THREADS": "4"}
    blas.configure(environment, AMD_AVX512)
    assert environment["OPENBLAS_CORETYPE"] == "Zen"
    assert environment["OPENBLAS_NUM_THREADS"] == "4"


def test_the_kernels_in_use_are_reported_with_their_speed() -> None:
    threadpoolctl = pytest.importorskip(
        "threadpoolctl", reason="threadpoolctl is the oracle of the core's name"
    )
    known = {
        library["architecture"]
        for library in threadpoolctl.threadpool_info()
        if library["internal_api"] == "openblas" and "numpy.libs" in library["filepath"]
    }
    assert known <= {blas.corename()}
    assert 0.1 < blas.gflops(size=128, repeats=3) < 10_000
