"""Batches of pictures: order, labels, draws and pixels are those of Keras with the same seed."""

import importlib
import warnings

import numpy as np
import pytest

from nacre.preprocessing import image
from nacre.utils.dataset_listing import list_files, part_of
from nacre.utils.image_dataset_utils import list_pictures

CHANNELS = {"rgb": 3, "rgba": 4, "grayscale": 1}
AUGMENTATIONS = {
    "nothing": {},
    "rotation": {"rotation_range": 40},
    "width shift": {"width_shift_range": 0.2},
    "height shift": {"height_shift_range": 0.3},
    "shifts in whole pixels": {"width_shift_range": 5, "height_shift_range": 4},
    "shifts in parts of pixels": {"width_shift_range": 2.5, "height_shift_range": 1.5},
    "shifts to choose from": {"width_shift_range": [-4, 1, 3], "height_shift_range": [0.1, 0.2]},
    "brightness": {"brightness_range": (0.4, 1.6)},
    "shear": {"shear_range": 25},
    "zoom": {"zoom_range": 0.4},
    "zoom in only": {"zoom_range": [0.5, 0.9]},
    "channel shift": {"channel_shift_range": 60.0},
    "flips": {"horizontal_flip": True, "vertical_flip": True},
    "rescale": {"rescale": 1 / 255},
    "samplewise": {"samplewise_center": True, "samplewise_std_normalization": True},
    "tutorial": {
        "rescale": 1 / 255,
        "rotation_range": 40,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
        "shear_range": 0.2,
        "zoom_range": 0.2,
        "horizontal_flip": True,
        "fill_mode": "nearest",
    },
    "all": {
        "rotation_range": 30,
        "width_shift_range": 0.1,
        "height_shift_range": 3,
        "shear_range": 10,
        "zoom_range": 0.2,
        "channel_shift_range": 20.0,
        "brightness_range": (0.5, 1.2),
        "horizontal_flip": True,
        "vertical_flip": True,
        "rescale": 1 / 255,
        "samplewise_center": True,
    },
}


pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("ignore:::keras")]


@pytest.fixture(scope="module")
def legacy():
    """Keras's module, without the fixture that clears its session, which takes a second each."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("scipy", "keras"):
            pytest.importorskip(name, reason=f"parity needs {name}", exc_type=ImportError)
        return importlib.import_module("keras.src.legacy.preprocessing.image")


@pytest.fixture(autouse=True)
def _quiet():
    """Keras reaches scipy by a deprecated name."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three classes of pictures of several sizes, kinds and depths of folders."""
    pillow = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(5)
    root = tmp_path_factory.mktemp("pictures")
    for kind, count in (("cats", 11), ("dogs", 8), ("birds", 5)):
        for number in range(count):
            below = root / kind / ("more" if number % 4 == 3 else "")
            below.mkdir(parents=True, exist_ok=True)
            size = (int(rng.integers(20, 50)), int(rng.integers(20, 50)))
            coarse = rng.integers(0, 256, (5, 6, 3), dtype=np.uint8)
            picture = pillow.fromarray(coarse).resize(size, pillow.Resampling.BICUBIC)
            if number % 5 == 1:
                picture = picture.convert("L")
            ending = ("jpg", "png", "BMP", "tif")[number % 4]
            picture.save(below / f"{kind}.{number}.{ending}")
        (root / kind / "notes.txt").write_text("no picture")
    (root / "readme.txt").write_text("no class")
    return root


def agree(expected, result, rescaled=False, exact=False):
    """The same structure, dtypes, labels and, but for rounding, pixels."""
    if isinstance(expected, (tuple, list)):
        assert type(result) is type(expected)
        assert len(result) == len(expected)
        for one, other in zip(expected, result, strict=True):
            agree(one, other, rescaled, exact)
        return
    assert result.dtype == expected.dtype
    assert result.shape == expected.shape
    if expected.ndim < 4:
        np.testing.assert_array_equal(result, expected)
        return
    unit = 1 if rescaled else 255
    difference = np.abs(result.astype("float64") - expected) / unit
    # Where a position falls on an edge to the last bit, one of the two may take another pixel.
    assert difference.mean() < 1e-5
    if exact:
        assert difference.max() < 1e-3


def pair(legacy, options):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return legacy.ImageDataGenerator(**options), image.ImageDataGenerator(**options)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_arrays(legacy, name, data_format):
    options = {**AUGMENTATIONS[name], "data_format": data_format}
    rng = np.random.default_rng(0)
    x = rng.uniform(0, 255, (13, 17, 22, 3)).astype("float32")
    if data_format == "channels_first":
        if "brightness_range" in options:
            pytest.skip("Keras cannot brighten pictures whose channels come first")
        x = x.transpose(0, 3, 1, 2)
    y = np.arange(13)
    expected, result = (
        generator.flow(x, y, batch_size=5, seed=11) for generator in pair(legacy, options)
    )
    assert len(result) == len(expected)
    for _ in range(8):
        agree(next(expected), next(result), "rescale" in options, name == "nothing")


