"""What the op table does not cover: creation, special values, data-dependent ops, errors."""

import numpy as np
import pytest

from nacre import config, dtype_policies, ops
from nacre.ops import linalg, nn
from tests.ops.engines import ENGINES, engine

NAN, INF = np.nan, np.inf
SPECIAL = np.array([NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 1e38, 1e-38, -1e-38], "float32")


@pytest.mark.parametrize(
    ("ours", "numpys"),
    [
        (lambda: ops.arange(2, 11, 3), lambda: np.arange(2, 11, 3)),
        (lambda: ops.arange(5, 0, -2), lambda: np.arange(5, 0, -2)),
        (lambda: ops.arange(0.0, 1.0, 0.1), lambda: np.arange(0.0, 1.0, 0.1)),
        (lambda: ops.linspace(0, 1, 7), lambda: np.linspace(0, 1, 7)),
        (
            lambda: ops.linspace(0, 1, 7, endpoint=False),
            lambda: np.linspace(0, 1, 7, endpoint=False),
        ),
        (lambda: ops.logspace(0, 2, 5), lambda: np.logspace(0, 2, 5)),
        (lambda: ops.geomspace(1, 16, 5), lambda: np.geomspace(1, 16, 5)),
        (lambda: ops.eye(3, 4, 1), lambda: np.eye(3, 4, 1)),
        (lambda: ops.eye(3, k=-1), lambda: np.eye(3, k=-1)),
        (lambda: ops.tri(3, 5, 1), lambda: np.tri(3, 5, 1)),
        (lambda: ops.identity(3), lambda: np.identity(3)),
        (lambda: ops.full((2, 3), [1, 2, 3]), lambda: np.full((2, 3), [1, 2, 3])),
        (lambda: ops.full_like(np.ones(3, "int32"), 7), lambda: np.full(3, 7)),
        (lambda: ops.zeros(()), lambda: np.zeros(())),
        (lambda: ops.hamming(7), lambda: np.hamming(7)),
        (lambda: ops.kaiser(7, 3.0), lambda: np.kaiser(7, 3.0)),
        (
            lambda: ops.meshgrid(np.arange(2), np.arange(3), indexing="ij")[1],
            lambda: np.meshgrid(np.arange(2), np.arange(3), indexing="ij")[1],
        ),
        (lambda: ops.unravel_index([5, 0], (2, 3))[1], lambda: np.unravel_index([5, 0], (2, 3))[1]),
        (lambda: ops.gcd([12, 18, 0], 8), lambda: np.gcd([12, 18, 0], 8)),
        (lambda: ops.lcm([4, 6], [6, 15]), lambda: np.lcm([4, 6], [6, 15])),
        (lambda: ops.bitwise_xor([5, 6], 3), lambda: np.bitwise_xor([5, 6], 3)),
        (lambda: ops.left_shift([1, 2], [3, 1]), lambda: np.left_shift([1, 2], [3, 1])),
        (lambda: ops.right_shift([-8, 9], 1), lambda: np.right_shift([-8, 9], 1)),
        (lambda: ops.ldexp([1.5, 2.0], [2, -1]), lambda: np.ldexp([1.5, 2.0], [2, -1])),
        (
            lambda: ops.digitize([0.5, 1.0, 9.0], [1.0, 2.0]),
            lambda: np.digitize([0.5, 1.0, 9.0], [1.0, 2.0]),
        ),
        (
            lambda: ops.searchsorted([1, 2, 2, 3], [2, 0], "right"),
            lambda: np.searchsorted([1, 2, 2, 3], [2, 0], "right"),
        ),
        (lambda: ops.bincount([0, 2, 2]), lambda: np.bincount([0, 2, 2])),
        (
            lambda: ops.bincount([0, 2, 2], [0.5, 1.0, 2.0], 5),
            lambda: np.bincount([0, 2, 2], [0.5, 1.0, 2.0], 5),
        ),
        (lambda: ops.isin([1, 2, 3], [3, 1]), lambda: np.isin([1, 2, 3], [3, 1])),
        (lambda: ops.unique([3, 1, 3]), lambda: np.unique([3, 1, 3])),
        (
            lambda: ops.unique([3, 1, 3], return_inverse=True)[1],
            lambda: np.unique([3, 1, 3], return_inverse=True)[1],
        ),
        (lambda: ops.nonzero([[0, 1], [2, 0]])[1], lambda: np.nonzero([[0, 1], [2, 0]])[1]),
        (lambda: ops.where([0, 3, 4])[0], lambda: np.where([0, 3, 4])[0]),
        (
            lambda: ops.histogram([1.0, 2.0, 2.5, 9.0], 4)[0],
            lambda: np.histogram([1.0, 2.0, 2.5, 9.0], 4)[0],
        ),
        (
            lambda: ops.histogram([1.0, 2.0, 9.0], 3, (0, 3))[1],
            lambda: np.histogram([1.0, 2.0, 9.0], 3, (0, 3))[1],
        ),
        (
            lambda: ops.in_top_k([1, 0], [[0.1, 0.9, 0.3], [0.1, 0.9, 0.3]], 2),
            lambda: np.array([True, False]),
        ),
        (
            lambda: ops.multi_hot([[0, 2], [1, 1]], 4),
            lambda: np.array([[1, 0, 1, 0], [0, 1, 0, 0]]),
        ),
        (
            lambda: ops.one_hot([0, -1, 5, 2], 3),
            lambda: np.array([[1, 0, 0], [0, 0, 0], [0, 0, 0], [0, 0, 1]]),
        ),
        (lambda: ops.one_hot([0, 1], 2, axis=0), lambda: np.eye(2)),
        (
            lambda: ops.select([[True, False], [True, True]], [[1, 2], [3, 4]], 0),
            lambda: np.array([1, 4]),
        ),
        (
            lambda: ops.scatter_update(np.ones((2, 2)), [[0], [0]], np.full((2, 2), 3.0), "add"),
            lambda: np.array([[7, 7], [1, 1]]),
        ),
        (
            lambda: ops.scatter_update(np.ones((3,)), [[0], [0], [2]], [3.0, 5.0, -1.0], "max"),
            lambda: np.array([5, 1, 1]),
        ),
        (lambda: ops.segment_prod([1, 2, 3, 4], [0, 0, 2, 2], 3), lambda: np.array([2, 1, 12])),
        (lambda: ops.nanmean([[1.0, NAN], [NAN, NAN]], 1), lambda: np.array([1.0, NAN])),
        (lambda: ops.nanvar([1.0, NAN, 3.0]), lambda: np.array(1.0)),
        (lambda: ops.nanmax([1.0, NAN, 3.0]), lambda: np.array(3.0)),
        (lambda: ops.nansum([1.0, NAN, 3.0]), lambda: np.array(4.0)),
        (lambda: ops.nanmedian([1.0, NAN, 3.0, 10.0]), lambda: np.array(3.0)),
        (lambda: ops.nanargmax([1.0, NAN, 3.0]), lambda: np.array(2)),
        (lambda: ops.nan_to_num([NAN, INF, 1.0], posinf=9.0), lambda: np.array([0.0, 9.0, 1.0])),
        (lambda: ops.max([], initial=3.0), lambda: np.array(3.0)),
        (lambda: ops.sum(np.zeros((0, 2))), lambda: np.array(0.0)),
        (lambda: ops.all(np.zeros((0, 2)), 0), lambda: np.array([True, True])),
        (lambda: ops.any(np.zeros((3, 0)), 1), lambda: np.array([False] * 3)),
        (lambda: ops.all(np.zeros((3, 0)), 0), lambda: np.zeros(0, bool)),
        (lambda: ops.reshape(np.ones((4, 6)), (None, 2, -1)), lambda: np.ones((4, 2, 3))),
        (lambda: ops.median([1.0, NAN]), lambda: np.array(NAN)),
        (lambda: ops.quantile([1.0, 2.0, 4.0], 0.5, method="nearest"), lambda: np.array(2.0)),
        (lambda: ops.percentile([1.0, 2.0, 4.0], [25, 75]), lambda: np.array([1.5, 3.0])),
        (lambda: ops.fmax([NAN, 1.0], [2.0, NAN]), lambda: np.array([2.0, 1.0])),
        (lambda: ops.psnr([0.0, 1.0], [0.0, 0.5], 1.0), lambda: np.array(10 * np.log10(8.0))),
    ],
)
def test_values(ours, numpys):
    found, expected = np.asarray(ours()), np.asarray(numpys())
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ENGINES)
@pytest.mark.parametrize(
    "op",
    [
        "abs",
        "sign",
        "exp",
        "sqrt",
        "tanh",
        "sigmoid",
        "relu",
        "floor",
        "square",
        "isnan",
        "isinf",
        "isfinite",
        "signbit",
        "log",
        "softplus",
    ],
)
def test_special_values(op, name):
    numpys = {
        "sigmoid": lambda x: 1 / (1 + np.exp(-x.astype("float64"))),
        "relu": lambda x: np.maximum(x, 0),
        "softplus": lambda x: np.logaddexp(0, x.astype("float64")),
    }
    with engine(name), np.errstate(all="ignore"):
        for repeats in (1, 4):
            x = np.tile(SPECIAL, repeats)
            expected = numpys.get(op, getattr(np, op, None))(x)
            found = np.asarray(getattr(ops, op)(x))
            if op in ("exp", "sigmoid", "softplus", "sqrt", "log", "tanh"):
                np.testing.assert_allclose(found, expected.astype("float32"), rtol=1e-5, atol=1e-37)
            else:
                np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("name", ENGINES)
