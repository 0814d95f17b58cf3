"""Draws dense models, their data and their training at random, from a seed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

ROWS = 52
BATCH = 16  # leaves a last batch of 4
EPOCHS = 5  # 20 steps

SMOOTH = ["tanh", "sigmoid", "softplus", "elu", "selu", "silu", "gelu", "softsign", "linear"]
KINKED = ["relu", "leaky_relu", "relu6", "hard_sigmoid"]
MERGES = ["Add", "Subtract", "Multiply", "Average", "Maximum", "Minimum", "Concatenate"]

# A layer is (class name, arguments); a branch is ("branch", merge, layers, layers) and a layer
# that is used two times over is ("twice", layer).
Step = tuple


@dataclass
class Spec:
    """A model and all that is done with it, in terms of names: nothing of either library."""

    input_shape: tuple[int, ...]
    vocabulary: int | None
    steps: list[Step]
    loss: Any
    outputs: int
    labels: str
    optimizer: tuple[str, dict[str, Any]]
    metrics: list[str]
    functional: bool
    random: bool = False
    fit: dict[str, Any] = field(default_factory=dict)


class _Drawing:
    """The state of one drawing: the generator and the shape so far."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.random = False

    def choose(self, items: list) -> Any:
        return items[self.rng.integers(len(items))]

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def dense(self, units: int | None = None) -> Step:
        arguments: dict[str, Any] = {"units": units or int(self.rng.integers(2, 13))}
        if self.chance(0.8):
            arguments["activation"] = self.choose(SMOOTH + KINKED)
        if self.chance(0.2):
            arguments["use_bias"] = False
        return "Dense", arguments

    def normalization(self) -> Step:
        if self.chance(0.5):
            return "LayerNormalization", {"epsilon": self.choose([1e-3, 1e-2])}
        return "BatchNormalization", {
            "momentum": self.choose([0.9, 0.99]),
            "center": self.chance(0.8),
            "scale": self.chance(0.8),
        }

    def simple(self) -> Step:
        kind = self.rng.integers(4)
        if kind == 0:
            return "Activation", {"activation": self.choose(SMOOTH + KINKED)}
        if kind == 1:
            return "Rescaling", {"scale": self.choose([0.5, 2.0]), "offset": 0.1}
        if kind == 2:
            self.random = True
            return "Dropout", {"rate": 0.4}
        return self.normalization()

    def branch(self) -> Step:
        units = int(self.rng.integers(2, 9))
        left, right = ([self.dense(units)] for _ in range(2))
        if self.chance(0.5):
            left.insert(0, self.dense())
        return "branch", self.choose(MERGES), left, right

    def body(self, functional: bool) -> list[Step]:
        steps: list[Step] = []
        for _ in range(self.rng.integers(1, 4)):
            if functional and self.chance(0.5):
                steps.append(self.branch())
            elif functional and self.chance(0.3):
                units = int(self.rng.integers(3, 9))
                steps += [self.dense(units), ("twice", self.dense(units))]
            else:
                steps.append(self.dense())
            if self.chance(0.4):
                steps.append(self.simple())
        return steps


def _head(draw: _Drawing) -> tuple[Step, Any, int, str, list[str]]:
    """The last layer, the loss, the number of outputs, the kind of labels, the metrics."""
    kind = draw.choose(["binary", "sparse", "categorical", "regression"])
    if kind == "binary":
        outputs = 1
        last, loss = ("Dense", {"units": 1, "activation": "sigmoid"}), "binary_crossentropy"
    elif kind == "regression":
        outputs = int(draw.rng.integers(1, 4))
        last, loss = ("Dense", {"units": outputs}), "mse"
        return last, loss, outputs, kind, draw.choose([[], ["mae"], ["mse", "mae"]])
    else:
        outputs = int(draw.rng.integers(2, 6))
        last = ("Dense", {"units": outputs, "activation": "softmax"})
        loss = f"{kind}_crossentropy".replace("sparse", "sparse_categorical")
    if draw.chance(0.3):
        # The same from logits: the loss is then an object, named by its class.
        names = {
            "binary": "BinaryCrossentropy",
            "sparse": "SparseCategoricalCrossentropy",
            "categorical": "CategoricalCrossentropy",
        }
        options: dict[str, Any] = {"from_logits": True}
        if kind != "sparse" and draw.chance(0.5):
            options["label_smoothing"] = 0.1
        last = ("Dense", {"units": outputs})
        loss = (names[kind], options)
    return last, loss, outputs, kind, draw.choose([[], ["accuracy"], ["acc"]])