@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("fill_mode", ["constant", "nearest", "reflect", "wrap"])
@pytest.mark.parametrize("name", ["rotation", "shifts in whole pixels", "zoom", "all"])
def test_fill_modes(legacy, name, fill_mode, order):
    options = {**AUGMENTATIONS[name], "fill_mode": fill_mode, "interpolation_order": order}
    options["cval"] = 77.5
    x = np.random.default_rng(0).uniform(0, 255, (9, 12, 15, 4)).astype("float32")
    expected, result = (
        generator.flow(x, batch_size=9, seed=3) for generator in pair(legacy, options)
    )
    for _ in range(4):
        agree(next(expected), next(result), "rescale" in options)


@pytest.mark.parametrize("name", ["nothing", "tutorial", "all"])
@pytest.mark.parametrize("class_mode", ["categorical", "binary", "sparse", "input", None])
def test_directory(legacy, folder, name, class_mode):
    options = AUGMENTATIONS[name]
    flow = {"target_size": (24, 31), "batch_size": 7, "class_mode": class_mode, "seed": 42}
    expected, result = (
        generator.flow_from_directory(str(folder), **flow) for generator in pair(legacy, options)
    )
    for attribute in ("samples", "num_classes", "class_indices", "filenames", "filepaths", "n"):
        assert getattr(result, attribute) == getattr(expected, attribute), attribute
    np.testing.assert_array_equal(result.classes, expected.classes)
    assert result.image_shape == expected.image_shape
    assert len(result) == len(expected) == 4
    for _ in range(9):  # beyond two epochs
        agree(next(expected), next(result), "rescale" in options, name == "nothing")
        np.testing.assert_array_equal(result.index_array, expected.index_array)
    for index in (2, 0, 3):
        agree(expected[index], result[index], "rescale" in options, name == "nothing")
    expected.on_epoch_end()
    result.on_epoch_end()
    np.testing.assert_array_equal(result.index_array, expected.index_array)
    agree(expected[1], result[1], "rescale" in options, name == "nothing")
    expected.reset()
    result.reset()
    agree(next(expected), next(result), "rescale" in options, name == "nothing")


@pytest.mark.parametrize(
    "flow",
    [
        {"color_mode": "grayscale"},
        {"color_mode": "rgba"},
        {"interpolation": "bilinear"},
        {"interpolation": "lanczos", "keep_aspect_ratio": True},
        {"classes": ["dogs", "birds"]},
        {"shuffle": False},
        {"subset": "training"},
        {"subset": "validation"},
        {"subset": "validation", "classes": ["dogs"], "follow_links": True},
    ],
)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_options_of_directories(legacy, folder, flow, data_format):
    options = {"validation_split": 0.3, "rotation_range": 20, "data_format": data_format}
    flow = {"target_size": (21, 30), "batch_size": 4, "seed": 1, **flow}
    expected, result = (
        generator.flow_from_directory(str(folder), **flow) for generator in pair(legacy, options)
    )
    assert result.filenames == expected.filenames
    np.testing.assert_array_equal(result.classes, expected.classes)
    for _ in range(len(expected) + 1):
        agree(next(expected), next(result))


def test_first_batch_of_an_order_without_a_seed_is_numpys(legacy, folder):
    batches = []
    for generator in pair(legacy, AUGMENTATIONS["all"]):
        np.random.seed(7)
        flow = generator.flow_from_directory(str(folder), (20, 20), batch_size=8)
        batches.append([next(flow) for _ in range(5)] + [flow[1]])
    agree(*batches, rescaled=True)


def test_functions_of_the_user_see_and_draw_the_same(legacy):
    """A function that draws from NumPy's generator draws between the pictures, as in Keras."""
    x = np.random.default_rng(0).uniform(0, 255, (10, 9, 8, 3)).astype("float32")

    def noisy(picture):
        assert picture.shape == (9, 8, 3)
        return picture + np.random.normal(size=picture.shape).astype("float32")

    options = {"preprocessing_function": noisy, "rotation_range": 20, "rescale": 0.5}
    batches = []
    for generator in pair(legacy, options):
        np.random.seed(7)
        flow = generator.flow(x, batch_size=4)
        batches.append([next(flow) for _ in range(4)])
    agree(*batches)


