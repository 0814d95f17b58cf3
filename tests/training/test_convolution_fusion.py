"""Convolutions, activations, pooling and their gradients as the CPU backend puts them together.

Every case trains the same model on the CPU backend, under every instruction set, and on the
reference backend, which puts nothing together.
"""

import numpy as np
import pytest

import nacre
from nacre import layers
from tests.ops.engines import ENGINES, engine

# Image size, channels, then pairs of convolution and pooling arguments.
CASES = {
    "two stages": ((15, 15, 3), [({"filters": 20}, {}), ({"filters": 33}, {})]),
    "odd sizes": ((13, 18, 5), [({"filters": 7, "kernel_size": (2, 3)}, {})]),
    "borders": ((12, 11, 4), [({"filters": 8, "padding": "same"}, {"pool_size": 3})]),
    "stride": ((17, 17, 3), [({"filters": 16, "strides": 2, "padding": "same"}, {})]),
    "wide window": ((14, 14, 2), [({"filters": 9}, {"pool_size": (2, 4)})]),
    "overlapping": ((14, 14, 3), [({"filters": 8}, {"pool_size": 3, "strides": 2})]),
    "padded pool": ((12, 13, 3), [({"filters": 8}, {"padding": "same"})]),
    "tanh": ((10, 10, 3), [({"filters": 8, "activation": "tanh"}, {})]),
    "linear": ((10, 10, 3), [({"filters": 8, "activation": None}, {})]),
    "no bias": ((10, 10, 3), [({"filters": 8, "use_bias": False}, {})]),
    "groups": (
        (10, 10, 6),
        [({"filters": 18, "groups": 2}, {}), ({"filters": 9, "groups": 9}, {})],
    ),
    "depthwise": (
        (13, 12, 6),
        [
            ({"filters": 6, "groups": 6, "padding": "same"}, {}),
            ({"filters": 12, "groups": 6, "strides": 2, "padding": "same"}, {}),
        ],
    ),
    "dilation": ((16, 15, 3), [({"filters": 17, "dilation_rate": 2}, {})]),
    "one tap": ((8, 9, 5), [({"filters": 12, "kernel_size": 1}, {}), ({"filters": 3}, {})]),
    "many filters": ((8, 8, 16), [({"filters": 80}, {}), ({"filters": 80, "kernel_size": 1}, {})]),
}


def build(shape, stages):
    nacre.utils.clear_session()
    nacre.utils.set_random_seed(3)
    model = nacre.Sequential([layers.Input(shape)])
    for convolution, pooling in stages:
        model.add(layers.Conv2D(**{"kernel_size": 3, "activation": "relu", **convolution}))
        model.add(layers.MaxPooling2D(**{"pool_size": 2, **pooling}))
    model.add(layers.Flatten())
    model.add(layers.Dense(3))
    model.compile(nacre.optimizers.SGD(0.004, momentum=0.5), "mse")
    return model


def trained(shape, stages, batch=5):
    model = build(shape, stages)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2 * batch, *shape)).astype("float32")
    y = rng.normal(size=(2 * batch, 3)).astype("float32")
    losses = model.fit(x, y, batch_size=batch, epochs=2, shuffle=False, verbose=0).history["loss"]
    return losses, [*model.get_weights(), model.predict(x, verbose=0)], model


@pytest.mark.parametrize("name", CASES)
def test_training_agrees_with_the_reference_backend(name):
    with engine("reference"):
        losses, expected, _ = trained(*CASES[name])
    assert losses[1] != losses[0]
    for other in ENGINES:
        if other == "reference":
            continue
        with engine(other):
            got, values, _ = trained(*CASES[name])
        np.testing.assert_allclose(got, losses, rtol=1e-4, err_msg=other)
        for value, wanted in zip(values, expected, strict=True):
            np.testing.assert_allclose(value, wanted, rtol=1e-3, atol=2e-5, err_msg=other)


@pytest.mark.parametrize("name", ["two stages", "borders", "groups", "many filters"])
def test_the_same_bits_for_any_number_of_threads(name):
    before = nacre.config.get_num_threads()
    try:
        results = []
        for threads in (1, 2, 3, 5):
            nacre.config.set_num_threads(threads)
            results.append(trained(*CASES[name], batch=24)[1])
    finally:
        nacre.config.set_num_threads(before)
    for result in results[1:]:
        for value, first in zip(result, results[0], strict=True):
            np.testing.assert_array_equal(value, first)


def test_equal_and_missing_maxima_have_the_gradients_of_keras():
    """The first of equal maxima gets the gradient, and ReLU's zeros give none."""
    model = nacre.Sequential(
        [
            layers.Input((4, 4, 1)),
            layers.Conv2D(1, 1, activation="relu", kernel_initializer="ones"),
            layers.MaxPooling2D(2),
            layers.Flatten(),
            layers.Dense(1, kernel_initializer="ones", use_bias=False),
        ]
    )
    model.compile(nacre.optimizers.SGD(1.0), "mse")
    x = np.full((1, 4, 4, 1), -1, "float32")
    x[0, :2, :2, 0] = 2  # equal maxima
    x[0, 2:, :2, 0] = [[1, 3], [3, 1]]
    # The output is 2 + 3; the loss's gradient with respect to it is 2 * (5 - 4).
    model.train_on_batch(x, np.array([[4.0]], "float32"))
    kernel, bias = model.layers[0].get_weights()
    assert kernel.item() == 1 - 2 * (2 + 3)
    assert bias.item() == -2 * 2


@pytest.mark.parametrize(
    ("name", "fused"), [("two stages", 2), ("overlapping", 0), ("padded pool", 0)]
)
def test_what_is_put_together(name, fused):
    _, _, model = trained(*CASES[name])
    (function,) = model._steps._functions["train"]
    names = function.exe.step_names([(5, *CASES[name][0]), (5, 3)])
    assert names.count("cpu.conv_pool") == fused
    assert names.count("max_pool") == (not fused)
