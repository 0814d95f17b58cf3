import numpy as np
import pytest

import nacre
from nacre.preprocessing.sequence import pad_sequences

RAGGED = [[1], [2, 3], [], [4, 5, 6]]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({}, [[0, 0, 1], [0, 2, 3], [0, 0, 0], [4, 5, 6]]),
        ({"padding": "post"}, [[1, 0, 0], [2, 3, 0], [0, 0, 0], [4, 5, 6]]),
        ({"maxlen": 2}, [[0, 1], [2, 3], [0, 0], [5, 6]]),
        ({"maxlen": 2, "truncating": "post"}, [[0, 1], [2, 3], [0, 0], [4, 5]]),
        ({"maxlen": 4, "value": -1}, [[-1, -1, -1, 1], [-1, -1, 2, 3], [-1] * 4, [-1, 4, 5, 6]]),
        ({"maxlen": 0}, np.zeros((4, 0))),
        ({"maxlen": np.int64(1)}, [[1], [3], [0], [6]]),
    ],
)
def test_padding(arguments, expected):
    result = nacre.utils.pad_sequences(RAGGED, **arguments)
    assert result.dtype == np.int32
    np.testing.assert_array_equal(result, expected)


def test_other_elements():
    vectors = pad_sequences(
        [np.ones((1, 2)), np.zeros((0, 2)), np.full((3, 2), 7)], dtype="float32"
    )
    assert vectors.shape == (3, 3, 2)
    np.testing.assert_array_equal(vectors[0], [[0, 0], [0, 0], [1, 1]])
    words = pad_sequences([["a"], ["long", "b"]], dtype=object, value="-", padding="post")
    assert words.tolist() == [["a", "-"], ["long", "b"]]
    assert pad_sequences([[], []]).shape == (2, 0)
    assert pad_sequences(np.ones((2, 3)), maxlen=4).tolist() == [[0, 1, 1, 1]] * 2


@pytest.mark.parametrize(
    ("sequences", "arguments", "message"),
    [
        (RAGGED, {"padding": "left"}, "padding is 'pre' or 'post'"),
        (RAGGED, {"truncating": "left"}, "truncating is 'pre' or 'post'"),
        (RAGGED, {"maxlen": -1}, "at least 0"),
        (RAGGED, {"value": "x"}, "dtype=object"),
        ([1, 2], {}, "one of them is 1"),
        (iter(RAGGED), {}, "expected a list"),
        ([], {}, "`maxlen` is needed"),
        ([[[1, 2]], [[1, 2, 3]]], {}, "sequence 1 has elements of shape"),
    ],
)
def test_errors(sequences, arguments, message):
    with pytest.raises(ValueError, match=message):
        pad_sequences(sequences, **arguments)
    with pytest.raises(TypeError, match="maxlen is an integer"):
        pad_sequences(RAGGED, maxlen=1.5)


def test_normalize():
    x = np.array([[3.0, 4.0], [0.0, 0.0]])
    np.testing.assert_allclose(nacre.utils.normalize(x), [[0.6, 0.8], [0, 0]])
    np.testing.assert_allclose(nacre.utils.normalize(x, axis=0, order=1), [[1, 1], [0, 0]])
    np.testing.assert_allclose(nacre.utils.normalize(x, order=np.inf), [[0.75, 1], [0, 0]])
    np.testing.assert_allclose(nacre.utils.normalize(x, axis=None), x / 5)
    tensor = nacre.utils.normalize(nacre.ops.convert_to_tensor(x))
    assert isinstance(tensor, nacre.Tensor)
    np.testing.assert_allclose(tensor.numpy(), [[0.6, 0.8], [0, 0]], rtol=1e-6)
    with pytest.raises(ValueError, match="positive number"):
        nacre.utils.normalize(x, order=0)