@pytest.mark.parametrize("augment", [False, True])
@pytest.mark.parametrize(
    "options",
    [
        {"featurewise_center": True, "rescale": 0.1},
        {"featurewise_center": True, "featurewise_std_normalization": True},
        {"featurewise_center": True, "zca_whitening": True, "zca_epsilon": 0.1},
    ],
)
def test_statistics_of_the_data(legacy, options, augment):
    x = np.random.default_rng(0).uniform(0, 255, (30, 6, 5, 3)).astype("float32")
    results = []
    for generator in pair(legacy, {**options, "rotation_range": 10}):
        generator.fit(x, augment=augment, rounds=2, seed=4)
        results.append(
            (generator.mean, generator.std, next(generator.flow(x, batch_size=30, seed=2)))
        )
    for expected, result in zip(*results, strict=True):
        assert (expected is None) == (result is None)
        if expected is not None:
            scale = np.abs(expected).max()
            np.testing.assert_allclose(result / scale, expected / scale, atol=1e-4)


@pytest.mark.parametrize("subset", ["training", "validation"])
def test_array_options(legacy, subset):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 300, (20, 6, 5, 1))
    extra, y, weights = rng.normal(size=(20, 2)), np.arange(20) % 2, rng.uniform(size=20)
    options = {"validation_split": 0.3, "brightness_range": (0.5, 2), "dtype": "float64"}
    expected, result = (
        generator.flow((x, [extra]), y, 4, sample_weight=weights, seed=1, subset=subset)
        for generator in pair(legacy, options)
    )
    first = 6 if subset == "training" else 0
    for _ in range(6):
        batch = next(result)
        agree(next(expected)[:2], batch[:2])
        # Keras gives the samples for training the weights of others, which we do not follow.
        where = [int(np.flatnonzero((extra == row).all(axis=1))[0]) for row in batch[0][1]]
        assert min(where) >= first
        np.testing.assert_array_equal(batch[2], weights[where])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("shape", [(7, 11, 3), (11, 7, 3), (1, 5, 1)])
def test_draws_and_single_pictures(legacy, seed, shape):
    options = AUGMENTATIONS["all"]
    x = np.random.default_rng(seed).uniform(0, 255, shape).astype("float32")
    expected, result = (
        generator.get_random_transform(shape, seed=seed) for generator in pair(legacy, options)
    )
    assert result == expected
    one, other = (generator.random_transform(x, seed=seed) for generator in pair(legacy, options))
    agree(one[None], other[None])
    one, other = (generator.standardize(x.copy()) for generator in pair(legacy, options))
    np.testing.assert_allclose(other, one, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("axes", [(0, 1, 2), (1, 2, 0), (1, 0, 2), (2, 1, 0)])
@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        ("random_rotation", (30,)),
        ("random_shift", (0.3, 0.2)),
        ("random_shear", (20,)),
        ("random_zoom", ((0.5, 1.5),)),
    ],
)
@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8", "int16"])
def test_functions(legacy, function, arguments, axes, dtype):
    x = np.random.default_rng(0).uniform(0, 255, (6, 7, 8)).astype(dtype)
    results = []
    for library in (legacy, image):
        np.random.seed(3)
        results.append(getattr(library, function)(x, *arguments, *axes, interpolation_order=1))
    expected, result = results
    assert result.dtype == expected.dtype
    np.testing.assert_allclose(result.astype(float), expected, atol=1e-3 if dtype[0] == "f" else 1)


@pytest.mark.parametrize("dtype", ["float32", "float64", "uint8"])
@pytest.mark.parametrize("scale", [True, False])
@pytest.mark.parametrize("high", [200, 400])
def test_functions_of_colors(legacy, dtype, scale, high):
    x = np.random.default_rng(0).uniform(0, min(high, 255) if dtype == "uint8" else high, (6, 7, 3))
    x = x.astype(dtype)
    for function, arguments in (
        ("random_channel_shift", (50.0, 2)),
        ("random_brightness", ((0.2, 0.9), scale)),
        ("random_brightness", ((1.2, 1.9), scale)),
        ("apply_channel_shift", (-30.0,)),
        ("apply_brightness_shift", (1.0, scale)),
        ("apply_brightness_shift", (0.0, scale)),
    ):
        results = []
        for library in (legacy, image):
            np.random.seed(3)
            results.append(getattr(library, function)(x, *arguments))
        expected, result = results
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=1e-5, atol=1e-4)


@pytest.fixture(scope="module")
def table(folder):
    pandas = pytest.importorskip("pandas", reason="Keras reads tables of pandas only")
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*.*"))
    rng = np.random.default_rng(0)
    kinds = [name.split("/")[0] for name in names]
    return pandas.DataFrame(
        {
            "filename": names,
            "class": kinds,
            "several": [[kind, "animals"] if i % 2 else kind for i, kind in enumerate(kinds)],
            "number": rng.normal(size=len(names)),
            "other": rng.integers(0, 9, len(names)),
        }
    )


