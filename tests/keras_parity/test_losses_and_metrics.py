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


def _positive(rng):
    return tuple(rng.uniform(0.1, 3, (2, ROWS, 3)).astype(np.float32))


def _signs(rng):
    return _binary(rng)[0] * 2 - 1, _real(rng)[0]


def _embeddings(rng):
    x = rng.standard_normal((ROWS, 5)).astype(np.float32)
    return rng.integers(0, 3, ROWS), x / np.linalg.norm(x, axis=1, keepdims=True)


def _alignments(rng):
    labels = rng.integers(1, 5, (ROWS, 3)) * (np.arange(3) < rng.integers(1, 4, (ROWS, 1)))
    return labels, rng.standard_normal((ROWS, 8, 5)).astype(np.float32)


def _channels_first(rng):
    p = rng.uniform(0.05, 1, (ROWS, 3, 4)).astype(np.float32)
    labels = np.eye(3, dtype=np.float32)[rng.integers(0, 3, (ROWS, 4))]
    return np.moveaxis(labels, -1, 1), p / p.sum(axis=1, keepdims=True)


def _column_against_vector(rng):
    y, p = _real(rng)
    return y[:, 0], p[:, :1]


LOSSES = [
    ("MeanSquaredError", {}, _real),
    ("MeanSquaredError", {}, _column_against_vector),
    ("MeanAbsoluteError", {}, _real),
    ("MeanAbsolutePercentageError", {}, _real),
    ("MeanSquaredLogarithmicError", {}, _positive),
    ("CosineSimilarity", {}, _real),
    ("Huber", {"delta": 0.5}, _real),
    ("LogCosh", {}, _real),
    ("Poisson", {}, _positive),
    ("Hinge", {}, _signs),
    ("Hinge", {}, _binary),
    ("SquaredHinge", {}, _signs),
    ("CategoricalHinge", {}, _categorical),
    ("KLDivergence", {}, _categorical),
    ("BinaryCrossentropy", {}, _binary),
    ("BinaryCrossentropy", {"label_smoothing": 0.2}, _binary),
    ("BinaryCrossentropy", {"from_logits": True}, _binary),
    ("BinaryFocalCrossentropy", {"gamma": 1.5}, _binary),
    ("BinaryFocalCrossentropy", {"apply_class_balancing": True, "alpha": 0.3}, _binary),
    ("BinaryFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, _binary),
    ("CategoricalCrossentropy", {}, _categorical),
    ("CategoricalCrossentropy", {"label_smoothing": 0.2}, _categorical),
    ("CategoricalCrossentropy", {"from_logits": True}, _categorical),
    ("CategoricalCrossentropy", {"axis": 1}, _channels_first),
    ("CategoricalFocalCrossentropy", {"alpha": 0.5}, _categorical),
    ("CategoricalFocalCrossentropy", {"alpha": [0.1, 0.4, 1.0, 0.2], "gamma": 1.0}, _categorical),
    ("CategoricalFocalCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, _categorical),
    ("SparseCategoricalCrossentropy", {}, _sparse),
    ("SparseCategoricalCrossentropy", {"from_logits": True}, _sparse),
    ("SparseCategoricalCrossentropy", {"ignore_class": 2}, _sparse),
    ("SparseCategoricalCrossentropy", {"ignore_class": 1, "from_logits": True}, _sparse),
    ("CategoricalGeneralizedCrossEntropy", {}, _sparse),
    ("CategoricalGeneralizedCrossEntropy", {"q": 0.9}, _sparse),
    ("Dice", {}, _binary),
    ("Dice", {"axis": (1,)}, _binary),
    ("Tversky", {"alpha": 0.3, "beta": 0.8}, _binary),
    ("Circle", {}, _embeddings),
    ("Circle", {"gamma": 20.0, "margin": 0.2, "remove_diagonal": False}, _embeddings),
    ("CTC", {}, _alignments),
]
REDUCED = [LOSSES[0], ("SparseCategoricalCrossentropy", {"ignore_class": 2}, _sparse)]


def _column(rng):
    y, p = _binary(rng)
    return y[:, :1], p[:, :1]


def _edges(rng):
    """Outputs on thresholds, at both ends and outside."""
    y, p = _binary(rng)
    return y, np.round(p * 5) / 4 - 0.05 * rng.integers(0, 2, p.shape).astype(np.float32)


def _classes(rng):
    """Class numbers, some of which are none."""
    return tuple(rng.integers(-1, 5, (2, ROWS)))


def _one_hot_and_scores(rng):
    labels, p = _categorical(rng)
    return labels.astype(np.int32), p


def _skewed(rng):
    return tuple((rng.standard_normal((2, ROWS, 3)) ** 3 + 2).astype(np.float32))


METRICS = [
    ("Mean", {}, None),
    ("Sum", {}, None),
    ("MeanSquaredError", {}, _real),
    ("MeanAbsoluteError", {}, _real),
    ("RootMeanSquaredError", {}, _real),
    ("CosineSimilarity", {}, _real),
    ("LogCoshError", {}, _real),
    ("Poisson", {}, lambda rng: tuple(rng.uniform(0.1, 2, (2, ROWS, 3)).astype(np.float32))),
    ("Accuracy", {}, lambda rng: tuple(rng.integers(0, 3, (2, ROWS, 1)))),
    ("BinaryAccuracy", {}, _binary),
    ("BinaryAccuracy", {"threshold": 0.3}, _binary),
    ("CategoricalAccuracy", {}, _categorical),
    ("SparseCategoricalAccuracy", {}, _sparse),
    ("TopKCategoricalAccuracy", {"k": 2}, _categorical),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, _sparse),
    ("BinaryCrossentropy", {}, _binary),
    ("CategoricalCrossentropy", {}, _categorical),
    ("SparseCategoricalCrossentropy", {}, _sparse),
    ("KLDivergence", {}, lambda rng: (_categorical(rng)[1], _categorical(rng)[1])),
    ("TruePositives", {"thresholds": [0.2, 0.5]}, _binary),
    ("FalsePositives", {}, _binary),
    ("TrueNegatives", {"thresholds": [0.0, 0.25, 0.5, 0.75, 1.0]}, _edges),
    ("FalseNegatives", {"thresholds": [0.1, 0.2, 0.7]}, _edges),
    ("Precision", {}, _binary),
    ("Precision", {"thresholds": [0.3, 0.6]}, _binary),
    ("Precision", {"top_k": 2}, _categorical),
    ("Precision", {"class_id": 1, "thresholds": 0.2}, _binary),
    ("Recall", {}, _binary),
    ("Recall", {"top_k": 1, "class_id": 2}, _categorical),
    ("F1Score", {"average": "macro"}, _categorical),
    ("F1Score", {"average": "micro", "threshold": 0.4}, _binary),
    ("F1Score", {}, _categorical),
    ("FBetaScore", {"average": "weighted", "beta": 2.0}, _categorical),
    ("AUC", {}, _binary),
    ("AUC", {"num_thresholds": 5}, _edges),
    ("AUC", {"curve": "PR"}, _column),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, _binary),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.1, 0.15, 0.6]}, _edges),
    ("AUC", {"thresholds": [0.25, 0.5, 0.75]}, _edges),
    ("AUC", {"from_logits": True}, lambda rng: (_binary(rng)[0], 3 * _real(rng)[0])),
    ("AUC", {"multi_label": True}, _binary),
    ("AUC", {"multi_label": True, "num_labels": 3, "label_weights": [1.0, 0.0, 2.0]}, _binary),
    ("AUC", {"label_weights": [1.0, 0.5, 2.0]}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.6}, _binary),
    ("SensitivityAtSpecificity", {"specificity": 0.5, "num_thresholds": 5}, _edges),
    ("SpecificityAtSensitivity", {"sensitivity": 0.4, "num_thresholds": 50}, _column),
    ("PrecisionAtRecall", {"recall": 0.3, "class_id": 1}, _binary),
    ("RecallAtPrecision", {"precision": 0.2, "num_thresholds": 1}, _binary),
    ("RecallAtPrecision", {"precision": 0.3}, _binary),
    ("IoU", {"num_classes": 4, "target_class_ids": [0, 2], "dtype": "float32"}, _classes),
    ("MeanIoU", {"num_classes": 5, "dtype": "float32"}, _classes),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1, "dtype": "float32"}, _classes),
    ("BinaryIoU", {"target_class_ids": [1], "threshold": 0.4, "dtype": "float32"}, _column),
    (
        "OneHotIoU",
        {"num_classes": 4, "target_class_ids": [1, 3], "dtype": "float32"},
        _one_hot_and_scores,
    ),
    ("OneHotMeanIoU", {"num_classes": 4, "dtype": "float32"}, _one_hot_and_scores),
    ("R2Score", {}, _skewed),
    ("R2Score", {"class_aggregation": None}, _skewed),
    ("R2Score", {"class_aggregation": "variance_weighted_average"}, _skewed),
    ("R2Score", {"num_regressors": 4}, _skewed),
    ("PearsonCorrelation", {}, _skewed),
    ("ConcordanceCorrelation", {"axis": -1}, _skewed),
]


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "draw"), LOSSES)
def test_loss(keras, name, options, draw, weighted):
    _check_loss(keras, name, options, draw, weighted)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("reduction", ["sum", "none", "mean", "mean_with_sample_weight", None])
