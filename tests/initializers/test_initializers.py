"""Initial values: distributions, repeatability, configuration."""

import math

import numpy as np
import pytest

import nacre
from nacre import constraints, initializers, regularizers

SHAPE = (200, 300)
FANS = {"fan_in": 200, "fan_out": 300, "fan_avg": 250}
RANDOM = [
    (initializers.RandomNormal, {}, 0.05, None),
    (initializers.RandomNormal, {"mean": 1.0, "stddev": 0.5}, 0.5, None),
    (initializers.RandomUniform, {}, 0.05 / math.sqrt(3), 0.05),
    (initializers.TruncatedNormal, {}, 0.05 * 0.87962566, 0.1),
    (initializers.GlorotUniform, {}, math.sqrt(1 / 250), math.sqrt(3 / 250)),
    (initializers.GlorotNormal, {}, math.sqrt(1 / 250), 2 * math.sqrt(1 / 250) / 0.87962566),
    (initializers.LecunUniform, {}, math.sqrt(1 / 200), math.sqrt(3 / 200)),
    (initializers.LecunNormal, {}, math.sqrt(1 / 200), 2 * math.sqrt(1 / 200) / 0.87962566),
    (initializers.HeUniform, {}, math.sqrt(2 / 200), math.sqrt(6 / 200)),
    (initializers.HeNormal, {}, math.sqrt(2 / 200), 2 * math.sqrt(2 / 200) / 0.87962566),
    (
        initializers.VarianceScaling,
        {"scale": 3.0, "mode": "fan_out", "distribution": "untruncated_normal"},
        math.sqrt(3 / 300),
        None,
    ),
]


@pytest.mark.parametrize(("cls", "arguments", "stddev", "bound"), RANDOM)
def test_distribution(cls, arguments, stddev, bound):
    values = np.asarray(cls(**arguments, seed=3)(SHAPE))
    assert values.dtype == "float32"
    assert values.std() == pytest.approx(stddev, rel=0.03)
    assert values.mean() == pytest.approx(arguments.get("mean", 0.0), abs=0.05 * stddev)
    if bound is not None:
        assert bound * 0.98 < np.abs(values).max() <= bound * 1.0001
    initializer = cls(**arguments)
    np.testing.assert_array_equal(initializer((4, 5)), initializer((4, 5)))
    assert (np.asarray(cls(**arguments)((4, 5))) != np.asarray(cls(**arguments)((4, 5)))).any()
    again = initializers.deserialize(initializers.serialize(cls(**arguments, seed=3)))
    np.testing.assert_array_equal(again(SHAPE), values)
    assert np.asarray(cls(**arguments)((2, 3), dtype="float64")).dtype == "float64"


def test_constants():
    np.testing.assert_array_equal(initializers.Zeros()((2, 3)), np.zeros((2, 3)))
    np.testing.assert_array_equal(initializers.Ones()((2,), "int32"), np.ones(2))
    np.testing.assert_array_equal(initializers.Constant(3)((2, 2)), np.full((2, 2), 3))
    np.testing.assert_array_equal(initializers.Constant([1.0, 2.0])((3, 2)), [[1, 2]] * 3)
    np.testing.assert_array_equal(initializers.Identity(2.0)((2, 3)), 2 * np.eye(2, 3))
    with pytest.raises(ValueError, match="rank 2"):
        initializers.Identity()((2,))


@pytest.mark.parametrize("shape", [(4, 6), (6, 4), (2, 3, 5)])
def test_orthogonal(shape):
    matrix = np.asarray(initializers.Orthogonal(gain=2.0, seed=1)(shape)).reshape(-1, shape[-1])
    product = matrix @ matrix.T if matrix.shape[0] < matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(product, 4 * np.eye(len(product)), atol=1e-5)


def test_names():
    assert isinstance(initializers.get("he_normal"), initializers.HeNormal)
    assert isinstance(initializers.get("Zeros"), initializers.Zeros)
    assert isinstance(initializers.get("uniform"), initializers.RandomUniform)
    assert initializers.get(None) is None
    assert isinstance(initializers.get(np.ones(2)), initializers.Constant)
    fn = lambda shape, dtype=None: np.ones(shape)  # noqa: E731
    assert initializers.get(fn) is fn
    layer = nacre.layers.Dense(2, kernel_initializer=fn)
    layer(np.ones((1, 3), "float32"))
    np.testing.assert_array_equal(layer.kernel.numpy(), np.ones((3, 2)))
    with pytest.raises(ValueError, match="Unknown initializer: 'no_such'"):
        initializers.get("no_such")
    for arguments in ({"scale": -1}, {"mode": "fan"}, {"distribution": "cauchy"}):
        with pytest.raises(ValueError, match=next(iter(arguments))):
            initializers.VarianceScaling(**arguments)
    with pytest.raises(ValueError, match="seed"):
        initializers.HeNormal(seed="a")


def test_seeds():
    nacre.utils.set_random_seed(7)
    first = np.asarray(initializers.HeNormal()((3, 3)))
    nacre.utils.set_random_seed(7)
    np.testing.assert_array_equal(initializers.HeNormal()((3, 3)), first)


def test_regularizers():
    x = np.array([[1.0, -2.0], [3.0, -4.0]], "float32")
    for regularizer, expected in [
        (regularizers.L1(0.1), 1.0),
        (regularizers.L2(0.1), 3.0),
        (regularizers.L1L2(0.1, 0.1), 4.0),
        (regularizers.get("l2"), 0.3),
        (regularizers.get("l1_l2"), 0.4),
        (regularizers.L1L2(), 0.0),
    ]:
        assert float(regularizer(nacre.ops.convert_to_tensor(x))) == pytest.approx(expected)
        again = regularizers.deserialize(regularizers.serialize(regularizer))
        assert again.get_config() == regularizer.get_config()
    orthogonal = regularizers.OrthogonalRegularizer(0.5)
    unit = x / np.linalg.norm(x, axis=1, keepdims=True)
    expected = 0.5 * abs(unit[0] @ unit[1])
    assert float(orthogonal(nacre.ops.convert_to_tensor(x))) == pytest.approx(expected, rel=1e-5)
    for bad in (-1.0, float("nan"), "a"):
        with pytest.raises(ValueError, match="`l1`"):
            regularizers.L1(bad)


def test_constraints():
    w = np.array([[3.0, 0.1], [-4.0, 0.2]], "float32")
    norms = np.linalg.norm(w, axis=0)
    for constraint, expected in [
        (constraints.NonNeg(), np.maximum(w, 0)),
        (constraints.UnitNorm(), w / norms),
        (constraints.MaxNorm(1.0), w * np.clip(norms, 0, 1.0) / norms),
        (constraints.MinMaxNorm(1.0, 2.0), w * np.clip(norms, 1.0, 2.0) / norms),
        (
            constraints.MinMaxNorm(1.0, 2.0, rate=0.5),
            w * (0.5 * np.clip(norms, 1.0, 2.0) + 0.5 * norms) / norms,
        ),
    ]:
        np.testing.assert_allclose(np.asarray(constraint(w)), expected, rtol=1e-5, atol=1e-6)
        again = constraints.deserialize(constraints.serialize(constraint))
        assert again.get_config() == constraint.get_config()
    assert isinstance(constraints.get("max_norm"), constraints.MaxNorm)
