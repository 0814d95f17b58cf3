"""Draws models at random, from a seed, in terms of names: nothing of either library.

What is compiled and fitted is drawn by `drawing_training`; `draw_spec` puts both together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

SMOOTH = [
    "tanh",
    "sigmoid",
    "softplus",
    "elu",
    "selu",
    "silu",
    "gelu",
    "softsign",
    "linear",
    "mish",
]
KINKED = ["relu", "leaky_relu", "relu6", "hard_sigmoid"]
MERGES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"]
INITIALIZERS = ["glorot_uniform", "he_normal", "lecun_uniform", "orthogonal", "random_normal"]


@dataclass(frozen=True)
class Call:
    """A class or function of a library by its name, and its arguments; a function if `None`."""

    path: str
    arguments: dict[str, Any] | None = field(default_factory=dict)


def layer(name: str, /, **arguments: Any) -> Call:
    return Call(f"layers.{name}", arguments)


@dataclass(frozen=True)
class Branch:
    """Two lists of layers on the same input, and the layer that merges them."""

    merge: Call
    left: tuple
    right: tuple


@dataclass(frozen=True)
class Twice:
    """A layer that is used two times over."""

    layer: Call


@dataclass
class Source:
    """An input: a vector, a sequence of vectors or a sequence of tokens."""

    name: str
    shape: tuple[int, ...]
    vocabulary: int | None
    steps: list = field(default_factory=list)


class Drawing:
    """The state of one drawing: the generator, and the shape of the value so far."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.shape: tuple[int, ...] = ()
        self.random = False
        self.masked = False
        self.constrained = False

    def choose(self, items: Any) -> Any:
        return items[int(self.rng.integers(len(items)))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def number(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high))

    # Layers. Each method returns a layer and moves `shape` on.

    def regularizer(self) -> Any:
        # Keras 3.15 does not know the string "l1_l2".
        return self.choose(
            [
                "l1",
                "l2",
                Call("regularizers.L1", {"l1": 0.02}),
                Call("regularizers.L2", {"l2": 0.05}),
                Call("regularizers.L1L2", {"l1": 0.01, "l2": 0.03}),
                Call("regularizers.OrthogonalRegularizer", {"factor": 0.02, "mode": "columns"}),
            ]
        )

    def constraint(self) -> Any:
        self.constrained = True
        return self.choose(
            [
                "non_neg",
                Call("constraints.MaxNorm", {"max_value": 0.8, "axis": 0}),
                Call("constraints.UnitNorm", {"axis": 0}),
                Call("constraints.MinMaxNorm", {"min_value": 0.2, "max_value": 0.9, "rate": 0.7}),
            ]
        )

    def dense(self, units: int | None = None, smooth: bool = False) -> Call:
        units = units or self.number(2, 11)
        arguments: dict[str, Any] = {"units": units}
        if self.chance(0.8) or smooth:
            arguments["activation"] = self.choose(SMOOTH if smooth else SMOOTH + KINKED)
        if self.chance(0.2):
            arguments["use_bias"] = False
        if self.chance(0.2):
            arguments["kernel_initializer"] = self.choose(INITIALIZERS)
        if self.chance(0.15):
            arguments["kernel_regularizer"] = self.regularizer()
        elif self.chance(0.15):
            arguments["kernel_constraint"] = self.constraint()
        if self.chance(0.05):
            arguments["activity_regularizer"] = self.choose(["l1", "l2"])
        if self.chance(0.05):
            arguments["bias_regularizer"] = "l2"
        if self.chance(0.05):
            arguments["trainable"] = False
        self.shape = (*self.shape[:-1], units)
        return Call("layers.Dense", arguments)

    def twice(self, units: int) -> Twice:
        shared = self.dense(units)
        # Keras on JAX counts the activity losses of one of the two calls, on PyTorch both.
        shared.arguments.pop("activity_regularizer", None)
        return Twice(shared)

    def normalization(self) -> list[Call]:
        """A normalization, after a layer whose activation keeps apart what it would cancel.

        The gradient of a bias right before a normalization is nothing but rounding error.
        """
        units = self.choose([4, 6, 8])
        self.shape = (*self.shape[:-1], units)
        first = layer("Dense", units=units, activation="tanh")
        kinds = ["LayerNormalization", "BatchNormalization"]
        if not self.masked:
            kinds += ["GroupNormalization", "UnitNormalization", "RMSNormalization"]
        kind = self.choose(kinds)
        if kind == "LayerNormalization":
            axis = [1, 2] if len(self.shape) == 2 and self.chance(0.3) else -1
            norm = layer(
                kind, axis=axis, epsilon=self.choose([1e-3, 1e-2]), center=self.chance(0.8)
            )
        elif kind == "BatchNormalization":
            norm = layer(
                kind,
                momentum=self.choose([0.9, 0.99]),
                epsilon=self.choose([1e-3, 1e-2]),
                center=self.chance(0.8),
                scale=self.chance(0.8),
            )
        elif kind == "RMSNormalization":
            norm = layer(kind, epsilon=self.choose([1e-6, 1e-3]))
        elif kind == "GroupNormalization":
            norm = layer(kind, groups=self.choose([1, 2]), scale=self.chance(0.8))
        else:
            norm = layer(kind)
        return [first, norm]

    def activation(self) -> Call:
        kind = self.number(0, 5 if self.masked else 7)
        if kind == 0:
            return layer("Activation", activation=self.choose(SMOOTH + KINKED))
        if kind == 1:
            arguments: dict[str, Any] = {"negative_slope": self.choose([0.0, 0.1])}
            if self.chance(0.5):
                arguments["max_value"] = 2.0
            if self.chance(0.5):
                arguments["threshold"] = 0.3
            return layer("ReLU", **arguments)
        if kind == 2:
            return layer("LeakyReLU", negative_slope=self.choose([0.3, 0.05]))
        if kind == 3:
            return layer("ELU", alpha=self.choose([1.0, 0.5]))
        if kind == 4:
            return layer("Identity")
        if kind == 5:
            return layer("Softmax")
        shared = [1] if len(self.shape) == 2 and self.chance(0.5) else None
        return layer("PReLU", alpha_initializer="ones", shared_axes=shared)

    def noise(self) -> Call:
        """Random in training, unless its strength is 0."""
        kinds = ["Dropout", "GaussianNoise", "GaussianDropout"]
        if not self.masked:
            kinds.append("AlphaDropout")
        if len(self.shape) == 2 and not self.masked:
            kinds.append("SpatialDropout1D")
        kind = self.choose(kinds)
        strength = self.choose([0.0, 0.0, 0.3])
        self.random |= strength > 0
        return layer(kind, **{"stddev" if kind == "GaussianNoise" else "rate": strength})

    def simple(self) -> list[Call]:
        kind = self.number(0, 8)
        if kind < 3:
            return [self.activation()]
        if kind < 5:
            return self.normalization()
        if kind == 5:
            return [self.noise()]
        if kind == 6 and not self.masked:
            return [layer("Rescaling", scale=self.choose([0.5, 2.0]), offset=0.1)]
        return [layer("ActivityRegularization", l1=self.choose([0.0, 0.01]), l2=0.02)]

    def branch(self) -> Branch:
        before = self.shape
        units = self.number(2, 8)
        sides = []
        for _ in range(2):
            self.shape = before
            side = [self.dense()] if self.chance(0.4) else []
            sides.append((*side, self.dense(units)))
        if self.chance(0.15) and len(before) == 1:
            merge = layer("Dot", axes=-1, normalize=self.chance(0.3))
            self.shape = (1,)
        else:
            merge = layer(self.choose(MERGES))
            if merge.path.endswith("Concatenate"):
                self.shape = (*before[:-1], 2 * units)
        return Branch(merge, *sides)

    def sequence_steps(self, repeated: bool = False) -> list:
        """Layers on a sequence of vectors that are not there for single vectors.

        Where all vectors are the same, a normalization could divide by next to nothing.
        """
        kind = self.number(0, 3 if repeated else 4)
        if kind == 0:
            self.shape = self.shape[::-1]
            return [layer("Permute", dims=(2, 1))]
        if kind == 1:
            steps, size = self.shape
            self.shape = (size, steps)
            return [layer("Reshape", target_shape=(size, -1))]
        if kind == 2:
            return [layer("Softmax", axis=1)]
        return self.normalization()

    def flattening(self) -> Call:
        total = int(np.prod(self.shape))
        self.shape = (total,)
        return self.choose([layer("Flatten"), layer("Reshape", target_shape=(-1,))])

    def body(self, functional: bool) -> list:
        steps: list = []
        for _ in range(self.number(1, 4)):
            if functional and not self.masked and self.chance(0.35):
                steps.append(self.branch())
            elif functional and self.chance(0.2):
                units = self.number(3, 8)
                steps += [self.dense(units), self.twice(units)]
            else:
                steps.append(self.dense())
            if self.chance(0.6):
                steps += self.simple()
        return steps


