"""`Sequential`."""

import copy
import pickle

import numpy as np
import pytest

import nacre
from nacre import layers


def data(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_input_shape_of_the_first_layer_builds_at_once():
    model = nacre.Sequential([layers.Dense(4, input_shape=(3,)), layers.Dense(2)])
    assert model.built
    assert model.input_shape == (None, 3)
    assert model.output_shape == (None, 2)
    assert model.weights[0].path.startswith(f"{model.name}/dense")


@pytest.mark.parametrize(
    "arguments", [{"input_dim": 3}, {"batch_input_shape": (None, 3)}, {"input_shape": [3]}]
)
def test_old_ways_to_say_the_input_shape(arguments):
    model = nacre.Sequential([layers.Dense(4, **arguments)])
    assert model.input_shape == (None, 3)


def test_weights_wait_for_data_without_an_input_shape():
    model = nacre.Sequential([layers.Dense(4), layers.Dense(2)])
    assert not model.built
    assert model.weights == []
    assert model(data(5, 3)).shape == (5, 2)
    assert model.built
    assert len(model.weights) == 4
    assert model.layers[0].name.startswith("dense")


def test_fit_builds():
    model = nacre.Sequential([layers.Dense(4), layers.Dense(1)])
    model.compile("sgd", "mse")
    model.fit(data(8, 3), data(8, 1), verbose=0)
    assert model.built
    assert model.input_shape == (None, 3)


def test_build_with_a_shape():
    model = nacre.Sequential([layers.Dense(4), layers.Dense(2)])
    model.build((None, 3))
    assert [tuple(w.shape) for w in model.weights] == [(3, 4), (4,), (4, 2), (2,)]


def test_add_and_pop_change_what_predict_does():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4)])
    x = data(5, 3)
    assert model.predict(x, verbose=0).shape == (5, 4)
    last = layers.Dense(2)
    model.add(last)
    assert model.predict(x, verbose=0).shape == (5, 2)
    assert model.pop() is last
    assert model.predict(x, verbose=0).shape == (5, 4)
    assert len(model.weights) == 2


def test_pop_of_a_model_built_by_data():
    model = nacre.Sequential([layers.Dense(4), layers.Dense(2)])
    model(data(5, 3))
    model.pop()
    assert model(data(5, 3)).shape == (5, 4)
    model.pop()
    assert model.layers == []


def test_numpy_of_a_shape_with_more_axes():
    model = nacre.Sequential([layers.Flatten(), layers.Dense(2)])
    assert model(data(5, 2, 3)).shape == (5, 2)


def test_layers_hides_the_input():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(2)])
    assert [type(layer).__name__ for layer in model.layers] == ["Dense"]


def test_configuration_round_trip():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(4, "relu"), layers.Dense(2)])
    twin = nacre.Sequential.from_config(model.get_config())
    twin.set_weights(model.get_weights())
    np.testing.assert_array_equal(
        twin.predict(data(5, 3), verbose=0), model.predict(data(5, 3), verbose=0)
    )
    deferred = nacre.Sequential([layers.Dense(4)])
    deferred.build((None, 7))
    assert nacre.Sequential.from_config(deferred.get_config()).input_shape == (None, 7)


def test_errors():
    model = nacre.Sequential([layers.Input((3,)), layers.Dense(2, name="out")])
    with pytest.raises(ValueError, match="'out'"):
        model.add(layers.Dense(2, name="out"))
    with pytest.raises(TypeError, match="only layers can be added"):
        model.add("dense")
    with pytest.raises(ValueError, match="must come first"):
        model.add(layers.Input((3,)))
    with pytest.raises(ValueError, match="has no layers"):
        nacre.Sequential().pop()
    with pytest.raises(ValueError, match="has no layers"):
        nacre.Sequential()(data(2, 2))


def test_a_layer_that_does_not_fit_is_not_added():
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(3)])
    with pytest.raises(ValueError, match=r"(?i)reshape"):
        model.add(layers.Reshape((7,)))
    assert len(model.layers) == 1
    assert model.predict(data(2, 4), verbose=0).shape == (2, 3)


@pytest.mark.parametrize("copied", [copy.deepcopy, lambda m: pickle.loads(pickle.dumps(m))])
@pytest.mark.parametrize("deferred", [False, True])
def test_copies_and_pickles(copied, deferred):
    stack = [layers.Dense(4, "relu"), layers.Dense(2)]
    model = nacre.Sequential(stack if deferred else [layers.Input((3,)), *stack])
    model.compile("adam", "mse", metrics=["mae"])
    x, y = data(5, 3), data(5, 2)
    model.fit(x, y, verbose=0)
    twin = copied(model)
    assert twin.evaluate(x, y, verbose=0) == model.evaluate(x, y, verbose=0)
    twin.fit(x, y, verbose=0)
    assert not any(a is b for a, b in zip(model.weights, twin.weights, strict=True))
