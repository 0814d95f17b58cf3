"""One step of Adam over a list of parameters."""

import numpy as np
import pytest

import nacre
from benchmarks.kernels.common import check, read_shapes

RATE, BETA_1, BETA_2, EPSILON = 0.001, 0.9, 0.999, 1e-7


def _reference(parameters, gradients, steps):
    parameters = [p.astype(np.float64) for p in parameters]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    for step in range(1, steps + 1):
        rate = RATE * np.sqrt(1 - BETA_2**step) / (1 - BETA_1**step)
        for p, g, m, v in zip(parameters, gradients, first, second, strict=True):
            m += (1 - BETA_1) * (g - m)
            v += (1 - BETA_2) * (np.square(g, dtype=np.float64) - v)
            p -= rate * m / (np.sqrt(v) + EPSILON)
    return parameters


def _numpy(parameters, gradients):
    parameters = [p.copy() for p in parameters]
    state = [[np.zeros_like(p) for _ in range(4)] for p in parameters]
    count = 0

    def work():
        nonlocal count
        count += 1
        rate = np.float32(RATE * np.sqrt(1 - BETA_2**count) / (1 - BETA_1**count))
        for p, g, (m, v, a, b) in zip(parameters, gradients, state, strict=True):
            np.subtract(g, m, out=a)
            np.multiply(a, np.float32(1 - BETA_1), out=a)
            np.add(m, a, out=m)
            np.multiply(g, g, out=a)
            np.subtract(a, v, out=a)
            np.multiply(a, np.float32(1 - BETA_2), out=a)
            np.add(v, a, out=v)
            np.sqrt(v, out=a)
            np.add(a, np.float32(EPSILON), out=a)
            np.multiply(m, rate, out=b)
            np.divide(b, a, out=b)
            np.subtract(p, b, out=p)

    return work, lambda: parameters


def _nacre(parameters, gradients):
    variables = [nacre.Variable(p) for p in parameters]
    optimizer = nacre.optimizers.Adam(RATE, beta_1=BETA_1, beta_2=BETA_2, epsilon=EPSILON)
    optimizer.build(variables)
    gradients = [nacre.ops.convert_to_tensor(g) for g in gradients]

    @nacre.function
    def step(*gradients):
        optimizer.apply(list(gradients), variables)

    return lambda: step(*gradients), lambda: [v.numpy() for v in variables]


@pytest.mark.parametrize("sizes", read_shapes("adam"), ids=lambda s: "+".join(map(str, s)))
def test_adam(measure, library, sizes):
    rng = np.random.default_rng(0)
    parameters, gradients = (
        [rng.uniform(-1, 1, size).astype(np.float32) for size in sizes] for _ in range(2)
    )
    work, results = {"numpy": _numpy, "nacre": _nacre}[library](parameters, gradients)
    for _ in range(3):
        work()
    for got, expected in zip(results(), _reference(parameters, gradients, 3), strict=True):
        check("parameter", got, expected, 1)
    measure(f"Adam, {sum(sizes)} in {len(sizes)}", work)
