"""The loaders, on small made-up files that stand in the cache or come from a local server."""

import hashlib
import importlib
import json
import os
import subprocess
import sys

import numpy as np
import pytest

import nacre
from nacre import config
from nacre.datasets import sources
from tests.datasets.making import cifar, idx, lists, npz
from tests.utils.server import Answer, home, server

__all__ = ["home", "server"]

# Keras's file names, data set by data set.
FILES = {
    "mnist": ["mnist.npz"],
    "fashion_mnist": [
        "fashion-mnist/train-images-idx3-ubyte.gz",
        "fashion-mnist/train-labels-idx1-ubyte.gz",
        "fashion-mnist/t10k-images-idx3-ubyte.gz",
        "fashion-mnist/t10k-labels-idx1-ubyte.gz",
    ],
    "cifar10": ["cifar-10-batches-py-target_archive"],
    "cifar100": ["cifar-100-python-target_archive"],
    "imdb": ["imdb.npz"],
    "reuters": ["reuters.npz"],
    "boston_housing": ["boston_housing.npz"],
    "california_housing": ["california_housing.npz"],
}
ORIGINS = {
    "cifar-10-batches-py-target_archive": "cifar-10-python.tar.gz",
    "cifar-100-python-target_archive": "cifar-100-python.tar.gz",
}


@pytest.fixture
def place(home, monkeypatch):
    """Put a file into the cache, as somebody without a connection would, and let it be right."""

    def put(name, data):
        path = home / "datasets" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        origin = ORIGINS.get(path.name, path.name)
        monkeypatch.setitem(sources.HASHES, origin, hashlib.sha256(data).hexdigest())

    # Nothing here may reach the network.
    for name in sources.ORIGINS:
        monkeypatch.setitem(sources.ORIGINS, name, f"http://127.0.0.1:9/{name}")
    return put


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def pictures(rng, count, side=28):
    return rng.integers(0, 256, (count, side, side), dtype=np.uint8)


def labels(rng, count, classes=10):
    return rng.integers(0, classes, count).astype(np.uint8)


def test_every_file_has_a_hash_and_an_origin():
    assert set(sources.HASHES) == set(sources.ORIGINS)
    for name, digest in sources.HASHES.items():
        # Keras has MD5 hashes of the word indices, and nothing else is known of them.
        assert len(digest) == (32 if name.endswith(".json") else 64), name
        assert set(digest) <= set("0123456789abcdef")
        assert sources.ORIGINS[name].startswith("https://")
        assert sources.ORIGINS[name].endswith(f"/{name}")


def test_mnist(place, rng):
    arrays = {
        "x_train": pictures(rng, 6),
        "y_train": labels(rng, 6),
        "x_test": pictures(rng, 2),
        "y_test": labels(rng, 2),
    }
    place("mnist.npz", npz(**arrays))
    (x_train, y_train), (x_test, y_test) = nacre.datasets.mnist.load_data()
    for name, array in zip(arrays, (x_train, y_train, x_test, y_test), strict=True):
        np.testing.assert_array_equal(array, arrays[name])
        assert array.dtype == np.uint8
        assert array.flags.writeable
    with pytest.raises(OSError, match="mnist2"):
        nacre.datasets.mnist.load_data("mnist2.npz")


def test_fashion_mnist(place, rng):
    arrays = [pictures(rng, 6), labels(rng, 6), pictures(rng, 2), labels(rng, 2)]
    for name, array in zip(FILES["fashion_mnist"], arrays, strict=True):
        place(name, idx(array))
    (x_train, y_train), (x_test, y_test) = nacre.datasets.fashion_mnist.load_data()
    for array, expected in zip((x_train, y_train, x_test, y_test), arrays, strict=True):
        np.testing.assert_array_equal(array, expected)
        assert array.flags.writeable
    for damaged in (idx(arrays[0])[:-9], b"", idx(arrays[0])[:200] + b"x", idx(arrays[1]) * 2):
        place(FILES["fashion_mnist"][0], damaged)
        with pytest.raises(ValueError, match=r"train-images-idx3-ubyte\.gz cannot"):
            nacre.datasets.fashion_mnist.load_data()


def batch(rng, count, **classes):
    named = {key: rng.integers(0, 10, count).tolist() for key in classes}
    return {"batch_label": b"batch", **named, "data": rng.integers(0, 256, (count, 3072), "u1")}


