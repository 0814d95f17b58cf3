"""The layers' values against formulas in NumPy."""

import numpy as np
import pytest

import nacre
from nacre import layers


def _close(actual, expected, tolerance=1e-6):
    np.testing.assert_allclose(np.asarray(actual), expected, rtol=tolerance, atol=tolerance)


def _draw(*shape):
    return np.random.default_rng(3).standard_normal(shape).astype("float32")


@pytest.mark.parametrize("shape", [(3, 5), (2, 4, 5), (1, 2, 3, 5)])
@pytest.mark.parametrize("activation", [None, "relu", "softmax", lambda x: x * 2])
def test_dense(shape, activation, each_backend):
    layer = layers.Dense(4, activation=activation, bias_initializer="ones")
    x = _draw(*shape)
    outputs = layer(x)
    kernel, bias = layer.get_weights()
    z = x @ kernel + bias
    if activation == "relu":
        z = np.maximum(z, 0)
    elif activation == "softmax":
        z = np.exp(z) / np.exp(z).sum(-1, keepdims=True)
    elif activation is not None:
        z = z * 2
    _close(outputs, z)


def test_dense_takes_integers():
    layer = layers.Dense(2, kernel_initializer="ones")
    _close(layer(np.arange(6, dtype="uint8").reshape(2, 3)), [[3, 3], [12, 12]])


def test_embedding(each_backend):
    layer = layers.Embedding(5, 3)
    ids = np.array([[0, 4], [2, 2]])
    outputs = layer(ids)
    _close(outputs, layer.get_weights()[0][ids])
    _close(layer(ids.astype("float32")), layer.get_weights()[0][ids])
    for bad in (5, -1):
        with pytest.raises(ValueError, match=r'Embedding "embedding'):
            layer(np.array([[bad]]))


def test_embedding_weights_and_mask():
    table = _draw(4, 2)
    layer = layers.Embedding(4, 2, weights=[table], mask_zero=True, input_length=3)
    outputs = layer(np.array([[0, 1, 3]]))
    _close(outputs, table[[[0, 1, 3]]])
    np.testing.assert_array_equal(np.asarray(outputs._keras_mask), [[False, True, True]])


def test_merging_values():
    a, b, c = _draw(2, 3), _draw(2, 3) + 1, _draw(2, 3) - 1
    for function, expected in [
        (layers.add, a + b + c),
        (layers.multiply, a * b * c),
        (layers.average, (a + b + c) / 3),
        (layers.maximum, np.maximum(np.maximum(a, b), c)),
        (layers.minimum, np.minimum(np.minimum(a, b), c)),
        (layers.concatenate, np.concatenate([a, b, c], -1)),
    ]:
        _close(function([a, b, c]), expected)
    _close(layers.subtract([a, b]), a - b)
    _close(layers.dot([a, b], axes=1), (a * b).sum(1, keepdims=True))
    x, y = _draw(2, 3, 4), _draw(2, 5, 3)
    _close(layers.dot([x, y], axes=(1, 2)), np.einsum("bij,bki->bjk", x, y))
    deep = _draw(2, 3, 2, 4)
    _close(layers.dot([deep, y], axes=(1, 2)), np.einsum("bijl,bki->bjlk", deep, y))


def test_masked_merges():
    mask_a = np.array([[True, False, False]])
    mask_b = np.array([[False, True, False]])
    values = np.arange(1, 7, dtype="float32").reshape(1, 3, 2)

    def masked(mask, x):
        tensor = nacre.ops.convert_to_tensor(x)
        tensor._keras_mask = nacre.ops.convert_to_tensor(mask)
        return tensor

    inputs = [masked(mask_a, values), masked(mask_b, values * 10)]
    summed = layers.Add()(inputs)
    np.testing.assert_array_equal(np.asarray(summed._keras_mask), [[True, True, False]])
    product = layers.Multiply()(inputs)
    _close(product, [[[1, 2], [30, 40], [0, 0]]])
    np.testing.assert_array_equal(np.asarray(product._keras_mask), [[True, True, False]])
    joined = layers.Concatenate(axis=1)(inputs)
    np.testing.assert_array_equal(np.asarray(joined._keras_mask), np.hstack([mask_a, mask_b]))


