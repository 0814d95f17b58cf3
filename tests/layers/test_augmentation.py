"""Layers that change images at random, by themselves, in data sets and in models."""

import numpy as np
import pytest

import nacre
from nacre import layers
from nacre.data import Dataset

IMAGES = np.random.default_rng(0).uniform(0, 255, (8, 6, 6, 3)).astype("float32")
ALL = [
    layers.RandomFlip,
    lambda **o: layers.RandomRotation(0.4, **o),
    lambda **o: layers.RandomZoom(0.4, 0.2, **o),
    lambda **o: layers.RandomTranslation(0.4, 0.2, **o),
    lambda **o: layers.RandomShear(0.5, 0.5, **o),
    lambda **o: layers.RandomContrast(0.5, **o),
    lambda **o: layers.RandomBrightness(0.5, **o),
    lambda **o: layers.RandomHue(0.5, **o),
    lambda **o: layers.RandomSaturation(0.9, **o),
]
IDS = [make().__class__.__name__ for make in ALL]


@pytest.mark.parametrize("make", ALL, ids=IDS)
def test_images_change_in_training_only(make):
    layer = make(seed=1)
    changed = layer(IMAGES)
    assert changed.shape == IMAGES.shape
    assert not np.array_equal(changed.numpy(), IMAGES)
    assert not np.array_equal(layer(IMAGES).numpy(), changed.numpy())
    np.testing.assert_array_equal(layer(IMAGES, training=False).numpy(), IMAGES)
    np.testing.assert_array_equal(make(seed=1)(IMAGES).numpy(), changed.numpy())
    one = layer(IMAGES[0].astype("uint8"))
    assert (one.shape, one.dtype) == ((6, 6, 3), "float32")
    assert layer.trainable_weights == []


@pytest.mark.parametrize("make", ALL, ids=IDS)
def test_each_image_is_changed_by_itself(make):
    same = np.repeat(IMAGES[:1], 40, axis=0)
    changed = make(seed=1)(same).numpy()
    assert len({image.tobytes() for image in changed}) > 1


@pytest.mark.parametrize("make", ALL, ids=IDS)
def test_in_models(make, tmp_path):
    """`fit` changes images, `predict` does not, and a trace serves batches of all sizes."""
    seen = []

    class Look(nacre.layers.Layer):
        def call(self, inputs):
            return nacre.ops.mean(inputs, axis=(1, 2))

    model = nacre.Sequential([layers.Input((6, 6, 3)), make(seed=2), Look(), layers.Dense(1)])
    model.compile("sgd", "mse")
    plain = nacre.Sequential([layers.Input((6, 6, 3)), Look(), model.layers[-1]])
    np.testing.assert_array_equal(
        model.predict(IMAGES, verbose=0), plain.predict(IMAGES, verbose=0)
    )
    model.compile(nacre.optimizers.SGD(0.0), "mse")
    for _ in range(2):
        seen.append(model.fit(IMAGES, np.zeros((8, 1)), batch_size=3, verbose=0).history["loss"])
    inside = model.evaluate(IMAGES, np.zeros((8, 1)), verbose=0)
    if not isinstance(model.layers[0], layers.RandomFlip | layers.RandomContrast):
        assert seen[0] != seen[1]
        assert inside not in seen[0]


def test_in_a_data_set():
    augment = nacre.Sequential([layers.RandomFlip("horizontal"), layers.RandomZoom(0.2)])
    dataset = Dataset.from_tensor_slices(IMAGES.astype("uint8")).batch(3)
    mapped = dataset.map(lambda x: augment(x, training=True), num_parallel_calls=2)
    assert [b.shape for b in mapped] == [(3, 6, 6, 3), (3, 6, 6, 3), (2, 6, 6, 3)]
    single = Dataset.from_tensor_slices(IMAGES).map(layers.RandomRotation(0.2))
    assert next(iter(single)).shape == (6, 6, 3)


def test_flips_and_turns_are_what_they_say():
    image = np.arange(12, dtype="float32").reshape(1, 3, 4, 1)
    flip = layers.RandomFlip()
    flips = {"flips": np.ones((1, 1, 1, 1), bool)}
    np.testing.assert_array_equal(flip.transform_images(image, flips), image[:, ::-1, ::-1])
    square = np.arange(9, dtype="float32").reshape(1, 3, 3, 1)
    turn = layers.RandomRotation(1.0, interpolation="nearest")
    turned = turn.transform_images(square, {"angle": np.array([90.0], "float32")})
    np.testing.assert_array_equal(turned.numpy()[0, ..., 0], np.rot90(square[0, ..., 0]))
    move = layers.RandomTranslation(1, 1, fill_mode="constant", fill_value=-1)
    moved = move.transform_images(square, {"translations": np.array([[1.0, 0.0]], "float32")})
    expected = np.pad(square[0, :, :2, 0], ((0, 0), (1, 0)), constant_values=-1)
    np.testing.assert_array_equal(moved.numpy()[0, ..., 0], expected)


def test_random_crop():
    crop = layers.RandomCrop(3, 4, seed=1)
    places = set()
    for _ in range(60):
        part = crop(IMAGES).numpy()
        assert part.shape == (8, 3, 4, 3)
        (row,), (column,) = np.where(IMAGES[0, :, :, 0] == part[0, 0, 0, 0])
        np.testing.assert_array_equal(part, IMAGES[:, row : row + 3, column : column + 4])
        places.add((int(row), int(column)))
    assert places == {(row, column) for row in range(4) for column in range(3)}
    assert crop(IMAGES[0]).shape == (3, 4, 3)
    assert layers.RandomCrop(9, 3)(IMAGES).shape == (8, 9, 3, 3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.RandomFlip("sideways"), "mode"),
        (lambda: layers.RandomRotation(2), r"`factor` must be .* \[-1, 1\]"),
        (lambda: layers.RandomRotation("a"), "factor"),
        (lambda: layers.RandomZoom(-1.0), "above -1"),
        (lambda: layers.RandomZoom(0.1, fill_mode="mirror"), "fill_mode"),
        (lambda: layers.RandomTranslation(0.1, (0, 1, 2)), "width_factor"),
        (lambda: layers.RandomShear(-0.5), r"\[0, 1\]"),
        (lambda: layers.RandomContrast(1.5), r"\[0.0, 1\]"),
        (lambda: layers.RandomBrightness(0.1, value_range=3), "value_range"),
        (lambda: layers.RandomCrop(0, 3), "height"),
        (lambda: layers.RandomFlip(bounding_box_format="xyxy"), "bounding boxes"),
        (lambda: layers.RandomFlip()(np.zeros((2, 3))), "rank|ndim|axes"),
        (lambda: layers.RandomHue(0.5)(np.zeros((2, 3, 3, 4))), "three channels"),
    ],
)
def test_mistakes(make, message):
    with pytest.raises(ValueError, match=message):
        make()
