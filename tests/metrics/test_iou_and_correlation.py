"""Intersection over union, correlations and operating points against NumPy."""

import numpy as np
import pytest

import nacre
from nacre import metrics

RNG = np.random.default_rng(0)


def _iou(y, p, classes, weights):
    shares = []
    for c in classes:
        both = weights[(y == c) & (p == c)].sum()
        either = weights[(y == c) | (p == c)].sum()
        if either:
            shares.append(both / either)
    return np.mean(shares)


def test_iou_leaves_out_what_is_no_class(each_backend):
    y, p = RNG.integers(-1, 5, (2, 60))
    w = RNG.random(60).astype("float32")
    known = (y >= 0) & (p >= 0) & (y < 4) & (p < 4)
    for metric, classes, kept in (
        (metrics.MeanIoU(4, dtype="float32"), range(4), known),
        (metrics.IoU(4, [1, 3], dtype="float32"), [1, 3], known),
        (metrics.MeanIoU(4, dtype="float32", ignore_class=2), range(4), known & (y != 2)),
    ):
        for part in (slice(0, 20), slice(20, 60)):
            metric.update_state(y[part], p[part], sample_weight=w[part])
        expected = _iou(y[kept], p[kept], classes, w[kept])
        assert float(metric.result()) == pytest.approx(expected, rel=1e-5)


def test_iou_counts_in_integers_unless_told_otherwise():
    metric = metrics.MeanIoU(2)
    assert metric.total_cm.dtype == "int32"
    with pytest.warns(UserWarning, match="lose their fractions"):
        metric.update_state([0, 1], [0, 1], sample_weight=np.array([0.5, 2.5], "float32"))
    np.testing.assert_array_equal(metric.total_cm.numpy(), [[0, 0], [0, 2]])
    with pytest.raises(ValueError, match="between 0 and 1"):
        metrics.IoU(2, [2])


def test_iou_of_one_hot_and_scores_on_another_axis():
    y, scores = RNG.integers(0, 3, (2, 4)), RNG.random((2, 3, 4)).astype("float32")
    one_hot = np.moveaxis(np.eye(3)[y], -1, 1)
    metric = metrics.OneHotMeanIoU(3, axis=1)
    metric.update_state(one_hot, scores)
    other = metrics.MeanIoU(3)
    other.update_state(y, scores.argmax(1))
    np.testing.assert_array_equal(metric.total_cm.numpy(), other.total_cm.numpy())
    binary = metrics.BinaryIoU([1], threshold=0.25)
    binary.update_state([0, 1, 1], [0.2, 0.25, 0.1])
    assert float(binary.result()) == pytest.approx(0.5)


def test_counts_in_buckets_are_those_of_comparisons(each_backend):
    """Outputs on thresholds, outside of them and not a number; thresholds even and not."""
    y = RNG.integers(0, 2, 200).astype("float32")
    p = np.round(RNG.uniform(-0.1, 1.1, 200) * 8) / 8
    p[:4] = [np.nan, 0.0, 1.0, 1e-30]
    w = RNG.random(200).astype("float32")
    for thresholds in ([0.0, 0.25, 0.5, 0.75, 1.0], [0.125, 0.3, 0.5, 0.9], [0.7, 0.5, 0.125]):
        for weights in (None, w):
            metric = metrics.TruePositives(thresholds=thresholds)
            metric.update_state(y, p.astype("float32"), sample_weight=weights)
            limited = np.minimum(p, 1) if thresholds[-1] == 1 else p  # as in Keras
            above = limited[None, :] > np.array(thresholds)[:, None]
            expected = (above * y * (1 if weights is None else w)).sum(1)
            np.testing.assert_allclose(metric.result(), expected, rtol=1e-5)


