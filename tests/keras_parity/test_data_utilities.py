"""Sequences, pictures and data sets come out as Keras's do."""

import hashlib
import importlib
import itertools
import warnings

import numpy as np
import pytest

import nacre
from nacre.datasets import sources
from tests.datasets.making import cifar, lists, npz

RNG = np.random.default_rng(5)
SEQUENCES = {
    "ragged": [[1], [2, 3, 4, 5], [], [6, 7]],
    "vectors": [RNG.normal(size=(n, 3)) for n in (2, 0, 4)],
    "rectangle": RNG.integers(0, 9, (3, 4)),
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_pad_sequences(keras, name):
    sides = ("pre", "post")
    for padding, truncating, maxlen in itertools.product(sides, sides, (None, 1, 3, 9)):
        options = {"maxlen": maxlen, "padding": padding, "truncating": truncating, "value": 7}
        for dtype in ("int32", "float32"):
            expected = keras.utils.pad_sequences(SEQUENCES[name], dtype=dtype, **options)
            result = nacre.utils.pad_sequences(SEQUENCES[name], dtype=dtype, **options)
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)


def test_normalize(keras):
    x = RNG.normal(size=(4, 5, 6))
    x[1, 2] = 0
    for axis, order in ((-1, 2), (1, 1), (2, np.inf), (-1, 3)):
        expected = keras.utils.normalize(x, axis, order)
        np.testing.assert_allclose(nacre.utils.normalize(x, axis, order), expected)


@pytest.mark.filterwarnings("ignore:Palette images with Transparency")
def test_pictures(keras, tmp_path):
    image_module = pytest.importorskip("PIL.Image")
    pixels = RNG.integers(0, 256, (37, 23, 4), dtype=np.uint8)
    for mode in ("RGB", "RGBA", "L", "LA", "P", "I;16"):
        path = tmp_path / "picture.png"
        if mode == "I;16":
            image_module.fromarray(pixels[..., 0].astype(np.uint16) * 200).save(path)
        else:
            image_module.fromarray(pixels).convert(mode).save(path)
        for options in (
            {},
            {"color_mode": "grayscale"},
            {"color_mode": "rgba"},
            {"target_size": (20, 30), "interpolation": "bilinear"},
            {"target_size": (11, 30), "keep_aspect_ratio": True, "interpolation": "lanczos"},
        ):
            expected, result = (
                library.utils.img_to_array(library.utils.load_img(path, **options))
                for library in (keras, nacre)
            )
            assert result.dtype == expected.dtype
            np.testing.assert_array_equal(result, expected)
    for channels in (1, 3, 4):
        for scale in (True, False):
            values = RNG.normal(100, 20, (5, 6, channels))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected, result = (
                    library.utils.array_to_img(values, scale=scale) for library in (keras, nacre)
                )
            assert result.mode == expected.mode
            np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))


@pytest.fixture
def files(monkeypatch, tmp_path):
    """Let both libraries find the same files, whatever Keras thinks of their hashes."""

    def place(library, **contents):
        monkeypatch.setenv("KERAS_HOME", str(tmp_path))
        for name, data in contents.items():
            path = tmp_path / "datasets" / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            monkeypatch.setitem(sources.HASHES, name, hashlib.sha256(data).hexdigest())
            module = importlib.import_module(f"keras.src.datasets.{name.partition('.')[0]}")
            monkeypatch.setattr(module, "get_file", lambda *_, path=path, **__: str(path))

    return place