def draw_source(draw: Drawing, name: str, sequence: bool) -> Source:
    """Draw an input and the layers that make a vector, or with `sequence` a sequence, of it."""
    kind = draw.choose(
        ["matrix", "tokens"] if sequence else ["vector", "vector", "matrix", "tokens"]
    )
    if kind == "vector":
        source = Source(name, (draw.number(2, 9),), None)
        draw.shape = source.shape
        if draw.chance(0.15):
            times = draw.number(2, 4)
            draw.shape = (times, draw.shape[0])
            source.steps += [layer("RepeatVector", n=times), *draw.sequence_steps(repeated=True)]
            source.steps.append(draw.flattening())
        return source
    if kind == "matrix":
        source = Source(name, (draw.number(2, 5), draw.number(2, 6)), None)
        draw.shape = source.shape
        if sequence and draw.chance(0.4):
            # Data of this kind is zero in some steps.
            draw.masked = True
            source.steps.append(layer("Masking", mask_value=0.0))
    else:
        source = Source(name, (draw.number(2, 6),), 11)
        size = draw.number(2, 6)
        draw.masked = sequence and draw.chance(0.6)
        arguments: dict[str, Any] = {"input_dim": 11, "output_dim": size}
        if draw.masked:
            arguments["mask_zero"] = True
        if draw.chance(0.2):
            arguments["embeddings_regularizer"] = "l2"
        source.steps.append(Call("layers.Embedding", arguments))
        draw.shape = (*source.shape, size)
    if not sequence:
        if draw.chance(0.4):
            source.steps.append(draw.dense())
        if draw.chance(0.5):
            source.steps += draw.sequence_steps()
        source.steps.append(draw.flattening())
    return source


def resolve(lib: Any, value: Any) -> Any:
    """Replace every `Call` in a structure by what it means in one of the libraries."""
    if isinstance(value, Call):
        thing = lib
        for part in value.path.split("."):
            thing = getattr(thing, part)
        return thing if value.arguments is None else thing(**resolve(lib, value.arguments))
    if isinstance(value, dict):
        return {key: resolve(lib, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(resolve(lib, item) for item in value)
    return value


def apply(lib: Any, steps: Any, x: Any) -> Any:
    """Call the layers one after the other."""
    for step in steps:
        if isinstance(step, Branch):
            x = resolve(lib, step.merge)([apply(lib, step.left, x), apply(lib, step.right, x)])
        elif isinstance(step, Twice):
            shared = resolve(lib, step.layer)
            x = shared(shared(x))
        else:
            x = resolve(lib, step)(x)
    return x
