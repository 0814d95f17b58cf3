"""Networks on images: unknown sizes, equal bits, data formats, pixels as integers."""

import numpy as np
import pytest

import nacre
from nacre import _core, config, layers, ops


@pytest.fixture
def any_threads():
    before = config.get_num_threads()
    yield
    config.set_num_threads(before)


def pictures(*shape, seed=0):
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype("float32")


def lenet(classes=4):
    return nacre.Sequential(
        [
            nacre.Input((12, 12, 3)),
            layers.Conv2D(8, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(20, 3, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(classes, activation="softmax"),
        ]
    )


def residual(classes=4):
    inputs = nacre.Input((11, 10, 3))
    x = layers.Conv2D(16, 3, padding="same", use_bias=False)(inputs)
    x = skip = layers.ReLU()(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", activation="relu6")(x)
    x = layers.Conv2D(16, 1)(x)
    x = layers.Add()([x, skip])
    x = layers.Conv2D(24, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GlobalAveragePooling2D()(x)
    return nacre.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def unet(classes=4):
    inputs = nacre.Input((None, None, 3))
    x = skip = layers.Conv2D(8, 3, padding="same", activation="relu")(inputs)
    x = layers.MaxPooling2D(padding="same")(x)
    x = layers.Conv2D(12, 3, strides=1, padding="same", activation="relu")(x)
    x = layers.Conv2DTranspose(8, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.Concatenate()([x, skip])
    x = layers.GlobalMaxPooling2D()(layers.Conv2D(8, 1)(x))
    return nacre.Model(inputs, layers.Dense(classes, activation="softmax")(x))


NETWORKS = {"lenet": (lenet, (12, 12, 3)), "residual": (residual, (11, 10, 3)),
            "unet": (unet, (10, 12, 3))}  # fmt: skip


def trained(make, shape, steps=3):
    nacre.utils.set_random_seed(3)
    model = make()
    model.compile("adam", "sparse_categorical_crossentropy")
    x, y = pictures(6 * steps, *shape), np.arange(6 * steps) % 4
    history = model.fit(x, y, batch_size=6, epochs=1, verbose=0, shuffle=False).history
    return model.get_weights(), history["loss"]


@pytest.mark.parametrize("name", NETWORKS)
def test_thread_count_does_not_change_the_bits(name, any_threads):
    found = []
    for threads in (1, 2, 3, 5):
        config.set_num_threads(threads)
        weights, loss = trained(*NETWORKS[name])
        found.append(b"".join(w.tobytes() for w in weights) + str(loss).encode())
    assert len(set(found)) == 1


@pytest.mark.parametrize("name", NETWORKS)
def test_training_agrees_with_the_reference(name):
    weights, loss = trained(*NETWORKS[name])
    before = _core.get_backend()
    _core.set_backend("reference")
    try:
        expected, expected_loss = trained(*NETWORKS[name])
    finally:
        _core.set_backend(before)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-4)
    for a, b in zip(weights, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=2e-4 * max(1, np.abs(b).max()))


def test_learning():
    x = np.zeros((64, 8, 8, 1), "float32")
    y = np.arange(64) % 2
    rng = np.random.default_rng(0)
    for image, label in zip(x, y, strict=True):  # a bar that lies or stands
        at = rng.integers(1, 7)
        image[(at, slice(1, 7)) if label else (slice(1, 7), at)] = 1
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [
            layers.Conv2D(8, 3, activation="relu", input_shape=(8, 8, 1)),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(2, activation="softmax"),
        ]
    )
    optimizer = nacre.optimizers.Adam(0.01)
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
    history = model.fit(x, y, epochs=30, batch_size=16, verbose=0).history
    assert history["accuracy"][-1] == 1.0


def test_images_of_any_size():
    model = unet()
    assert model.output_shape == (None, 4)
    model.compile("sgd", "sparse_categorical_crossentropy")
    for height, width in ((4, 6), (16, 10), (32, 32)):
        x = pictures(2, height, width, 3)
        assert model.predict(x, verbose=0).shape == (2, 4)
        assert np.isfinite(model.train_on_batch(x, np.array([0, 1])))


@pytest.mark.parametrize(
    ("make", "sizes"),
    [
        (lambda: layers.Conv2D(2, 3, strides=2, padding="same"), [(5, 6), (8, 3), (1, 2)]),
        (lambda: layers.Conv2D(2, (2, 3), dilation_rate=2), [(5, 6), (8, 7)]),
        (lambda: layers.Conv2D(2, 4, padding="same"), [(5, 6), (2, 3)]),
        (lambda: layers.Conv2DTranspose(2, 3, strides=2, padding="same"), [(5, 6), (2, 3)]),
        (lambda: layers.Conv2DTranspose(2, 2, strides=3), [(5, 6), (2, 3)]),
        (lambda: layers.DepthwiseConv2D(3, strides=3, padding="same"), [(5, 6), (8, 3)]),
        (lambda: layers.MaxPooling2D(3, strides=2, padding="same"), [(5, 6), (8, 3)]),
        (lambda: layers.AveragePooling2D(2, padding="same"), [(5, 6), (8, 3)]),
        (lambda: layers.AveragePooling2D(2), [(5, 6), (8, 3)]),
        (lambda: layers.GlobalAveragePooling2D(), [(5, 6), (8, 3)]),
        (lambda: layers.ZeroPadding2D(((1, 0), (2, 3))), [(5, 6), (8, 3)]),
        (lambda: layers.Cropping2D(((1, 0), (0, 2))), [(5, 6), (8, 3)]),
        (lambda: layers.UpSampling2D((2, 3)), [(5, 6), (8, 3)]),
        (lambda: layers.UpSampling2D((2, 3), interpolation="bilinear"), [(5, 6), (8, 3)]),
        (lambda: layers.UpSampling2D((2, 1), interpolation="lanczos3"), [(5, 6), (8, 3)]),
        (lambda: layers.Resizing(4, 7, interpolation="nearest"), [(5, 6), (8, 3)]),
        (lambda: layers.Resizing(4, 7), [(5, 6), (8, 3)]),
    ],
)
def test_a_trace_for_all_sizes_agrees_with_one_for_each(make, sizes):
    layer = make()
    inputs = nacre.Input((None, None, 2))
    outputs = layer(inputs)
    model = nacre.Model(inputs, outputs)
    for size in sizes:
        x = pictures(2, *size, 2)
        expected = np.asarray(layer(x))
        found = model.predict(x, verbose=0)
        assert found.shape == tuple(layer.compute_output_shape(x.shape))
        assert all(a in (None, b) for a, b in zip(outputs.shape, found.shape, strict=True))
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_pixels_as_integers():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype("uint8")
    layer = layers.Conv2D(4, 3, strides=2, padding="same")
    np.testing.assert_allclose(layer(pixels), layer(pixels.astype("float32")), rtol=1e-6)
    assert layers.MaxPooling2D()(pixels).dtype == "uint8"
    assert np.array_equal(
        layers.MaxPooling2D()(pixels), pixels.reshape(4, 4, 2, 4, 2, 3).max((2, 4))
    )
    resized = layers.Resizing(4, 4)(pixels)
    assert resized.dtype == "uint8"


def test_second_derivatives_of_a_network():
    """As a gradient penalty needs them: the loss is itself a gradient."""
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [
            nacre.Input((6, 6, 2)),
            layers.Conv2D(4, 3, strides=2, padding="same", activation="tanh"),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(1),
        ]
    )
    x = pictures(3, 6, 6, 2)
    kernel = model.layers[0].kernel

    def penalty():
        with nacre.GradientTape() as inner:
            variable = nacre.Variable(x, name="x")
            total = ops.sum(model(variable.value))
        (slope,) = inner.gradient(total, [variable])
        return ops.sum(ops.square(slope))

    with nacre.GradientTape() as tape:
        value = penalty()
    (gradient,) = tape.gradient(value, [kernel])
    start = kernel.numpy()
    direction = np.random.default_rng(1).standard_normal(start.shape).astype("float32")
    sides = []
    for sign in (1, -1):
        kernel.assign(start + sign * 1e-2 * direction)
        sides.append(float(penalty()))
    expected = (sides[0] - sides[1]) / 2e-2
    assert abs(float(np.sum(np.asarray(gradient) * direction)) - expected) < 2e-2 * abs(expected)


def test_channels_first_is_the_same_network():
    nacre.utils.set_random_seed(0)
    last = nacre.Sequential(
        [
            nacre.Input((7, 6, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2, padding="same"),
            layers.SeparableConv2D(5, 2),
            layers.GlobalAveragePooling2D(),
        ]
    )
    first = nacre.Sequential(
        [
            nacre.Input((3, 7, 6)),
            layers.Conv2D(4, 3, activation="relu", data_format="channels_first"),
            layers.MaxPooling2D(2, padding="same", data_format="channels_first"),
            layers.SeparableConv2D(5, 2, data_format="channels_first"),
            layers.GlobalAveragePooling2D(data_format="channels_first"),
        ]
    )
    first.set_weights(last.get_weights())
    x = pictures(3, 7, 6, 3)
    np.testing.assert_allclose(
        first.predict(np.moveaxis(x, -1, 1), verbose=0),
        last.predict(x, verbose=0),
        rtol=1e-5,
        atol=1e-6,
    )


def test_spectral_normalization_in_fit():
    nacre.utils.set_random_seed(0)
    layer = layers.SpectralNormalization(layers.Conv2D(6, 3), power_iterations=3)
    model = nacre.Sequential([nacre.Input((6, 6, 2)), layer, layers.GlobalMaxPooling2D()])
    model.compile(nacre.optimizers.SGD(0.0), "mse")
    layer.layer.kernel.assign(layer.layer.kernel * 7.0)
    x, y = pictures(8, 6, 6, 2), np.zeros((8, 6), "float32")
    model.fit(x, y, epochs=10, batch_size=4, verbose=0)
    matrix = layer.layer.kernel.numpy().reshape(-1, 6)
    assert abs(np.linalg.svd(matrix, compute_uv=False)[0] - 1) < 1e-2
    again = layers.deserialize(layers.serialize(layer))
    assert again.power_iterations == 3
    assert isinstance(again.layer, layers.Conv2D)


def test_other_names():
    for name, other in [
        ("Convolution2D", "Conv2D"),
        ("Convolution2DTranspose", "Conv2DTranspose"),
        ("SeparableConvolution2D", "SeparableConv2D"),
        ("MaxPool2D", "MaxPooling2D"),
        ("AvgPool3D", "AveragePooling3D"),
        ("GlobalAvgPool1D", "GlobalAveragePooling1D"),
        ("GlobalMaxPool2D", "GlobalMaxPooling2D"),
    ]:
        assert getattr(layers, name) is getattr(layers, other)
