"""Mistakes of users: each is a clear error that names the layer or the argument."""

import numpy as np
import pytest

import nacre
from nacre import layers


def data(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def classifier(classes=3, **compile_arguments):
    model = nacre.Sequential(
        [
            layers.Input((4,), name="features"),
            layers.Dense(classes, "softmax", name="probabilities"),
        ],
        name="net",
    )
    compile_arguments.setdefault("loss", "sparse_categorical_crossentropy")
    model.compile("sgd", **compile_arguments)
    return model


X, Y = data(8, 4), np.arange(8) % 3

# What is passed to `fit`, the kind of error, and what its message must mention.
FIT = {
    "wrong last axis": ({"x": data(8, 5), "y": Y}, ValueError, r"features.*\(None, 4\).*\(.*5\)"),
    "wrong rank": ({"x": data(8, 2, 2), "y": Y}, ValueError, "features"),
    "text": ({"x": "data.csv", "y": Y}, TypeError, "`x`"),
    "array of text": ({"x": np.array([["a"] * 4] * 8), "y": Y}, TypeError, "`x`"),
    "objects": ({"x": np.array([[None] * 4] * 8), "y": Y}, TypeError, "`x`"),
    "complex": ({"x": X.astype("complex64"), "y": Y}, TypeError, "`x`"),
    "dates": ({"x": X, "y": np.zeros(8, "datetime64[s]")}, TypeError, "`y`"),
    "ragged": ({"x": [[1, 2, 3, 4], [1, 2]], "y": Y[:2]}, ValueError, "`x` is ragged"),
    "ragged labels": ({"x": X[:2], "y": [[1], [1, 2]]}, ValueError, "`y` is ragged"),
    "no samples": ({"x": X[:0], "y": Y[:0]}, ValueError, "`x` holds no samples"),
    "empty list": ({"x": [], "y": []}, ValueError, "`x` is empty"),
    "no data": ({}, ValueError, "`x` is missing"),
    "scalar": ({"x": 3.0, "y": Y}, (TypeError, ValueError), "`x`"),
    "lengths": ({"x": X, "y": Y[:5]}, ValueError, "x: 8, y: 5"),
    "weight length": (
        {"x": X, "y": Y, "sample_weight": np.ones(3)},
        ValueError,
        "sample_weight: 3",
    ),
    "no targets": ({"x": X}, ValueError, "`y` was not given"),
    "batch size 0": (
        {"x": X, "y": Y, "batch_size": 0},
        ValueError,
        "`batch_size` must be positive",
    ),
    "batch size -1": (
        {"x": X, "y": Y, "batch_size": -1},
        ValueError,
        "`batch_size` must be positive",
    ),
    "batch size 2.5": ({"x": X, "y": Y, "batch_size": 2.5}, TypeError, "`batch_size`"),
    "batch size text": ({"x": X, "y": Y, "batch_size": "32"}, TypeError, "`batch_size`"),
    "epochs": ({"x": X, "y": Y, "epochs": -1}, ValueError, "`epochs`"),
    "epochs float": ({"x": X, "y": Y, "epochs": 1.5}, TypeError, "`epochs`"),
    "verbose": ({"x": X, "y": Y, "verbose": 3}, ValueError, "`verbose`"),
    "shuffle": ({"x": X, "y": Y, "shuffle": "yes"}, ValueError, "`shuffle`"),
    "split": ({"x": X, "y": Y, "validation_split": 1.5}, ValueError, "`validation_split`"),
    "split text": ({"x": X, "y": Y, "validation_split": "0.1"}, TypeError, "`validation_split`"),
    "empty split": (
        {"x": X[:1], "y": Y[:1], "validation_split": 0.1},
        ValueError,
        "validation_split",
    ),
    "validation frequency": (
        {"x": X, "y": Y, "validation_data": (X, Y), "validation_freq": 0},
        ValueError,
        "`validation_freq`",
    ),
    "validation data": (
        {"x": X, "y": Y, "validation_data": (X, Y, Y, Y)},
        ValueError,
        "validation_data",
    ),
    "validation lengths": (
        {"x": X, "y": Y, "validation_data": (X, Y[:2])},
        ValueError,
        "x: 8, y: 2",
    ),
    "steps": ({"x": X, "y": Y, "steps_per_epoch": 0}, ValueError, "`steps_per_epoch`"),
    "class weight": ({"x": X, "y": Y, "class_weight": [1, 2]}, TypeError, "`class_weight`"),
    "class weight text": ({"x": X, "y": Y, "class_weight": {0: "a"}}, TypeError, "`class_weight`"),
    "unknown argument": ({"x": X, "y": Y, "epoch": 3}, TypeError, "epoch"),
    "generator with targets": ({"x": iter([(X, Y)]), "y": Y}, ValueError, "`y` must not be given"),
    "generator with split": (
        {"x": iter([(X, Y)]), "validation_split": 0.1},
        ValueError,
        "`validation_split`",
    ),
    "generator with batch size": (
        {"x": iter([(X, Y)]), "batch_size": 2},
        ValueError,
        "`batch_size`",
    ),
    "negative label": ({"x": X, "y": Y - 1}, ValueError, "label"),
    "label too large": ({"x": X, "y": Y + 1}, ValueError, "label"),
    "label shape": ({"x": X, "y": np.zeros((8, 2), int)}, ValueError, r"\(.*2\)"),
}


@pytest.mark.parametrize("case", FIT)
def test_fit(case):
    arguments, error, pattern = FIT[case]
    model = classifier()
    with pytest.raises(error, match=pattern):
        model.fit(**{"verbose": 0, **arguments})
    model.fit(X, Y, verbose=0)  # and nothing was broken


COMPILE = {
    "unknown optimizer": ({"optimizer": "sgdd"}, ValueError, "sgdd"),
    "optimizer": ({"optimizer": 3}, (TypeError, ValueError), "3"),
    "unknown loss": ({"loss": "msee"}, ValueError, "msee"),
    "loss": ({"loss": 3}, ValueError, "`loss`"),
    "unknown metric": ({"metrics": ["accurracy"]}, ValueError, "accurracy"),
    "metrics text": ({"metrics": "accuracy"}, ValueError, "`metrics`"),
    "metric": ({"metrics": [3]}, ValueError, "`metrics`"),
    "loss weights": ({"loss": "mse", "loss_weights": "1"}, ValueError, "`loss_weights`"),
    "steps": ({"steps_per_execution": 0}, ValueError, "`steps_per_execution`"),
    "jit": ({"jit_compile": "yes"}, ValueError, "`jit_compile`"),
    "unknown argument": ({"optimiser": "sgd"}, TypeError, "optimiser"),
}


@pytest.mark.parametrize("case", COMPILE)
def test_compile(case):
    arguments, error, pattern = COMPILE[case]
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(3)])
    with pytest.raises(error, match=pattern):
        model.compile(**arguments)


