"""A drawn model with its training, built with either library, and the data for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.keras_parity.drawing import Drawing, Source, apply, draw_source, resolve
from tests.keras_parity.drawing_training import Head, draw_fit, draw_head, draw_optimizer


@dataclass
class Spec:
    """A model and all that is done with it."""

    sources: list[Source]
    steps: list
    heads: list[Head]
    functional: bool
    named: bool  # inputs and outputs are dictionaries
    optimizer: Any
    loss_weights: list[float] | None
    random: bool
    masked: bool
    rows: int
    fit: dict[str, Any]


def draw_spec(seed: int) -> Spec:
    """Draw one model with its training.

    Args:
        seed: The same seed gives the same model.
    """
    draw = Drawing(seed)
    functional = draw.chance(0.65)
    sequence = draw.chance(0.2)
    sources = []
    widths = []
    for index in range(2 if functional and not sequence and draw.chance(0.2) else 1):
        sources.append(draw_source(draw, f"source{index}", sequence))
        widths.append(draw.shape[-1])
    if len(sources) > 1:
        draw.shape = (sum(widths),)
    steps = draw.body(functional)
    heads = 2 if functional and not sequence and draw.chance(0.3) else 1
    names = ["label", "size"] if heads == 2 else ["answer"]
    drawn = [draw_head(draw, name, sequence) for name in names]
    weights = [0.5, 2.0] if heads == 2 and draw.chance(0.5) else None
    named = functional and draw.chance(0.4)
    return Spec(
        sources,
        steps,
        drawn,
        functional,
        named,
        draw_optimizer(draw),
        weights,
        draw.random,
        draw.masked,
        68 if draw.chance(0.15) else 64,  # 68 leaves a last batch of 4
        draw_fit(draw, drawn, heads == 1 and not named and not sequence),
    )


def build(lib: Any, spec: Spec) -> Any:
    """Make and compile the model with one of the libraries."""
    inputs = [
        lib.Input(s.shape, dtype="int32" if s.vocabulary else None, name=s.name)
        for s in spec.sources
    ]
    if spec.functional:
        values = [apply(lib, s.steps, x) for s, x in zip(spec.sources, inputs, strict=True)]
        x = lib.layers.Concatenate()(values) if len(values) > 1 else values[0]
        x = apply(lib, spec.steps, x)
        outputs = [apply(lib, head.steps, x) for head in spec.heads]
        if spec.named:
            model = lib.Model(
                {s.name: x for s, x in zip(spec.sources, inputs, strict=True)},
                {h.name: y for h, y in zip(spec.heads, outputs, strict=True)},
            )
        else:
            model = lib.Model(_one(inputs), _one(outputs))
    else:
        steps = [*spec.sources[0].steps, *spec.steps, *spec.heads[0].steps]
        model = lib.Sequential([inputs[0], *resolve(lib, steps)])
    model.compile(optimizer=resolve(lib, spec.optimizer), **_compile_options(lib, spec))
    return model


def _one(items: list) -> Any:
    return items[0] if len(items) == 1 else items


def _compile_options(lib: Any, spec: Spec) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for name, attribute in (
        ("loss", "loss"),
        ("metrics", "metrics"),
        ("weighted_metrics", "weighted_metrics"),
    ):
        values = [resolve(lib, getattr(head, attribute)) for head in spec.heads]
        if name != "loss" and not any(values):
            continue
        if spec.named:
            options[name] = {h.name: v for h, v in zip(spec.heads, values, strict=True)}
        else:
            options[name] = _one(values)
    if spec.loss_weights:
        options["loss_weights"] = (
            {h.name: w for h, w in zip(spec.heads, spec.loss_weights, strict=True)}
            if spec.named
            else spec.loss_weights
        )
    return options


def data(spec: Spec, seed: int) -> tuple[Any, Any, Any, dict[str, Any]]:
    """Draw inputs, targets, sample weights or `None`, and the options of `fit`."""
    rng = np.random.default_rng([seed, 1])
    options = dict(spec.fit)
    x, y = _rows(spec, rng, spec.rows)
    weight = None
    if options.pop("sample_weight", False):
        weight = _weights(spec, rng, spec.rows)
    if options.pop("validation_data", False):
        extra = (_weights(spec, rng, 16),) if weight is not None else ()
        options["validation_data"] = (*_rows(spec, rng, 16), *extra)
    return x, y, weight, options


def _arrange(spec: Spec, parts: list, values: list) -> Any:
    if spec.named:
        return {part.name: value for part, value in zip(parts, values, strict=True)}
    return _one(values)


def _rows(spec: Spec, rng: np.random.Generator, rows: int) -> tuple[Any, Any]:
    x = [_input(source, rng, rows, spec.masked) for source in spec.sources]
    steps = _sequence_length(spec)
    shape = (rows,) if steps is None else (rows, steps)
    y = [_targets(head, rng, shape) for head in spec.heads]
    return _arrange(spec, spec.sources, x), _arrange(spec, spec.heads, y)


def _sequence_length(spec: Spec) -> int | None:
    """The number of steps for which there is an output each; `None` for one output a sample."""
    names = {s.path for s in spec.sources[0].steps if hasattr(s, "path")}
    if names & {"layers.Flatten", "layers.Reshape"} or len(spec.sources) > 1:
        return None
    shape = spec.sources[0].shape
    return shape[0] if len(shape) == 2 or spec.sources[0].vocabulary else None


def _input(source: Source, rng: np.random.Generator, rows: int, masked: bool) -> np.ndarray:
    shape = (rows, *source.shape)
    if source.vocabulary:
        ids = rng.integers(0 if not masked else 1, source.vocabulary, shape).astype(np.int32)
        if masked:  # zeros at the end, never at the beginning
            ids[:, 1:] *= rng.integers(0, 2, (rows, shape[1] - 1)).cumprod(axis=1).astype(np.int32)
        return ids
    x = rng.standard_normal(shape).astype(np.float32)
    if masked:
        x[:, 1:] *= rng.integers(0, 2, (rows, shape[1] - 1, 1)).cumprod(axis=1)
    return x


def _targets(head: Head, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    if head.labels == "regression":
        return rng.standard_normal((*shape, head.units)).astype(np.float32)
    if head.labels == "positive":
        return rng.uniform(0.2, 3.0, (*shape, head.units)).astype(np.float32)
    if head.labels == "binary":
        return rng.integers(0, 2, (*shape, 1)).astype(str(rng.choice(["int64", "float32"])))
    labels = rng.integers(0, head.units, shape)
    if head.labels == "categorical":
        return np.eye(head.units, dtype=np.float32)[labels]
    return labels


def _weights(spec: Spec, rng: np.random.Generator, rows: int) -> Any:
    steps = _sequence_length(spec)
    shape = (rows,) if steps is None else (rows, steps)
    weights = [rng.uniform(0, 2, shape).astype(np.float32) for _ in spec.heads]
    return _arrange(spec, spec.heads, weights)
