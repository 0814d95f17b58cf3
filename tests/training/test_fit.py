"""`fit`, `evaluate`, `predict` and the steps on single batches."""

import math

import numpy as np
import pytest

import nacre
from nacre import layers, ops


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


def test_steps_per_epoch_with_arrays():
    history = linear().fit(data(10, 3), data(10, 1), batch_size=2, steps_per_epoch=3, verbose=0)
    assert history.params["steps"] == 3


def test_several_outputs_with_names_and_weights():
    inputs = layers.Input((3,))
    model = nacre.Model(
        inputs, [layers.Dense(2, name="a")(inputs), layers.Dense(1, name="b")(inputs)]
    )
    x, ya, yb = data(8, 3), data(8, 2), data(8, 1)
    keys = ["a_loss", "a_mae", "b_loss", "loss"]
    for loss, weights, metrics in (
        (["mse", "mae"], [1.0, 0.5], [["mae"], []]),
        ({"a": "mse", "b": "mae"}, {"a": 1.0, "b": 0.5}, {"a": ["mae"]}),
    ):
        model.compile("sgd", loss, loss_weights=weights, metrics=metrics)
        history = model.fit(x, {"a": ya, "b": yb}, verbose=0)
        assert list(history.history) == keys
        results = model.evaluate(x, [ya, yb], verbose=0, return_dict=True)
        np.testing.assert_allclose(
            results["loss"], results["a_loss"] + 0.5 * results["b_loss"], rtol=1e-5
        )
        as_list = model.evaluate(x, [ya, yb], verbose=0)
        np.testing.assert_allclose(
            as_list, [results[k] for k in ("loss", "a_loss", "b_loss", "a_mae")], rtol=1e-6
        )


def test_an_output_without_a_loss():
    inputs = layers.Input((3,))
    model = nacre.Model(
        inputs, [layers.Dense(2, name="a")(inputs), layers.Dense(1, name="b")(inputs)]
    )
    model.compile("sgd", {"a": "mse", "b": None})
    with pytest.warns(UserWarning, match="Gradients do not exist"):
        history = model.fit(data(8, 3), data(8, 2), verbose=0)
    assert list(history.history) == ["loss"]


def test_one_loss_for_all_outputs():
    inputs = layers.Input((3,))
    outputs = {"u": layers.Dense(1)(inputs), "v": layers.Dense(1)(inputs)}
    model = nacre.Model(inputs, outputs)
    model.compile("sgd", "mse", metrics={"u": ["mae"]})
    y = data(8, 1)
    history = model.fit(data(8, 3), {"u": y, "v": y}, verbose=0)
    assert list(history.history) == ["loss", "u_loss", "u_mae", "v_loss"]


def test_names_of_metrics():
    model = linear(metrics=["mse", "mean_squared_error", nacre.metrics.MeanSquaredError(name="e")])
    history = model.fit(data(8, 3), data(8, 1), verbose=0)
    assert list(history.history) == ["e", "loss", "mean_squared_error", "mse"]

    def spread(y_true, y_pred):
        return ops.max(abs(y_true - y_pred), axis=-1)

    model = linear(metrics=[spread, spread])
    assert list(model.fit(data(8, 3), data(8, 1), verbose=0).history) == [
        "loss",
        "spread",
        "spread_1",
    ]


@pytest.mark.parametrize(
    ("units", "y", "kind"),
    [
        (1, np.array([[0], [1], [1], [0]]), "BinaryAccuracy"),
        (3, np.array([0, 1, 2, 0]), "SparseCategoricalAccuracy"),
        (3, np.array([[0], [1], [2], [0]]), "SparseCategoricalAccuracy"),
        (3, np.eye(3)[[0, 1, 2, 0]], "CategoricalAccuracy"),
    ],
)
@pytest.mark.parametrize("name", ["accuracy", "acc"])
def test_accuracy_is_chosen_by_shapes(units, y, kind, name):
    activation = "sigmoid" if units == 1 else "softmax"
    model = nacre.Sequential([layers.Input((2,)), layers.Dense(units, activation)])
    model.compile("sgd", "crossentropy", metrics=[name])
    history = model.fit(data(4, 2), y, verbose=0)
    assert list(history.history) == sorted(["loss", name])
    inner = model.metrics[1].metrics[0]
    assert type(inner).__name__ == kind


def test_custom_loss_function_and_regularizer():
    def twice(y_true, y_pred):
        return 2 * ops.mean(ops.square(y_true - y_pred), axis=-1)

    model = nacre.Sequential(
        [layers.Input((2,)), layers.Dense(1, kernel_regularizer=nacre.regularizers.L2(0.1))]
    )
    model.compile("sgd", twice, metrics=["mse"])
    x, y = data(6, 2), data(6, 1)
    loss, mse = model.evaluate(x, y, verbose=0)
    penalty = 0.1 * (model.get_weights()[0] ** 2).sum()
    np.testing.assert_allclose(loss, 2 * mse + penalty, rtol=1e-5)


def test_compute_loss_may_be_overridden_with_or_without_training():
    class A(nacre.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
            return super().compute_loss(x, y, y_pred, sample_weight, training) + 1.0

    class B(nacre.Sequential):
        def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None):
            return super().compute_loss(x, y, y_pred, sample_weight) + 1.0

    x, y = data(4, 2), data(4, 1)
    for kind in (A, B):
        model = kind([layers.Input((2,)), layers.Dense(1, kernel_initializer="zeros")])
        model.compile("sgd", "mse")
        np.testing.assert_allclose(model.evaluate(x, y, verbose=0), (y**2).mean() + 1.0, rtol=1e-5)


