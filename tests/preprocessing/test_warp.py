"""The kernels of pictures against NumPy."""

import numpy as np
import pytest

import nacre
from nacre import _core
from nacre.preprocessing import image, transforms

RNG = np.random.default_rng(3)
PADDING = {"nearest": "edge", "reflect": "symmetric"}
FAR = 60  # pixels of padding, farther than any test reads


def matrix_of(theta, tx, ty, shear, zx, zy, rows, columns):
    """The map from places in the result to places in the source, rows first."""
    angle, slant = np.deg2rad(theta), np.deg2rad(shear)
    matrix = (
        np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
        @ np.array([[1, 0, tx], [0, 1, ty], [0, 0, 1]])
        @ np.array([[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]])
        @ np.diag([zx, zy, 1])
    )
    middle = np.array([[1, 0, rows / 2 - 0.5], [0, 1, columns / 2 - 0.5], [0, 0, 1]])
    matrix = middle @ matrix @ np.linalg.inv(middle)
    return matrix[[1, 0]][:, [1, 0, 2]]


def warped(x, matrix, fill_mode, cval, order):
    """Reads a picture of channels last through a map: its extension is made by `np.pad`."""
    sizes = np.array(x.shape[:2])[:, None, None]
    places = np.stack(np.meshgrid(*map(np.arange, x.shape[:2]), indexing="ij"))
    at = np.einsum("ij,jrc->irc", matrix[:, :2], places) + matrix[:, 2, None, None]
    outside = ((at < 0) | (at > sizes - 1)).any(axis=0)
    if fill_mode == "wrap":  # of period size - 1
        at = np.where((at < 0) | (at > sizes - 1), np.mod(at, sizes - 1), at)
    mode = PADDING.get(fill_mode, "edge")
    wide = np.pad(x.astype("float64"), ((FAR, FAR), (FAR, FAR), (0, 0)), mode=mode)
    at = at + FAR
    if order == 0:
        row, column = np.floor(at + 0.5).astype(int).clip(0, 2 * FAR)
        result = wide[row, column]
    else:
        row, column = np.floor(at).astype(int)
        down, right = (at - np.floor(at))[..., None]
        top = wide[row, column] * (1 - right) + wide[row, column + 1] * right
        bottom = wide[row + 1, column] * (1 - right) + wide[row + 1, column + 1] * right
        result = top * (1 - down) + bottom * down
    return np.where(outside[..., None], cval, result) if fill_mode == "constant" else result


