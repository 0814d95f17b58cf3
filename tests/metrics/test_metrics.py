"""Metrics against NumPy over several batches; weights, masks, names, resets."""

import numpy as np
import pytest

import nacre
from nacre import metrics, ops


def _draw(*shape):
    return np.random.default_rng(11).standard_normal(shape).astype("float32")


def _softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


LOGITS = _draw(12, 5)
PROBS = _softmax(LOGITS)
LABELS = np.arange(12) % 5
ONE_HOT = np.eye(5, dtype="float32")[LABELS]
BINARY = (LABELS > 2).astype("float32")
SIGMOID = 1 / (1 + np.exp(-LOGITS[:, 0]))
TARGETS = _draw(12, 5)[::-1].copy()


def _top(k):
    return (np.argsort(-PROBS, axis=-1)[:, :k] == LABELS[:, None]).any(-1)


TABLE = [
    ("Accuracy", {}, LABELS, LABELS % 3, LABELS == LABELS % 3),
    ("BinaryAccuracy", {}, BINARY, SIGMOID, (SIGMOID > 0.5) == BINARY),
    ("BinaryAccuracy", {"threshold": 0.3}, BINARY[:, None], SIGMOID, (SIGMOID > 0.3) == BINARY),
    ("CategoricalAccuracy", {}, ONE_HOT, PROBS, PROBS.argmax(-1) == LABELS),
    ("SparseCategoricalAccuracy", {}, LABELS, PROBS, PROBS.argmax(-1) == LABELS),
    ("SparseCategoricalAccuracy", {}, LABELS[:, None], PROBS, PROBS.argmax(-1) == LABELS),
    ("TopKCategoricalAccuracy", {"k": 2}, ONE_HOT, PROBS, _top(2)),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, LABELS, PROBS, _top(3)),
    ("MeanSquaredError", {}, TARGETS, LOGITS, ((TARGETS - LOGITS) ** 2).mean(-1)),
    ("MeanAbsoluteError", {}, TARGETS, LOGITS, np.abs(TARGETS - LOGITS).mean(-1)),
    ("LogCoshError", {}, TARGETS, LOGITS, np.log(np.cosh(TARGETS - LOGITS)).mean(-1)),
    ("CategoricalCrossentropy", {}, ONE_HOT, PROBS, -(ONE_HOT * np.log(PROBS)).sum(-1)),
    (
        "CategoricalCrossentropy",
        {"from_logits": True},
        ONE_HOT,
        LOGITS,
        -(ONE_HOT * np.log(PROBS)).sum(-1),
    ),
    ("SparseCategoricalCrossentropy", {}, LABELS, PROBS, -np.log(PROBS[np.arange(12), LABELS])),
    (
        "BinaryCrossentropy",
        {},
        BINARY[:, None],
        SIGMOID[:, None],
        -(BINARY * np.log(SIGMOID) + (1 - BINARY) * np.log(1 - SIGMOID)),
    ),
    (
        "CosineSimilarity",
        {},
        TARGETS,
        LOGITS,
        (TARGETS * LOGITS).sum(-1)
        / np.linalg.norm(TARGETS, axis=-1)
        / np.linalg.norm(LOGITS, axis=-1),
    ),
    ("KLDivergence", {}, PROBS[::-1].copy(), PROBS, None),
    ("Poisson", {}, np.abs(TARGETS), np.abs(LOGITS) + 0.1, None),
    ("Hinge", {}, ONE_HOT, LOGITS, None),
    ("SquaredHinge", {}, ONE_HOT, LOGITS, None),
    ("CategoricalHinge", {}, ONE_HOT, LOGITS, None),
    ("MeanAbsolutePercentageError", {}, TARGETS, LOGITS, None),
    ("MeanSquaredLogarithmicError", {}, np.abs(TARGETS), np.abs(LOGITS), None),
]


@pytest.mark.parametrize(("name", "arguments", "y", "p", "values"), TABLE)
def test_running_mean(name, arguments, y, p, values, each_backend):
    if values is None:
        snake = nacre.naming.to_snake_case(name)
        values = np.asarray(getattr(nacre.losses, snake)(y, p))
    metric = getattr(metrics, name)(**arguments)
    weighted = getattr(metrics, name)(**arguments)
    weights = np.arange(12, dtype="float32")
    for rows in (slice(0, 5), slice(5, 12)):
        metric.update_state(y[rows], p[rows])
        weighted.update_state(y[rows], p[rows], sample_weight=weights[rows])
    assert float(metric.result()) == pytest.approx(values.mean(), rel=2e-5)
    expected = (values * weights).sum() / weights.sum()
    assert float(weighted.result()) == pytest.approx(expected, rel=2e-5)
    assert metric._native_reset
    metric.reset_state()
    assert float(metric.result()) == 0.0
    again = type(metric).from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    assert type(metrics.deserialize(metrics.serialize(metric))) is type(metric)
    assert metric._direction == ("up" if "Accuracy" in name or "Cosine" in name else "down")


