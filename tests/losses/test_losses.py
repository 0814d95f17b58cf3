"""Losses against formulas in NumPy; reductions, weights, masks, shapes and names."""

import numpy as np
import pytest

import nacre
from nacre import losses, ops

EPSILON = 1e-7


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def _draw(*shape):
    return np.random.default_rng(7).standard_normal(shape).astype("float32")


REAL = (_draw(6, 4), _draw(6, 4)[::-1].copy())
POSITIVE = (np.abs(REAL[0]) + 0.1, np.abs(REAL[1]) + 0.1)
DISTRIBUTIONS = (_softmax(REAL[0]), _softmax(REAL[1]))
ONE_HOT = (np.eye(4, dtype="float32")[[0, 3, 1, 2, 2, 0]], _softmax(REAL[1]))
BINARY = ((REAL[0] > 0).astype("float32"), 1 / (1 + np.exp(-REAL[1])))
LABELS = (np.array([0, 3, 1, 2, 2, 0]), _softmax(REAL[1]))


def _unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _signed(y):
    return 2 * y - 1


def _focal(y, p):
    right = y * p + (1 - y) * (1 - p)
    return ((1 - right) ** 2 * -np.log(right)).mean(-1)


FORMULAS = {
    "mean_squared_error": (REAL, lambda y, p: ((y - p) ** 2).mean(-1)),
    "mean_absolute_error": (REAL, lambda y, p: np.abs(y - p).mean(-1)),
    "mean_absolute_percentage_error": (
        POSITIVE,
        lambda y, p: 100 * np.abs((y - p) / y).mean(-1),
    ),
    "mean_squared_logarithmic_error": (
        POSITIVE,
        lambda y, p: ((np.log1p(y) - np.log1p(p)) ** 2).mean(-1),
    ),
    "huber": (
        REAL,
        lambda y, p: np.where(np.abs(y - p) <= 1, 0.5 * (y - p) ** 2, np.abs(y - p) - 0.5).mean(-1),
    ),
    "log_cosh": (REAL, lambda y, p: np.log(np.cosh(p - y)).mean(-1)),
    "poisson": (POSITIVE, lambda y, p: (p - y * np.log(p + EPSILON)).mean(-1)),
    "cosine_similarity": (REAL, lambda y, p: -(_unit(y) * _unit(p)).sum(-1)),
    "hinge": ((BINARY[0], REAL[1]), lambda y, p: np.maximum(1 - _signed(y) * p, 0).mean(-1)),
    "squared_hinge": (
        (BINARY[0], REAL[1]),
        lambda y, p: (np.maximum(1 - _signed(y) * p, 0) ** 2).mean(-1),
    ),
    "categorical_hinge": (
        (ONE_HOT[0], REAL[1]),
        lambda y, p: np.maximum(((1 - y) * p).max(-1) - (y * p).sum(-1) + 1, 0),
    ),
    "kl_divergence": (DISTRIBUTIONS, lambda y, p: (y * np.log(y / p)).sum(-1)),
    "binary_crossentropy": (
        BINARY,
        lambda y, p: -(y * np.log(p) + (1 - y) * np.log(1 - p)).mean(-1),
    ),
    "binary_focal_crossentropy": (BINARY, _focal),
    "categorical_crossentropy": (ONE_HOT, lambda y, p: -(y * np.log(p)).sum(-1)),
    "categorical_focal_crossentropy": (
        ONE_HOT,
        lambda y, p: (0.25 * (1 - p) ** 2 * -y * np.log(p)).sum(-1),
    ),
    "sparse_categorical_crossentropy": (
        LABELS,
        lambda y, p: -np.log(p[np.arange(len(y)), y]),
    ),
    "dice": (BINARY, lambda y, p: 1 - 2 * (y * p).sum() / (y.sum() + p.sum())),
    "tversky": (
        BINARY,
        lambda y, p: (
            1
            - (y * p).sum()
            / ((y * p).sum() + 0.5 * (y * (1 - p)).sum() + 0.5 * (p * (1 - y)).sum())
        ),
    ),
}
CLASSES = {
    name: cls
    for cls in (getattr(losses, n) for n in losses.__all__)
    if isinstance(cls, type) and cls is not losses.Loss
    for name in [nacre.naming.to_snake_case(cls.__name__)]
}


def _close(actual, expected, tolerance=2e-5):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=1e-6)


