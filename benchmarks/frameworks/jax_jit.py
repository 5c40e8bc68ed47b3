"""JAX: one compiled step, its buffers donated; rows are scaled beforehand."""

from typing import Any

import jax
import jax.numpy as jnp

from benchmarks.frameworks import Steps
from benchmarks.workload import LEARNING_RATE, Workload

State = Any
"""Parameters and the two moments of Adam: nested lists of arrays."""


def build_steps(work: Workload) -> Steps:
    data, batch, done = work.data, work.batch, 0
    x, y = jnp.asarray(data.scaled), jnp.asarray(data.labels.astype("int32"))
    rows = [
        jnp.asarray(data.order[start : start + batch].astype("int32"))
        for start in range(0, len(data.order), batch)
    ]
    parameters = [(jnp.asarray(weight), jnp.asarray(bias)) for weight, bias in work.weights()]
    state: State = (parameters, *(jax.tree.map(jnp.zeros_like, parameters) for _ in range(2)))

    def steps(count: int) -> list[float]:
        nonlocal state, done
        losses = []
        for number in range(done, done + count):
            state, value = _step(state, number + 1.0, x, y, rows[number % len(rows)])
            losses.append(float(value))
        done += count
        return losses

    return steps


def _loss(parameters: State, x: Any, y: Any) -> Any:
    *hidden, (weight, bias) = parameters
    for w, b in hidden:
        x = jax.nn.relu(x @ w + b)
    log_p = jax.nn.log_softmax(x @ weight + bias)
    return -jnp.take_along_axis(log_p, y[:, None], axis=1).mean()


def _adam_step(state: State, step: Any, x: Any, y: Any, rows: Any) -> tuple[State, Any]:
    parameters, first, second = state
    value, gradient = jax.value_and_grad(_loss)(parameters, x[rows], y[rows])
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradient)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradient)
    m_scale, v_scale = 1 / (1 - 0.9**step), 1 / (1 - 0.999**step)
    parameters = jax.tree.map(
        lambda w, m, v: w - LEARNING_RATE * m * m_scale / (jnp.sqrt(v * v_scale) + 1e-8),
        parameters,
        first,
        second,
    )
    return (parameters, first, second), value


_step = jax.jit(_adam_step, donate_argnums=0)
