"""Softmax cross-entropy from logits and integer labels: the mean loss and its gradient."""

import numpy as np
import pytest

import nacre
from benchmarks.kernels.common import check, read_shapes


def _reference(logits, labels):
    logits = logits.astype(np.float64)
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels]).mean()
    p[rows, labels] -= 1
    return loss, p / len(labels)


def _numpy(logits, labels):
    p, loss = np.zeros_like(logits), np.zeros((), np.float32)
    largest = np.zeros((len(logits), 1), np.float32)
    total, rows = np.zeros_like(largest), np.arange(len(labels))
    scale = np.float32(1 / len(labels))

    def work():
        np.max(logits, axis=1, keepdims=True, out=largest)
        np.subtract(logits, largest, out=p)
        picked = p[rows, labels]
        np.exp(p, out=p)
        np.sum(p, axis=1, keepdims=True, out=total)
        loss[...] = (np.log(total[:, 0]) - picked).mean()
        np.divide(p, total, out=p)
        p[rows, labels] -= 1
        np.multiply(p, scale, out=p)

    return work, lambda: (loss, p)


def _nacre(logits, labels):
    loss, gradient = nacre.Variable(np.float32(0)), nacre.Variable(np.zeros_like(logits))
    logits, labels = (nacre.ops.convert_to_tensor(array) for array in (logits, labels))

    @nacre.function
    def step(logits, labels):
        with nacre.GradientTape() as tape:
            losses = nacre.ops.sparse_categorical_crossentropy(labels, logits, from_logits=True)
            value = nacre.ops.mean(losses)
        loss.assign(value)
        gradient.assign(tape.gradient(value, logits))

    return lambda: step(logits, labels), lambda: (loss.numpy(), gradient.numpy())


@pytest.mark.parametrize("shape", read_shapes("softmax"), ids=lambda s: "x".join(map(str, s)))
def test_softmax_cross_entropy(measure, library, shape):
    rng = np.random.default_rng(0)
    logits = (3 * rng.standard_normal(shape)).astype(np.float32)
    labels = rng.integers(0, shape[1], shape[0]).astype(np.int32)
    work, results = {"numpy": _numpy, "nacre": _nacre}[library](logits, labels)
    work()
    for name, got, want in zip(
        ("loss", "gradient"), results(), _reference(logits, labels), strict=True
    ):
        check(name, got, want, shape[1])
    measure(f"softmax cross-entropy {shape[0]} x {shape[1]}", work)
