"""Calls with values handed in and out leave the Variables as they are."""

import numpy as np
import pytest

import nacre
from nacre import layers


def values(variables):
    return [np.asarray(v).copy() for v in variables]


def test_layer():
    layer = layers.BatchNormalization(momentum=0.5)
    x = np.random.default_rng(0).normal(size=(8, 3)).astype("float32")
    layer.build(x.shape)
    before = values(layer.variables)
    trainable = [np.full(3, 2.0, "float32"), np.full(3, 1.0, "float32")]
    others = [np.zeros(3, "float32"), np.ones(3, "float32")]
    outputs, state = layer.stateless_call(trainable, others, x, training=True)
    np.testing.assert_allclose(
        outputs, 2 * (x - x.mean(0)) / np.sqrt(x.var(0) + 1e-3) + 1, rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(state[0], 0.5 * x.mean(0), rtol=1e-4, atol=1e-6)
    for a, b in zip(before, values(layer.variables), strict=True):
        np.testing.assert_array_equal(a, b)


def test_losses_of_a_layer():
    layer = layers.Dense(2, use_bias=False, kernel_regularizer=nacre.regularizers.L1(0.5))
    layer.build((None, 3))
    kernel = np.ones((3, 2), "float32")
    _, _, losses = layer.stateless_call([kernel], [], np.ones((1, 3)), return_losses=True)
    assert [float(loss) for loss in losses] == [3.0]


def test_numbers_of_values():
    layer = layers.Dense(2)
    with pytest.raises(ValueError, match="built"):
        layer.stateless_call([], [], np.ones((1, 3)))
    layer.build((None, 3))
    with pytest.raises(ValueError, match="expected 2 values as `trainable_variables`"):
        layer.stateless_call([np.ones((3, 2))], [], np.ones((1, 3)))


def test_metric():
    metric = nacre.metrics.Mean()
    metric.update_state([1.0, 3.0])
    state = metric.stateless_reset_state()
    state = metric.stateless_update_state(state, [5.0, 7.0])
    assert float(metric.stateless_result(state)) == 6.0
    assert float(metric.result()) == 2.0
    with pytest.raises(ValueError, match="2 variables"):
        metric.stateless_result(state[:1])


def test_optimizer():
    start = np.array([1.0, 2.0], "float32")
    variable = nacre.Variable(start)
    optimizer = nacre.optimizers.SGD(0.1, momentum=0.9)
    with pytest.raises(ValueError, match="build"):
        optimizer.stateless_apply([], [start], [start])
    optimizer.build([variable])
    state = values(optimizer.variables)
    (one,), state = optimizer.stateless_apply(state, [np.ones(2, "float32")], [start])
    (two,), state = optimizer.stateless_apply(state, [np.ones(2, "float32")], [one])
    np.testing.assert_allclose(two, start - 0.1 - 0.19, rtol=1e-6)
    assert int(np.asarray(state[0])) == 2
    assert int(np.asarray(optimizer.iterations)) == 0
    np.testing.assert_array_equal(variable, start)
    with pytest.raises(ValueError, match="variables"):
        optimizer.stateless_apply(state, [start], [])
