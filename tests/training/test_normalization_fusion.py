"""Batch normalisations, and what the CPU backend puts into them: sums, ReLU, and ReLU's gates.

Every case runs on the CPU backend, under every instruction set, and on the reference backend, which
puts nothing together.
"""

import numpy as np
import pytest

import nacre
from nacre import _core, layers, ops
from tests.ops.engines import ENGINES, engine


def relu(x, _):
    return ops.relu(x)


def relu6(x, _):
    return ops.relu6(x)


def limited(x, _):
    return nacre.activations.relu(x, max_value=1.5)


def linear(x, _):
    return x


def added(x, shortcut):
    return ops.add(x, shortcut)


def added_relu(x, shortcut):
    return ops.relu(ops.add(shortcut, x))


def added_relu6(x, shortcut):
    return ops.relu6(ops.add(x, shortcut))


ENDS = [linear, relu, relu6, limited, added, added_relu, added_relu6]


def data(shape, dtype="float32", seed=0, offset=0.0):
    values = np.random.default_rng(seed).normal(size=shape) * 2 + offset
    return values.astype(dtype)


def layer_for(shape, dtype="float32", **options):
    layer = layers.BatchNormalization(dtype=dtype, momentum=0.5, **options)
    layer.build((None, *shape[1:]))
    channels = shape[-1]
    rng = np.random.default_rng(1)
    layer.set_weights(
        [rng.uniform(1, 4, channels), rng.normal(size=channels), *layer.get_weights()[2:]]
    )
    return layer


def run(function, *arrays):
    """Trace a function, and return its results and the names of the calls that make them."""
    trace = _core.Trace()
    with trace:
        symbols = [trace.input(a.dtype.name, a.shape, f"x{i}") for i, a in enumerate(arrays)]
        graph = trace.finish(list(function(*symbols)))
    executable = _core.compile(graph, None, "test")
    results = [np.asarray(r) for r in executable(*arrays)]
    return results, executable.step_names([a.shape for a in arrays])


def training_step(end, x, dy, shortcut, **options):
    """The result, the gradients and the moving statistics of a normalisation and what follows."""
    layer = layer_for(x.shape, x.dtype.name, **options)

    def step(x, dy, shortcut):
        with nacre.GradientTape() as tape:
            y = end(layer(x, training=True), shortcut)
            loss = ops.sum(ops.multiply(y, dy))
        gradients = tape.gradient(loss, [x, shortcut, layer.gamma, layer.beta])
        return [y, *(g for g in gradients if g is not None)]

    results, names = run(step, x, dy, shortcut)
    return [*results, *layer.get_weights()[2:]], names


def compare(end, x, dy, shortcut, tolerance, **options):
    with engine("reference"):
        expected, _ = training_step(end, x, dy, shortcut, **options)
    for name in ENGINES[1:]:
        with engine(name):
            got, _ = training_step(end, x, dy, shortcut, **options)
        assert len(got) == len(expected)
        for value, wanted in zip(got, expected, strict=True):
            scale = max(1.0, np.abs(wanted).max(initial=0)) * tolerance
            np.testing.assert_allclose(value, wanted, rtol=tolerance, atol=scale, err_msg=name)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("channels", [1, 3, 16, 21, 33, 64, 100, 260])
def test_agrees_with_the_reference_backend(end, channels):
    shape = (5, 7, 9, channels)
    compare(end, data(shape), data(shape, seed=2), data(shape, seed=3), 2e-5)


@pytest.mark.parametrize("end", ENDS)
def test_float64(end):
    shape = (3, 5, 4, 7)
    arrays = [data(shape, "float64", seed) for seed in range(3)]
    compare(end, *arrays, 1e-12)


@pytest.mark.parametrize("shape", [(700, 5), (3, 300, 20), (2, 3, 4, 5, 19), (4, 6)])
def test_any_rank_and_several_blocks_of_rows(shape):
    compare(relu6, data(shape), data(shape, seed=2), data(shape, seed=3), 2e-5)


