"""One layer of convolution, and what each direction of it takes and gives."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

DIRECTIONS = ("forward", "pooled", "input gradient", "kernel gradient")


@dataclass(frozen=True)
class Shape:
    """A line of shapes_convolution.txt."""

    batch: int
    height: int
    width: int
    channels: int
    filters: int
    kernel: int
    strides: int
    groups: int
    padding: str

    @classmethod
    def parse(cls, text: str) -> Shape:
        """Read a line: eight numbers, then `valid` or `same`."""
        *numbers, padding = text.split()
        if len(numbers) != 8 or padding not in ("valid", "same"):
            raise SystemExit(
                "expected: batch height width channels filters kernel strides groups "
                f"valid|same. Got: {text}"
            )
        return cls(*map(int, numbers), padding)

    def __str__(self) -> str:
        stride = f"/{self.strides}" if self.strides > 1 else ""
        groups = f" in {self.groups}" if self.groups > 1 else ""
        return (
            f"{self.batch}x{self.height}x{self.width}x{self.channels} -> {self.filters}{groups}, "
            f"{self.kernel}x{self.kernel}{stride} {self.padding}"
        )

    @property
    def border(self) -> int:
        """Zeros on each side; the same on both, for that is what every library can do."""
        if self.padding == "valid":
            return 0
        low, high = (self._zeros(size) for size in (self.height, self.width))
        if low % 2 or high != low:
            raise SystemExit(f"{self}: its borders differ between sides")
        return low // 2

    def _zeros(self, size: int) -> int:
        return max((-(-size // self.strides) - 1) * self.strides + self.kernel - size, 0)

    @property
    def output(self) -> tuple[int, int, int, int]:
        """Of the convolution, before any pooling."""
        high, wide = (
            (size + 2 * self.border - self.kernel) // self.strides + 1
            for size in (self.height, self.width)
        )
        return self.batch, high, wide, self.filters

    @property
    def flops(self) -> float:
        """Of each direction; bias, activation and pooling are not counted."""
        taps = self.kernel * self.kernel * self.channels // self.groups
        return 2.0 * float(np.prod(self.output)) * taps

    def arrays(self) -> dict[str, np.ndarray]:
        """The same for every library: picture, kernel, bias, and what comes from above."""
        rng = np.random.default_rng(0)
        sizes = {
            "x": (self.batch, self.height, self.width, self.channels),
            "kernel": (self.kernel, self.kernel, self.channels // self.groups, self.filters),
            "bias": (self.filters,),
            "upstream": self.output,
        }
        return {key: rng.uniform(-1, 1, size).astype(np.float32) for key, size in sizes.items()}


def read_shapes() -> list[Shape]:
    """Read shapes_convolution.txt."""
    lines = (Path(__file__).parent / "shapes_convolution.txt").read_text().splitlines()
    return [Shape.parse(text) for line in lines if (text := line.partition("#")[0].strip())]
