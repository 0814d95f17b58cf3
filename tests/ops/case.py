"""A row of the op table.

A case draws its inputs from named domains, so that forward, gradient and symbolic tests share it.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

DOMAINS = {
    "any": lambda r, s: r.uniform(-3, 3, s),
    "apart": lambda r, s: _apart(r, s),  # no two equal, none near a kink
    "positive": lambda r, s: r.uniform(0.2, 3, s),
    "unit": lambda r, s: r.uniform(-0.9, 0.9, s),
    "above1": lambda r, s: r.uniform(1.1, 3, s),
    "probability": lambda r, s: r.uniform(0.05, 0.95, s),
}


def _apart(rng, shape):
    count = math.prod(shape)
    values = (np.arange(count) - count / 2 + 0.3) * (6.0 / max(count, 6))
    return rng.permutation(values).reshape(shape)


@dataclass
class Case:
    """One op.

    Attributes:
        name: what the test is called.
        op: takes tensors.
        numpy: takes arrays.
        inputs: for each argument, its domain, or (domain, shape), or an array to pass as it is.
        ints: whether integers are tested too.
        grad: how often the op is differentiated: 0, 1 or 2.
        batch: whether the first axis of every float argument may be symbolic.
        tol: relative tolerance in float32.
        large: too many elements for numeric gradients; gradients are compared with the reference.
    """

    name: str
    op: Any
    numpy: Any
    inputs: list = field(default_factory=lambda: ["any"])
    ints: bool = False
    grad: int = 2
    batch: bool = True
    tol: float = 2e-6
    large: bool = False

    def __repr__(self):
        return self.name

    def draw(self, dtype, shape=(3, 4), seed=0):
        rng = np.random.default_rng(seed)
        arrays = []
        for spec in self.inputs:
            if isinstance(spec, np.ndarray):
                arrays.append(spec)
                continue
            domain, own = (spec, shape) if isinstance(spec, str) else spec
            values = np.asarray(DOMAINS[domain](rng, own))
            if np.dtype(dtype).kind in "iu":
                values = np.round(values * 3)
                values = np.abs(values) + 1 if domain == "positive" else values
            arrays.append(values.astype(dtype))
        return arrays


E33, E332 = ("any", (3, 3)), ("any", (3, 4, 2))
