"""Optimizers made of others, and those that look at whole matrices."""

import numpy as np
import pytest

import nacre
from nacre import layers, optimizers


def _variables(*shapes):
    rng = np.random.default_rng(0)
    return [nacre.Variable(rng.standard_normal(s).astype("float32"), name="v") for s in shapes]


def test_loss_scale_skips_steps_and_moves(each_backend):
    inner = optimizers.SGD(0.5, momentum=0.9)
    optimizer = optimizers.LossScaleOptimizer(inner, initial_scale=8.0, dynamic_growth_steps=2)
    (variable,) = values = _variables((3,))
    start = variable.numpy()

    @nacre.function
    def step(gradient):
        optimizer.apply([gradient], values)
        return gradient

    optimizer.build(values)
    scales = []
    for gradient in (8.0, np.inf, 8.0, 8.0, np.nan):
        step(np.array([gradient, 8.0, 8.0], "float32"))
        scales.append(float(optimizer.dynamic_scale.numpy()))
    assert scales == [8.0, 4.0, 4.0, 8.0, 4.0]
    # Three steps were taken, with gradients 1, 2 and 2.
    m, expected = 0.0, start.astype("float64")
    for gradient in (1.0, 2.0, 2.0):
        m = 0.9 * m - 0.5 * gradient
        expected = expected + m
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-6)
    assert int(optimizer.iterations.numpy()) == 3
    assert optimizer.learning_rate is inner.learning_rate
    optimizer.lr = 0.25
    assert float(inner.learning_rate.numpy()) == 0.25


def test_loss_scale_in_fit_gives_what_the_inner_optimizer_gives():
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((64, 5)), rng.standard_normal((64, 1))
    weights = []
    for wrap in (False, True):
        nacre.utils.set_random_seed(0)
        model = nacre.Sequential([layers.Input((5,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        optimizer = optimizers.Adam(0.01, use_ema=True, ema_momentum=0.5)
        if wrap:  # a scale that is a power of two changes no bits
            optimizer = optimizers.LossScaleOptimizer(optimizer, 1024.0, 3)
        model.compile(optimizer, "mse")
        model.fit(x, y, epochs=2, verbose=0)
        weights.append(model.get_weights())
    assert float(optimizer.dynamic_scale.numpy()) == 2.0**11
    for plain, scaled in zip(*weights, strict=True):
        np.testing.assert_array_equal(plain, scaled)


def test_loss_scale_configuration_and_errors():
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam(0.1), 4.0, 7, name="scaled")
    again = optimizers.deserialize(optimizers.serialize(optimizer))
    assert again.get_config() == optimizer.get_config()
    assert set(again.get_config()) == {
        "name",
        "inner_optimizer",
        "initial_scale",
        "dynamic_growth_steps",
    }
    with pytest.raises(ValueError, match="dynamic=False"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), dynamic=False)
    with pytest.raises(ValueError, match=r"clipnorm.*inner optimizer"):
        optimizers.LossScaleOptimizer(optimizers.SGD(), clipnorm=1.0)
    with pytest.raises(TypeError, match="Received: 'sgd'"):
        optimizers.LossScaleOptimizer("sgd")


def test_state_of_wrapped_optimizers_is_saved_whole():
    optimizer = optimizers.LossScaleOptimizer(optimizers.Adam())
    optimizer.build(_variables((2, 2)))
    store = {}
    optimizer.save_own_variables(store)
    assert len(store) == 4 + 4  # iteration, rate, counter, scale; and Adam's
    store = {key: value + 1 for key, value in store.items()}
    optimizer.load_own_variables(store)
    assert float(optimizer.dynamic_scale.numpy()) == 32769.0
    assert int(optimizer.inner_optimizer.iterations.numpy()) == 1
    optimizer.set_weights([value + 1 for value in store.values()])
    assert int(optimizer.inner_optimizer.iterations.numpy()) == 2


def test_several_optimizers_in_one_model():
    nacre.utils.clear_session()
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(2), layers.Dense(1)])
    table = optimizers.OptimizerMap(optimizers.SGD(0.0))
    table[r"sequential/dense_1/.*"] = optimizers.SGD(0.1)
    optimizer = optimizers.MultiOptimizer(table)
    model.compile(optimizer, "mse")
    before = model.get_weights()
    model.fit(np.ones((8, 3)), np.ones((8, 1)), verbose=0)
    after = model.get_weights()
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [1, 1, 0, 0]
    assert len(optimizer.optimizers) == 2
    with pytest.raises(AttributeError, match="one of its `optimizers`"):
        _ = optimizer.learning_rate
    again = optimizers.MultiOptimizer.from_config(optimizer.get_config())
    assert list(again._optimizer_map) == list(table)
    table["sequential/dense_1/k.*"] = optimizers.SGD()
    with pytest.raises(ValueError, match="matches several keys"):
        table["sequential/dense_1/kernel"]
    with pytest.raises(ValueError, match="cannot be one of several"):
        table["x"] = optimizer
    with pytest.raises(TypeError, match="Received: 'adam'"):
        table["x"] = "adam"