def test_nan_travels(name):
    x = np.array([1.0, NAN, 3.0] * 9, "float32")
    with engine(name):
        for op in (ops.max, ops.min, ops.sum, ops.mean, ops.prod):
            assert np.isnan(float(op(x)))
        assert int(ops.argmax(x)) == 1
        assert np.isnan(ops.maximum(x, 0.0).numpy()[1])
        assert np.isnan(ops.minimum(0.0, x).numpy()[1])
        assert np.isnan(ops.clip(x, 0, 2).numpy()[1])


def test_gradients_stay_finite_at_the_edges():
    import nacre

    grad = lambda f, x: nacre.grad(lambda x: ops.sum(f(x)))(np.array(x, "float32")).numpy()  # noqa: E731
    assert np.isfinite(grad(ops.elu, [500.0, -500.0])).all()
    assert np.isfinite(grad(ops.softplus, [500.0, -500.0])).all()
    assert np.isfinite(grad(ops.sigmoid, [500.0, -500.0])).all()
    assert np.isfinite(grad(lambda x: ops.divide_no_nan(1.0, x), [0.0, 2.0])).all()
    assert np.isfinite(grad(ops.sinc, [0.0, 1.0])).all()
    assert np.isfinite(grad(lambda x: ops.logsumexp(x), [1e4, -1e4])).all()
    np.testing.assert_allclose(grad(lambda x: ops.max(x), [2.0, 2.0, 1.0]), [0.5, 0.5, 0.0])


