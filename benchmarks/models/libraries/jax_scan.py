"""JAX at its strongest: the data on the device, a whole epoch one jitted scan over its batches."""

from __future__ import annotations

import numpy as np

from benchmarks.models.data import Arrays
from benchmarks.models.libraries import jax_loop
from benchmarks.models.tasks import DenseTask

load = jax_loop.load


class Trainer(jax_loop.Trainer):
    def __init__(self, task: DenseTask, arrays: Arrays):
        import jax
        import jax.numpy as jnp

        super().__init__(task, arrays)
        x, y, step = jnp.asarray(self.x), jnp.asarray(self.y), self.step

        def whole_batches(state, batches):
            return jax.lax.scan(
                lambda state, batch: (step(state, x[batch], y[batch]), None), state, batches
            )[0]

        self.whole_batches = jax.jit(whole_batches, donate_argnums=0)
        self.last_batch = jax.jit(lambda state, batch: step(state, x[batch], y[batch]))

    def train(self, epochs: int) -> None:
        size = self.task.batch_size
        for _ in range(epochs):
            order = self.rng.permutation(len(self.x)).astype(np.int32)
            whole = len(order) // size * size
            self.state = self.whole_batches(self.state, order[:whole].reshape(-1, size))
            if whole < len(order):
                self.state = self.last_batch(self.state, order[whole:])
        self._wait()