LAYERS = {
    "negative units": (lambda: layers.Dense(-1), ValueError, "units"),
    "text units": (lambda: layers.Dense("ten"), (TypeError, ValueError), "units"),
    "unknown activation": (lambda: layers.Dense(3, activation="rellu"), ValueError, "rellu"),
    "unknown initializer": (
        lambda: layers.Dense(3, kernel_initializer="glorrot"),
        ValueError,
        "glorrot",
    ),
    "unknown argument": (lambda: layers.Dense(3, unitz=4), (TypeError, ValueError), "unitz"),
    "dropout rate": (lambda: layers.Dropout(1.5), ValueError, "rate"),
    "input shape": (lambda: layers.Input(3.0), ValueError, "`shape`"),
    "negative input": (lambda: layers.Input((-3,)), ValueError, "`shape`"),
    "input dtype": (lambda: layers.Input((3,), dtype="floaty"), ValueError, "floaty"),
    "no input shape": (lambda: layers.Input(), ValueError, "`shape` is missing"),
}


@pytest.mark.parametrize("case", LAYERS)
def test_layers(case):
    make, error, pattern = LAYERS[case]
    with pytest.raises(error, match=pattern):
        make()


def test_errors_of_layers_inside_name_the_layer():
    class Net(nacre.Model):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(4, name="first")

        def call(self, x):
            return self.first(x)

    model = Net()
    model(data(2, 3))
    with pytest.raises(ValueError, match=r'Dense "first".*3.*7'):
        model(data(2, 7))


def test_too_large_a_layer():
    with pytest.raises(MemoryError, match='"huge"'):
        nacre.Sequential([layers.Input((2**20,)), layers.Dense(2**22, name="huge")])


def test_before_compile():
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(1)])
    for method in (model.fit, model.evaluate, model.train_on_batch, model.test_on_batch):
        with pytest.raises(ValueError, match="call `compile"):
            method(X, Y)
    assert model.predict(X, verbose=0).shape == (8, 1)