def test_crossentropy_of_saturated_probabilities():
    loss = ops.categorical_crossentropy([[1.0, 0.0]], [[0.0, 1.0]])
    np.testing.assert_allclose(loss, [16.118], rtol=1e-3)
    loss = ops.sparse_categorical_crossentropy([0], [[0.0, 1.0]])
    np.testing.assert_allclose(loss, [16.118], rtol=1e-3)
    loss = ops.binary_crossentropy([1.0], [0.0])
    np.testing.assert_allclose(loss, [16.118], rtol=1e-3)
    loss = ops.categorical_crossentropy([[1.0, 0.0]], ops.softmax([[-200.0, 200.0]]), axis=-1)
    np.testing.assert_allclose(loss, [16.118], rtol=1e-3)


def test_bad_labels_raise():
    with pytest.raises(ValueError):
        np.asarray(ops.sparse_categorical_crossentropy([3], [[0.0, 1.0]], from_logits=True))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ops.add(np.ones((2, 3)), np.ones((4,))), "add"),
        (lambda: ops.matmul(np.ones((2, 3)), np.ones((2, 3))), "matmul"),
        (lambda: ops.matmul(1.0, np.ones(2)), "rank"),
        (lambda: ops.reshape(np.ones(6), (4, -1)), "reshape|arrange"),
        (lambda: ops.reshape(np.ones(6), (-1, -1)), "-1"),
        (lambda: ops.reshape(np.ones(6), (5,)), "reshape"),
        (lambda: ops.transpose(np.ones((2, 3)), (0, 0)), "axes"),
        (lambda: ops.sum(np.ones((2, 3)), axis=2), "axis"),
        (lambda: ops.sum(np.ones((2, 3)), axis=(0, 0)), "distinct"),
        (lambda: ops.squeeze(np.ones((2, 3)), 0), "size 1"),
        (lambda: ops.concatenate([np.ones((2, 3)), np.ones((2, 4))], 0), "concat"),
        (lambda: ops.concatenate([]), "at least one"),
        (lambda: ops.stack([np.ones(2), np.ones((2, 1))]), "shape"),
        (lambda: ops.split(np.ones(5), 2), "divide"),
        (lambda: ops.einsum("ij,jk", np.ones((2, 3))), "operands"),
        (lambda: ops.einsum("ij->k", np.ones((2, 3))), "result"),
        (lambda: ops.einsum("ij,jk->ik", np.ones((2, 3)), np.ones((4, 2))), "size"),
        (lambda: ops.tensordot(np.ones((2, 3)), np.ones((2, 3)), 1), "equal"),
        (lambda: ops.one_hot([1], -1), "num_classes"),
        (lambda: ops.one_hot([1], 2, sparse=True), "sparse"),
        (lambda: ops.top_k(np.ones(3), 4), "k"),
        (lambda: ops.max(np.zeros((0,))), "initial"),
        (lambda: ops.quantile(np.ones(3), 1.5), "between 0 and 1"),
        (lambda: ops.pad(np.ones(3), 1, "mirror"), "mode"),
        (lambda: ops.pad(np.ones((2, 2, 2)), ((1, 1), (1, 1))), "pad"),
        (lambda: ops.where([True], 1), "both"),
        (lambda: ops.categorical_crossentropy(np.ones((2, 3)), np.ones((2, 4))), "one shape"),
        (
            lambda: ops.sparse_categorical_crossentropy(np.ones((3,)), np.ones((2, 4))),
            "class number",
        ),
        (lambda: ops.glu(np.ones(3)), "even"),
        (lambda: ops.bincount([-1]), ">= 0"),
        (lambda: ops.arange(0, 5, 0), "step"),
        (lambda: ops.reshape(np.ones(6), (10**20,)), "large"),
        (lambda: ops.median([]), "at least one"),
        (lambda: ops.norm(np.ones((2, 2)), "nuc", axis=(0, 1)), "order"),
        (lambda: ops.unstack(np.ones((2, 3)), num=5), "num"),
        (lambda: ops.take_along_axis(np.ones((2, 3)), [0], 1), "rank"),
        (lambda: ops.scatter([[0, 0, 0]], [1.0], (2, 2)), "axis"),
        (lambda: ops.reshape(np.ones(6), (2.5, 2)), "integers"),
        (lambda: ops.broadcast_to(np.ones(3), (2, 4)), "broadcast"),
    ],
)
def test_errors_say_what_was_wrong(call, message):
    with pytest.raises((ValueError, TypeError), match=message):
        call()