def test_cifar10(place, rng):
    names = [f"data_batch_{n}" for n in range(1, 6)] + ["test_batch"]
    batches = {name: batch(rng, 2, labels=1) for name in names}
    place(FILES["cifar10"][0], cifar("cifar-10-batches-py", batches))
    (x_train, y_train), (x_test, y_test) = nacre.datasets.cifar10.load_data()
    assert (x_train.shape, x_train.dtype) == ((10, 32, 32, 3), np.uint8)
    assert (y_train.shape, y_train.dtype) == ((10, 1), np.uint8)
    assert (x_test.shape, y_test.shape) == ((2, 32, 32, 3), (2, 1))
    red = batches["data_batch_2"]["data"][1, :1024].reshape(32, 32)
    np.testing.assert_array_equal(x_train[3, :, :, 0], red)
    assert y_test[:, 0].tolist() == batches["test_batch"]["labels"]
    config.set_image_data_format("channels_first")
    try:
        (first, _), _ = nacre.datasets.cifar10.load_data()
    finally:
        config.set_image_data_format("channels_last")
    np.testing.assert_array_equal(first.transpose(0, 2, 3, 1), x_train)


def test_cifar100(place, rng):
    batches = {
        "train": batch(rng, 5, fine_labels=1, coarse_labels=1),
        "test": batch(rng, 3, fine_labels=1, coarse_labels=1),
    }
    place(FILES["cifar100"][0], cifar("cifar-100-python", batches))
    for mode in ("fine", "coarse"):
        (x_train, y_train), (x_test, y_test) = nacre.datasets.cifar100.load_data(mode)
        assert (x_train.shape, x_test.shape) == ((5, 32, 32, 3), (3, 32, 32, 3))
        assert y_train.dtype == np.int64
        assert y_train[:, 0].tolist() == batches["train"][f"{mode}_labels"]
        assert y_test[:, 0].tolist() == batches["test"][f"{mode}_labels"]
    with pytest.raises(ValueError, match="label_mode"):
        nacre.datasets.cifar100.load_data("both")


def test_damaged_batches(place, rng):
    good = {name: batch(rng, 2, fine_labels=1) for name in ("train", "test")}
    place(FILES["cifar100"][0], cifar("cifar-100-python", {"train": good["train"]}))
    with pytest.raises(ValueError, match="holds no 'cifar-100-python/test'"):
        nacre.datasets.cifar100.load_data()
    for wrong in ({"fine_labels": [1]}, {"fine_labels": [b"a", b"b"]}, {"data": b"x"}):
        broken = {"train": {**good["train"], **wrong}, "test": good["test"]}
        place(FILES["cifar100"][0], cifar("cifar-100-python", broken))
        with pytest.raises(ValueError, match="target_archive cannot be read"):
            nacre.datasets.cifar100.load_data()


def test_imdb(place, rng):
    arrays = {
        "x_train": lists(rng, 30),
        "y_train": rng.integers(0, 2, 30),
        "x_test": lists(rng, 20),
        "y_test": rng.integers(0, 2, 20),
    }
    place("imdb.npz", npz(**arrays))
    (x_train, y_train), (x_test, y_test) = nacre.datasets.imdb.load_data()
    assert (x_train.shape, x_train.dtype, type(x_train[0])) == ((30,), object, list)
    assert all(type(word) is int for word in x_train[0])
    assert x_test.shape == y_test.shape == (20,)
    order = np.arange(30)
    np.random.RandomState(113).shuffle(order)
    np.testing.assert_array_equal(y_train, arrays["y_train"][order])
    greatest = max(max(text) for text in [*arrays["x_train"], *arrays["x_test"]])
    source = arrays["x_train"][order[0]]
    assert x_train[0] == [1] + [2 if word == greatest else word + 3 for word in source]
    (limited, _), _ = nacre.datasets.imdb.load_data(
        num_words=20, skip_top=5, start_char=None, oov_char=None, index_from=0
    )
    assert limited[0] == [word for word in source if 5 <= word < 20]
    (short, kept), _ = nacre.datasets.imdb.load_data(maxlen=10)
    assert 0 < len(short) == len(kept) < 30
    assert max(map(len, short)) < 10
    with pytest.raises(ValueError, match="maxlen=1"):
        nacre.datasets.imdb.load_data(maxlen=1)
    with pytest.raises(TypeError, match="words"):
        nacre.datasets.imdb.load_data(words=5)


def test_texts_of_objects_that_are_no_words(place):
    place("reuters.npz", npz(x=np.fromiter([[1, "a"], [2]], object, 2), y=np.arange(2)))
    with pytest.raises(ValueError, match="invalid literal"):
        nacre.datasets.reuters.load_data()


