"""JAX without a framework: a jitted training step, called in a Python loop."""

from __future__ import annotations

import itertools

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.tasks import DenseTask


def load() -> str:
    import jax
    import jax.numpy

    return f"JAX {jax.__version__}"


def _forward(task: DenseTask, parameters, x):
    """The outputs before the last activation."""
    import jax

    for index, (kernel, bias) in enumerate(parameters):
        x = x @ kernel + bias
        if index + 1 < len(parameters):
            x = {"relu": jax.nn.relu, "sigmoid": jax.nn.sigmoid}[task.layers[index][1]](x)
    return x


def _loss_and_hits(task: DenseTask, parameters, x, y):
    import jax
    import jax.numpy as jnp

    logits = _forward(task, parameters, x)
    if task.loss == "binary_crossentropy":
        losses = jnp.maximum(logits, 0) - logits * y + jnp.log1p(jnp.exp(-jnp.abs(logits)))
        return losses.mean(), ((logits > 0) == (y > 0.5)).sum()
    losses = -jnp.take_along_axis(jax.nn.log_softmax(logits), y[:, None], axis=1)
    return losses.mean(), (logits.argmax(axis=1) == y).sum()


def _update(task: DenseTask, parameters, gradients, moments, count):
    import jax
    import jax.numpy as jnp

    tree = jax.tree_util.tree_map
    if task.optimizer == "sgd":
        return tree(lambda p, g: p - task.learning_rate * g, parameters, gradients), moments
    first = tree(lambda m, g: m + (g - m) * 0.1, moments[0], gradients)
    second = tree(lambda v, g: v + (g * g - v) * 0.001, moments[1], gradients)
    rate = task.learning_rate * jnp.sqrt(1 - 0.999**count) / (1 - 0.9**count)
    parameters = tree(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-7), parameters, first, second
    )
    return parameters, (first, second)


class Trainer:
    def __init__(self, task: DenseTask, arrays: Arrays):
        import jax
        import jax.numpy as jnp

        self.task = task
        self.x, self.y = arrays["x_train"], arrays["y_train"]
        self.rng = np.random.default_rng(0)
        sizes = [task.inputs, *(units for units, _ in task.layers)]
        parameters = []
        for fan_in, fan_out in itertools.pairwise(sizes):
            limit = np.sqrt(6 / (fan_in + fan_out))
            kernel = self.rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
            parameters.append((jnp.asarray(kernel), jnp.zeros(fan_out)))
        zeros = jax.tree_util.tree_map(jnp.zeros_like, parameters)
        # The loss and the hits of the epoch are summed on the device, as a framework would.
        self.state = (
            parameters,
            (zeros, jax.tree_util.tree_map(jnp.zeros_like, parameters)),
            jnp.float32(0),
            jnp.float32(0),
            jnp.int32(0),
        )

        def step(state, x, y):
            parameters, moments, count, loss_sum, hits_sum = state
            (loss, hits), gradients = jax.value_and_grad(
                lambda p: _loss_and_hits(task, p, x, y), has_aux=True
            )(parameters)
            count = count + 1
            parameters, moments = _update(task, parameters, gradients, moments, count)
            return parameters, moments, count, loss_sum + loss * len(x), hits_sum + hits

        def outputs(parameters, x):
            logits = _forward(task, parameters, x)
            last = {"sigmoid": jax.nn.sigmoid, "softmax": jax.nn.softmax}[task.layers[-1][1]]
            return last(logits)

        self.step = jax.jit(step, donate_argnums=0)
        self.forward = jax.jit(outputs)

    def _wait(self) -> None:
        self.state[0][0][0].block_until_ready()

    def first_step(self) -> None:
        size = self.task.batch_size
        self.state = self.step(self.state, self.x[:size], self.y[:size])
        self._wait()

    def train(self, epochs: int) -> None:
        size, rows = self.task.batch_size, len(self.x)
        for _ in range(epochs):
            order = self.rng.permutation(rows)
            for start in range(0, rows, size):
                batch = order[start : start + size]
                self.state = self.step(self.state, self.x[batch], self.y[batch])
        self._wait()

    def predict_row(self, row: np.ndarray) -> np.ndarray:
        return np.asarray(self.forward(self.state[0], row))

    outputs = predict_row