def test_namespaces():
    from nacre.ops import numpy as numpy_ops

    assert nn.relu is ops.relu
    assert numpy_ops.mean is ops.mean
    assert linalg.norm is ops.norm
    with pytest.raises(AttributeError, match="frobnicate"):
        _ = ops.frobnicate


def test_einsum_uses_one_matmul():
    """The attention products need no transpose where the layout allows none."""
    from nacre import _core

    with _core.Trace() as trace:
        a = trace.input("float32", (2, 3, 4), "a")
        b = trace.input("float32", (2, 5, 4), "b")
        graph = trace.finish([ops.einsum("bij,bkj->bik", a, b)])
    assert "transpose(" not in str(graph).replace("transpose_", "")


def test_config():
    assert config.floatx() == "float32"
    assert config.epsilon() == 1e-7
    assert config.image_data_format() == "channels_last"
    assert config.standardize_dtype(np.float64) == "float64"
    assert config.standardize_dtype(float) == "float32"
    assert config.standardize_dtype(np.dtype("int8")) == "int8"
    for bad in (lambda: config.set_floatx("int32"), lambda: config.set_image_data_format("x")):
        with pytest.raises(ValueError):
            bad()
    with pytest.raises(ValueError):
        config.set_num_threads(0)
    with pytest.raises(ValueError):
        config.set_nonfinite_policy("ignore")
    threads = config.get_num_threads()
    config.set_num_threads(1)
    assert config.get_num_threads() == 1
    config.set_num_threads(threads)


def test_dtype_policies():
    policy = dtype_policies.get("float64")
    assert (policy.compute_dtype, policy.variable_dtype, policy.name) == ("float64",) * 3
    assert dtype_policies.deserialize(dtype_policies.serialize(policy)) == policy
    assert dtype_policies.get(None).name == "float32"
    config.set_dtype_policy("float64")
    assert dtype_policies.DTypePolicy().name == "float64"
    config.set_dtype_policy("float32")
    with pytest.raises(ValueError, match="mixed"):
        dtype_policies.get("mixed_float16")
    with pytest.raises(ValueError):
        dtype_policies.get("float33")