@pytest.mark.parametrize("channels", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
def test_warps(fill_mode, order, channels):
    for shape in ((7, 9), (12, 5), (2, 3)):
        x = RNG.uniform(0, 255, (*shape, channels))
        for _ in range(5):
            theta, shear = RNG.uniform(-180, 180), RNG.uniform(-60, 60)
            tx, ty = RNG.uniform(-8, 8, 2)
            zx, zy = RNG.uniform(0.3, 1.5, 2)
            numbers = (theta, tx, ty, shear, zx, zy)
            expected = warped(x, matrix_of(*numbers, *shape), fill_mode, 7.5, order)
            options = {"fill_mode": fill_mode, "cval": 7.5, "order": order}
            last = image.apply_affine_transform(x, *numbers, 0, 1, 2, **options)
            np.testing.assert_allclose(last, expected, atol=1e-9)
            first = image.apply_affine_transform(x.transpose(2, 0, 1), *numbers, **options)
            np.testing.assert_array_equal(first, last.transpose(2, 0, 1))
            single = image.apply_affine_transform(x.astype("float32"), *numbers, 0, 1, 2, **options)
            assert single.dtype == np.float32
            np.testing.assert_allclose(single, expected, atol=1e-3)


@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
def test_a_picture_of_one_pixel(fill_mode):
    x = np.full((1, 1, 3), 9.0)
    result = image.apply_affine_transform(x, 30, 4.5, -3, 0, 0.5, 1, 0, 1, 2, fill_mode, -1.0)
    np.testing.assert_array_equal(result, np.full_like(x, -1 if fill_mode == "constant" else 9))


def test_nothing_to_do_gives_the_picture_itself():
    x = picture = RNG.uniform(size=(4, 5, 3))
    assert image.apply_affine_transform(picture, row_axis=0, col_axis=1, channel_axis=2) is x


def test_shifts_far_outside_are_harmless():
    x = RNG.uniform(size=(4, 5, 3)).astype("float32")
    for fill_mode in ("constant", "nearest", "reflect", "wrap"):
        for by in (1e6, -1e18, 1e300):
            result = image.apply_affine_transform(x, 0, by, -by, 0, 1, 1, 0, 1, 2, fill_mode)
            assert np.isfinite(result).all()
    with pytest.raises(ValueError, match="finite"):
        image.apply_affine_transform(x, np.nan, row_axis=0, col_axis=1, channel_axis=2)


def numbers(count):
    """Random changes of every kind, as the core takes them."""
    rows = np.tile(transforms.NOTHING, (count, 1))
    rows[:, 0] = RNG.uniform(-90, 90, count)
    rows[:, 1:3] = RNG.uniform(-3, 3, (count, 2))
    rows[:, 6:8] = RNG.integers(0, 2, (count, 2))
    rows[::2, 8] = RNG.uniform(-40, 40, len(rows[::2]))
    rows[::3, 9] = RNG.uniform(0, 2, len(rows[::3]))
    return rows


@pytest.fixture
def _threads_restored():
    before = nacre.config.get_num_threads()
    yield
    nacre.config.set_num_threads(before)


@pytest.mark.usefixtures("_threads_restored")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_number_of_threads_does_not_change_a_bit(dtype):
    x = RNG.uniform(-5, 300, (23, 31, 17, 3)).astype(dtype)
    rows = numbers(len(x))
    results = []
    for threads in (1, 2, 3, 5):
        nacre.config.set_num_threads(threads)
        changed = transforms.change_batch(x, rows, False)
        _core.standardize_pictures(changed, False, 1 / 255, True, True, [0.1, 0.2, 0.3], None)
        results.append(changed)
    for result in results[1:]:
        np.testing.assert_array_equal(result.view(np.uint8), results[0].view(np.uint8))


@pytest.mark.parametrize("first", [False, True])
def test_a_batch_is_what_its_pictures_are_one_by_one(first):
    x = RNG.uniform(0, 255, (6, 3, 8, 9) if first else (6, 8, 9, 3)).astype("float32")
    rows = numbers(len(x))
    result = transforms.change_batch(x, rows, first, "reflect")
    generator = image.ImageDataGenerator(
        data_format="channels_first" if first else "channels_last", fill_mode="reflect"
    )
    names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical")
    names += ("channel_shift_intensity", "brightness")
    for picture, row, expected in zip(x, rows, result, strict=True):
        drawn = {
            name: None if np.isnan(v) else v for name, v in zip(names, row.tolist(), strict=True)
        }
        np.testing.assert_allclose(generator.apply_transform(picture, drawn), expected, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("range_", [(0, 255), (-20, 100), (50, 400)])
def test_brightness_is_that_of_whole_numbers(channels, range_):
    x = RNG.uniform(*range_, (9, 8, channels)).astype("float32")
    stretched = range_ != (0, 255)
    low, high = x.min(), x.max()
    whole = ((x - low) / (high - low) * 255 if stretched else x).astype("uint8").astype("float32")
    for factor in (0.0, 0.3, 1.0, 1.7):
        bright = np.minimum(np.trunc(np.float32(factor) * whole), 255)
        if channels == 4:
            bright[..., 3] = whole[..., 3]
        expected = bright / 255 * (high - low) + low if stretched else bright
        result = image.apply_brightness_shift(x, factor, scale=False)
        np.testing.assert_allclose(result, expected, atol=1e-4 * high)


@pytest.mark.parametrize("first", [False, True])
def test_standardizing(first):
    x = RNG.uniform(0, 255, (5, 3, 6, 7) if first else (5, 6, 7, 3))
    expected = x * 0.5
    expected = expected - expected.mean(axis=(1, 2, 3), keepdims=True)
    expected = expected / (expected.std(axis=(1, 2, 3), keepdims=True) + 1e-6)
    mean, scale = np.array([0.1, 0.2, 0.3]), np.array([2.0, 3.0, 4.0])
    shape = (3, 1, 1) if first else (3,)
    expected = (expected - mean.reshape(shape)) / scale.reshape(shape)
    for dtype in ("float32", "float64"):
        result = x.astype(dtype)
        _core.standardize_pictures(result, first, 0.5, True, True, mean, scale)
        np.testing.assert_allclose(result, expected, atol=1e-5)


def test_what_the_core_refuses():
    x = np.zeros((2, 4, 5, 3), "float32")
    rows = np.tile(transforms.NOTHING, (2, 1))
    arguments = (False, "nearest", 0.0, 1)
    for source, target, numbers_, message in (
        (x[0], x[0], rows, "rank 4"),
        (x[:, ::2], x[:, ::2], rows, "one piece"),
        (x, np.zeros((2, 4, 5, 4), "float32"), rows, "one shape"),
        (x, np.zeros((2, 4, 5, 3)), rows, "one shape"),
        (x, x.copy(), rows[:1], "10 numbers"),
        (x, x.copy(), rows[:, :9], "10 numbers"),
    ):
        with pytest.raises(ValueError, match=message):
            _core.change_pictures(source, target, numbers_, *arguments)
    whole = np.zeros((2, 4, 5, 3), "int32")
    with pytest.raises(TypeError, match="float32 or float64"):
        _core.change_pictures(whole, whole.copy(), rows, *arguments)
    with pytest.raises(ValueError, match="3 channels"):
        _core.standardize_pictures(x, False, mean=[1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"fill_mode": "mirror"}, "fill_mode.*mirror"),
        ({"order": 3}, "order.*higher order.*3"),
        ({"row_axis": 1}, "axis"),
        ({"channel_axis": 1, "col_axis": 2}, "first or last"),
    ],
)
def test_options_that_are_refused(arguments, message):
    options = {"row_axis": 0, "col_axis": 1, "channel_axis": 2, **arguments}
    with pytest.raises(ValueError, match=message):
        image.apply_affine_transform(np.zeros((3, 4, 3)), 10, **options)


def test_pictures_that_are_refused():
    with pytest.raises(ValueError, match="rank 3"):
        image.apply_affine_transform(np.zeros((3, 4)), 10)
    with pytest.raises(TypeError, match="complex"):
        image.apply_affine_transform(np.zeros((3, 4, 3), complex), 10)
    with pytest.raises(ValueError, match="1, 3 or 4 channels"):
        image.apply_brightness_shift(np.zeros((3, 4, 2)), 0.5)
    with pytest.raises(ValueError, match="zoom_range"):
        image.random_zoom(np.zeros((3, 4, 3)), (1, 2, 3))
