"""Connectionist temporal classification against all alignments of small cases."""

import itertools

import numpy as np
import pytest

import nacre
from nacre import layers, losses, ops


def _log_softmax(x):
    return x - np.log(np.exp(x).sum(-1, keepdims=True))


def _by_enumeration(labels, logits):
    """Sum the probabilities of all paths that read as the labels."""
    logs = _log_softmax(logits.astype("float64"))
    total = 0.0
    for path in itertools.product(range(logits.shape[1]), repeat=logits.shape[0]):
        read = [c for c, _ in itertools.groupby(path) if c != 0]
        if read == list(labels):
            total += np.exp(sum(logs[t, c] for t, c in enumerate(path)))
    return -np.log(total)


CASES = [[1, 2], [2, 2], [1], [], [2, 1, 2]]


def _batch(rng):
    labels = np.zeros((len(CASES), 3), int)
    for row, case in zip(labels, CASES, strict=True):
        row[: len(case)] = case
    return labels, rng.standard_normal((len(CASES), 5, 3)).astype("float32")


def test_values(each_backend):
    labels, logits = _batch(np.random.default_rng(0))
    expected = [_by_enumeration(c, x) for c, x in zip(CASES, logits, strict=True)]
    np.testing.assert_allclose(losses.ctc(labels, logits), expected, rtol=2e-6)
    assert float(losses.CTC()(labels, logits)) == pytest.approx(np.mean(expected), rel=1e-6)


def test_lengths_shorter_than_the_batch():
    labels, logits = _batch(np.random.default_rng(1))
    lengths, steps = np.array([1, 2, 1, 0, 2]), np.array([3, 5, 1, 2, 4])
    result = ops.ctc_loss(labels, logits, lengths, steps)
    expected = [
        _by_enumeration(y[:n], x[:t])
        for y, x, n, t in zip(labels, logits, lengths, steps, strict=True)
    ]
    np.testing.assert_allclose(result, expected, rtol=2e-6)


def test_another_blank():
    _, logits = _batch(np.random.default_rng(2))
    labels = np.array([[0, 1]] * len(CASES))
    swapped = logits[:, :, [2, 0, 1]]  # class 2 is the blank
    result = ops.ctc_loss(labels, logits, [2] * len(CASES), [5] * len(CASES), mask_index=2)
    np.testing.assert_allclose(result, losses.ctc(labels + 1, swapped), rtol=1e-6)


def test_gradient():
    labels, logits = _batch(np.random.default_rng(3))
    variable = nacre.Variable(logits)
    with nacre.GradientTape() as tape:
        loss = ops.sum(losses.ctc(labels, variable))
    gradient = tape.gradient(loss, [variable])[0].numpy()
    for index in [(0, 0, 1), (1, 3, 2), (4, 2, 0), (3, 4, 1)]:
        moved = []
        for sign in (1, -1):
            x = logits.astype("float64")
            x[index] += sign * 1e-4
            moved.append(_by_enumeration(CASES[index[0]], x[index[0]]))
        assert gradient[index] == pytest.approx((moved[0] - moved[1]) / 2e-4, abs=1e-4)


def test_training_learns_the_order_of_labels():
    rng = np.random.default_rng(4)
    labels = rng.integers(1, 4, (64, 3))
    x = np.repeat(np.eye(4)[labels], 4, axis=1) + 0.1 * rng.standard_normal((64, 12, 4))
    model = nacre.Sequential([layers.Input((None, 4)), layers.Dense(4)])
    model.compile(nacre.optimizers.Adam(0.05), losses.CTC())
    history = model.fit(x, labels, epochs=8, batch_size=16, verbose=0).history["loss"]
    assert history[-1] < 0.5 * history[0]


def test_errors():
    with pytest.raises(ValueError, match=r"shapes \(3,\) and \(3, 4, 5\)"):
        losses.ctc(np.zeros(3, int), np.zeros((3, 4, 5)))
    with pytest.raises(ValueError, match=r"shapes \(3, 2\) and \(3, 5\)"):
        ops.ctc_loss(np.zeros((3, 2), int), np.zeros((3, 5)), [1] * 3, [1] * 3)
