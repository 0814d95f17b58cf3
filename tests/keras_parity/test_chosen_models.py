"""Models that together use what a user of dense networks uses."""

import numpy as np
import pytest

from tests.keras_parity.compare import make_pair

RNG = np.random.default_rng(11)
X = RNG.standard_normal((50, 6)).astype(np.float32)
Y = RNG.integers(0, 3, 50)


def _mlp(lib):
    return lib.Sequential(
        [
            lib.layers.Input((6,)),
            lib.layers.Dense(8, activation="relu"),
            lib.layers.Dense(3, activation="softmax"),
        ]
    )


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_classifier(keras, optimizer):
    def build(lib):
        model = _mlp(lib)
        model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    pair = make_pair(keras, build)
    pair.compare_outputs(X)
    pair.compare_evaluate(X, Y)
    pair.compare_fit(X, Y, batch_size=16, epochs=5, validation_data=(X[:20], Y[:20]))


def test_gradients(keras):
    def build(lib):
        model = _mlp(lib)
        model.compile(lib.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        return model

    make_pair(keras, build).compare_gradients(X, Y)


def test_gradients_through_normalization(keras):
    def build(lib):
        inputs = lib.Input((6,))
        x = lib.layers.Dense(8)(inputs)
        x = lib.layers.BatchNormalization()(x)
        x = lib.layers.Activation("tanh")(x)
        x = lib.layers.LayerNormalization()(x)
        model = lib.Model(inputs, lib.layers.Dense(3, activation="softmax")(x))
        model.compile(lib.optimizers.SGD(1.0), "sparse_categorical_crossentropy")
        return model

    make_pair(keras, build).compare_gradients(X, Y, tolerance=3e-5)


def test_two_inputs_two_outputs(keras):
    def build(lib):
        left, right = lib.Input((6,), name="left"), lib.Input((2,), name="right")
        shared = lib.layers.Dense(4, activation="tanh", name="shared")
        x = lib.layers.Concatenate()([shared(left), lib.layers.Dense(4)(right)])
        x = lib.layers.Add()([shared(left), lib.layers.Dense(4)(x)])
        label = lib.layers.Dense(3, activation="softmax", name="label")(x)
        size = lib.layers.Dense(1, name="size")(x)
        model = lib.Model([left, right], [label, size])
        model.compile(
            lib.optimizers.SGD(0.05, momentum=0.9),
            loss={"label": "sparse_categorical_crossentropy", "size": "mse"},
            loss_weights={"label": 1.0, "size": 0.5},
            metrics={"label": ["accuracy"], "size": ["mae"]},
        )
        return model

    inputs = [X, X[:, :2]]
    targets = {"label": Y, "size": X[:, :1] * 2}
    pair = make_pair(keras, build)
    pair.compare_evaluate(inputs, targets)
    pair.compare_fit(inputs, targets, batch_size=16, epochs=5)


def test_nested_models(keras):
    def build(lib):
        inner_input = lib.Input((6,))
        inner = lib.Model(inner_input, lib.layers.Dense(5, activation="elu")(inner_input))
        stack = lib.Sequential([lib.layers.Input((5,)), lib.layers.Dense(6, activation="tanh")])
        inputs = lib.Input((6,))
        x = stack(inner(inputs))
        model = lib.Model(inputs, lib.layers.Dense(3, activation="softmax")(inner(x)))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    pair = make_pair(keras, build)
    pair.compare_outputs(X)
    pair.compare_fit(X, Y, batch_size=16, epochs=5)


def test_masked_tokens(keras):
    ids = RNG.integers(0, 9, (50, 5))
    ids[:, 3:] *= RNG.integers(0, 2, (50, 2))
    targets = RNG.integers(0, 4, (50, 5))

    def build(lib, metrics=("accuracy",)):
        inputs = lib.Input((5,), dtype="int32")
        x = lib.layers.Embedding(9, 4, mask_zero=True)(inputs)
        x = lib.layers.Dense(6, activation="tanh")(x)
        model = lib.Model(inputs, lib.layers.Dense(4, activation="softmax")(x))
        model.compile(
            lib.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=list(metrics)
        )
        return model

    make_pair(keras, build).compare_evaluate(ids, targets)
    # Keras on JAX loses the mask between loss and metrics in training, not in evaluation.
    pair = make_pair(keras, lambda lib: build(lib, metrics=()))
    pair.compare_fit(ids, targets, batch_size=16, epochs=5)


def test_regularizers_and_frozen_layers(keras):
    def build(lib):
        model = lib.Sequential(
            [
                lib.layers.Input((6,)),
                lib.layers.Dense(8, activation="tanh", kernel_regularizer="l2"),
                lib.layers.Dense(8, activation="tanh", activity_regularizer="l1"),
                lib.layers.BatchNormalization(),
                lib.layers.Dense(1),
            ]
        )
        model.layers[2].trainable = False
        model.compile(lib.optimizers.SGD(0.01), "mse", metrics=["mse"])
        return model

    pair = make_pair(keras, build)
    pair.compare_evaluate(X, X[:, :1])
    pair.compare_fit(X, X[:, :1], batch_size=16, epochs=5)


def test_weights_on_samples_and_metrics(keras):
    def build(lib):
        model = _mlp(lib)
        model.compile(
            "adam",
            "sparse_categorical_crossentropy",
            metrics=["accuracy"],
            weighted_metrics=["accuracy"],
        )
        return model

    weight = RNG.uniform(0, 2, 50).astype(np.float32)
    pair = make_pair(keras, build)
    pair.compare_evaluate(X, Y, sample_weight=weight)
    pair.compare_fit(X, Y, batch_size=16, epochs=5, sample_weight=weight)


def test_targets_without_the_last_axis(keras):
    """(N,) against (N, 1): the same as (N, 1), and never (N, N)."""

    def build(lib):
        model = lib.Sequential([lib.layers.Input((6,)), lib.layers.Dense(1, activation="sigmoid")])
        model.compile(lib.optimizers.SGD(0.1), "binary_crossentropy", metrics=["accuracy"])
        return model

    pair = make_pair(keras, build)
    pair.compare_evaluate(X, (Y > 1).astype(np.float32))
    pair.compare_fit(X, (Y > 1).astype(np.float32), batch_size=16, epochs=5)


def test_data_types(keras):
    """Wide floats, integers and bytes are converted as Keras converts them."""
    pair = make_pair(keras, lambda lib: _compiled(lib))
    for dtype in ("float64", "float16", "int64", "uint8"):
        # Not so large that outputs saturate: there Keras clips on this backend.
        x = np.abs(3 * X).astype(dtype)
        pair.compare_outputs(x)
        pair.compare_evaluate(x, Y)


def _compiled(lib):
    model = _mlp(lib)
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def test_batch_methods(keras):
    pair = make_pair(keras, _compiled)
    for start in (0, 16, 32):
        x, y = X[start : start + 16], Y[start : start + 16]
        ours, theirs = (m.train_on_batch(x, y) for m in (pair.ours, pair.theirs))
        assert np.allclose(ours, theirs, rtol=1e-5)
    ours, theirs = (m.test_on_batch(X, Y, return_dict=True) for m in (pair.ours, pair.theirs))
    assert list(ours) == list(theirs)
    assert np.allclose(list(ours.values()), list(theirs.values()), rtol=1e-5)
    pair.compare_weights()


def test_class_weights(keras):
    pair = make_pair(keras, _compiled)
    pair.compare_fit(X, Y, batch_size=16, epochs=5, class_weight={0: 1.0, 1: 3.0, 2: 0.2})


def test_summary_text(keras):
    pair = make_pair(keras, _compiled)
    texts = []
    for model in (pair.ours, pair.theirs):
        lines = []
        model.summary(print_fn=lines.append, line_length=80)
        texts.append("\n".join(lines).split("\n"))
    assert [line.rstrip() for line in texts[0]] == [line.rstrip() for line in texts[1]]