@pytest.mark.parametrize(
    "flow",
    [
        {},
        {"y_col": "several"},
        {"y_col": "several", "classes": ["animals", "dogs"]},
        {"class_mode": "sparse", "weight_col": "number"},
        {"class_mode": "binary", "classes": ["dogs", "cats"]},
        {"class_mode": "raw", "y_col": "number", "subset": "training"},
        {"class_mode": "raw", "y_col": ["number", "other"], "subset": "validation"},
        {"class_mode": "multi_output", "y_col": ["number", "other"], "weight_col": "other"},
        {"class_mode": "input"},
        {"class_mode": None, "shuffle": False},
    ],
)
def test_dataframe(legacy, folder, table, flow):
    options = {"validation_split": 0.25, "horizontal_flip": True}
    flow = {"directory": str(folder), "target_size": (16, 18), "batch_size": 6, "seed": 9, **flow}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*(invalid image|left out).*")
        expected, result = (
            generator.flow_from_dataframe(table, **flow) for generator in pair(legacy, options)
        )
    assert result.filenames == expected.filenames
    assert result.filepaths == expected.filepaths
    if hasattr(expected, "class_indices"):
        assert result.class_indices == expected.class_indices
        assert result.classes == expected.classes
    for _ in range(5):
        agree(next(expected), next(result))


def test_saved_pictures_have_the_same_names(legacy, folder, tmp_path):
    names = []
    for number, generator in enumerate(pair(legacy, {"rotation_range": 10})):
        place = tmp_path / str(number)
        place.mkdir()
        flow = generator.flow_from_directory(
            str(folder), (20, 20), batch_size=6, seed=1, save_to_dir=str(place), save_prefix="p"
        )
        next(flow)
        next(flow)
        names.append(sorted(path.name for path in place.iterdir()))
        assert len(names[-1]) == 12
    assert names[0] == names[1]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"seed": 3},
        {"seed": 3, "class_names": ["dogs", "birds"]},
        {"labels": None, "seed": 1},
        {"labels": list(range(23)), "shuffle": False},
        {"shuffle": False, "follow_links": True},
    ],
)
def test_files_are_listed_alike(legacy, folder, options):
    """What `image_dataset_from_directory` starts from."""
    theirs = importlib.import_module("keras.src.utils.dataset_utils")
    options = {"labels": "inferred", **options}
    endings = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
    if options["labels"] not in ("inferred", None):
        options["labels"] = options["labels"][: len(list_files(folder, None, endings).paths)]
    np.random.seed(4)
    paths, labels, names = theirs.index_directory(str(folder), formats=endings, **options)
    np.random.seed(4)
    listing = list_files(str(folder), endings=endings, **options)
    assert listing.paths == paths
    assert listing.class_names == names
    if labels is not None:
        np.testing.assert_array_equal(listing.labels, labels)
    for subset in ("training", "validation"):
        expected = theirs.get_training_or_validation_split(paths, labels, 0.3, subset)
        part = part_of(listing, 0.3, subset)
        assert part.paths == expected[0]


@pytest.mark.parametrize("color_mode", ["rgb", "grayscale"])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic"])
def test_pictures_of_data_sets(keras, tmp_path, color_mode, interpolation):
    pytest.importorskip("tensorflow", reason="Keras reads pictures for data sets with TensorFlow")
    pillow = pytest.importorskip("PIL.Image")
    rng = np.random.default_rng(0)
    for kind, size in (("a", (31, 22)), ("a", (40, 17)), ("b", (9, 14))):
        (tmp_path / kind).mkdir(exist_ok=True)
        channels = (3,) if color_mode == "rgb" else ()
        pixels = rng.integers(0, 256, (*size, *channels), dtype=np.uint8)
        pillow.fromarray(pixels).save(tmp_path / kind / f"{size[0]}.png")
    for aspect in ({}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}):
        options = {
            "image_size": (20, 24),
            "shuffle": False,
            "color_mode": color_mode,
            "interpolation": interpolation,
            "label_mode": "categorical",
            **aspect,
        }
        data = keras.utils.image_dataset_from_directory(str(tmp_path), **options)
        (expected, labels), *_ = data.as_numpy_iterator()
        (files,) = list_pictures(str(tmp_path), **options)
        assert files.file_paths == data.file_paths
        np.testing.assert_array_equal(files.targets, labels)
        result = files.load_batch(range(3)).wait()
        if aspect and interpolation == "nearest":
            continue  # which pixel is the nearest to a half is another matter
        np.testing.assert_allclose(
            result, expected, atol=0.2 if interpolation == "bicubic" else 0.01, err_msg=str(aspect)
        )
