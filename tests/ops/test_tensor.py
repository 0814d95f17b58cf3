"""Tensors: operators, indexing, conversion, and errors on symbolic ones."""

import copy
import math

import numpy as np
import pytest

from nacre import Variable, _core, ops
from nacre._core import Dim

A = np.arange(24, dtype="float32").reshape(2, 3, 4)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x + 1,
        lambda x: 2 - x,
        lambda x: x * x,
        lambda x: 1 / (x + 1),
        lambda x: x // 5,
        lambda x: 7 % (x + 1),
        lambda x: x**2,
        lambda x: 2.0 ** (x / 10),
        lambda x: -x,
        lambda x: abs(x - 5),
        lambda x: x @ np.ones((4, 2), "float32"),
        lambda x: x < 5,
        lambda x: x >= 5,
        lambda x: x == 7,
        lambda x: x != 7,
        lambda x: ~(x < 5),
        lambda x: (x > 2) & (x < 9),
        lambda x: (x < 2) | (x > 9),
        lambda x: (x < 9) ^ (x > 2),
        lambda x: np.float32(2) * x,
        lambda x: np.ones(4, "float32") - x,
        lambda x: x.reshape(6, 4).T,
        lambda x: x.transpose(2, 0, 1),
        lambda x: x.sum(1) + x.mean(axis=1),
        lambda x: x.max(-1) - x.min(-1),
        lambda x: x.astype("int32"),
        lambda x: x.flatten(),
        lambda x: x.round(1),
    ],
)
def test_operators_are_numpys(function):
    np.testing.assert_allclose(function(ops.array(A)), function(A), rtol=1e-6)


INDICES = [
    0,
    -1,
    (1, 2, 3),
    slice(None),
    slice(1, None),
    (slice(None), slice(None, None, -1)),
    (slice(None), slice(-1, 0, -2)),
    (slice(None), slice(2, 1)),
    (..., 0),
    (..., slice(1, 3)),
    (None, 0, None, ...),
    (0, ..., None),
    [0, 1, 0],
    np.array([[0, 1], [1, 1]]),
    (slice(None), [2, 0]),
    (slice(None), np.array([-1, 1]), slice(0, 2)),
    ([0, 1], [2, 1]),
    ([[0], [1]], [2, 1]),
    (0, slice(None), [1, 3]),
    ([0, 1], slice(None), [1, 3]),
    (slice(None), [0, 1], None, [1, 3]),
    (None, [0, 1], slice(1, 2)),
    A > 7,
    A[0] > 7,
    (A.sum((1, 2)) > 70),
    (slice(None), np.array([True, False, True])),
    np.int64(1),
    (slice(None), slice(None), np.array(2)),
    ([0, 1], ..., [1, 2]),
    (slice(None), [0, 1], ..., -1),
]


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_indexing_is_numpys(index):
    array = A[0] if isinstance(index, np.ndarray) and index.shape == (3, 4) else A
    expected = array[index]
    found = ops.array(array)[index]
    assert found.shape == expected.shape
    np.testing.assert_array_equal(found, expected)


def random_index(rng, shape):
    items = []
    axis = 0
    while axis < len(shape):
        size, kind = shape[axis], rng.integers(6)
        if kind == 0 and size:
            items.append(int(rng.integers(-size, size)))
        elif kind == 1 and size:
            items.append(rng.integers(-size, size, size=[(), (1,), (2,), (2, 1)][rng.integers(4)]))
        elif kind == 2:
            items.append(None)
            continue
        elif kind == 3 and not any(i is Ellipsis for i in items):
            items.append(...)
            axis += int(rng.integers(len(shape) - axis + 1))
            continue
        else:
            bounds = [None if rng.random() < 0.3 else int(b) for b in rng.integers(-8, 9, 2)]
            items.append(slice(*bounds, [None, 1, 2, -1, -3][rng.integers(5)]))
        axis += 1
    return tuple(items)


@pytest.mark.parametrize("seed", range(5))
def test_random_indices_are_numpys(seed):
    rng = np.random.default_rng(seed)
    for _ in range(80):
        shape = tuple(rng.choice([0, 1, 2, 3, 7], size=rng.integers(0, 5)))
        array = rng.integers(0, 100, shape).astype("int32")
        index = random_index(rng, shape)
        expected = array[index]
        found = ops.array(array)[index]
        assert found.shape == np.shape(expected), (shape, index)
        np.testing.assert_array_equal(found, expected)


def test_index_with_tensors():
    x = ops.array(A)
    np.testing.assert_array_equal(x[:, ops.array([2, -1])], A[:, [2, -1]])
    np.testing.assert_array_equal(x[ops.array(1)], A[1])
    np.testing.assert_array_equal(x[x > 5], A[A > 5])


