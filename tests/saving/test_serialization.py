"""Configurations of objects: round trips, custom objects, and what is refused."""

import json

import numpy as np
import pytest

import nacre
from nacre import layers, saving


@saving.register_keras_serializable(package="tests")
class Doubled(layers.Layer):
    def __init__(self, times=2, **kwargs):
        super().__init__(**kwargs)
        self.times = times

    def call(self, x):
        return x * self.times

    def get_config(self):
        return {**super().get_config(), "times": self.times}


@saving.register_keras_serializable(package="tests", name="cube")
def cubed(x):
    return x * x * x


def test_registered_objects():
    assert saving.get_registered_name(Doubled) == "tests>Doubled"
    assert saving.get_registered_object("tests>Doubled") is Doubled
    config = json.loads(json.dumps(saving.serialize_keras_object(Doubled(5))))
    assert config["registered_name"] == "tests>Doubled"
    assert saving.deserialize_keras_object(config).times == 5
    layer = layers.Dense(2, activation=cubed)
    config = json.loads(json.dumps(layers.serialize(layer)))
    assert layers.deserialize(config).activation is cubed
    with pytest.raises(ValueError, match="get_config"):
        saving.register_keras_serializable()(type("Plain", (), {}))


def test_plain_data():
    for value in (None, 3, 2.5, "a", True, [1, [2]], {"a": {"b": 1}}, (1, 2), b"x", ..., 1j.real):
        assert saving.deserialize_keras_object(saving.serialize_keras_object(value)) == value
    assert saving.deserialize_keras_object(saving.serialize_keras_object(slice(1, 5, 2))) == slice(
        1, 5, 2
    )
    array = np.arange(6, dtype="int16").reshape(2, 3)
    again = saving.deserialize_keras_object(saving.serialize_keras_object(array))
    np.testing.assert_array_equal(again, array)
    assert again.dtype == array.dtype
    tensor = nacre.ops.convert_to_tensor(array)
    again = saving.deserialize_keras_object(saving.serialize_keras_object(tensor))
    np.testing.assert_array_equal(np.asarray(again), array)


def test_custom_objects():
    class Mine(layers.Layer):
        def call(self, x):
            return x

    config = saving.serialize_keras_object(Mine())
    assert isinstance(saving.deserialize_keras_object(config), Mine)
    config["module"] = "elsewhere"
    with pytest.raises(ValueError, match="Unknown class 'Mine'"):
        saving.deserialize_keras_object(config)
    assert isinstance(saving.deserialize_keras_object(config, {"Mine": Mine}), Mine)
    with saving.custom_object_scope({"Mine": Mine, "nice": cubed}):
        assert isinstance(saving.deserialize_keras_object(config), Mine)
        assert layers.Dense(1, activation="nice").activation is cubed
    with pytest.raises(ValueError, match="Unknown activation: 'nice'"):
        layers.Dense(1, activation="nice")


@pytest.mark.parametrize(
    "config",
    [
        {"module": "os", "class_name": "system", "config": {}, "registered_name": None},
        {"module": "os", "class_name": "function", "config": "system"},
        {
            "module": "builtins",
            "class_name": "function",
            "config": "eval",
            "registered_name": "eval",
        },
        {
            "module": "nacre.saving",
            "class_name": "importlib",
            "config": {},
            "registered_name": None,
        },
        {"module": "keras.layers", "class_name": "Any", "config": {}, "registered_name": None},
        {"module": "keras.layers", "class_name": "__lambda__", "config": {"value": "x"}},
        {"module": "subprocess", "class_name": "__class__", "config": "Popen"},
        {"class_name": "NoSuch", "config": {}},
        {"class_name": 3, "config": {}},
    ],
)
def test_only_known_names_are_found(config):
    with pytest.raises(ValueError):
        saving.deserialize_keras_object(config)


def test_older_form_and_internal_paths():
    assert isinstance(
        layers.deserialize({"class_name": "Dense", "config": {"units": 3}}), layers.Dense
    )
    config = {
        "module": "keras.src.layers.core.dense",
        "class_name": "Dense",
        "config": {"units": 3},
        "registered_name": "Dense",
    }
    assert saving.deserialize_keras_object(config).units == 3


def test_lambdas_stay_in_the_process():
    fn = lambda x: x  # noqa: E731
    config = saving.serialize_keras_object(layers.Lambda(fn))
    assert layers.deserialize(config).function is fn
    with pytest.raises(TypeError, match="JSON"):
        json.dumps(config)


def test_own_functions():
    def local(x):
        return x + 1

    config = json.loads(json.dumps(saving.serialize_keras_object(layers.Lambda(local))))
    assert layers.deserialize(config).function is local
    config["config"]["function"]["config"] = "elsewhere"
    with pytest.raises(ValueError, match="Unknown function 'elsewhere'"):
        layers.deserialize(config)


def test_build_configuration():
    layer = layers.Dense(3)
    layer.build((None, 4))
    config = json.loads(json.dumps(layers.serialize(layer)))
    assert config["build_config"] == {"input_shape": [None, 4]}
    again = layers.deserialize(config)
    assert again.built
    assert again.kernel.shape == (4, 3)
