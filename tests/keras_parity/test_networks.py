"""Whole convolutional networks, trained step by step in Keras and in Nacre."""

import numpy as np
import pytest

import nacre
from benchmarks import networks
from tests.keras_parity.compare import assert_close, make_pair

STEPS = 10
BATCH = 16

# A sum of a thousand float32 terms is right to about 1e-6 of its size, and ten steps feed that
# back ten times: losses differ by 1e-7 to 3e-6 where this was set, weights by 3e-7 with momentum.
# Adam divides by the size of a gradient: where one is nearly nothing it magnifies what rounding
# leaves, up to its whole rate; 3e-5 was seen.
LOSSES = 3e-5
AFTER_MOMENTUM = 1e-5
AFTER_ADAM = 3e-4

# Small on purpose: among the millions of activations of a full-size residual network some lie
# within rounding of ReLU's kink, and each that falls on the other side changes gradients for good.
# Such a network moves as far from itself when 1e-7 is added to its weights.
#
# Each network as it is built in small, and whether Adam trains it: not those in which a kernel
# stands before a normalization, which makes much of its gradient nothing.
SMALL = {
    "cifar": ({"shape": (20, 20, 3), "filters": 8}, True),
    # Both libraries draw their own random numbers: nothing is dropped here.
    "cats": ({"shape": (30, 30, 3), "filters": 4, "dropout": 0.0}, True),
    "lenet5": ({"shape": (20, 20, 3)}, True),
    "resnet": ({"shape": (13, 11, 3), "filters": 4, "blocks": (1, 2)}, False),
    "mobilenet": ({"shape": (13, 11, 3), "filters": 6, "blocks": ((2, 1), (3, 2))}, False),
    "unet": ({"shape": (12, 8, 3), "filters": 6, "depth": 2}, True),
}


def _data(name, shape):
    """Pictures whose colour says the label, so that there is something to learn."""
    rng = np.random.default_rng(3)
    count = STEPS * BATCH
    tint = rng.uniform(0.2, 0.8, (count, 1, 1, 3))
    x = (tint + rng.normal(0, 0.2, (count, *shape))).astype(np.float32)
    if name == "cats":
        return x, (tint[:, 0, 0, :1] > 0.5).astype(np.float32)
    if name == "unet":
        return x, x.argmax(axis=-1).astype(np.int32)
    return x, np.digitize(tint[:, 0, 0, 0], np.linspace(0.2, 0.8, 11)[1:-1]).astype(np.int32)


def _build(name):
    options, adam = SMALL[name]

    def build(lib):
        model = networks.BUILDERS[name](lib, **options)
        optimizer = lib.optimizers.Adam(0.003) if adam else lib.optimizers.SGD(0.05, momentum=0.9)
        loss = "binary_crossentropy" if name == "cats" else "sparse_categorical_crossentropy"
        model.compile(optimizer, loss, metrics=["accuracy"])
        return model

    return build


def _pair(keras, name):
    """The network in both libraries, from initial values as training begins with them."""
    pair = make_pair(keras, _build(name))
    # From here no activation comes within rounding of a kink in ten steps: float32 follows float64.
    nacre.utils.set_random_seed(7)
    rng = np.random.default_rng(7)
    weights = _build(name)(nacre).get_weights()
    # Biases and moving means begin at nothing, where mistakes would not show.
    weights = [w + 0.05 * rng.random(w.shape, np.float32) if w.ndim == 1 else w for w in weights]
    pair.ours.set_weights(weights)
    pair.theirs.set_weights(weights)
    return pair


@pytest.mark.parametrize("name", SMALL)
def test_ten_steps(keras, name):
    options, adam = SMALL[name]
    pair = _pair(keras, name)
    x, y = _data(name, options["shape"])
    before = pair.ours.get_weights()
    for step in range(STEPS):
        rows = slice(step * BATCH, (step + 1) * BATCH)
        ours, theirs = (
            model.train_on_batch(x[rows], y[rows], return_dict=True)
            for model in (pair.ours, pair.theirs)
        )
        assert_close(ours, theirs, LOSSES, f"step {step}", scale=1.0)
    # Kernels, biases, and the moving statistics of BatchNormalization, each against its own size.
    for weight, start, our, their in zip(
        pair.ours.weights, before, pair.ours.get_weights(), pair.theirs.get_weights(), strict=True
    ):
        assert not np.array_equal(our, start), f"{weight.path} has not moved"
        assert_close(our, their, AFTER_ADAM if adam else AFTER_MOMENTUM, weight.path)
    # In inference the moving statistics take part.
    pair.compare_outputs(x[:BATCH], tolerance=AFTER_ADAM, batch_size=BATCH)
