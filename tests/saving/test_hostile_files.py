"""Files made to do harm: each is a clear error, at once and in little memory."""

import json

import numpy as np
import pytest

import nacre
from tests.saving.making import (
    BIG,
    functional_config,
    h5_image,
    input_config,
    layer_config,
    members,
    op_config,
    sequential_config,
    with_config,
    write_members,
)


def dense(units, **config):
    return layer_config("Dense", units=units, name="d", **config)


def compiled(**config):
    return {"compile_config": {"optimizer": "sgd", "loss": "mse", **config}}


SHAPES = {
    "a wide layer": sequential_config(input_config(8), dense(BIG)),
    "a wide input": sequential_config(input_config(BIG), dense(1)),
    "layers that are wide together": sequential_config(
        input_config(2048), *({**dense(2048), "config": {"units": 2048}} for _ in range(30))
    ),
    "an embedding": sequential_config(
        input_config(3), layer_config("Embedding", input_dim=BIG, output_dim=1)
    ),
    "many units twice": sequential_config(input_config(8), dense(2**20), dense(2**20)),
    "a batch normalization": sequential_config(
        input_config(BIG), layer_config("BatchNormalization")
    ),
    "a bias": sequential_config(input_config(0), dense(BIG)),
    "a constant": sequential_config(
        input_config(8),
        dense(2**30, kernel_initializer=layer_config("Identity", "keras.initializers")),
    ),
    "a built layer": sequential_config(
        {**dense(BIG), "build_config": {"input_shape": [None, BIG]}}
    ),
    "a confusion matrix": sequential_config(
        input_config(8),
        dense(1),
        **compiled(metrics=[layer_config("MeanIoU", "keras.metrics", num_classes=2**20)]),
    ),
    "thresholds": sequential_config(
        input_config(8),
        dense(1),
        **compiled(metrics=[layer_config("AUC", "keras.metrics", num_thresholds=BIG)]),
    ),
    "recall at a precision": sequential_config(
        input_config(8),
        dense(1),
        **compiled(
            metrics=[
                layer_config(
                    "RecallAtPrecision", "keras.metrics", precision=0.5, num_thresholds=BIG
                )
            ]
        ),
    ),
    "parts": functional_config(op_config("Split", indices_or_sections=BIG, axis=-1), shape=(BIG,)),
    "copies": functional_config(op_config("Unstack", num=BIG, axis=-1), shape=(BIG,)),
    "a constant operation": functional_config(
        {**op_config("Zeros"), "inbound_nodes": [{"args": [[BIG]], "kwargs": {}}]}
    ),
    "an operation on nothing": functional_config(
        {**op_config("Tile", repeats=[BIG]), "inbound_nodes": [{"args": [[1.0]], "kwargs": {}}]}
    ),
    "a layer on nothing": functional_config(
        {
            **layer_config("RepeatVector", n=BIG),
            "inbound_nodes": [
                {
                    "args": [
                        {
                            "class_name": "__numpy__",
                            "config": {"value": [[1.0]], "dtype": "float32"},
                        }
                    ],
                    "kwargs": {},
                }
            ],
        }
    ),
    "a string type": sequential_config(
        input_config(8),
        layer_config(
            "Rescaling",
            scale={
                "class_name": "__numpy__",
                "config": {"value": ["a"], "dtype": "S2000000000"},
            },
        ),
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_configurations_that_ask_for_too_much(reader, good, tmp_path, name):
    path = with_config(tmp_path / "big.keras", good / "good.keras", lambda _: SHAPES[name])
    assert "error" in reader.read(path)
    legacy = tmp_path / "big.h5"
    legacy.write_bytes(legacy_image(SHAPES[name]))
    assert "error" in reader.read(legacy)


def legacy_image(config):
    def fill(file):
        file.attrs["model_config"] = json.dumps(config)
        if "compile_config" in config:
            metrics = config["compile_config"]["metrics"]
            training = {
                "loss": "mse",
                "metrics": metrics,
                "loss_weights": None,
                "optimizer_config": {"class_name": "SGD", "config": {}},
            }
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([b"d"])
        layer = group.create_group("d")
        layer.attrs["weight_names"] = np.array([b"k", b"b"])
        layer["k"], layer["b"] = np.zeros((8, 1), "f4"), np.zeros(1, "f4")

    return h5_image(fill)


def lambda_entry(**config):
    return layer_config("Lambda", function={"class_name": "__lambda__", "config": config})


def function_entry(module, name):
    function = {
        "module": module,
        "class_name": "function",
        "config": name,
        "registered_name": name,
    }
    return dense(1, activation=function)


NAMES = {
    "an unknown class": (layer_config("NoSuchLayer"), "Unknown class 'NoSuchLayer'"),
    "a class of Python": (layer_config("Popen", "subprocess"), "Unknown class 'Popen'"),
    "a module": (layer_config("os", "nacre.saving.atomic"), "Unknown class 'os'"),
    "a private class": (layer_config("_Elementwise"), "Unknown class '_Elementwise'"),
    "a reader of files": (function_entry("keras.models", "load_model"), "Unknown function"),
    "a reader of configurations": (function_entry("keras.layers", "deserialize"), "Unknown fun"),
    "a way to get a file": (function_entry("keras.utils", "get_file"), "Unknown function"),
    "a function of Python": (function_entry("builtins", "eval"), "Unknown function 'eval'"),
    "a function of a module": (function_entry("os", "system"), "Unknown function 'system'"),
    "a seed of everything": (function_entry("keras.random", "set_global_seed"), "Unknown fun"),
    "code": (lambda_entry(value=["Y29kZQ==", None, None]), "lambda"),
    "code in Keras's form": (lambda_entry(code="Y29kZQ==", defaults=None, closure=None), "lambda"),
    "code of Keras 2": (layer_config("Lambda", function=["4wEA", None, None]), "Lambda"),
    "no layer": (layer_config("Adam", "keras.optimizers"), "only layers can be added"),
    "no class": ({"class_name": 3, "config": {}}, "class_name"),
    "no configuration": ({**dense(1), "config": "units"}, "should be a dict"),
    "an unknown argument": (dense(1, nonsense=2), "nonsense"),
    "an argument of the wrong kind": (dense("many"), "units"),
}


@pytest.mark.parametrize("name", NAMES)
def test_names_and_values_that_mean_nothing(reader, good, tmp_path, name):
    entry, message = NAMES[name]
    config = sequential_config(input_config(8), entry)
    path = with_config(tmp_path / "odd.keras", good / "good.keras", lambda _: config)
    assert message in reader.read(path)["error"]


OPERATIONS = {
    "an unknown operation": op_config("NoSuch"),
    "a loop": op_config("WhileLoop", cond="x", body="y"),
    "unknown arguments": op_config("Relu", nonsense=1) | {"module": "keras.src.ops.nn"},
    "too many arguments": op_config("Add")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 0]}}
                ]
                * 3,
                "kwargs": {},
            }
        ]
    },
    "a call of itself": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["c0", 0, 0]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "a call of nothing": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["x", 0, 0]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "an output that is not there": op_config("Negative")
    | {
        "inbound_nodes": [
            {
                "args": [
                    {"class_name": "__keras_tensor__", "config": {"keras_history": ["i", 0, 7]}}
                ],
                "kwargs": {},
            }
        ]
    },
    "a call that is none": op_config("Negative") | {"inbound_nodes": [3]},
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_graphs_that_mean_nothing(reader, good, tmp_path, name):
    config = functional_config(OPERATIONS[name])
    path = with_config(tmp_path / "odd.keras", good / "good.keras", lambda _: config)
    if name != "unknown arguments":  # an option that the operation does not have is passed over
        assert "error" in reader.read(path)
    else:
        reader.read(path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "3",
        "null",
        '{"class_name": "Sequential"}',
        '{"class_name": "Sequential", "config": {"layers": 3}}',
        '{"module": "keras", "class_name": "Sequential", "config": {"layers": [3]}}',
        '{"module": "keras", "class_name": "Sequential", "config": {}}',
        '{"module": "keras.layers", "class_name": "Dense", "config": {"units": 1}}',
        "\ud800".encode("utf-8", "surrogatepass"),
        "[" * 100_000,
        '{"config": ' * 20_000 + "{" + "}" * 20_001,
        '{"class_name": "A", "config": {"a": ' * 9000 + "1" + "}}" * 9000,
        '{"module": "keras", "class_name": "Sequential", "config": {"layers": [' * 400
        + "]}}" * 400,
        " " * (15 << 20),
    ],
)
def test_configurations_that_are_none(reader, good, tmp_path, text):
    contents = members(good / "good.keras")
    contents["config.json"] = text if isinstance(text, bytes) else text.encode()
    assert "error" in reader.read(write_members(tmp_path / "odd.keras", contents))


def test_a_registered_class_does_not_stand_in_for_one_of_keras(tmp_path):
    @nacre.saving.register_keras_serializable(package="hostile")
    class Dense(nacre.layers.Layer):
        pass

    try:
        model = nacre.Sequential([nacre.Input((2,)), nacre.layers.Dense(1)])
        model.save(tmp_path / "m.keras")
        again = nacre.models.load_model(tmp_path / "m.keras")
        assert type(again.layers[0]) is nacre.layers.Dense
    finally:
        nacre.saving.get_custom_objects().pop("hostile>Dense")
