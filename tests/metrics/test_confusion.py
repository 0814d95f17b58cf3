"""Precision, recall, areas and F scores against NumPy over two batches."""

import numpy as np
import pytest

from nacre import metrics

RNG = np.random.default_rng(4)
Y = (RNG.random((40, 3)) > 0.6).astype("float32")
P = np.clip(0.35 * Y + 0.65 * RNG.random((40, 3)), 0, 1).astype("float32")
W = RNG.random(40).astype("float32")


def _feed(metric, y=Y, p=P, w=None):
    for rows in (slice(0, 15), slice(15, 40)):
        metric.update_state(y[rows], p[rows], None if w is None else w[rows])
    return np.asarray(metric.result())


def _counts(threshold, y=Y, p=P, w=None):
    w = np.ones(y.shape) if w is None else np.broadcast_to(w[:, None], y.shape)
    above = p > threshold
    return [
        (w * (above & (y == 1))).sum(0),
        (w * (above & (y == 0))).sum(0),
        (w * (~above & (y == 0))).sum(0),
        (w * (~above & (y == 1))).sum(0),
    ]


@pytest.mark.parametrize("weights", [None, W])
def test_counts_precision_and_recall(weights):
    names = ["TruePositives", "FalsePositives", "TrueNegatives", "FalseNegatives"]
    for index, name in enumerate(names):
        metric = getattr(metrics, name)(thresholds=[0.3, 0.5])
        expected = [_counts(t, w=weights)[index].sum() for t in (0.3, 0.5)]
        np.testing.assert_allclose(_feed(metric, w=weights), expected, rtol=1e-5)
    tp, fp, _, fn = (count.sum() for count in _counts(0.5, w=weights))
    np.testing.assert_allclose(_feed(metrics.Precision(), w=weights), tp / (tp + fp), rtol=1e-5)
    np.testing.assert_allclose(_feed(metrics.Recall(), w=weights), tp / (tp + fn), rtol=1e-5)
    tp, fp, *_ = (count[1] for count in _counts(0.4, w=weights))
    metric = metrics.Precision(thresholds=0.4, class_id=1)
    np.testing.assert_allclose(_feed(metric, w=weights), tp / (tp + fp), rtol=1e-5)


def test_top_k():
    kept = np.zeros_like(Y, bool)
    np.put_along_axis(kept, np.argsort(-P, axis=-1)[:, :2], True, axis=-1)
    expected = (kept & (Y == 1)).sum() / kept.sum()
    np.testing.assert_allclose(_feed(metrics.Precision(top_k=2)), expected, rtol=1e-5)


def _roc_auc(y, p):
    better = (p[y == 1][:, None] > p[y == 0][None, :]).mean()
    return better


@pytest.mark.parametrize("weights", [None, W])
def test_area_under_roc(weights):
    area = float(_feed(metrics.AUC(num_thresholds=2001), w=weights))
    if weights is None:
        assert area == pytest.approx(_roc_auc(Y.ravel(), P.ravel()), abs=1e-3)
    lower, upper = (
        float(_feed(metrics.AUC(num_thresholds=50, summation_method=m), w=weights))
        for m in ("minoring", "majoring")
    )
    assert lower <= area <= upper


def test_area_per_label():
    metric = metrics.AUC(2001, multi_label=True, num_labels=3)
    areas = [_roc_auc(Y[:, i], P[:, i]) for i in range(3)]
    assert float(_feed(metric)) == pytest.approx(np.mean(areas), abs=2e-3)
    weighted = metrics.AUC(2001, multi_label=True, num_labels=3, label_weights=[1, 0, 2])
    assert float(_feed(weighted)) == pytest.approx((areas[0] + 2 * areas[2]) / 3, abs=2e-3)


