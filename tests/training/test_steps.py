"""Losses, metrics and outputs of a step, and steps that users write."""

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


def test_eager_steps_give_the_same_as_traced_ones():
    x, y = data(10, 3), data(10, 1)

    def results(eager):
        nacre.utils.set_random_seed(0)
        model = nacre.Sequential([layers.Input((3,)), layers.Dense(4, "tanh"), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"], run_eagerly=eager)
        history = model.fit(
            x, y, batch_size=4, epochs=2, shuffle=False, validation_split=0.2, verbose=0
        ).history
        return history, model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)

    (history, outputs, losses), (traced_history, traced_outputs, traced_losses) = map(
        results, (True, False)
    )
    assert list(history) == list(traced_history)
    for name, values in traced_history.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-4)
    np.testing.assert_allclose(outputs, traced_outputs, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(losses, traced_losses, rtol=1e-4)


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


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("shape", [(3,), (100, 300)])  # one chunk of the update, and many
def test_moments_of_a_gradient_that_stays_zero_do_not_become_denormal(threads, shape):
    """With such numbers every further step would be slow."""
    before = nacre.config.get_num_threads()
    nacre.config.set_num_threads(threads)
    try:
        variable = nacre.Variable(np.ones(shape, "float32"))

        class Once(nacre.Model):
            def __init__(self):
                super().__init__()
                self.kernel = variable

            def call(self, x):
                return ops.sum(x) * ops.sum(self.kernel)

        model = Once()
        optimizer = nacre.optimizers.Adam(beta_1=0.5, beta_2=0.5)
        model.compile(optimizer=optimizer, loss=lambda y, prediction: prediction)
        for value, times in ((1.0, 1), (0.0, 200)):
            x = np.full((times, 1), value, "float32")
            model.fit(x, np.zeros((times, 1)), batch_size=1, verbose=0)
        moments = [v.numpy() for v in optimizer.variables[2:]]
        assert [m.shape for m in moments] == [shape, shape]
        for moment in moments:
            assert ((moment == 0) | (moment >= np.finfo("float32").tiny)).all()
            assert (moment < 1e-30).all()
    finally:
        nacre.config.set_num_threads(before)
