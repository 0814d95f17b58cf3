"""Where the random numbers of pictures come from: a private generator, or NumPy's global one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["current", "drawing_from"]

_CURRENT: ContextVar[Any] = ContextVar("nacre_picture_draws", default=None)


def current() -> Any:
    """The generator of the batch that is being made, or NumPy's global one outside of any.

    Returns:
        A `RandomState`, or the module `numpy.random`, whose functions have the same names.
    """
    generator = _CURRENT.get()
    return np.random if generator is None else generator


@contextmanager
def drawing_from(generator: Any) -> Iterator[None]:
    """Lets everything inside draw from a generator.

    Args:
        generator: A `RandomState`; `None` for NumPy's global generator.
    """
    token = _CURRENT.set(generator)
    try:
        yield
    finally:
        _CURRENT.reset(token)