def test_area_under_precision_and_recall():
    area = float(_feed(metrics.AUC(2001, curve="PR")))
    order = np.argsort(-P.ravel())
    y = Y.ravel()[order]
    precision = np.cumsum(y) / np.arange(1, len(y) + 1)
    assert area == pytest.approx((precision * y).sum() / y.sum(), abs=0.02)


def test_f_scores():
    y = np.eye(3, dtype="float32")[RNG.integers(0, 3, 40)]
    p = (0.5 * y + RNG.random((40, 3))).astype("float32")
    chosen = np.eye(3)[p.argmax(-1)]
    tp, fp, fn = (chosen * y).sum(0), (chosen * (1 - y)).sum(0), ((1 - chosen) * y).sum(0)

    def score(tp, fp, fn, beta=1.0):
        precision, recall = tp / (tp + fp), tp / (tp + fn)
        return (1 + beta**2) * precision * recall / (beta**2 * precision + recall)

    each = score(tp, fp, fn)
    np.testing.assert_allclose(_feed(metrics.F1Score(), y, p), each, rtol=1e-5)
    np.testing.assert_allclose(_feed(metrics.F1Score("macro"), y, p), each.mean(), rtol=1e-5)
    np.testing.assert_allclose(
        _feed(metrics.F1Score("weighted"), y, p), (each * y.mean(0)).sum(), rtol=1e-5
    )
    np.testing.assert_allclose(
        _feed(metrics.F1Score("micro"), y, p), score(tp.sum(), fp.sum(), fn.sum()), rtol=1e-5
    )
    np.testing.assert_allclose(
        _feed(metrics.FBetaScore(beta=2.0), y, p), score(tp, fp, fn, 2.0), rtol=1e-5
    )


@pytest.mark.parametrize(
    "metric",
    [
        metrics.Precision(thresholds=[0.2, 0.8]),
        metrics.Recall(top_k=2, class_id=1),
        metrics.FalsePositives(0.3),
        metrics.AUC(curve="PR", thresholds=[0.2, 0.5]),
        metrics.F1Score("macro", 0.5),
        metrics.FBetaScore(beta=0.5),
    ],
)
def test_configuration_and_reset(metric):
    again = type(metric).from_config(metric.get_config())
    assert again.get_config() == metric.get_config()
    first = _feed(metric)
    assert metric._native_reset
    metric.reset_state()
    np.testing.assert_array_equal(_feed(metric), first)
    np.testing.assert_array_equal(_feed(again), first)


def test_in_fit():
    import nacre

    nacre.utils.clear_session()

    model = nacre.Sequential([nacre.layers.Input((3,)), nacre.layers.Dense(1, "sigmoid")])
    model.compile("adam", "bce", metrics=["accuracy", "auc", metrics.Precision(), metrics.Recall()])
    logs = model.fit(P, Y[:, :1], epochs=2, verbose=0, validation_data=(P, Y[:, :1])).history
    result = model.predict(P, verbose=0)
    true = metrics.AUC()
    true.update_state(Y[:, :1], result)
    assert logs["val_auc"][-1] == pytest.approx(float(true.result()), rel=1e-5)
    assert {"auc", "precision", "recall"} <= set(logs)


def test_bad_arguments():
    for make in (
        lambda: metrics.Precision(thresholds=1.5),
        lambda: metrics.AUC(curve="XY"),
        lambda: metrics.AUC(num_thresholds=1),
        lambda: metrics.AUC(num_labels=3),
        lambda: metrics.AUC(multi_label=True)(Y[:, 0], P[:, 0]),
        lambda: metrics.Precision(class_id=3)(Y, P),
        lambda: metrics.Recall(class_id=0)(Y[:, 0], P[:, 0]),
        lambda: metrics.PrecisionAtRecall(1.5),
        lambda: metrics.RecallAtPrecision(0.5, num_thresholds=0),
        lambda: metrics.F1Score(average="mean"),
        lambda: metrics.F1Score()(Y[0], P[0]),
    ):
        with pytest.raises(ValueError):
            make()