def test_flat_targets_never_broadcast_against_a_column():
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"])
    y = data(8)
    predictions = model.predict(X, verbose=0)[:, 0]
    loss, mae = model.evaluate(X, y, verbose=0)
    np.testing.assert_allclose(loss, np.mean((predictions - y) ** 2), rtol=1e-5)
    np.testing.assert_allclose(mae, np.mean(np.abs(predictions - y)), rtol=1e-5)


def test_targets_of_another_shape_are_refused():
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(2)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match=r"\(.*3\)"):
        model.fit(X, data(8, 3), verbose=0)


def test_predict_and_evaluate():
    model = classifier()
    with pytest.raises(ValueError, match="`x` holds no samples"):
        model.predict(X[:0], verbose=0)
    model.predict(X, verbose=0)
    with pytest.raises(ValueError, match="`x` holds no samples"):
        model.predict(X[:0], verbose=0)  # also on the fast way
    with pytest.raises(ValueError, match="`batch_size`"):
        model.predict(X, batch_size=0, verbose=0)
    with pytest.raises(TypeError, match="`batch_size`"):
        model.evaluate(X, Y, batch_size="3", verbose=0)
    with pytest.raises(TypeError, match="unknown arguments"):
        model.evaluate(X, Y, sample_wait=3)
    with pytest.raises(ValueError, match="features"):
        model.predict(data(3, 9), verbose=0)


def test_several_inputs():
    a, b = layers.Input((2,), name="a"), layers.Input((3,), name="b")
    model = nacre.Model([a, b], layers.Concatenate()([a, b]))
    with pytest.raises(ValueError, match="expected 2 inputs"):
        model.predict(data(4, 2), verbose=0)
    with pytest.raises(ValueError, match="named"):
        model.predict({"a": data(4, 2)}, verbose=0)
    with pytest.raises(ValueError, match="same number of samples"):
        model.predict([data(4, 2), data(5, 3)], verbose=0)


def test_dictionaries_with_unknown_names():
    inputs = layers.Input((4,))
    model = nacre.Model(
        inputs, [layers.Dense(1, name="u")(inputs), layers.Dense(1, name="v")(inputs)]
    )
    model.compile("sgd", {"u": "mse", "w": "mse"})
    with pytest.raises(ValueError, match=r"'w'.*\['u', 'v'\]"):
        model.fit(X, [data(8, 1), data(8, 1)], verbose=0)
    model.compile("sgd", "mse", metrics=["mae", "mse", "mae"])
    with pytest.raises(ValueError, match="2 outputs"):
        model.fit(X, [data(8, 1), data(8, 1)], verbose=0)
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="2 outputs"):
        model.fit(X, data(8, 1), verbose=0)


def test_train_step_must_return_a_dictionary():
    class Bad(nacre.Sequential):
        def train_step(self, batch):
            return 1.0

    model = Bad([layers.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="`train_step` must return a dictionary"):
        model.fit(X, Y, verbose=0)


def test_embedding_index_out_of_range():
    model = nacre.Sequential(
        [layers.Input((3,), dtype="int32"), layers.Embedding(5, 2, name="words")]
    )
    with pytest.raises(ValueError, match=r"(?i)words|index|range"):
        model.predict(np.array([[0, 1, 5]]), verbose=0)
    with pytest.raises(ValueError, match=r"(?i)words|index|range"):
        model.predict(np.array([[0, -1, 2]]), verbose=0)


def test_absent_names_say_which():
    for module, name in (
        (nacre, "quantize"),
        (nacre.utils, "plot_model"),
        (nacre.callbacks, "TensorBoards"),
        (nacre.models, "load_models"),
    ):
        with pytest.raises(AttributeError, match=name):
            getattr(module, name)


def test_to_categorical():
    np.testing.assert_array_equal(nacre.utils.to_categorical([0, 2, 1]), np.eye(3)[[0, 2, 1]])
    assert nacre.utils.to_categorical([[1], [0]], 4).shape == (2, 4)
    for bad in ([3], [-1]):
        with pytest.raises(ValueError, match="classes must lie"):
            nacre.utils.to_categorical(bad, 3)


def test_set_random_seed():
    for bad in (1.5, "1", -1, None):
        with pytest.raises(ValueError, match="`seed`"):
            nacre.utils.set_random_seed(bad)
