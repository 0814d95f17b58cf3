"""Random tensors, with the names, signatures and rules of `keras.random`.

A `seed` is an integer (always the same values), a `SeedGenerator` (values go on), or `None` for the
global generator, which `utils.set_random_seed` seeds.
"""

from __future__ import annotations

from nacre.random.distributions import (
    beta,
    binomial,
    categorical,
    dropout,
    gamma,
    normal,
    randint,
    shuffle,
    truncated_normal,
    uniform,
)
from nacre.random.seed_generator import SeedGenerator, global_seed_generator, set_global_seed

__all__ = [
    "SeedGenerator",
    "beta",
    "binomial",
    "categorical",
    "dropout",
    "gamma",
    "global_seed_generator",
    "normal",
    "randint",
    "set_global_seed",
    "shuffle",
    "truncated_normal",
    "uniform",
]