def test_reshaping_values():
    x = _draw(2, 3, 4)
    _close(layers.Flatten()(x), x.reshape(2, 12))
    _close(layers.Flatten("channels_first")(x), x.transpose(0, 2, 1).reshape(2, 12))
    _close(layers.Permute((2, 1))(x), x.transpose(0, 2, 1))
    _close(layers.Reshape((6, 2))(x), x.reshape(2, 6, 2))
    _close(layers.RepeatVector(2)(x[:, 0]), np.repeat(x[:, :1], 2, 1))


def test_masking():
    x = _draw(2, 3, 2)
    x[0, 1] = 7
    x[1, 0] = [7, 0]
    outputs = layers.Masking(7.0)(x)
    expected = x.copy()
    expected[0, 1] = 0
    _close(outputs, expected)
    assert np.asarray(outputs._keras_mask).tolist() == [[True, False, True], [True] * 3]


def test_softmax_mask():
    x = _draw(2, 4)
    mask = np.array([[True, True, False, True], [False] * 4])
    outputs = np.asarray(layers.Softmax()(x, mask=nacre.ops.convert_to_tensor(mask)))
    weights = np.exp(x[0]) * mask[0]
    _close(outputs[0], weights / weights.sum())
    _close(outputs[1], np.zeros(4))


def test_lambda_and_rescaling():
    x = _draw(2, 3)
    _close(layers.Lambda(lambda x, factor: x * factor, arguments={"factor": 3.0})(x), x * 3)
    _close(layers.Rescaling(1 / 255)(np.array([[0, 255]], "uint8")), [[0.0, 1.0]])
    _close(layers.Rescaling([1.0, 2.0, 3.0], 1)(x), x * [1, 2, 3] + 1)
    double = layers.Lambda(lambda x: x + x, name="double")
    _close(layers.Lambda.from_config(double.get_config())(x), 2 * x)


class TestDropout:
    def test_inference_is_the_identity(self):
        x = _draw(3, 4)
        for layer in (layers.Dropout(0.5), layers.GaussianNoise(1.0), layers.AlphaDropout(0.5)):
            _close(layer(x), x, 0)
            _close(layer(x, training=False), x, 0)

    def test_share_scale_and_fresh_masks(self, each_backend):
        layer = layers.Dropout(0.25, seed=1)
        x = np.ones((64, 64), "float32")
        first, second = (np.asarray(layer(x, training=True)) for _ in range(2))
        assert set(np.unique(first)) == {0.0, np.float32(1 / 0.75)}
        assert abs((first == 0).mean() - 0.25) < 0.03
        assert (first != second).any()
        again = np.asarray(layers.Dropout(0.25, seed=1)(x, training=True))
        np.testing.assert_array_equal(first, again)

    def test_noise_shape(self):
        outputs = np.asarray(
            layers.Dropout(0.5, noise_shape=(None, 1, 8), seed=2)(
                np.ones((4, 5, 8), "f"), training=True
            )
        )
        assert (outputs == outputs[:, :1]).all()
        spatial = np.asarray(
            layers.SpatialDropout1D(0.5, seed=2)(np.ones((4, 5, 8), "f"), training=True)
        )
        assert (spatial == spatial[:, :1]).all()

    def test_moments_of_noise(self):
        x = np.ones((200, 200), "float32")
        noisy = np.asarray(layers.GaussianNoise(0.5, seed=1)(x, training=True))
        assert abs(noisy.mean() - 1) < 0.02
        assert abs(noisy.std() - 0.5) < 0.02
        scaled = np.asarray(layers.GaussianDropout(0.2, seed=1)(x, training=True))
        assert abs(scaled.mean() - 1) < 0.02
        assert abs(scaled.std() - 0.5) < 0.02
        normal = _draw(200, 200)
        dropped = np.asarray(layers.AlphaDropout(0.3, seed=1)(normal, training=True))
        assert abs(dropped.mean()) < 0.03
        assert abs(dropped.std() - 1) < 0.03

    @pytest.mark.parametrize("rate", [-0.1, 1.5, "a", None])
    def test_bad_rates(self, rate):
        with pytest.raises(ValueError, match=r"Dropout.*`rate`"):
            layers.Dropout(rate)


def test_sparsemax_is_a_projection_onto_the_simplex():
    x = np.array([[1.0, 0.9, 0.8, -2.0], [5.0, 0.0, 0.0, 0.0]], "float32")
    outputs = nacre.activations.sparsemax(x)
    _close(outputs, [[0.1 + 1 / 3, 1 / 3, 1 / 3 - 0.1, 0], [1, 0, 0, 0]])
