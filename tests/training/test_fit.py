"""`fit`, `evaluate`, `predict` and the steps on single batches."""

import threading

import numpy as np
import pytest

import nacre
from nacre import layers


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def linear(rate=0.1, loss="mse", inputs=3, **compile_arguments):
    model = nacre.Sequential([layers.Input((inputs,)), layers.Dense(1)])
    model.compile(nacre.optimizers.SGD(rate), loss, **compile_arguments)
    return model


def frozen(value=0.0, **compile_arguments):
    """A model whose output is its input times 1, and which does not learn."""
    model = nacre.Sequential(
        [layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(nacre.optimizers.SGD(0.0), "mse", **compile_arguments)
    return model


def sgd_by_hand(kernel, bias, x, y, rate, batch_size, epochs):
    losses = []
    for _ in range(epochs):
        total = 0.0
        for start in range(0, len(x), batch_size):
            xb, yb = x[start : start + batch_size], y[start : start + batch_size]
            error = xb @ kernel + bias - yb
            total += (error**2).sum()
            kernel = kernel - rate * 2 * xb.T @ error / error.size
            bias = bias - rate * 2 * error.sum(0) / error.size
        losses.append(total / y.size)
    return kernel, bias, losses


def test_training_is_gradient_descent():
    model = linear()
    x, y = data(10, 3), data(10, 1)
    kernel, bias = model.get_weights()
    history = model.fit(x, y, epochs=3, batch_size=4, shuffle=False, verbose=0)
    kernel, bias, losses = sgd_by_hand(kernel, bias, x, y, 0.1, 4, 3)
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], bias, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(history.history["loss"], losses, rtol=1e-5)


def test_shuffling_is_numpys():
    x, y = data(10, 3), data(10, 1)
    model = linear()
    kernel, bias = model.get_weights()
    np.random.seed(7)
    model.fit(x, y, epochs=2, batch_size=4, verbose=0)
    after = np.random.random()
    np.random.seed(7)
    for _ in range(2):
        order = np.random.permutation(10)
        kernel, bias, _ = sgd_by_hand(kernel, bias, x[order], y[order], 0.1, 4, 1)
    np.testing.assert_allclose(model.get_weights()[0], kernel, rtol=1e-4, atol=1e-6)
    assert np.random.random() == after


def test_loss_is_weighted_by_batch_size():
    model = frozen()
    y = np.array([0, 0, 0, 0, 1.0])[:, None]
    history = model.fit(np.zeros((5, 1)), y, batch_size=4, shuffle=False, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [0.2], rtol=1e-6)


def test_history():
    model = linear(metrics=["mae", "mse"])
    x, y = data(10, 3), data(10, 1)
    history = model.fit(x, y, epochs=3, batch_size=4, validation_data=(x, y), verbose=0)
    assert list(history.history) == ["loss", "mae", "mse", "val_loss", "val_mae", "val_mse"]
    assert history.epoch == [0, 1, 2]
    assert history.params == {"verbose": 0, "epochs": 3, "steps": 3}
    assert model.history is history
    assert all(type(v) is float for values in history.history.values() for v in values)


def test_initial_epoch_and_validation_freq():
    model = linear()
    x, y = data(8, 3), data(8, 1)
    history = model.fit(
        x, y, initial_epoch=2, epochs=6, validation_data=(x, y), validation_freq=2, verbose=0
    )
    assert history.epoch == [2, 3, 4, 5]
    assert len(history.history["val_loss"]) == 2
    history = model.fit(x, y, epochs=4, validation_data=(x, y), validation_freq=[1, 4], verbose=0)
    assert len(history.history["val_loss"]) == 2


def test_validation_split_takes_the_last_samples():
    model = frozen()
    x = np.arange(10.0)[:, None]
    history = model.fit(x, np.zeros((10, 1)), validation_split=0.25, verbose=0)
    np.testing.assert_allclose(history.history["val_loss"], [(49 + 64 + 81) / 3], rtol=1e-6)


def test_sample_weight_divides_by_the_number_of_samples():
    model = frozen(metrics=["mae"], weighted_metrics=["mae"])
    y, w = np.array([0, 1.0, 1, 1])[:, None], np.array([1, 2.0, 2, 0])
    results = model.evaluate(np.zeros((4, 1)), y, sample_weight=w, verbose=0, return_dict=True)
    np.testing.assert_allclose(results["loss"], 1.0)
    np.testing.assert_allclose(results["mae"], 0.75)
    np.testing.assert_allclose(results["weighted_mae"], 0.8)


def test_class_weight():
    model = frozen()
    y = np.array([0, 1, 2, 1])[:, None]
    x = y + 1.0
    history = model.fit(x, y, class_weight={0: 2.0, 1: 0.5}, verbose=0)
    np.testing.assert_allclose(history.history["loss"], [(2 + 0.5 + 1 + 0.5) / 4])
    weights = nacre.training.arrays.class_weight_to_sample_weight(np.eye(3)[[0, 2]], {2: 5})
    np.testing.assert_array_equal(weights, [1, 5])
    with pytest.raises(ValueError, match="not both"):
        model.fit(x, y, class_weight={0: 1.0}, sample_weight=np.ones(4), verbose=0)


def test_evaluate_returns_loss_or_list_or_dictionary():
    x, y = data(8, 3), data(8, 1)
    assert isinstance(linear().evaluate(x, y, verbose=0), float)
    model = linear(metrics=["mae"])
    loss, mae = model.evaluate(x, y, verbose=0)
    assert model.evaluate(x, y, verbose=0, return_dict=True) == {"loss": loss, "mae": mae}
    assert model.metrics_names == ["loss", "mae"]


def test_predict_joins_batches():
    model = linear()
    x = data(70, 3)
    np.testing.assert_array_equal(
        model.predict(x, batch_size=32, verbose=0), model.predict(x, batch_size=70, verbose=0)
    )
    assert model.predict(x, batch_size=10, steps=2, verbose=0).shape == (20, 1)


def test_predict_again_and_again_with_other_shapes_and_dtypes():
    model = linear()
    x = data(5, 3)
    expected = model.predict(x, verbose=0)
    for variant in (x, x.astype("float64"), np.asfortranarray(x), x[::1], x.tolist()):
        np.testing.assert_array_equal(model.predict(variant, verbose=0), expected)
    np.testing.assert_array_equal(model.predict(x[:1], verbose=0), expected[:1])
    np.testing.assert_array_equal(model.predict(x[::-1], verbose=0), expected[::-1])
    ints = np.arange(6).reshape(2, 3)
    np.testing.assert_array_equal(
        model.predict(ints, verbose=0), model.predict(ints.astype("float32"), verbose=0)
    )
    before = model.predict(x, verbose=0)
    model.set_weights([w + 1 for w in model.get_weights()])
    assert not np.array_equal(model.predict(x, verbose=0), before)


def test_uint8_and_memory_maps_are_read_as_they_are(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (20, 3)).astype("uint8")
    np.save(tmp_path / "x.npy", images)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    model = linear(rate=1e-6)
    np.testing.assert_array_equal(
        model.predict(mapped, verbose=0), model.predict(images.astype("float32"), verbose=0)
    )
    model.fit(mapped, data(20, 1), verbose=0)


def test_things_with_an_array_inside_are_arrays():
    class Frame:
        def __init__(self, values):
            self.values = values

        def __array__(self, dtype=None, copy=None):
            return np.asarray(self.values, dtype)

    model = linear()
    x, y = data(6, 3), data(6, 1)
    assert model.evaluate(Frame(x), Frame(y), verbose=0) == model.evaluate(x, y, verbose=0)
    assert model.evaluate(x.tolist(), y.tolist(), verbose=0) == model.evaluate(x, y, verbose=0)


def test_targets_without_their_last_axis():
    model = linear(metrics=["mae"])
    x, y = data(6, 3), data(6, 1)
    assert model.evaluate(x, y[:, 0], verbose=0) == model.evaluate(x, y, verbose=0)


def test_single_batches():
    model = linear(metrics=["mae"])
    x, y = data(4, 3), data(4, 1)
    expected = model.evaluate(x, y, verbose=0)
    model.reset_metrics()
    assert model.test_on_batch(x, y) == expected
    before = model.get_weights()[0]
    model.reset_metrics()
    logs = model.train_on_batch(x, y, return_dict=True)
    np.testing.assert_allclose(logs["loss"], expected[0], rtol=1e-6)
    assert not np.array_equal(before, model.get_weights()[0])
    np.testing.assert_array_equal(model.predict_on_batch(x), model.predict(x, verbose=0))


def test_compiling_again_resets_the_optimizer():
    model = linear()
    model.compile("adam", "mse")
    x, y = data(8, 3), data(8, 1)
    model.fit(x, y, epochs=3, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 3
    model.compile("adam", "mae")
    model.fit(x, y, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 1


def test_generators_and_sequences():
    x, y = data(12, 3), data(12, 1)
    reference = linear()
    model = linear()
    model.set_weights(reference.get_weights())
    reference.fit(x, y, batch_size=4, epochs=2, shuffle=False, verbose=0)

    def forever():
        while True:
            for start in range(0, 12, 4):
                yield x[start : start + 4], y[start : start + 4]

    history = model.fit(forever(), steps_per_epoch=3, epochs=2, verbose=0)
    assert history.epoch == [0, 1]
    for a, b in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5)

    class Batches(nacre.utils.Sequence):
        ended = 0

        def __len__(self):
            return 3

        def __getitem__(self, index):
            return x[4 * index : 4 * index + 4], y[4 * index : 4 * index + 4]

        def on_epoch_end(self):
            self.ended += 1

    batches = Batches()
    model.fit(batches, epochs=2, validation_data=Batches(), verbose=0)
    assert batches.ended == 2
    np.testing.assert_allclose(
        model.evaluate(batches, verbose=0), model.evaluate(x, y, verbose=0), rtol=1e-5
    )
    np.testing.assert_array_equal(
        model.predict(batches, verbose=0), model.predict(x, batch_size=4, verbose=0)
    )


def test_a_generator_that_runs_dry_warns_and_ends_the_epoch():
    x, y = data(4, 3), data(4, 1)
    with pytest.warns(UserWarning, match="ran out of data"):
        history = linear().fit(iter([(x, y)]), steps_per_epoch=3, verbose=0)
    assert len(history.history["loss"]) == 1


def test_batches_are_made_on_another_thread_and_never_too_many():
    x, y = data(4, 3), data(4, 1)
    threads, made = set(), []

    def forever():
        while True:
            threads.add(threading.get_ident())
            made.append(1)
            yield x, y

    source = forever()
    model = linear()
    model.fit(source, steps_per_epoch=3, epochs=2, verbose=0)
    assert len(made) == 6
    assert threading.get_ident() not in threads
    next(source)  # nobody is using it any more
    assert not [t for t in threading.enumerate() if t.name == "nacre-data"]


def test_errors_in_generators_come_through():
    x, y = data(4, 3), data(4, 1)

    def failing():
        yield x, y
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        linear().fit(failing(), steps_per_epoch=3, verbose=0)
    with pytest.raises(ValueError, match="x: 4, y: 2"):
        linear().fit(iter([(x, y[:2])]), verbose=0)


def test_finite_iterables_are_started_again_each_epoch():
    x, y = data(4, 3), data(4, 1)

    class Loader:
        def __iter__(self):
            return iter([(x, y), (x, y)])

    model = linear()
    assert len(model.fit(Loader(), epochs=3, verbose=0).epoch) == 3
    assert int(model.optimizer.iterations.numpy()) == 6
    model.fit(Loader(), epochs=3, steps_per_epoch=1, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == 9


def test_steps_per_epoch_with_arrays():
    history = linear().fit(data(10, 3), data(10, 1), batch_size=2, steps_per_epoch=3, verbose=0)
    assert history.params["steps"] == 3


@pytest.mark.parametrize("eager", [False, True])
def test_an_epoch_of_fewer_steps_ends_with_the_data(eager):
    """The next epoch goes on where the last one stopped, and never past the end, as in Keras."""
    model = frozen(run_eagerly=eager)
    x = np.arange(10, dtype="float32")[:, None]
    options = {"batch_size": 2, "steps_per_epoch": 2, "shuffle": False, "verbose": 0}
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(x, np.zeros_like(x), epochs=4, **options).history
    # Batches 0 and 1, 2 and 3, 4 alone, then from the start again.
    expected = [np.mean(rows**2) for rows in (x[:4], x[4:8], x[8:], x[:4])]
    np.testing.assert_allclose(history["loss"], expected, rtol=1e-6)
    model.fit(x, np.zeros_like(x), epochs=2, **options)  # does not come to the end: no warning


def test_a_generator_that_is_used_up_ends_training():
    x, y = data(4, 3), data(4, 1)

    def batches():
        for _ in range(3):
            yield x, y

    model = linear()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(batches(), steps_per_epoch=2, epochs=5, verbose=0)
    assert history.epoch == [0, 1]
    assert int(model.optimizer.iterations.numpy()) == 3
    with pytest.raises(ValueError, match="no batches"):
        model.fit(iter([]), verbose=0)


def test_several_losses_of_one_output_have_their_own_names():
    model = linear(loss=["mse", nacre.losses.MeanAbsoluteError(name="distance")])
    history = model.fit(data(4, 3), data(4, 1), verbose=0).history
    assert list(history) == ["distance_loss", "loss", "mse_loss"]
    total = history["distance_loss"][0] + history["mse_loss"][0]
    np.testing.assert_allclose(history["loss"][0], total, rtol=1e-6)


def test_more_steps_than_batches():
    """`params` says what was asked for, as in Keras; the epoch ends with the data."""
    model = linear()
    with pytest.warns(UserWarning, match="ran out of data"):
        history = model.fit(data(4, 3), data(4, 1), batch_size=2, steps_per_epoch=5, verbose=0)
    assert history.params["steps"] == 5
    assert int(model.optimizer.iterations.numpy()) == 2
