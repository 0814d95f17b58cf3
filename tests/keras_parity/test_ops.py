"""Values, shapes and dtypes of ops of one and of two tensors, with Keras's rules of promotion."""

import inspect
import warnings

import numpy as np
import pytest

from nacre import ops

# Where Nacre means to differ, or where the question makes no sense.
LEFT_OUT = {
    "sparsemax": "Keras returns values that do not add up to 1",
    "histogram": "Keras needs the range to be a tuple of Python numbers",
    "hard_tanh": "Keras keeps integers",
    "rms_normalization": "Keras keeps integers",
    "glu": "Keras rejects integers",
    "floor_divide": "an integer division by zero is an error in Nacre",
    "fmod": "an integer division by zero is an error in Nacre",
    "mod": "an integer division by zero is an error in Nacre",
    "inner": "Nacre sums narrow integers in 32 bits, as in matmul",
    "tensordot": "Nacre sums narrow integers in 32 bits, as in matmul",
    "vdot": "Nacre sums narrow integers in 32 bits, as in matmul",
    "convert_to_numpy": "gives an array",
    "is_tensor": "gives a boolean",
    "shape": "gives a tuple",
    "dtype": "gives a string",
    "unique": "sizes depend on the data",
    "nonzero": "sizes depend on the data",
    "nextafter": "not offered",
    "view": "not offered",
}


def names_of(arity):
    found = []
    for name in sorted(n for n in dir(ops) if not n.startswith("_")):
        function = getattr(ops, name)
        if name in LEFT_OUT or not inspect.isfunction(inspect.unwrap(function)):
            continue
        parameters = inspect.signature(function).parameters.values()
        needed = [p.name for p in parameters if p.default is p.empty]
        if needed in (["x"], ["x1", "x2"], ["x", "y"]) and len(needed) == arity:
            found.append(name)
    return found


RNG = np.random.RandomState(0)
FLOATS = RNG.uniform(-2, 2, (3, 4)).astype("float32")
INTS = RNG.randint(-5, 6, (3, 4)).astype("int32")
WINDOWS = {"bartlett", "blackman", "hamming", "hanning"}


@pytest.fixture(autouse=True)
def _fresh_names():
    """Ops have no names; clearing Keras's session would make it compile everything again."""


def agree(keras, name, *arguments):
    theirs_function = getattr(keras.ops, name, None)
    if theirs_function is None:
        pytest.skip(f"Keras has no {name}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            theirs = theirs_function(*arguments)
    except (TypeError, ValueError):
        return  # what Keras rejects, Nacre may accept
    ours = getattr(ops, name)(*arguments)
    if not isinstance(theirs, (list, tuple)):
        ours, theirs = [ours], [theirs]
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        if isinstance(b, int):
            assert a == b
            continue
        a, b = np.asarray(a), np.asarray(b)
        assert a.dtype == b.dtype
        assert a.shape == b.shape
        np.testing.assert_allclose(a.astype("float64"), b.astype("float64"), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", names_of(1))
def test_unary(keras, name):
    if name in WINDOWS:
        agree(keras, name, 7)
        return
    agree(keras, name, FLOATS)
    agree(keras, name, INTS)


@pytest.mark.parametrize("name", names_of(2))
def test_binary(keras, name):
    agree(keras, name, FLOATS, np.abs(FLOATS) + 0.1)
    agree(keras, name, INTS, np.abs(INTS) + 1)
    agree(keras, name, FLOATS, INTS)
    if "shift" not in name:
        agree(keras, name, INTS, 2.5)
