"""`Normalization` and its `adapt`, `CenterCrop`."""

import numpy as np
import pytest

import nacre
from nacre import layers
from nacre.data import Dataset

X = np.random.default_rng(0).normal(5, 3, (37, 4, 2)).astype("float32")


@pytest.mark.parametrize(("axis", "reduced"), [(-1, (0, 1)), (None, (0, 1, 2)), ((1, 2), (0,))])
@pytest.mark.parametrize("kind", ["array", "dataset", "pairs", "list", "generator", "py_dataset"])
def test_adapt(axis, reduced, kind):
    class Batches(nacre.utils.PyDataset):
        def __len__(self):
            return 4

        def __getitem__(self, index):
            return X[10 * index : 10 * index + 10], np.zeros(10)

    parts = [X[:10], X[10:30], X[30:]]
    data = {
        "array": X,
        "dataset": Dataset.from_tensor_slices(X).batch(8),
        "pairs": Dataset.from_tensor_slices((X, np.zeros(37))).batch(8),
        "list": parts,
        "generator": (part for part in parts),
        "py_dataset": Batches(),
    }[kind]
    layer = layers.Normalization(axis=axis)
    layer.adapt(data)
    mean = X.mean(axis=reduced, keepdims=True, dtype="float64")
    deviation = X.std(axis=reduced, keepdims=True, dtype="float64")
    np.testing.assert_allclose(layer(X).numpy(), (X - mean) / deviation, rtol=1e-4, atol=1e-5)
    assert [w.name for w in layer.weights] == ["mean", "variance", "count"]
    assert layer.trainable_weights == []
    inverse = layers.Normalization(axis=axis, invert=True)
    inverse.adapt(X)
    np.testing.assert_allclose(inverse(layer(X)).numpy(), X, rtol=1e-4, atol=1e-5)


def test_adapt_sees_many_rows_as_all_at_once():
    x = np.random.default_rng(1).normal(100, 1, (10_000, 3))
    layer = layers.Normalization()
    layer.adapt(x)
    np.testing.assert_allclose(layer.adapt_mean.numpy(), x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(layer.adapt_variance.numpy(), x.var(0), rtol=1e-5)
    layer.adapt(x[:50] * 2)  # forgets what was before
    np.testing.assert_allclose(layer.adapt_mean.numpy(), 2 * x[:50].mean(0), rtol=1e-6)
    samples = layers.Normalization(axis=None)
    samples.adapt(Dataset.from_tensor_slices(x[:, 0]))
    np.testing.assert_allclose(samples.adapt_mean.numpy(), x[:, 0].mean(), rtol=1e-6)


def test_given_numbers():
    x = np.arange(6, dtype="float32").reshape(2, 3)
    for mean, variance in ((1.0, 4.0), ([1, 2, 3], [1, 4, 9])):
        layer = layers.Normalization(mean=mean, variance=variance)
        np.testing.assert_allclose(layer(x).numpy(), (x - mean) / np.sqrt(variance), rtol=1e-6)
        assert layer.weights == []
        again = layers.Normalization.from_config(layer.get_config())
        np.testing.assert_array_equal(again(x).numpy(), layer(x).numpy())


def test_adapting_again_needs_no_new_model(tmp_path):
    """Mean and variance are weights: they are read at each step, and saved."""
    layer = layers.Normalization()
    layer.adapt(X[:, 0])
    model = nacre.Sequential([layers.Input((2,)), layer, layers.Dense(1)])
    model.compile("sgd", "mse")
    before = model.predict(X[:, 0], verbose=0)
    model.fit(X[:, 0], X[:, 1, :1], verbose=0)
    model.save(tmp_path / "model.keras")
    again = nacre.saving.load_model(tmp_path / "model.keras")
    after = model.predict(X[:, 0], verbose=0)
    np.testing.assert_array_equal(again.predict(X[:, 0], verbose=0), after)
    layer.adapt(X[:, 0] * 2)
    assert not np.allclose(model.predict(X[:, 0], verbose=0), after)
    assert not np.array_equal(before, after)


def test_in_a_data_set():
    layer = layers.Normalization()
    layer.adapt(X[:, 0])
    mapped = Dataset.from_tensor_slices(X[:, 0]).batch(10).map(layer, num_parallel_calls=2)
    rows = np.concatenate(list(mapped.as_numpy_iterator()))
    np.testing.assert_array_equal(rows, layer(X[:, 0]).numpy())


def test_a_single_column():
    """As in tutorials: a model of one feature, adapted to a plain series."""
    series = X[:, 0, 0]
    layer = layers.Normalization(axis=None)
    layer.adapt(series)
    model = nacre.Sequential([layers.Input((1,)), layer])
    expected = (series - series.mean()) / series.std()
    np.testing.assert_allclose(model.predict(series, verbose=0)[:, 0], expected, rtol=1e-4)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: layers.Normalization(mean=1.0), ValueError, "both `mean` and `variance`"),
        (lambda: layers.Normalization(mean=[1], variance=1), ValueError, "same shape"),
        (lambda: layers.Normalization(mean=[[1]], variance=[[1]]), ValueError, "each entry"),
        (lambda: layers.Normalization(mean=0, variance=1).adapt(X), ValueError, "were given"),
        (lambda: layers.Normalization(axis=3).adapt(X), ValueError, r"\[-3, 3\)"),
        (lambda: layers.Normalization().adapt([]), ValueError, "no batches"),
        (lambda: layers.Normalization().adapt(3), TypeError, "an array or batches"),
        (lambda: layers.Normalization().adapt(["a"]), ValueError, "expected numbers"),
        (lambda: layers.Normalization().adapt([X, X[..., :1]]), ValueError, r"\(37, 4, 1\)"),
        (lambda: layers.Normalization()(layers.Input((None,))), ValueError, "must be known"),
        (lambda: layers.CenterCrop(2, 2)(layers.Input((None, 4, 3))), ValueError, "must be known"),
        (lambda: layers.CenterCrop(0, 2), ValueError, "height"),
    ],
)
def test_mistakes(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_center_crop():
    x = np.arange(2 * 5 * 6 * 3).reshape(2, 5, 6, 3)
    for images, layer, expected in (
        (x, layers.CenterCrop(3, 2), x[:, 1:4, 2:4]),
        (x[0], layers.CenterCrop(4, 6), x[0, 0:4]),
        (x, layers.CenterCrop(2, 2, data_format="channels_first"), x[:, :, 2:4, 0:2]),
    ):
        np.testing.assert_array_equal(layer(images).numpy(), expected)
        assert layer.compute_output_shape(images.shape) == expected.shape
        assert layer(images).dtype == "float32"
    assert layers.CenterCrop(10, 4)(x).shape == (2, 10, 4, 3)