@pytest.mark.parametrize(("name", "options", "draw"), REDUCED)
def test_reduction(keras, name, options, draw, weighted, reduction):
    _check_loss(keras, name, {**options, "reduction": reduction}, draw, weighted)


def _check_loss(keras, name, options, draw, weighted):
    rng = np.random.default_rng(5)
    y, p = draw(rng)
    shape = (ROWS, 4) if draw is _channels_first else ROWS
    weight = rng.uniform(0, 2, shape).astype(np.float32) if weighted else None
    ours, theirs = (
        getattr(lib.losses, name)(**options)(y, p, sample_weight=weight) for lib in (nacre, keras)
    )
    assert_close(np.asarray(ours), np.asarray(theirs), 1e-5, name)
    ours, theirs = (getattr(lib.losses, name)(**options) for lib in (nacre, keras))
    assert theirs.get_config().items() <= ours.get_config().items()
    assert type(ours).from_config(ours.get_config()).get_config() == ours.get_config()


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("name", "options", "draw"), METRICS)
def test_metric(keras, name, options, draw, weighted):
    ours, theirs = (getattr(lib.metrics, name)(**options) for lib in (nacre, keras))
    assert ours.name == theirs.name
    assert ours._direction == getattr(theirs, "_direction", ours._direction)
    rng = np.random.default_rng(6)
    results = None
    for _ in range(3):
        arguments = draw(rng) if draw else (rng.standard_normal(ROWS).astype(np.float32),)
        weight = rng.uniform(0, 2, ROWS).astype(np.float32) if weighted else None
        for metric in (ours, theirs):
            metric.update_state(*arguments, sample_weight=weight)
        results = [np.asarray(metric.result()) for metric in (ours, theirs)]
        assert results[0].dtype == results[1].dtype
        # A mean may cancel: relative to the values that went in.
        assert_close(*results, 1e-5, name, scale=0.3)
    assert not np.array_equal(results[0], np.zeros_like(results[0]))
    assert [tuple(v.shape) for v in ours.variables] == [tuple(v.shape) for v in theirs.variables]
    assert [v.name for v in ours.variables] == [v.name for v in theirs.variables]
    config = theirs.get_config()
    if options.get("label_weights") is not None:
        config["label_weights"] = list(np.asarray(config["label_weights"]))
    assert config.items() <= ours.get_config().items()
    if options.get("num_regressors"):
        return  # Keras warns of too few values when there are none
    for metric in (ours, theirs):
        metric.reset_state()
    results = [np.asarray(metric.result()) for metric in (ours, theirs)]
    np.testing.assert_array_equal(*results)


NAMED = {
    "mse": _real,
    "MAE": _real,
    "mape": _real,
    "msle": _positive,
    "bce": _binary,
    "kld": _categorical,
    "mean_squared_error": _real,
    "huber": _real,
    "log_cosh": _real,
    "cosine_similarity": _real,
    "poisson": _positive,
    "hinge": _signs,
    "categorical_hinge": _categorical,
    "binary_crossentropy": _binary,
    "binary_focal_crossentropy": _binary,
    "categorical_crossentropy": _categorical,
    "categorical_focal_crossentropy": _categorical,
    "sparse_categorical_crossentropy": _sparse,
    "tversky": _binary,
    "dice": _binary,
    "ctc": _alignments,
}


@pytest.mark.parametrize("name", NAMED)
def test_loss_by_name(keras, name):
    y, p = NAMED[name](np.random.default_rng(7))
    ours, theirs = (np.asarray(lib.losses.get(name)(y, p)) for lib in (nacre, keras))
    assert_close(ours, theirs, 1e-5, name)