@pytest.mark.parametrize("index", [2, (0, 0, 0, 0), (slice(None), 3), "a", 1.5, (..., ...), True])
def test_bad_index(index):
    with pytest.raises((IndexError, TypeError)):
        ops.array(A)[index]


def test_out_of_range_gather_raises():
    with pytest.raises((ValueError, IndexError)):
        np.asarray(ops.array(A)[:, [3]])


def test_python_protocols():
    x = ops.array([1.0, 2.0])
    assert len(x) == 2
    assert [float(v) for v in x] == [1.0, 2.0]
    assert int(ops.array(3)) == 3
    assert bool(ops.array(1.0))
    assert [10, 20, 30][ops.array(2)] == 30
    assert f"{ops.array(1.5):.2f}" == "1.50"
    assert x.tolist() == [1.0, 2.0]
    assert ops.array(2.0).item() == 2.0
    assert math.isclose(math.sqrt(ops.array(4.0)), 2.0)
    assert x.size == 2
    assert x.ndim == 1
    assert copy.deepcopy(x) is x
    assert len({x, x, ops.array([1.0])}) == 2
    assert (x == None) is False  # noqa: E711
    assert (x != None) is True  # noqa: E711
    assert (x == "a") is False
    np.testing.assert_allclose(np.exp(x), np.exp([1.0, 2.0]), rtol=1e-6)
    assert np.asarray(x, dtype="float64").dtype == np.float64


def test_bad_conversions():
    with pytest.raises(ValueError, match="ambiguous"):
        bool(ops.array([1.0, 2.0]))
    with pytest.raises(TypeError):
        float(ops.array([1.0, 2.0]))
    with pytest.raises(TypeError):
        len(ops.array(1.0))
    with pytest.raises(TypeError):
        iter(ops.array(1.0))
    with pytest.raises(TypeError):
        [0, 1][ops.array(1.0)]


def test_repr_shows_values_and_dtype():
    text = repr(ops.array([1.0, 2.5]))
    assert "2.5" in text
    assert "float32" in text


def test_tensors_never_change():
    array = np.ones(3, "float32")
    x = ops.array(array)
    array[:] = 7
    np.testing.assert_array_equal(x, [1, 1, 1])
    x.numpy()[:] = 5
    np.testing.assert_array_equal(x, [1, 1, 1])
    with pytest.raises(TypeError):
        x[0] = 3


@pytest.mark.parametrize(
    ("use", "hint"),
    [
        (lambda x: x.numpy(), "symbolic"),
        (lambda x: np.exp(x), "symbolic"),
        (lambda x: np.asarray(x), "symbolic"),
        (lambda x: bool(ops.sum(x) > 0), "ops.cond"),
        (lambda x: float(ops.sum(x)), "run_eagerly"),
        (lambda x: len(x), "ops.shape"),
        (lambda x: list(x), "ops.map"),
        (lambda x: x[x > 0], "ops.where"),
        (lambda x: ops.nonzero(x), "traced"),
        (lambda x: ops.array([1.0]) + ops.shape(x)[0], "shapes"),
    ],
)
def test_symbolic_tensors_say_what_to_do(use, hint):
    with _core.Trace() as trace:
        x = trace.input("float32", (Dim.symbol("n"),), "x")
        assert "symbolic" in repr(x)
        assert x.shape == (None,)
        with pytest.raises(TypeError, match=hint):
            use(x)


def test_nested_lists_of_tensors():
    x = ops.array([1.0, 2.0])
    np.testing.assert_array_equal(ops.convert_to_tensor([x, [3, 4]]), [[1, 2], [3, 4]])
    np.testing.assert_array_equal(
        ops.convert_to_tensor([[x[0], 5.0], [x[1], 6.0]]), [[1, 5], [2, 6]]
    )
    v = Variable([1.0, 2.0])
    np.testing.assert_array_equal(ops.stack([v, x]), [[1, 2], [1, 2]])


@pytest.mark.parametrize("data", [[[1, 2], [3]], ["a", "b"], None, {"a": 1}, [object()]])
def test_unusable_data(data):
    with pytest.raises((ValueError, TypeError)):
        ops.convert_to_tensor(data)


def test_non_contiguous_and_foreign_arrays():
    base = np.arange(60.0).reshape(5, 12)
    for view in (base[::2, ::-3], base.T, np.broadcast_to(base[0], (3, 12)), base[:0]):
        np.testing.assert_array_equal(ops.array(view), view)
    swapped = np.arange(3, dtype=">f4")
    with pytest.raises(TypeError, match="byte order"):
        ops.array(swapped)
