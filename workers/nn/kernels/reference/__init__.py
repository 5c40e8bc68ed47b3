"""The kernels in NumPy: easy to read, the reference for the compiled ones, and the fallback without numba."""

from workers.nn.kernels.reference.batch_norm import batch_norm, batch_norm_backward
from workers.nn.kernels.reference.bfloat16 import round_to_bfloat16
from workers.nn.kernels.reference.bias import (
    add_bias,
    add_bias_backward,
    add_bias_backward_rounded,
    add_bias_rounded,
    sum_rows,
)
from workers.nn.kernels.reference.dense import dense, dense_backward
from workers.nn.kernels.reference.dense_steps import dense_steps
from workers.nn.kernels.reference.dropout import dropout
from workers.nn.kernels.reference.encoding import encode
from workers.nn.kernels.reference.evaluation import evaluate
from workers.nn.kernels.reference.images import copy_windows, max_pool, max_pool_backward
from workers.nn.kernels.reference.losses import cross_entropy, focal
from workers.nn.kernels.reference.optimizers import (
    adam,
    adam_rounded,
    add_scaled,
    add_scaled_rounded,
    divide_by_rms,
    momentum,
    momentum_rounded,
)
from workers.nn.kernels.reference.ranks import areas, place
from workers.nn.kernels.reference.rows import gather, mix, scale
from workers.nn.kernels.reference.scores import score
from workers.nn.kernels.reference.sparse import sparse_dense, sparse_dense_backward

NAME = "numpy"

__all__ = [
    "NAME",
    "adam",
    "adam_rounded",
    "add_bias",
    "add_bias_backward",
    "add_bias_backward_rounded",
    "add_bias_rounded",
    "add_scaled",
    "add_scaled_rounded",
    "areas",
    "batch_norm",
    "batch_norm_backward",
    "copy_windows",
    "cross_entropy",
    "dense",
    "dense_backward",
    "dense_steps",
    "divide_by_rms",
    "dropout",
    "encode",
    "evaluate",
    "focal",
    "gather",
    "max_pool",
    "max_pool_backward",
    "mix",
    "momentum",
    "momentum_rounded",
    "place",
    "round_to_bfloat16",
    "scale",
    "score",
    "sparse_dense",
    "sparse_dense_backward",
    "sum_rows",
]
