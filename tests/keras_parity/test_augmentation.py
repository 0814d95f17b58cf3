"""Layers that change images at random do with the same draws what Keras's do."""

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import assert_close

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (4, 6, 9, 3)).astype("float32")
UNIT = {"value_range": (0, 1)}
FIRST = {"data_format": "channels_first"}

LAYERS = [
    ("RandomFlip", {}),
    ("RandomFlip", {"mode": "horizontal"}),
    ("RandomFlip", {"mode": "vertical", **FIRST}),
    ("RandomRotation", {"factor": 0.3}),
    ("RandomRotation", {"factor": (-0.1, 0.2), "fill_mode": "nearest", **FIRST}),
    ("RandomRotation", {"factor": 0.5, "fill_mode": "constant", "fill_value": 7.0}),
    ("RandomZoom", {"height_factor": 0.4}),
    ("RandomZoom", {"height_factor": (0.1, 0.5), "width_factor": -0.3, "fill_mode": "wrap"}),
    ("RandomZoom", {"height_factor": 0.4, "interpolation": "nearest", **FIRST}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": (-0.2, 0.6)}),
    ("RandomTranslation", {"height_factor": 0.4, "width_factor": 0.1, **FIRST}),
    ("RandomShear", {"x_factor": 0.6, "y_factor": (0.1, 0.4)}),
    ("RandomShear", {"x_factor": 0.6, "fill_mode": "constant", **FIRST}),
    ("RandomCrop", {"height": 4, "width": 5}),
    ("RandomCrop", {"height": 8, "width": 4}),
    ("RandomCrop", {"height": 3, "width": 4, **FIRST}),
    ("RandomContrast", {"factor": 0.6}),
    ("RandomContrast", {"factor": (0.3, 0.9)}),
    ("RandomContrast", {"factor": 0.3, **UNIT}),
    ("RandomBrightness", {"factor": 0.6}),
    ("RandomBrightness", {"factor": (-0.9, -0.2), **UNIT}),
    ("RandomHue", {"factor": 0.8}),
    ("RandomHue", {"factor": (0.1, 0.4), **UNIT, **FIRST}),
    ("RandomSaturation", {"factor": 0.9}),
    ("RandomSaturation", {"factor": (0.4, 0.6), **UNIT, **FIRST}),
]


def images_for(arguments):
    images = IMAGES / 255 if arguments.get("value_range") == (0, 1) else IMAGES
    return images.transpose(0, 3, 1, 2) if "data_format" in arguments else images


def in_theirs(keras, layer, drawn, images):
    """What was drawn, in the form in which Keras's layer takes it."""
    if isinstance(drawn, tuple):
        return tuple(int(value) for value in drawn)
    drawn = {name: keras.ops.convert_to_tensor(np.asarray(value)) for name, value in drawn.items()}
    if "angle" in drawn:
        zeros, ones = np.zeros(len(images), "float32"), np.ones(len(images), "float32")
        last = layer.data_format == "channels_last"
        drawn["rotation_matrix"] = layer._compute_affine_matrix(
            center_x=0.5,
            center_y=0.5,
            angle=drawn["angle"],
            translate_x=zeros,
            translate_y=zeros,
            scale=ones,
            shear_x=zeros,
            shear_y=zeros,
            height=images.shape[1 if last else 2],
            width=images.shape[2 if last else 3],
        )
    return drawn


@pytest.mark.parametrize(("name", "arguments"), LAYERS)
def test_the_same_draws_change_images_alike(keras, name, arguments):
    ours = getattr(nacre.layers, name)(seed=3, **arguments)
    theirs = getattr(keras.layers, name)(seed=3, **arguments)
    images = images_for(arguments)
    for _ in range(3):
        drawn = ours.get_random_transformation(nacre.ops.convert_to_tensor(images))
        changed = ours.transform_images(nacre.ops.convert_to_tensor(images), drawn)
        expected = theirs.transform_images(
            keras.ops.convert_to_tensor(images), in_theirs(keras, theirs, drawn, images)
        )
        assert_close(changed.numpy(), np.asarray(expected), 2e-5, name)
    assert tuple(theirs.compute_output_shape(images.shape)) == changed.shape
    np.testing.assert_array_equal(ours(images, training=False).numpy(), images)


@pytest.mark.parametrize(("name", "arguments"), LAYERS)
def test_draws_have_the_same_limits(keras, name, arguments):
    """What both draw for many images lies in the same limits, and fills them."""
    images = np.repeat(images_for(arguments), 100, axis=0)
    ours = getattr(nacre.layers, name)(seed=3, **arguments).get_random_transformation(
        nacre.ops.convert_to_tensor(images)
    )
    theirs = getattr(keras.layers, name)(seed=3, **arguments).get_random_transformation(
        keras.ops.convert_to_tensor(images), training=True
    )
    if name == "RandomCrop":
        return
    for key, values in ours.items():
        values, expected = np.asarray(values, float), np.asarray(theirs[key], float)
        assert values.shape == expected.shape, key
        for limit in (np.min, np.mean, np.max):
            spread = max(np.ptp(expected), 1e-3)
            assert abs(limit(values) - limit(expected)) < 0.15 * spread, (key, limit)


@pytest.mark.parametrize(("name", "arguments"), LAYERS)
def test_configurations(keras, name, arguments):
    ours = getattr(nacre.layers, name)(seed=3, name="layer", **arguments)
    theirs = getattr(keras.layers, name)(seed=3, name="layer", **arguments)
    ours_said, theirs_said = ours.get_config(), theirs.get_config()
    assert set(ours_said) == set(theirs_said)
    for key, value in theirs_said.items():
        if key != "dtype":
            assert ours_said[key] == value, key
    again = type(ours).from_config(ours_said)
    assert again.get_config() == ours_said


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "wrap", "mirror", "reflect"])
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear"])
def test_affine_transform(keras, fill_mode, interpolation):
    transforms = np.array(
        [[1.1, 0.2, -1.3, -0.15, 0.93, 2.4, 0, 0], [0.7, -0.4, 23, 0.3, 1.4, -2.2, 0, 0]], "float32"
    )
    options = {"interpolation": interpolation, "fill_mode": fill_mode, "fill_value": 3}
    for images, transform, more in (
        (IMAGES[:2], transforms, {}),
        (IMAGES[:2].transpose(0, 3, 1, 2), transforms, FIRST),
        (IMAGES[0], transforms[0], {}),
        (IMAGES[:2].astype("uint8"), transforms, {}),
    ):
        ours = nacre.ops.image.affine_transform(images, transform, **options, **more)
        theirs = keras.ops.image.affine_transform(images, transform, **options, **more)
        assert ours.dtype == images.dtype
        # What lies between two whole numbers may be rounded either way.
        tolerance = 1e-5 if images.dtype == "float32" else 1.5 / 255
        assert_close(ours.numpy(), np.asarray(theirs), tolerance, "affine_transform")


@pytest.mark.parametrize("name", ["rgb_to_hsv", "hsv_to_rgb", "rgb_to_grayscale"])
def test_colours(keras, name):
    greys = np.repeat(RNG.uniform(size=(4, 6, 9, 1)), 3, axis=-1).astype("float32")
    for images, options in (
        (IMAGES / 255, {}),
        (IMAGES[0] / 255, {}),
        (greys, {}),
        (np.zeros_like(greys), {}),
        ((IMAGES / 255).transpose(0, 3, 1, 2), FIRST),
    ):
        ours = getattr(nacre.ops.image, name)(images, **options).numpy()
        theirs = np.asarray(getattr(keras.ops.image, name)(images, **options))
        assert_close(ours, theirs, 1e-6, name)