def _optimizer(draw: _Drawing) -> tuple[str, dict[str, Any]]:
    if draw.chance(0.5):
        momentum = draw.choose([0.0, 0.9])
        return "SGD", {
            "learning_rate": draw.choose([0.01, 0.05]),
            "momentum": momentum,
            "nesterov": momentum > 0 and draw.chance(0.5),
        }
    return "Adam", {
        "learning_rate": draw.choose([0.001, 0.003]),
        "beta_1": draw.choose([0.9, 0.8]),
        # Where a gradient is all rounding error, a small epsilon turns its sign into a step.
        "epsilon": 1e-4,
    }


def _fit_options(draw: _Drawing, labels: str, outputs: int) -> dict[str, Any]:
    options: dict[str, Any] = {"batch_size": BATCH, "epochs": EPOCHS}
    if draw.chance(0.3):
        options["validation_split"] = 0.25
        options["epochs"] = EPOCHS + 2
    if draw.chance(0.25):
        options["sample_weight"] = True  # replaced by an array of the data
    elif labels in ("binary", "sparse") and draw.chance(0.25):
        classes = 2 if labels == "binary" else outputs
        options["class_weight"] = {c: 0.5 + c for c in range(classes)}
    return options


def draw_spec(seed: int) -> Spec:
    """Draw one model with its training.

    Args:
        seed: The same seed gives the same model.

    Returns:
        The specification.
    """
    draw = _Drawing(seed)
    functional = draw.chance(0.6)
    steps: list[Step] = []
    vocabulary = None
    kind = draw.choose(["vector", "vector", "matrix", "tokens"])
    if kind == "vector":
        shape: tuple[int, ...] = (int(draw.rng.integers(1, 10)),)
    elif kind == "matrix":
        shape = (int(draw.rng.integers(2, 5)), int(draw.rng.integers(2, 6)))
    else:
        shape, vocabulary = (int(draw.rng.integers(2, 6)),), 11
        steps.append(
            ("Embedding", {"input_dim": vocabulary, "output_dim": int(draw.rng.integers(2, 6))})
        )
    if kind != "vector":
        if draw.chance(0.5):
            steps.append(draw.dense())
        if draw.chance(0.3):
            steps.append(draw.normalization())
        steps.append(draw.choose([("Flatten", {}), ("Reshape", {"target_shape": (-1,)})]))
    steps += draw.body(functional)
    last, loss, outputs, labels, metrics = _head(draw)
    steps.append(last)
    return Spec(
        shape,
        vocabulary,
        steps,
        loss,
        outputs,
        labels,
        _optimizer(draw),
        metrics,
        functional,
        draw.random,
        _fit_options(draw, labels, outputs),
    )


def _apply(lib: Any, steps: list[Step], x: Any) -> Any:
    for step in steps:
        if step[0] == "branch":
            _, merge, left, right = step
            x = getattr(lib.layers, merge)()([_apply(lib, left, x), _apply(lib, right, x)])
        elif step[0] == "twice":
            layer = _layer(lib, step[1])
            x = layer(layer(x))
        else:
            x = _layer(lib, step)(x)
    return x


def _layer(lib: Any, step: Step) -> Any:
    return getattr(lib.layers, step[0])(**step[1])


def build(lib: Any, spec: Spec) -> Any:
    """Make and compile the model with one of the libraries."""
    dtype = "int32" if spec.vocabulary else None
    inputs = lib.Input(spec.input_shape, dtype=dtype)
    if spec.functional:
        model = lib.Model(inputs, _apply(lib, spec.steps, inputs))
    else:
        model = lib.Sequential([inputs, *(_layer(lib, step) for step in spec.steps)])
    name, options = spec.optimizer
    loss = spec.loss
    if not isinstance(loss, str):
        loss = getattr(lib.losses, loss[0])(**loss[1])
    model.compile(
        optimizer=getattr(lib.optimizers, name)(**options), loss=loss, metrics=spec.metrics or None
    )
    return model


def data(spec: Spec, seed: int) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """Draw rows, labels and the options of `fit` and `evaluate`."""
    rng = np.random.default_rng([seed, 1])
    shape = (ROWS, *spec.input_shape)
    if spec.vocabulary:
        x = rng.integers(0, spec.vocabulary, shape).astype(np.int32)
    else:
        x = rng.standard_normal(shape).astype(np.float32)
    if spec.labels == "regression":
        y = rng.standard_normal((ROWS, spec.outputs)).astype(np.float32)
    elif spec.labels == "binary":
        y = rng.integers(0, 2, (ROWS, 1)).astype(rng.choice(["int64", "float32"]))
    else:
        y = rng.integers(0, spec.outputs, ROWS)
        if spec.labels == "categorical":
            y = np.eye(spec.outputs, dtype=np.float32)[y]
    options = dict(spec.fit)
    if options.get("sample_weight"):
        options["sample_weight"] = rng.uniform(0, 2, ROWS).astype(np.float32)
    return x, y, options