@pytest.mark.parametrize("name", FORMULAS)
def test_values(name, each_backend):
    (y_true, y_pred), formula = FORMULAS[name]
    expected = formula(y_true.astype("int64" if name.startswith("sparse") else "f8"), y_pred)
    _close(getattr(losses, name)(y_true, y_pred), expected)
    cls = CLASSES[name]
    loss = cls()
    _close(loss(y_true, y_pred), expected.mean())
    if np.ndim(expected):
        _close(cls(reduction="sum")(y_true, y_pred), expected.sum())
        _close(cls(reduction=None)(y_true, y_pred), expected)
        weights = np.arange(1, 7, dtype="float32")
        _close(loss(y_true, y_pred, sample_weight=weights), (expected * weights).mean())
        mean = cls(reduction="mean_with_sample_weight")
        _close(mean(y_true, y_pred, weights), (expected * weights).sum() / weights.sum())
    again = cls.from_config(loss.get_config())
    assert again.get_config() == loss.get_config()
    _close(again(y_true, y_pred), expected.mean())
    restored = losses.deserialize(losses.serialize(loss))
    assert type(restored) is cls


def test_crossentropies_of_logits():
    logits = REAL[1] * 3
    p = _softmax(logits)
    y = ONE_HOT[0]
    expected = -(y * np.log(p)).sum(-1)
    _close(losses.categorical_crossentropy(y, logits, from_logits=True), expected)
    labels = y.argmax(-1)
    for dtype in ("int32", "int64", "uint8", "float32"):
        _close(
            losses.sparse_categorical_crossentropy(labels.astype(dtype), logits, from_logits=True),
            expected,
        )
    sigmoid = 1 / (1 + np.exp(-logits))
    _close(
        losses.binary_crossentropy(BINARY[0], logits, from_logits=True),
        -(BINARY[0] * np.log(sigmoid) + (1 - BINARY[0]) * np.log(1 - sigmoid)).mean(-1),
    )
    _close(losses.categorical_crossentropy(y.T, logits.T, from_logits=True, axis=0), expected)


def test_label_smoothing():
    y, p = ONE_HOT
    smooth = y * 0.9 + 0.1 / 4
    _close(
        losses.categorical_crossentropy(y, p, label_smoothing=0.1), -(smooth * np.log(p)).sum(-1)
    )
    y, p = BINARY
    smooth = y * 0.9 + 0.05
    expected = -(smooth * np.log(p) + (1 - smooth) * np.log(1 - p)).mean(-1)
    _close(losses.binary_crossentropy(y, p, label_smoothing=0.1), expected)
    with pytest.raises(ValueError, match="label_smoothing"):
        losses.binary_crossentropy(y, p, label_smoothing=1.5)


def test_saturated_probabilities_are_clipped():
    _close(losses.categorical_crossentropy([[1.0, 0.0]], [[0.0, 1.0]]), [16.118], 1e-3)


def test_ignore_class():
    y, p = np.array([0, -1, 1, -1]), _softmax(REAL[1][:4])
    expected = -np.log(p[[0, 2], [0, 1]])
    loss = losses.SparseCategoricalCrossentropy(ignore_class=-1)
    _close(loss(y, p), expected.mean())
    values = losses.sparse_categorical_crossentropy(y, p, ignore_class=-1)
    _close(values, [expected[0], 0, expected[1], 0])
    assert np.asarray(values._keras_mask).tolist() == [True, False, True, False]


def test_masks():
    """A masked mean is one over the valid entries; it is merged with weights."""
    y, p = _draw(2, 3, 4), _draw(2, 3, 4) + 1
    mask = np.array([[True, False, True], [True, False, False]])
    masked = ops.convert_to_tensor(p)
    masked._keras_mask = ops.convert_to_tensor(mask)
    values = ((y - p) ** 2).mean(-1)
    _close(losses.MeanSquaredError()(y, masked), values[mask].mean())
    _close(losses.MeanSquaredError(reduction="sum")(y, masked), values[mask].sum())
    weights = np.array([2.0, 3.0], "float32")
    expected = (values * mask * weights[:, None]).sum() / mask.sum()
    _close(losses.MeanSquaredError()(y, masked, weights), expected)


