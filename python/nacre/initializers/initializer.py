"""The base class of initializers."""

from __future__ import annotations

from typing import Any


class Initializer:
    """Makes the first value of a Variable.

    A subclass defines `__call__(shape, dtype=None)`, and `get_config()` when it has arguments.
    """

    def __call__(self, shape: tuple, dtype: str | None = None) -> Any:
        """Make a value.

        Args:
            shape: The shape.
            dtype: The dtype; defaults to `config.floatx()`.

        Returns:
            A tensor.
        """
        raise TypeError(f"{type(self).__name__} should define `__call__(self, shape, dtype=None)`.")

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {}

    @classmethod
    def from_config(cls, config: dict) -> Initializer:
        """Make an initializer from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The initializer.
        """
        return cls(**config)

    def clone(self) -> Initializer:
        """Return a new initializer with the same configuration."""
        return type(self).from_config(self.get_config())


def check_shape(shape: Any, name: str) -> tuple[int, ...]:
    """Check that a shape is fully known.

    Args:
        shape: A sequence of dimensions.
        name: Whose shape it is, for the error.

    Returns:
        The shape as a tuple of ints.
    """
    if isinstance(shape, int):
        shape = (shape,)
    shape = tuple(shape)
    for dim in shape:
        if dim is None or int(dim) != dim or dim < 0:
            raise ValueError(
                f"{name}: expected a shape of non-negative integers. Received shape={shape}"
            )
    return tuple(int(dim) for dim in shape)