def test_other_axes_stay_apart():
    shape = (4, 3, 6, 5)
    arrays = [data(shape, seed=seed) for seed in range(3)]
    layer = layers.BatchNormalization(axis=1)
    layer.build((None, *shape[1:]))

    def step(x, dy, shortcut):
        return [nacre.grad(lambda z: ops.sum(relu6(layer(z, training=True), None) * dy))(x)]

    got, names = run(step, *arrays)
    assert not any("batch_norm" in name for name in names)
    with engine("reference"):
        expected, _ = run(step, *arrays)
    np.testing.assert_allclose(got[0], expected[0], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("end", "forward", "gradient"),
    [
        (relu, "cpu.batch_norm", "cpu.batch_norm_grad"),
        (relu6, "cpu.batch_norm", "cpu.batch_norm_grad"),
        (limited, "cpu.batch_norm", "cpu.batch_norm_grad"),
        (linear, "batch_norm", "batch_norm_grad"),
        (added, "cpu.batch_norm", "batch_norm_grad"),
        (added_relu, "cpu.batch_norm", "batch_norm_grad"),
        (added_relu6, "cpu.batch_norm", "batch_norm_grad"),
    ],
)
def test_what_is_put_together(end, forward, gradient):
    arrays = [data((6, 8, 8, 24), seed=seed) for seed in range(3)]
    layer = layer_for((6, 8, 8, 24))

    def step(x, dy, shortcut):
        y = end(layer(x, training=True), shortcut)
        return [y, *_core.gradients([y], [x, layer.gamma, layer.beta], [dy], None)]

    _, names = run(step, *arrays)
    # What the moving statistics become is joined. The gate of a sum belongs to both summands.
    names = [name for name in names if name not in ("joined", "copy")]
    gates = {added_relu: ["cpu.fused"], added_relu6: ["minimum", "cpu.fused"]}
    assert names == [forward, *gates.get(end, []), gradient]


def test_a_value_that_is_needed_elsewhere_is_kept():
    """What stands before the activation is an output too: only the gate goes into the gradient."""
    x, dy = data((6, 4, 4, 20)), data((6, 4, 4, 20), seed=1)
    layer = layer_for((6, 4, 4, 20))

    def step(x, dy):
        z = layer(x, training=True)
        y = ops.relu6(z)
        return [z, y, *_core.gradients([y], [x], [dy], None)]

    (z, y, dx), names = run(step, x, dy)
    assert "batch_norm" in names
    assert "cpu.batch_norm_grad" in names
    np.testing.assert_array_equal(y, np.clip(z, 0, 6))
    with engine("reference"):
        expected, _ = run(step, x, dy)
    np.testing.assert_allclose(dx, expected[2], rtol=1e-4, atol=1e-5)