def test_weights_divide_by_the_number_of_samples():
    _close(losses.MeanSquaredError()([0, 1, 1, 1], [1, 0, 0, 0], [1, 2, 2, 0]), 1.25)
    y, p = _draw(4, 3, 2), _draw(4, 3, 2) + 1
    weights = np.array([1.0, 2.0, 0.0, 3.0], "float32")
    values = ((y - p) ** 2).mean(-1)
    _close(losses.MeanSquaredError()(y, p, weights), (values * weights[:, None]).mean())
    mean = losses.MeanSquaredError(reduction="mean_with_sample_weight")
    _close(mean(y, p, weights), np.average(values.mean(1), weights=weights))
    loss = losses.BinaryCrossentropy()
    with pytest.raises(ValueError, match="sample_weight"):
        loss(BINARY[0], BINARY[1], np.ones(4, "float32"))


class TestShapes:
    @pytest.mark.parametrize("name", ["mse", "mae", "bce", "huber", "hinge"])
    def test_column_against_vector_does_not_broadcast(self, name):
        """(N,) against (N, 1) is one value per sample, never (N, N)."""
        y, p = BINARY[0][:, 0], BINARY[1][:, :1]
        fn = losses.get(name)
        expected = np.asarray(fn(y[:, None], p))
        assert expected.shape == (6,)
        _close(fn(y, p), expected)
        _close(fn(y[:, None], p[:, 0]), expected)
        wrapped = losses.LossFunctionWrapper(fn, reduction=None)
        _close(wrapped(y, p), expected)

    @pytest.mark.parametrize(
        ("name", "true", "pred"),
        [
            ("mse", (6, 3), (6, 4)),
            ("mse", (6,), (6, 4)),
            ("mae", (5, 4), (6, 4)),
            ("binary_crossentropy", (6, 2, 4), (6, 4)),
            ("categorical_crossentropy", (6,), (6, 4)),
            ("categorical_crossentropy", (6, 1), (6, 4)),
        ],
    )
    def test_mismatches_raise(self, name, true, pred):
        with pytest.raises(ValueError, match=r"expected targets of the shape") as error:
            losses.get(name)(np.ones(true, "float32"), np.ones(pred, "float32"))
        assert str(true) in str(error.value)
        assert str(pred) in str(error.value)

    def test_sparse_labels(self):
        y, p = LABELS
        expected = np.asarray(losses.sparse_categorical_crossentropy(y, p))
        _close(losses.sparse_categorical_crossentropy(y[:, None], p), expected)
        with pytest.raises(ValueError, match=r"expected labels of shape \(6,\).*one-hot"):
            losses.sparse_categorical_crossentropy(ONE_HOT[0], p)
        for bad in (4, -1):
            with pytest.raises(ValueError, match="label"):
                losses.sparse_categorical_crossentropy(np.full(6, bad), p)


def test_names():
    for short, name in [
        ("mse", "mean_squared_error"),
        ("MSE", "mean_squared_error"),
        ("mae", "mean_absolute_error"),
        ("mape", "mean_absolute_percentage_error"),
        ("msle", "mean_squared_logarithmic_error"),
        ("bce", "binary_crossentropy"),
        ("kld", "kl_divergence"),
        ("logcosh", "log_cosh"),
        ("huber_loss", "huber"),
    ]:
        assert losses.get(short) is getattr(losses, name)
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    fn = lambda y, p: p  # noqa: E731
    assert losses.get(fn) is fn
    with pytest.raises(ValueError, match=r"Unknown loss: 'no_such'.*mse"):
        losses.get("no_such")
    assert losses.resolve("crossentropy", (8,), (8, 3)) is losses.sparse_categorical_crossentropy
    assert losses.resolve("ce", (8, 1), (8, 1)) is losses.binary_crossentropy
    assert losses.resolve("ce", (8, 3), (8, 3)) is losses.categorical_crossentropy
    with pytest.raises(ValueError, match="reduction"):
        losses.MeanSquaredError(reduction="average")


def test_own_loss():
    class Cubes(losses.Loss):
        def call(self, y_true, y_pred):
            return ops.mean(ops.power(ops.absolute(y_true - y_pred), 3.0), axis=-1)

    y, p = REAL
    _close(Cubes()(y, p), (np.abs(y - p) ** 3).mean())


def test_circle_prefers_separated_classes():
    near = _unit(np.array([[1, 0.1], [1, -0.1], [-1, 0.1], [-1, -0.1]], "float32"))
    labels = np.array([0, 0, 1, 1])
    good = float(losses.Circle()(labels, near))
    bad = float(losses.Circle()(np.array([0, 1, 0, 1]), near))
    assert good < bad
