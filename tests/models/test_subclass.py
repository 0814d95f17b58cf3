"""Models and layers that users write as classes."""

import copy

import numpy as np
import pytest

import nacre
from nacre import layers, ops


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


class Net(nacre.Model):
    def __init__(self, units=8, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.hidden = layers.Dense(units, activation="relu")
        self.dropout = layers.Dropout(0.5)
        self.out = layers.Dense(1)

    def call(self, x, training=False):
        return self.out(self.dropout(self.hidden(x), training=training))


def test_subclass_trains_and_predicts():
    nacre.utils.set_random_seed(0)
    model = Net(units=32)
    model.compile(nacre.optimizers.Adam(0.01), "mse", metrics=["mae"])
    x = data(64, 4)
    history = model.fit(x, x.sum(-1, keepdims=True), epochs=40, verbose=0)
    assert history.history["loss"][-1] < 0.5 * history.history["loss"][0]
    np.testing.assert_allclose(model.predict(x, verbose=0), model(x).numpy(), rtol=1e-5, atol=1e-6)
    assert [layer.name for layer in model.layers] == [
        model.hidden.name,
        model.dropout.name,
        model.out.name,
    ]


def test_training_flag_reaches_the_layers():
    model = Net(units=200)
    x = np.ones((1, 4), "float32")
    a, b = model(x, training=True).numpy(), model(x, training=True).numpy()
    assert not np.array_equal(a, b)
    np.testing.assert_array_equal(model(x).numpy(), model(x).numpy())


def test_build_makes_the_weights():
    model = Net()
    model.build((None, 4))
    assert [tuple(w.shape) for w in model.weights] == [(4, 8), (8,), (8, 1), (1,)]


def test_default_configuration_is_that_of_init():
    config = Net(units=3, name="net").get_config()
    assert config["units"] == 3
    assert Net.from_config(config).units == 3


def test_several_inputs_as_a_list_or_a_dictionary():
    class Two(nacre.Model):
        def __init__(self):
            super().__init__()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            a, b = (inputs["a"], inputs["b"]) if isinstance(inputs, dict) else inputs
            return self.dense(ops.concatenate([a, b], axis=-1))

    model = Two()
    model.compile("sgd", "mse")
    a, b, y = data(8, 3), data(8, 2), data(8, 2)
    model.fit([a, b], y, verbose=0)
    first = model.predict([a, b], verbose=0)
    np.testing.assert_array_equal(first, model.predict({"b": b, "a": a}, verbose=0))


def test_functional_model_of_a_subclass():
    class Custom(nacre.Model):
        def train_step(self, batch):
            logs = super().train_step(batch)
            return {**logs, "one": 1.0}

    inputs = layers.Input((3,))
    model = Custom(inputs, layers.Dense(1)(inputs))
    assert type(model) is Custom
    model.compile("sgd", "mse")
    history = model.fit(data(8, 3), data(8, 1), verbose=0)
    assert history.history["one"] == [1.0]
    assert model.input_shape == (None, 3)


def test_custom_layer_with_weights_and_add_loss():
    class Scale(layers.Layer):
        def build(self, input_shape):
            self.scale = self.add_weight(shape=(input_shape[-1],), initializer="ones", name="scale")

        def call(self, x):
            self.add_loss(0.5 * ops.sum(ops.square(self.scale)))
            return x * self.scale

    model = nacre.Sequential([layers.Input((3,)), Scale()])
    model.compile("sgd", "mse")
    x = data(4, 3)
    np.testing.assert_allclose(model.evaluate(x, x, verbose=0), 1.5, rtol=1e-6)
    model.fit(x, x, verbose=0)
    np.testing.assert_allclose(model.layers[0].scale.numpy(), np.full(3, 0.99), rtol=1e-5)


def test_layers_in_lists_are_found():
    class Stack(nacre.Model):
        def __init__(self):
            super().__init__()
            self.blocks = [layers.Dense(4) for _ in range(3)]

        def call(self, x):
            for block in self.blocks:
                x = block(x)
            return x

    model = Stack()
    model(data(2, 4))
    assert len(model.weights) == 6


def test_missing_call_and_missing_super():
    class NoCall(nacre.Model):
        pass

    with pytest.raises(TypeError, match="should define `call"):
        NoCall()(data(2, 2))

    class NoSuper(nacre.Model):
        def __init__(self):
            self.x = 1

    with pytest.raises(RuntimeError, match="super"):
        NoSuper()(data(2, 2))


def test_numpy_in_a_traced_call_says_so():
    class Bad(nacre.Model):
        def call(self, x):
            return np.tanh(np.asarray(x))

    with pytest.raises((TypeError, ValueError), match="NumPy"):
        Bad().predict(data(2, 2), verbose=0)


def test_copies_of_subclasses():
    model = Net(units=3)
    x = data(4, 4)
    model.build((None, 4))
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(x, verbose=0), model.predict(x, verbose=0))


def test_a_lambda_as_loss_is_left_out_of_the_configuration():
    model = nacre.Sequential([layers.Input((2,)), layers.Dense(1)])
    model.compile("sgd", lambda y, p: ops.mean(ops.abs(y - p), axis=-1))
    with pytest.warns(UserWarning, match="left out of the configuration"):
        text = model.to_json()
    assert not nacre.models.model_from_json(text).compiled
