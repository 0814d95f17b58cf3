"""Normalization layers: values, moving statistics, frozen layers, masks."""

import numpy as np
import pytest

import nacre
from nacre import layers


def _draw(*shape):
    return np.random.default_rng(5).standard_normal(shape).astype("float32") * 2 + 1


def _close(actual, expected, tolerance=2e-6):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("shape", "axis"), [((6, 5), -1), ((4, 3, 5), -1), ((4, 3, 5), 1)])
def test_batch_normalization(shape, axis, each_backend):
    layer = layers.BatchNormalization(axis=axis, momentum=0.9, epsilon=0.01)
    x = _draw(*shape)
    reduced = tuple(i for i in range(len(shape)) if i != axis % len(shape))
    layer.build(shape)
    gamma, beta = _draw(shape[axis]), _draw(shape[axis])
    layer.set_weights([gamma, beta, np.zeros_like(beta), np.ones_like(beta)])
    broadcast = [1] * len(shape)
    broadcast[axis] = -1
    gamma, beta = gamma.reshape(broadcast), beta.reshape(broadcast)
    mean, variance = x.mean(reduced, keepdims=True), x.var(reduced, keepdims=True)

    outputs = layer(x, training=True)
    _close(outputs, (x - mean) / np.sqrt(variance + 0.01) * gamma + beta, 1e-5)
    moving_mean, moving_variance = layer.get_weights()[2:]
    _close(moving_mean, 0.1 * mean.ravel())
    _close(moving_variance, 0.9 + 0.1 * variance.ravel())

    before = layer.get_weights()
    outputs = layer(x)
    expected = (x - moving_mean.reshape(broadcast)) / np.sqrt(
        moving_variance.reshape(broadcast) + 0.01
    )
    _close(outputs, expected * gamma + beta, 1e-5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_batch_normalization_frozen():
    layer = layers.BatchNormalization()
    x = _draw(6, 5)
    layer(x)
    layer.trainable = False
    _close(layer(x, training=True), x / np.sqrt(1.001))
    assert layer.trainable_weights == []
    assert len(layer.non_trainable_weights) == 4
    np.testing.assert_array_equal(layer.moving_mean.numpy(), np.zeros(5))


def test_batch_normalization_without_gamma_and_beta():
    layer = layers.BatchNormalization(center=False, scale=False)
    x = _draw(6, 5)
    _close(layer(x, training=True), (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3), 1e-5)


def test_batch_normalization_mask():
    layer = layers.BatchNormalization(momentum=0.0)
    x = _draw(2, 4, 3)
    mask = np.array([[True, True, False, False], [True, False, False, False]])
    layer(x, training=True, mask=nacre.ops.convert_to_tensor(mask))
    _close(layer.moving_mean.numpy(), x[mask].mean(0), 1e-5)
    _close(layer.moving_variance.numpy(), x[mask].var(0), 1e-5)


@pytest.mark.parametrize("axis", [-1, 1, [1, 2], [2, 1]])
def test_layer_normalization(axis, each_backend):
    layer = layers.LayerNormalization(axis=axis, epsilon=0.01)
    x = _draw(3, 4, 5)
    layer(x)
    gamma, beta = (_draw(*w.shape) for w in layer.weights)
    layer.set_weights([gamma, beta])
    axes = tuple(sorted(a % 3 for a in (axis if isinstance(axis, list) else [axis])))
    shape = [size if i in axes else 1 for i, size in enumerate(x.shape)]
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    expected = (x - mean) / np.sqrt(variance + 0.01) * gamma.reshape(shape) + beta.reshape(shape)
    _close(layer(x), expected, 1e-5)


def test_group_normalization(each_backend):
    x = _draw(2, 3, 6)
    outputs = layers.GroupNormalization(groups=3, epsilon=0.01)(x)
    groups = x.reshape(2, 3, 3, 2)
    mean, variance = groups.mean((1, 3), keepdims=True), groups.var((1, 3), keepdims=True)
    _close(outputs, ((groups - mean) / np.sqrt(variance + 0.01)).reshape(2, 3, 6), 1e-5)
    with pytest.raises(ValueError, match=r"GroupNormalization.*divide"):
        layers.GroupNormalization(groups=4)(x)


def test_rms_and_unit_normalization():
    x = _draw(3, 5)
    _close(layers.RMSNormalization()(x), x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6), 1e-5)
    _close(layers.UnitNormalization()(x), x / np.linalg.norm(x, axis=1, keepdims=True), 1e-5)


@pytest.mark.parametrize("axis", [3, -4, "a", True])
def test_bad_axes(axis):
    with pytest.raises(ValueError, match="axis"):
        layers.BatchNormalization(axis=axis)(_draw(2, 3, 4))
    with pytest.raises(ValueError, match="axis"):
        layers.LayerNormalization(axis=axis)(_draw(2, 3, 4))
