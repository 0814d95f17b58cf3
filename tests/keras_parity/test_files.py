"""Files go both ways: Keras opens what Nacre writes, and Nacre what Keras writes.

The number of a test is the seed of its model.
"""

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import Pair, assert_close, make_pair
from tests.keras_parity.drawn import build, data, draw_spec

pytestmark = [
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
    pytest.mark.filterwarnings("ignore:.*trained on.*loss"),
]

FEW = range(10)
MANY = range(5000, 5100)


def _slots(model):
    return [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in model.optimizer.variables]


def _step(spec, keras, model, again, x, y, weight):
    """One more step from the state in the file: both models must do the same."""
    theirs, ours = (model, again) if type(model).__module__.startswith("keras") else (again, model)
    assert_close(_slots(again), _slots(model), 1e-6, "optimizer", scale=1.0)
    if spec.random:
        return  # dropout draws other numbers in each library
    for one in (model, again):
        one.fit(x, y, sample_weight=weight, batch_size=16, epochs=1, shuffle=False, verbose=0)
    Pair(ours, theirs).compare_weights()


def _check(keras, seed, writer, tmp_path):
    spec = draw_spec(seed)
    x, y, weight, options = data(spec, seed)
    reader = nacre if writer is keras else keras
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    model = pair.theirs if writer is keras else pair.ours
    model.fit(x, y, sample_weight=weight, batch_size=16, epochs=1, shuffle=False, verbose=0)
    expected = model.predict(x, verbose=0)

    path = tmp_path / "model.keras"
    model.save(path)
    again = reader.models.load_model(path)
    assert_close(again.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)

    weights = tmp_path / "model.weights.h5"
    model.save_weights(weights)
    other = reader.models.clone_model(again)
    other.load_weights(weights)
    assert_close(other.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)

    legacy = tmp_path / "model.h5"
    model.save(legacy)
    old = reader.models.load_model(legacy, compile=False)
    assert_close(old.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)
    _step(spec, keras, model, again, x, y, weight)


@pytest.mark.parametrize("seed", FEW)
def test_keras_opens_ours(keras, seed, tmp_path):
    _check(keras, seed, nacre, tmp_path)


@pytest.mark.parametrize("seed", FEW)
def test_we_open_what_keras_wrote(keras, seed, tmp_path):
    _check(keras, seed, keras, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_keras_opens_many_of_ours(keras, seed, tmp_path):
    _check(keras, seed, nacre, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_we_open_many_that_keras_wrote(keras, seed, tmp_path):
    _check(keras, seed, keras, tmp_path)
