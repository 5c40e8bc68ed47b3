"""Benchmarks beside other frameworks and services, on one core, as a worker process has."""

import os

from workers import blas

blas.configure(os.environ)  # before a benchmark imports NumPy
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