def test_operating_points():
    y = (RNG.random(300) > 0.5).astype("float32")
    p = np.clip(0.3 * y + 0.7 * RNG.random(300), 0, 1).astype("float32")
    limits = np.arange(200) / 199
    above = p[None, :] > limits[:, None]
    tp, fp = (above * y).sum(1), (above * (1 - y)).sum(1)
    recall, specificity = tp / y.sum(), 1 - fp / (1 - y).sum()
    precision = tp / np.maximum(tp + fp, 1)
    for metric, constrained, wanted in (
        (metrics.SensitivityAtSpecificity(0.8), specificity, recall),
        (metrics.SpecificityAtSensitivity(0.8), recall, specificity),
        (metrics.PrecisionAtRecall(0.8), recall, precision),
        (metrics.RecallAtPrecision(0.8), precision, recall),
    ):
        metric.update_state(y, p)
        expected = wanted[constrained >= 0.8].max(initial=0)
        assert float(metric.result()) == pytest.approx(expected, rel=1e-6)
        again = type(metric).from_config(metric.get_config())
        assert again.get_config() == metric.get_config()


def test_correlations():
    y, p = RNG.standard_normal((2, 6, 10)).astype("float32")
    metric = metrics.PearsonCorrelation()
    metric.update_state(y, p)
    expected = np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(y, p, strict=True)])
    assert float(metric.result()) == pytest.approx(expected, rel=1e-4)
    same = metrics.ConcordanceCorrelation()
    same.update_state(y, y)
    assert float(same.result()) == pytest.approx(1, rel=1e-4)
    assert type(metrics.get("pearson_correlation")) is metrics.PearsonCorrelation


def test_r2_and_its_adjusted_form():
    y, p = RNG.standard_normal((2, 30, 2))
    w = RNG.random(30)
    mean = (w[:, None] * y).sum(0) / w.sum()
    left = (w[:, None] * (y - p) ** 2).sum(0)
    total = (w[:, None] * (y - mean) ** 2).sum(0)
    for how, expected in (
        (None, 1 - left / total),
        ("uniform_average", (1 - left / total).mean()),
        ("variance_weighted_average", 1 - left.sum() / total.sum()),
    ):
        metric = metrics.R2Score(how)
        metric.update_state(y, p, sample_weight=w)
        np.testing.assert_allclose(metric.result(), expected, rtol=1e-4)
    adjusted = metrics.R2Score(num_regressors=5)
    adjusted.update_state(y, p, sample_weight=w)
    plain = (1 - left / total).mean()
    assert float(adjusted.result()) == pytest.approx(1 - (1 - plain) * 59 / 54, rel=1e-4)
    few = metrics.R2Score(num_regressors=2)
    few.update_state(y[:1], p[:1])
    with pytest.warns(UserWarning, match="2 regressors"):
        few.result()
    with pytest.raises(ValueError, match=r"shape \(4,\)"):
        metrics.R2Score().update_state(y[:4, 0], p[:4, 0])


def test_in_fit_and_evaluate_as_on_arrays():
    """Metrics that make their Variables when they see a batch do so while a step is traced."""
    nacre.utils.set_random_seed(0)
    x, y = RNG.standard_normal((50, 4)), (RNG.random((50, 3)) > 0.5).astype("float32")
    made = [
        lambda: metrics.AUC(multi_label=True, name="auc"),
        lambda: metrics.R2Score(),
        lambda: metrics.PrecisionAtRecall(0.5, name="at_recall"),
        lambda: metrics.MeanIoU(3, sparse_y_true=False, sparse_y_pred=False, name="iou"),
    ]
    model = nacre.Sequential([nacre.layers.Input((4,)), nacre.layers.Dense(3, "sigmoid")])
    model.compile("sgd", "mse", metrics=[make() for make in made])
    history = model.fit(x, y, epochs=2, batch_size=16, verbose=0).history
    assert set(history) == {"loss", "auc", "r2_score", "at_recall", "iou"}
    result = model.evaluate(x, y, batch_size=16, verbose=0, return_dict=True)
    for make in made:
        metric = make()
        metric.update_state(y, model.predict(x, verbose=0))
        assert float(metric.result()) == pytest.approx(result[metric.name], rel=1e-5)