def test_mean_and_sum():
    mean, total = metrics.Mean(), metrics.Sum()
    for values in ([1.0, 3.0], [5.0], 7.0):
        mean.update_state(values)
        total.update_state(values)
    assert float(mean.result()) == 4.0
    assert float(total.result()) == 16.0
    mean.reset_state()
    assert float(mean([1.0, 3.0, 5.0, 7.0], sample_weight=[1, 1, 0, 0])) == 2.0
    mean.reset_state()
    assert float(mean([[1.0, 3.0], [5.0, 7.0]])) == 4.0
    mean.reset_state()
    assert float(mean([[1.0, 3.0], [5.0, 7.0]], sample_weight=[1.0, 0.0])) == 2.0
    mean.reset_state()
    assert float(mean([[1.0, 3.0], [5.0, 7.0]], sample_weight=[[1.0, 0.0], [0.0, 1.0]])) == 4.0


def test_root_mean_squared_error_is_the_root_of_the_mean():
    metric = metrics.RootMeanSquaredError()
    metric.update_state([0.0, 0.0], [1.0, 2.0])
    metric.update_state([[0.0]], [3.0])
    assert float(metric.result()) == pytest.approx(np.sqrt(14 / 3))


def test_masks_become_weights():
    p = ops.convert_to_tensor(_draw(2, 3, 4))
    y = _draw(2, 3, 4)[::-1].copy()
    mask = np.array([[True, False, True], [True, False, False]])
    p._keras_mask = ops.convert_to_tensor(mask)
    metric = metrics.MeanSquaredError()
    metric.update_state(y, p)
    values = ((y - np.asarray(p)) ** 2).mean(-1)
    # The mean over time comes first, as in Keras.
    expected = (values * mask).mean(1).sum() / mask.mean(1).sum()
    assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_wrapper():
    metric = metrics.MeanMetricWrapper(nacre.losses.huber, name="h", delta=2.0)
    metric.update_state([[0.0]], [[3.0]])
    assert float(metric.result()) == pytest.approx(4.0)
    again = metrics.MeanMetricWrapper.from_config(metric.get_config())
    again.update_state([[0.0]], [[3.0]])
    assert float(again.result()) == pytest.approx(4.0)


def test_own_metric():
    class Count(metrics.Metric):
        def __init__(self, name="count", **kwargs):
            super().__init__(name=name, **kwargs)
            self.n = self.add_weight(name="n", initializer="zeros")
            self.inner = metrics.Mean()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.n.assign_add(ops.sum(ops.cast(y_true, "float32")))
            self.inner.update_state(y_pred)

        def result(self):
            return self.n

    metric = Count()
    metric.update_state([1, 2], [3.0, 4.0])
    assert float(metric.result()) == 3.0
    assert [v.path for v in metric.variables] == ["count/n", "mean/total", "mean/count"]
    assert metric._native_reset
    metric.reset_state()
    assert all(float(v.numpy()) == 0 for v in metric.variables)

    class Special(Count):
        def reset_state(self):
            self.n.assign(5.0)

    assert not Special()._native_reset


def test_names_follow_shapes():
    resolve = metrics.resolve
    for name in ("accuracy", "acc"):
        binary = resolve(name, (8, 1), (8, 1))
        assert isinstance(binary, metrics.BinaryAccuracy)
        assert binary.name == name
        assert isinstance(resolve(name, (8,), (8, 3)), metrics.SparseCategoricalAccuracy)
        assert isinstance(resolve(name, (8, 1), (8, 3)), metrics.SparseCategoricalAccuracy)
        assert isinstance(resolve(name, (8, 3), (8, 3)), metrics.CategoricalAccuracy)
    assert isinstance(resolve("ce", (8,), (8, 3)), metrics.SparseCategoricalCrossentropy)
    assert resolve("mse", (8, 1), (8, 1)).name == "mse"
    assert resolve(lambda y, p: p, (8, 1), (8, 1)).name == "lambda"
    metric = metrics.Mean()
    assert resolve(metric, (8,), (8,)) is metric
    assert isinstance(metrics.get("rmse"), metrics.RootMeanSquaredError)
    with pytest.raises(ValueError, match="Unknown metric: 'no_such'"):
        metrics.get("no_such")


def test_shape_mismatches():
    with pytest.raises(ValueError, match="categorical_accuracy"):
        metrics.CategoricalAccuracy()(LABELS, PROBS)
    with pytest.raises(ValueError, match="sparse_categorical_accuracy"):
        metrics.SparseCategoricalAccuracy()(ONE_HOT, PROBS)
    with pytest.raises(ValueError, match="sample_weight"):
        metrics.MeanSquaredError()(TARGETS, LOGITS, np.ones(5, "float32"))
    narrow = LABELS.astype("uint8")
    assert float(metrics.SparseCategoricalAccuracy()(narrow, PROBS)) == pytest.approx(
        (PROBS.argmax(-1) == LABELS).mean()
    )