def test_a_gradient_that_is_needed_elsewhere_is_kept():
    x, dy = data((6, 4, 4, 20)), data((6, 4, 4, 20), seed=1)
    layer = layer_for((6, 4, 4, 20))

    def step(x, dy):
        z = layer(x, training=True)
        return _core.gradients([ops.relu(z)], [x, z], [dy], None)

    (dx, dz), names = run(step, x, dy)
    assert "batch_norm_grad" in names
    with engine("reference"):
        expected, _ = run(step, x, dy)
    np.testing.assert_allclose(dx, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(dz, expected[1], rtol=1e-5)


@pytest.mark.parametrize("name", ENGINES)
def test_gates_at_the_bounds(name):
    """At zero ReLU lets nothing through; at the limit a minimum lets half through."""
    rows, channels = 600, 19
    x = np.where(np.arange(rows) % 2 == 0, 1, -1)[:, None] * np.ones(channels)
    x = x.astype("float32")
    layer = layers.BatchNormalization(epsilon=0.0)
    layer.build((None, channels))
    dy = data((rows, channels), seed=4)

    def step(x, dy):
        z = layer(x, training=True)
        return [z, *_core.gradients([ops.relu6(z)], [layer.beta], [dy], None)]

    up = x[:, 0] > 0
    cases = [(6, 0, (0.5, 0)), (6, 6, (0, 0)), (1, 1, (1, 0)), (3, 3, (0.5, 0))]
    with engine(name):
        for gamma, beta, weights in cases:
            layer.set_weights([np.full(channels, gamma), np.full(channels, beta)] + [x[0]] * 2)
            (z, dbeta), _ = run(step, x, dy)
            np.testing.assert_array_equal(z, gamma * x + beta)
            wanted = weights[0] * dy[up].sum(0) + weights[1] * dy[~up].sum(0)
            np.testing.assert_allclose(dbeta, wanted, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("end", [relu, relu6, added_relu])
def test_second_gradient(end):
    x, v = data((40, 5), "float64"), data((40, 5), "float64", 1)
    shortcut = data((40, 5), "float64", 2)
    layer = layer_for((40, 5), "float64")

    def function(z):
        return ops.sum(ops.power(end(layer(z, training=True), ops.multiply(shortcut, z)), 3))

    def directional(z):
        return ops.sum(nacre.grad(function)(z) * v)

    got = np.asarray(nacre.grad(directional)(x))
    step = 1e-6
    ahead, behind = (np.asarray(nacre.grad(function)(x + s * step * v)) for s in (1, -1))
    np.testing.assert_allclose(got, (ahead - behind) / (2 * step), rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("end", [relu, relu6, added_relu])
def test_inference_is_one_pass(end):
    arrays = [data((6, 4, 4, 20), seed=seed) for seed in range(2)]
    layer = layer_for((6, 4, 4, 20))
    layer.set_weights([*layer.get_weights()[:2], data(20), np.abs(data(20)) + 1])

    def predict(x, shortcut):
        return [end(layer(x, training=False), shortcut)]

    (got,), names = run(predict, *arrays)
    assert len(names) <= 3  # the scale, the shift, and one call for what is as large as x
    with engine("reference"):
        (expected,), _ = run(predict, *arrays)
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("end", [relu, relu6, added_relu])
@pytest.mark.parametrize("shape", [(24, 20, 20, 20), (3000, 33)])
def test_the_same_bits_for_any_number_of_threads(end, shape):
    arrays = [data(shape, seed=seed) for seed in range(3)]
    before = nacre.config.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 5):
            nacre.config.set_num_threads(threads)
            results.append(training_step(end, *arrays)[0])
    finally:
        nacre.config.set_num_threads(before)
    for result in results[1:]:
        for value, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(value, first)


@pytest.mark.parametrize("end", ENDS)
def test_an_empty_batch(end):
    arrays = [data((0, 4, 4, 18))] * 3
    for name in ENGINES:
        with engine(name):
            results, _ = training_step(end, *arrays)
        assert results[0].shape == (0, 4, 4, 18)
        assert results[1].shape == (0, 4, 4, 18)


@pytest.mark.parametrize("name", ENGINES[1:])
@pytest.mark.parametrize("rows", [300, 5000])
def test_statistics_of_large_means_and_outliers(name, rows):
    """Moments taken in one pass are those of two passes, wherever the mean lies."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(rows, 6)) * [1, 0.01, 1, 1e-3, 5, 1]
    x += [1e4, 10, -3e5, 1, 0, 0]
    x[:, 4] = 7
    x[0, 5] = 3000  # what distances are taken from
    x = x.astype("float32")
    layer = layers.BatchNormalization(momentum=0.0)
    layer.build((None, 6))
    with engine(name):
        run(lambda z: [layer(z, training=True)], x)
    mean, variance = layer.get_weights()[2:]
    exact = x.astype("float64")
    assert np.all(np.abs(mean - exact.mean(0)) <= 1e-6 * (np.abs(mean) + exact.std(0)))
    np.testing.assert_allclose(variance, exact.var(0), rtol=5e-5)
    assert variance[4] == 0


def network():
    nacre.utils.clear_session()
    nacre.utils.set_random_seed(3)
    inputs = layers.Input((9, 9, 3))
    x = layers.Conv2D(12, 3, padding="same", use_bias=False)(inputs)
    x = stem = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    x = layers.Conv2D(12, 1, use_bias=False)(x)
    x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), stem]))
    y = layers.BatchNormalization()(layers.Conv2D(21, 1, strides=2, use_bias=False)(x))
    x = layers.Conv2D(21, 3, strides=2, padding="same", use_bias=False)(x)
    x = layers.ReLU()(layers.Add()([layers.BatchNormalization()(x), y]))
    x = layers.MaxPooling2D(2)(layers.ReLU()(layers.BatchNormalization()(x)))
    outputs = layers.Dense(3)(layers.GlobalAveragePooling2D()(x))
    model = nacre.Model(inputs, outputs)
    model.compile(nacre.optimizers.SGD(0.01, momentum=0.5), "mse")
    return model


def test_a_network_trains_as_on_the_reference_backend():
    x, y = data((24, 9, 9, 3)), data((24, 3), seed=1)
    results = {}
    for name in ENGINES:
        with engine(name):
            model = network()
            losses = model.fit(x, y, batch_size=8, epochs=2, shuffle=False, verbose=0).history
            results[name] = [losses["loss"], model.predict(x, verbose=0), *model.get_weights()]
            if name != "reference":
                (function,) = model._steps._functions["train"]
                names = function.exe.step_names([(8, 9, 9, 3), (8, 3)])
                assert names.count("cpu.batch_norm") == 5
                assert names.count("batch_norm") == 1
                # The others' gates serve skip connections too, or stand before a max-pool.
                assert names.count("cpu.batch_norm_grad") == 2
                assert not {"relu", "minimum"} & set(names)
    for name in ENGINES[1:]:
        for value, wanted in zip(results[name], results["reference"], strict=True):
            np.testing.assert_allclose(value, wanted, rtol=2e-3, atol=2e-4, err_msg=name)
