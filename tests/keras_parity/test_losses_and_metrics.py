import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import assert_close

ROWS = 12


def _binary(rng, smooth=False):
    y = rng.integers(0, 2, (ROWS, 3)).astype(np.float32)
    return y, rng.uniform(0.02, 0.98, (ROWS, 3)).astype(np.float32)


def _categorical(rng):
    p = rng.uniform(0.05, 1, (ROWS, 4)).astype(np.float32)
    return np.eye(4, dtype=np.float32)[rng.integers(0, 4, ROWS)], p / p.sum(axis=1, keepdims=True)


def _sparse(rng):
    labels, p = _categorical(rng)
    return labels.argmax(axis=1), p


def _real(rng):
    return tuple(rng.standard_normal((2, ROWS, 3)).astype(np.float32))


LOSSES = [
    ("MeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("BinaryCrossentropy", {}, _binary),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, _binary),
    ("BinaryCrossentropy", {"from_logits": True}, _binary),
    ("CategoricalCrossentropy", {}, _categorical),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, _categorical),
    ("CategoricalCrossentropy", {"from_logits": True}, _categorical),
    ("SparseCategoricalCrossentropy", {}, _sparse),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, _sparse),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, _sparse),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, _sparse),
]

METRICS = [
    ("Mean", {}, None),
    ("MeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("Accuracy", {}, lambda rng: tuple(rng.integers(0, 3, (2, ROWS, 1)))),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _binary),
    ("CategoricalAccuracy", {}, _categorical),
    ("SparseCategoricalAccuracy", {}, _sparse),
    ("BinaryCrossentropy", {}, _binary),
    ("CategoricalCrossentropy", {}, _categorical),
    ("SparseCategoricalCrossentropy", {}, _sparse),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "draw"), LOSSES)
def test_loss(keras, name, options, draw, weighted):
    _check_loss(keras, name, options, draw, weighted)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "none", "mean", "mean_with_sample_weight", None])
@pytest.mark.parametrize(("name", "options", "draw"), [LOSSES[0], LOSSES[-2]])
def test_reduction(keras, name, options, draw, weighted, reduction):
    _check_loss(keras, name, {**options, "reduction": reduction}, draw, weighted)


def _check_loss(keras, name, options, draw, weighted):
    rng = np.random.default_rng(5)
    y, p = draw(rng)
    weight = rng.uniform(0, 2, ROWS).astype(np.float32) if weighted else None
    ours, theirs = (
        getattr(lib.losses, name)(**options)(y, p, sample_weight=weight) for lib in (nacre, keras)
    )
    assert_close(np.asarray(ours), np.asarray(theirs), 1e-5, name)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "draw"), METRICS)
def test_metric(keras, name, options, draw, weighted):
    ours, theirs = (getattr(lib.metrics, name)(**options) for lib in (nacre, keras))
    assert ours.name == theirs.name
    rng = np.random.default_rng(6)
    for _ in range(3):
        arguments = draw(rng) if draw else (rng.standard_normal(ROWS).astype(np.float32),)
        weight = rng.uniform(0, 2, ROWS).astype(np.float32) if weighted else None
        for metric in (ours, theirs):
            metric.update_state(*arguments, sample_weight=weight)
        # A mean may cancel: relative to the values that went in.
        assert_close(float(ours.result()), float(theirs.result()), 1e-5, name, scale=0.3)
    ours.reset_state()
    theirs.reset_state()
    assert float(ours.result()) == float(theirs.result())


@pytest.mark.parametrize(
    "name",
    [
        "mse",
        "mae",
        "mean_squared_error",
        "mean_absolute_error",
        "binary_crossentropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
    ],
)
def test_loss_by_name(keras, name):
    draw = {"bi": _binary, "ca": _categorical, "sp": _sparse}.get(name[:2], _real)
    y, p = draw(np.random.default_rng(7))
    ours, theirs = (np.asarray(lib.losses.get(name)(y, p)) for lib in (nacre, keras))
    assert_close(ours, theirs, 1e-5, name)