def test_reuters(place, rng):
    news, topics = lists(rng, 50), rng.integers(0, 46, 50)
    place("reuters.npz", npz(x=news, y=topics))
    (x_train, y_train), (x_test, y_test) = nacre.datasets.reuters.load_data(
        test_split=0.3, num_words=1000
    )
    assert (len(x_train), len(y_train), len(x_test), len(y_test)) == (35, 35, 15, 15)
    order = np.arange(50)
    np.random.RandomState(113).shuffle(order)
    assert x_test[-1] == [1] + [word + 3 for word in news[order[-1]]]
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), topics[order])
    names = nacre.datasets.reuters.get_label_names()
    assert len(names) == len(set(names)) == 46
    assert (names[3], names[45]) == ("earn", "lead")


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_indices(place, name):
    place(f"{name}_word_index.json", json.dumps({"the": 1, "\u00e9tage": 2}).encode())
    module = importlib.import_module(f"nacre.datasets.{name}")
    assert module.get_word_index() == {"the": 1, "\u00e9tage": 2}


@pytest.mark.parametrize(("name", "columns"), [("boston_housing", 13), ("california_housing", 8)])
def test_housing(place, rng, name, columns):
    x, y = rng.normal(size=(700, columns)), rng.normal(size=700)
    place(f"{name}.npz", npz(x=x, y=y))
    module = importlib.import_module(f"nacre.datasets.{name}")
    (x_train, y_train), (x_test, y_test) = module.load_data(test_split=0.25, seed=7)
    order = np.arange(700)
    np.random.RandomState(7).shuffle(order)
    np.testing.assert_array_equal(np.concatenate([x_train, x_test]), x[order])
    np.testing.assert_array_equal(np.concatenate([y_train, y_test]), y[order])
    assert (x_train.shape, y_test.shape) == ((525, columns), (175,))
    if name == "california_housing":
        (small, _), (test, _) = module.load_data("small")
        assert (len(small), len(test)) == (480, 120)
        with pytest.raises(ValueError, match="version"):
            module.load_data("huge")
    for wrong in (-0.1, 1, 2):
        with pytest.raises(ValueError, match="test_split"):
            module.load_data(test_split=wrong)


@pytest.mark.parametrize("name", FILES)
def test_without_a_connection(place, home, name):
    """The error says what to fetch, where to put it, and what its hash must be."""
    module = importlib.import_module(f"nacre.datasets.{name}")
    with pytest.raises(OSError, match="Could not download") as raised:
        module.load_data()
    path = home / "datasets" / FILES[name][0]
    origin = ORIGINS.get(path.name, path.name)
    for part in (sources.ORIGINS[origin], str(path), sources.HASHES[origin]):
        assert part in str(raised.value)


def test_a_wrong_file_in_the_cache_is_never_used(place, home, rng, monkeypatch):
    place("boston_housing.npz", npz(x=rng.normal(size=(5, 13)), y=np.zeros(5)))
    path = home / "datasets" / "boston_housing.npz"
    path.write_bytes(npz(x=rng.normal(size=(5, 13)), y=np.ones(5)))
    with pytest.raises(OSError, match="save it as"):
        nacre.datasets.boston_housing.load_data()
    assert path.exists()


def test_a_file_from_a_server(place, server, home, rng, monkeypatch):
    data = npz(x=rng.normal(size=(10, 13)), y=np.zeros(10))
    place("boston_housing.npz", data)
    (home / "datasets" / "boston_housing.npz").unlink()
    server.answers["b.npz"] = Answer(data)
    monkeypatch.setitem(sources.ORIGINS, "boston_housing.npz", f"{server.url}/b.npz")
    for _ in range(2):
        (x, _), _ = nacre.datasets.boston_housing.load_data()
        assert x.shape == (8, 13)
    assert server.requests == ["b.npz"]


SCRIPT = """
import sys
from {root} import keras
from {root}.keras.datasets import mnist, cifar10
from {root}.keras.preprocessing import sequence
from {root}.keras.preprocessing.image import load_img
from {root}.keras.utils import get_file, pad_sequences
try:
    keras.datasets.imdb.load_data()
except OSError as error:
    print("imdb:", error)
assert sequence.pad_sequences is pad_sequences
assert keras.datasets.reuters.get_label_names()[0] == "cocoa"
assert mnist.load_data.__module__ == "nacre.datasets.mnist"
assert keras.preprocessing.sequence.pad_sequences([[1]]).shape == (1, 1)
"""


@pytest.mark.parametrize("root", ["tensorflow", "keras"])
def test_scripts_find_them_under_kerass_names(tmp_path, root):
    script = tmp_path / "script.py"
    text = SCRIPT.format(root=root)
    if root == "keras":
        text = text.replace("from keras import keras", "import keras").replace("keras.keras", root)
    script.write_text(text)
    run = subprocess.run(
        [sys.executable, "-m", "nacre", "run", str(script)],
        env={**os.environ, "KERAS_HOME": str(tmp_path), "https_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert f"save it as {tmp_path}/datasets/imdb.npz" in run.stdout