def test_muon_makes_steps_orthogonal():
    (variable,) = values = _variables((6, 4))
    before = variable.numpy()
    optimizer = optimizers.Muon(1.0, rms_rate=None, weight_decay=None, ns_steps=10)
    optimizer.apply([np.random.default_rng(1).standard_normal((6, 4)).astype("float32")], values)
    step = before - variable.numpy()
    # The iteration leaves singular values between about 0.7 and 1.2.
    singular = np.linalg.svd(step, compute_uv=False)
    assert 0.6 < singular.min() < singular.max() < 1.3


def test_muon_leaves_embeddings_and_vectors_to_adamw():
    kernel, bias = _variables((4, 3), (3,))
    with nacre.naming.name_scope("embedding"):
        table = nacre.Variable(np.ones((5, 2), "float32"), name="embeddings")
    optimizer = optimizers.Muon()
    optimizer.build([kernel, bias, table])
    assert [v is not None for v in optimizer._velocities] == [False, True, True]
    assert optimizers.Muon.from_config(optimizer.get_config()).get_config() == (
        optimizer.get_config()
    )


def test_adafactor_keeps_rows_and_columns():
    optimizer = optimizers.Adafactor(0.1, clip_threshold=2.0)
    values = _variables((4, 3), (3,))
    before = [v.numpy().astype("float64") for v in values]
    rng = np.random.default_rng(2)
    rows = columns = vector = 0.0
    for t in range(1, 6):
        g, h = rng.standard_normal((4, 3)), rng.standard_normal(3)
        optimizer.apply([g.astype("float32"), h.astype("float32")], values)
        kept, rate = 1 - t**-0.8, min(0.1, t**-0.5)
        rows = kept * rows + (1 - kept) * (g**2).mean(1)
        columns = kept * columns + (1 - kept) * (g**2).mean(0)
        vector = kept * vector + (1 - kept) * h**2
        squares = [np.outer(rows / rows.mean(), columns), vector]
        for i, (gradient, square) in enumerate(zip((g, h), squares, strict=True)):
            step = gradient / np.sqrt(square)
            step /= max(1.0, np.sqrt((step**2).mean()) / 2.0)
            before[i] -= step * rate * max(1e-3, np.sqrt((before[i] ** 2).mean()))
    for value, expected in zip(values, before, strict=True):
        np.testing.assert_allclose(value.numpy(), expected, rtol=2e-5, atol=1e-6)
    assert optimizer.variables[2].shape == (4,)
    assert optimizers.get("adafactor").get_config()["epsilon_2"] == 0.001


def test_schedule_free_averages_its_iterates():
    optimizer = optimizers.ScheduleFreeAdamW(0.1, beta_1=0.75, warmup_steps=3)
    (variable,) = values = _variables((5,))
    y = z = x = variable.numpy().astype("float64")
    rng = np.random.default_rng(3)
    v = 0.0
    for t in range(1, 8):
        g = rng.standard_normal(5)
        optimizer.apply([g.astype("float32")], values)
        v = 0.999 * v + 0.001 * g**2
        z = z - 0.1 * min(1.0, t / 3) * g / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        x = x + (z - x) / t
        y = 0.25 * z + 0.75 * x
    np.testing.assert_allclose(variable.numpy(), y, rtol=1e-4)
