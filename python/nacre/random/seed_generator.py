"""Where random numbers come from: a seed and a counter, held in a Variable."""

from __future__ import annotations

import random as python_random
from typing import Any

import numpy as np

from nacre import _core, naming
from nacre._core import Tensor
from nacre.variable import Variable

__all__ = ["SeedGenerator", "draw_state", "global_seed_generator", "set_global_seed"]

_MASK = 0xFFFFFFFF
_global: SeedGenerator | None = None
_global_seed: int | None = None


def make_default_seed() -> int:
    """A seed from Python's own generator, which `set_random_seed` seeds."""
    return python_random.randint(1, 10**9)


def _initial_state(seed: int) -> np.ndarray:
    # The upper half of a seed beyond 32 bits moves the start of the counter.
    return np.array([seed & _MASK, (seed >> 32) & _MASK], np.uint32)


class SeedGenerator:
    """A stream of random states: each one drawn is different from those before.

    Inside a traced function the stream goes on from step to step.

    Args:
        seed: an integer; drawn from Python's generator if left out.
        name: the name; made up if left out.
        **kwargs: none are known.
    """

    def __init__(self, seed: int | None = None, name: str | None = None, **kwargs: Any) -> None:
        kwargs.pop("backend", None)
        if kwargs:
            raise TypeError(f"SeedGenerator: unknown arguments {sorted(kwargs)}")
        if seed is None:
            seed = make_default_seed()
        if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
            raise ValueError(f"SeedGenerator: expected an integer seed. Received: seed={seed!r}")
        if seed < 0:
            raise ValueError(f"SeedGenerator: expected a seed >= 0. Received: seed={seed}")
        self._initial_seed = int(seed)
        self.name = naming.auto_name("SeedGenerator") if name is None else name
        self.state = Variable(
            _initial_state(self._initial_seed),
            dtype="uint32",
            trainable=False,
            autocast=False,
            name=f"{self.name}_state",
        )

    @property
    def initial_seed(self) -> int:
        """The seed that the stream started from."""
        return self._initial_seed

    def next(self, ordered: bool = True) -> Tensor:
        """The next random state.

        Args:
            ordered: accepted; states are always in order.
        """
        current = self.state.read()
        self.state.write(_core.call("add", [current, _STEP]))
        return current

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor."""
        return {"seed": self._initial_seed}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> SeedGenerator:
        """A generator from the result of `get_config`."""
        return cls(**config)


_STEP = np.array([0, 1], np.uint32)


def global_seed_generator() -> SeedGenerator:
    """The stream that random functions draw from when they are given no seed."""
    global _global
    if _global is None:
        with _core.init_scope():
            _global = SeedGenerator(seed=_global_seed, name="global_seed_generator")
    return _global


def set_global_seed(seed: int | None) -> None:
    """Starts the global stream again, from a seed (or, with `None`, from a new one)."""
    global _global_seed
    _global_seed = seed
    if _global is None:
        return
    # The Variable stays: functions traced already go on to use it.
    _global._initial_seed = make_default_seed() if seed is None else int(seed)
    _global.state.assign(_initial_state(_global._initial_seed))


def draw_state(seed: Any) -> Tensor | np.ndarray:
    """A random state: (seed, counter) as two uint32.

    Args:
        seed: `None` draws from the global stream, a `SeedGenerator` from its own; an integer
            always means the same state.
    """
    if seed is None:
        return global_seed_generator().next()
    if isinstance(seed, SeedGenerator):
        return seed.next()
    if isinstance(seed, (int, np.integer)) and not isinstance(seed, bool):
        return _core.convert(_initial_state(int(seed)))
    if isinstance(seed, (Tensor, np.ndarray, _core.Variable)) and tuple(seed.shape) == (2,):
        return _core.cast(seed, "uint32")
    raise ValueError(
        "seed: expected None, an integer or a SeedGenerator. "
        f"Received: seed={seed!r} of type {type(seed).__name__}"
    )