@pytest.mark.parametrize("name", ["imdb", "reuters"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_words": 20},
        {"num_words": 30, "skip_top": 4, "oov_char": None},
        {"maxlen": 15, "start_char": None},
        {"start_char": None, "index_from": 0, "seed": 3},
    ],
)
def test_texts(keras, files, name, options):
    rng = np.random.default_rng(1)
    if name == "imdb":
        arrays = {"x_train": lists(rng, 40), "y_train": rng.integers(0, 2, 40)}
        arrays |= {"x_test": lists(rng, 30), "y_test": rng.integers(0, 2, 30)}
    else:
        arrays = {"x": lists(rng, 60), "y": rng.integers(0, 46, 60)}
    files(keras, **{f"{name}.npz": npz(**arrays)})
    expected = getattr(keras.datasets, name).load_data(**options)
    result = getattr(nacre.datasets, name).load_data(**options)
    for (x, y), (their_x, their_y) in zip(result, expected, strict=True):
        assert (x.shape, x.dtype) == (their_x.shape, their_x.dtype)
        assert x.tolist() == their_x.tolist()
        assert np.asarray(y).dtype == np.asarray(their_y).dtype
        np.testing.assert_array_equal(y, their_y)


@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_housing(keras, files, name):
    rng = np.random.default_rng(2)
    files(keras, **{f"{name}.npz": npz(x=rng.normal(size=(650, 8)), y=rng.normal(size=650))})
    for options in ({}, {"test_split": 0.33, "seed": 4}, {"test_split": 0}):
        expected = getattr(keras.datasets, name).load_data(**options)
        result = getattr(nacre.datasets, name).load_data(**options)
        for part, theirs in zip(result, expected, strict=True):
            for array, their_array in zip(part, theirs, strict=True):
                np.testing.assert_array_equal(array, their_array)


def test_where_files_are_fetched_from(keras, monkeypatch):
    """Keras's loaders ask for the same files: URL, name, folder and hash."""
    ours, theirs = {}, {}

    class Asked(Exception):
        pass

    def note(into, stop):
        def get_file(fname=None, origin=None, file_hash=None, cache_subdir="datasets", **options):
            extract = options.get("extract", False)
            into[origin] = (f"{fname}_archive" if extract else fname, file_hash, cache_subdir)
            if stop:
                raise Asked
            return fname

        return get_file

    names = "mnist fashion_mnist cifar10 cifar100 imdb reuters boston_housing california_housing"
    calls = [(name, "load_data") for name in names.split()]
    calls += [("imdb", "get_word_index"), ("reuters", "get_word_index")]
    monkeypatch.setattr(sources, "get_file", note(ours, stop=False))
    for name, function in calls:
        module = importlib.import_module(f"keras.src.datasets.{name}")
        monkeypatch.setattr(module, "get_file", note(theirs, stop=name != "fashion_mnist"))
        for library in (keras, nacre):
            with pytest.raises((Asked, OSError)):
                getattr(getattr(library.datasets, name), function)()
    for origin, (fname, digest, folder) in theirs.items():
        assert ours[origin][0] == fname
        assert ours[origin][2] == folder
        assert digest is None or ours[origin][1] == digest
    assert set(ours) == set(theirs)


def test_cifar_batches(keras, tmp_path):
    """Keras's reader and this one understand the same batch."""
    from keras.src.datasets.cifar import load_batch

    from nacre.datasets.cifar import _read
    from nacre.utils.archives import read_tar_members

    batch = {"labels": [3, 1, 2], "data": RNG.integers(0, 256, (3, 3072), dtype=np.uint8)}
    (tmp_path / "a.tgz").write_bytes(cifar("folder", {"one": batch}))
    data = read_tar_members(str(tmp_path / "a.tgz"), ["folder/one"])["folder/one"]
    (tmp_path / "one").write_bytes(data)
    expected, classes = load_batch(tmp_path / "one")
    pixels, labels = _read(data, "labels", "")
    np.testing.assert_array_equal(pixels, expected)
    assert labels.tolist() == list(classes)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest", "bicubic", "lanczos3"])
def test_smart_resize(keras, interpolation):
    for shape in ((9, 14, 3), (2, 31, 17, 1)):
        for size in ((5, 5), (20, 7), (9, 14)):
            x = RNG.uniform(0, 255, shape).astype("float32")
            expected, result = (
                library.preprocessing.image.smart_resize(x, size, interpolation)
                for library in (keras, nacre)
            )
            np.testing.assert_allclose(result, expected, atol=1e-3)