@pytest.mark.parametrize("eager", [False, True])
def test_eager_steps_give_the_same_as_traced_ones(eager):
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
    model.compile("adam", "mse", metrics=["mae"], run_eagerly=eager)
    x, y = data(10, 3), data(10, 1)
    history = model.fit(
        x, y, batch_size=4, epochs=2, shuffle=False, validation_split=0.2, verbose=0
    ).history
    reference = getattr(test_eager_steps_give_the_same_as_traced_ones, "reference", None)
    results = (history, model.predict(x, verbose=0), model.evaluate(x, y, verbose=0))
    if reference is None:
        test_eager_steps_give_the_same_as_traced_ones.reference = results
        return
    for name, values in reference[0].items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4)
    np.testing.assert_allclose(results[1], reference[1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(results[2], reference[2], rtol=1e-4)


def test_eager_steps_see_values():
    seen = []

    class Curious(nacre.Sequential):
        def train_step(self, batch):
            logs = super().train_step(batch)
            seen.append(float(logs["loss"]))
            return logs

    model = Curious([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", "mse", run_eagerly=True)
    model.fit(data(8, 2), data(8, 1), batch_size=4, verbose=0)
    assert len(seen) == 2
    assert all(math.isfinite(value) for value in seen)


def test_vector_metrics_are_logged_as_arrays():
    class PerColumn(nacre.metrics.Metric):
        def __init__(self):
            super().__init__(name="columns")
            self.total = self.add_weight(shape=(2,), initializer="zeros", name="total")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.total.assign(self.total + ops.sum(ops.cast(y_true, "float32"), axis=0))

        def result(self):
            return self.total

    model = nacre.Sequential([layers.Input((3,)), layers.Dense(2)])
    model.compile("sgd", "mse", metrics=[PerColumn()])
    y = data(8, 2)
    history = model.fit(data(8, 3), y, epochs=2, verbose=0).history
    for value in history["columns"]:
        np.testing.assert_allclose(value, y.sum(0), rtol=1e-4)


def test_metrics_with_their_own_reset():
    class Countdown(nacre.metrics.Metric):
        def __init__(self):
            super().__init__(name="left")
            self.left = self.add_weight(shape=(), initializer="ones", name="left")

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.left.assign(self.left - 1.0)

        def result(self):
            return self.left

        def reset_state(self):
            self.left.assign(10.0)

    model = nacre.Sequential([layers.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=[Countdown()])
    history = model.fit(
        data(8, 3), data(8, 1), batch_size=4, epochs=2, validation_split=0.5, verbose=0
    ).history
    assert history["left"] == [9.0, 9.0]
    assert history["val_left"] == [9.0, 9.0]


def test_unsupervised_steps_get_the_inputs_alone():
    class Auto(nacre.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, x):
            return self.dense(x)

        def train_step(self, x):
            with nacre.GradientTape() as tape:
                loss = ops.mean(ops.square(self(x) - x))
            gradients = tape.gradient(loss, self.trainable_variables)
            self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
            return {"loss": loss}

    model = Auto()
    model.compile("adam")
    history = model.fit(data(8, 2), epochs=3, verbose=0)
    assert list(history.history) == ["loss"]
    assert history.history["loss"][2] < history.history["loss"][0]


def test_models_without_targets_may_add_their_own_loss():
    class Own(layers.Layer):
        def call(self, x):
            self.add_loss(ops.mean(ops.square(x)))
            return x

    model = nacre.Sequential([layers.Input((2,)), layers.Dense(2), Own()])
    model.compile("sgd")
    history = model.fit(data(8, 2), epochs=3, verbose=0)
    assert history.history["loss"][2] < history.history["loss"][0]


def test_nonfinite_loss_warns_once_and_names_the_batch():
    model = linear()
    x = data(8, 3)
    x[5] = np.inf
    with pytest.warns(RuntimeWarning, match="epoch 1, batch 3") as record:
        model.fit(x, data(8, 1), batch_size=2, epochs=2, shuffle=False, verbose=0)
    assert len(record) == 1


def test_nonfinite_loss_may_raise_and_name_the_layer():
    nacre.config.set_nonfinite_policy("raise")
    try:
        model = nacre.Sequential(
            [
                layers.Input((3,)),
                layers.Dense(2, name="first"),
                layers.Lambda(ops.log, name="logarithm"),
                layers.Dense(1, name="last"),
            ]
        )
        model.compile("sgd", "mse")
        before = model.get_weights()
        with pytest.raises(ValueError, match=r'"logarithm".*not finite'):
            model.fit(data(8, 3), data(8, 1), verbose=0)
        for a, b in zip(before, model.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)
    finally:
        nacre.config.set_nonfinite_policy("warn")


def test_functions_that_run_one_step():
    model = linear()
    step = model.make_train_function()
    assert step is model.train_function
    batches = iter([(data(4, 3), data(4, 1))])
    assert set(step(batches)) == {"loss"}
    outputs = model.make_predict_function()(iter([(data(4, 3),)]))
    assert outputs.shape == (4, 1)
