"""Whole convolutional networks: the same bits for any number of threads, and learning."""

import numpy as np
import pytest

import nacre
from benchmarks import networks
from tests.ops.engines import ENGINES, engine

# Large enough that every kernel divides its work among threads, with sizes that do not divide
# evenly; the last batch of an epoch is a smaller one.
CASES = {
    "cifar": {"shape": (30, 27, 3), "filters": 20},
    "cats": {"shape": (42, 38, 3), "filters": 12},
    "lenet5": {"shape": (32, 32, 3)},
    "resnet": {"shape": (25, 19, 3), "filters": 12, "blocks": (1, 2)},
    "mobilenet": {"shape": (25, 19, 3), "filters": 20, "blocks": ((2, 1), (3, 2))},
    "unet": {"shape": (28, 20, 3), "filters": 10},
}


def _data(name, shape, count):
    rng = np.random.default_rng(1)
    x = rng.random((count, *shape), np.float32)
    if name == "cats":
        return x, (x.mean(axis=(1, 2, 3))[:, None] > 0.5).astype(np.float32)
    if name == "unet":
        return x, x.argmax(axis=-1).astype(np.int32)
    return x, rng.integers(0, 10, count).astype(np.int32)


def _model(name):
    nacre.utils.clear_session()
    nacre.utils.set_random_seed(11)
    model = networks.BUILDERS[name](nacre, **CASES[name])
    loss = "binary_crossentropy" if name == "cats" else "sparse_categorical_crossentropy"
    model.compile("adam", loss, metrics=["accuracy"])
    return model


def _trained(name, x, y):
    """What a short training leaves: weights, history and predictions."""
    model = _model(name)
    history = model.fit(x, y, batch_size=24, epochs=2, verbose=0).history
    return [*model.get_weights(), model.predict(x, batch_size=24, verbose=0)], history


@pytest.mark.parametrize("instructions", [name for name in ENGINES if name != "reference"])
@pytest.mark.parametrize("name", CASES)
def test_the_number_of_threads_does_not_change_a_bit(name, instructions):
    x, y = _data(name, CASES[name]["shape"], 37)
    before = nacre.config.get_num_threads()
    results = []
    try:
        with engine(instructions):
            for threads in (1, 2, 3, 5):
                nacre.config.set_num_threads(threads)
                results.append(_trained(name, x, y))
    finally:
        nacre.config.set_num_threads(before)
    (values, history), *others = results
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][0] != history["loss"][1]
    for other_values, other_history in others:
        assert other_history == history
        for value, other in zip(values, other_values, strict=True):
            np.testing.assert_array_equal(other, value)


@pytest.mark.parametrize("name", CASES)
def test_the_network_learns(name):
    """Twelve steps on one batch: whatever the labels, the loss on it falls."""
    x, y = _data(name, CASES[name]["shape"], 16)
    model = _model(name)
    losses = model.fit(x, y, batch_size=16, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.98 * losses[0]
