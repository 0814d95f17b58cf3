"""What a layer requires of its inputs."""

from __future__ import annotations

from typing import Any

from nacre import tree


class InputSpec:
    """Rank, shape and dtype that a layer expects of one input.

    Args:
        dtype: The dtype.
        shape: The shape, None for unknown dimensions.
        ndim: The rank.
        max_ndim: The largest rank.
        min_ndim: The smallest rank.
        axes: Sizes of particular axes.
        allow_last_axis_squeeze: Whether a last axis of 1 may be missing or too many.
        name: The key of the input, for inputs given as a dict.
        optional: Whether the input may be None.
    """

    def __init__(
        self,
        dtype: Any = None,
        shape: Any = None,
        ndim: int | None = None,
        max_ndim: int | None = None,
        min_ndim: int | None = None,
        axes: dict[int, int | None] | None = None,
        allow_last_axis_squeeze: bool = False,
        name: str | None = None,
        optional: bool = False,
    ):
        self.dtype = str(dtype) if dtype is not None else None
        self.shape = tuple(shape) if shape is not None else None
        self.ndim = len(self.shape) if self.shape is not None else ndim
        self.max_ndim = max_ndim
        self.min_ndim = min_ndim
        self.axes = {int(axis): size for axis, size in (axes or {}).items()}
        self.allow_last_axis_squeeze = allow_last_axis_squeeze
        self.name = name
        self.optional = optional
        rank = self.ndim if self.ndim is not None else self.max_ndim
        if self.axes and rank is not None and max(self.axes) >= rank:
            raise ValueError(
                f"InputSpec: axis {max(self.axes)} lies beyond the largest allowed rank {rank}."
            )

    def get_config(self) -> dict:
        """Return the arguments of the constructor."""
        return {
            "dtype": self.dtype,
            "shape": self.shape,
            "ndim": self.ndim,
            "max_ndim": self.max_ndim,
            "min_ndim": self.min_ndim,
            "axes": self.axes,
            "optional": self.optional,
        }

    @classmethod
    def from_config(cls, config: dict) -> InputSpec:
        """Make a specification from what `get_config` returned.

        Args:
            config: The arguments of the constructor.

        Returns:
            The specification.
        """
        return cls(**config)

    def __repr__(self) -> str:
        given = {
            name: value for name, value in vars(self).items() if value not in (None, {}, False)
        }
        return f"InputSpec({', '.join(f'{name}={value!r}' for name, value in given.items())})"

    def check(self, x: Any, owner: str) -> None:
        """Raise unless an input meets the specification.

        Args:
            x: A tensor.
            owner: The layer, for the error.

        Raises:
            ValueError: Naming the layer, what it expected and what it received.
        """
        shape = tuple(x.shape)
        expected = self._mismatch(shape)
        if expected is None and self.dtype is not None and x.dtype != self.dtype:
            raise ValueError(f"{owner}: expected dtype {self.dtype}. Received dtype {x.dtype}.")
        if expected is not None:
            raise ValueError(f"{owner}: expected {expected}. Received shape {shape}.")

    def _mismatch(self, shape: tuple) -> str | None:
        """Return what was expected of a shape that does not fit, or None."""
        rank = len(shape)
        if self.ndim is not None and rank != self.ndim:
            squeezable = self.allow_last_axis_squeeze and abs(rank - self.ndim) == 1
            if not squeezable:
                return f"an input of rank {self.ndim}"
            return None
        if self.max_ndim is not None and rank > self.max_ndim:
            return f"an input of rank at most {self.max_ndim}"
        if self.min_ndim is not None and rank < self.min_ndim:
            return f"an input of rank at least {self.min_ndim}"
        for axis, size in self.axes.items():
            if size is None or not -rank <= axis < rank:
                continue
            if shape[axis] is not None and shape[axis] != size:
                where = "last axis" if axis in (-1, rank - 1) else f"axis {axis} of size"
                return f"{where} {size}"
        if self.shape is not None:
            for size, wanted in zip(shape, self.shape, strict=True):
                if wanted is not None and size is not None and size != wanted:
                    return f"shape {self.shape}"
        return None


def check_inputs(specs: Any, inputs: Any, owner: str) -> None:
    """Check the inputs of a layer against its specifications.

    Args:
        specs: An `InputSpec` or a structure of them.
        inputs: A tensor or a structure of them.
        owner: The layer, for errors.

    Raises:
        ValueError: If they do not fit.
    """
    if isinstance(specs, InputSpec) and hasattr(inputs, "shape"):
        specs.check(inputs, owner)
        return
    specs = tree.flatten(specs)
    if isinstance(inputs, dict) and all(spec.name in inputs for spec in specs):
        values = [inputs[spec.name] for spec in specs]
    else:
        values = tree.flatten(inputs)
    if len(values) != len(specs):
        raise ValueError(
            f"{owner}: expected {len(specs)} input(s). Received: {len(values)} input tensor(s)."
        )
    for spec, value in zip(specs, values, strict=True):
        if spec is None or (value is None and spec.optional):
            continue
        if not hasattr(value, "shape"):
            raise ValueError(f"{owner}: expected a tensor as input. Received: {value!r}")
        spec.check(value, owner)
