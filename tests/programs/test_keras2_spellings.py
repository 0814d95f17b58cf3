"""Spellings of Keras 2: each means what it meant, and the page lists what the code lists."""

from pathlib import Path

import numpy as np
import pytest

import nacre
from nacre import callbacks, layers, losses, optimizers
from nacre.keras2 import OLD_SPELLINGS

X = np.random.default_rng(0).random((12, 4)).astype("float32")
Y = np.random.default_rng(1).integers(0, 3, 12)


class Batches(nacre.utils.Sequence):
    def __len__(self):
        return 3

    def __getitem__(self, index):
        return X[4 * index : 4 * index + 4], Y[4 * index : 4 * index + 4]


def _batches():
    while True:
        for index in range(3):
            yield Batches()[index]


def _model(first=None):
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential()
    model.add(first or layers.Dense(5, "relu", input_shape=(4,)))
    model.add(layers.Dense(3, "softmax"))
    model.compile("sgd", "sparse_categorical_crossentropy")
    return model


def test_the_list_is_documented():
    page = Path(__file__).parents[2] / "docs" / "keras2.md"
    if not page.exists():
        pytest.skip("the pages are not part of this distribution")
    lines = page.read_text().splitlines()
    rows = [line for line in lines if line.startswith("| ")][2:]
    assert rows == [
        f"| {e.where} | `{e.spelling}` | {e.meaning or 'accepted, means nothing'} |"
        for e in OLD_SPELLINGS
    ]


def test_shapes_that_layers_carry():
    for first in (
        layers.Dense(5, input_shape=(4,)),
        layers.Dense(5, input_dim=4),
        layers.Dense(5, batch_input_shape=(None, 4)),
        layers.Dense(5, input_dim=4, weights=[np.ones((4, 5)), np.zeros(5)]),
    ):
        model = _model(first)
        assert model.input_shape == (None, 4)
    np.testing.assert_array_equal(model.get_weights()[0], np.ones((4, 5)))
    assert _model(layers.Dense(5, batch_input_shape=(6, 4))).input_shape == (6, 4)
    model = nacre.Sequential([layers.Embedding(10, 3, input_length=7), layers.Flatten()])
    assert model.output_shape == (None, 21)
    assert layers.Input(shape=3).shape == (None, 3)
    assert layers.Input(batch_input_shape=(2, 3)).shape == (2, 3)
    with pytest.raises(ValueError, match="True"):
        layers.Input(shape=True)


def test_arguments_of_layers():
    assert layers.LeakyReLU(alpha=0.25).negative_slope == 0.25
    plain, old = (
        layers.BatchNormalization(axis=1),
        layers.BatchNormalization(axis=[1], fused=True, name="batch_normalization"),
    )
    assert plain.axis == old.axis
    assert "fused" not in old.get_config()
    with pytest.raises(ValueError, match="virtual_batch_size"):
        layers.BatchNormalization(virtual_batch_size=4)


def test_learning_rates():
    optimizer = optimizers.Adam(lr=0.25)
    assert float(optimizer.lr) == float(optimizer.learning_rate) == 0.25
    optimizer.lr = 0.5
    assert float(optimizer.learning_rate) == 0.5
    decayed = optimizers.legacy.SGD(lr=1.0, decay=0.5)
    assert type(decayed) is optimizers.SGD
    variable = nacre.Variable(np.zeros(1, "float32"))
    for _ in range(3):
        decayed.apply([-np.ones(1, "float32")], [variable])
    assert float(variable.numpy()[0]) == pytest.approx(1 + 1 / 1.5 + 1 / 2)
    with pytest.raises(ValueError, match="`learning_rates`"):
        optimizers.Adam(learning_rates=0.1)


def test_names_of_losses_and_regularizers():
    assert losses.get("huber_loss") is losses.huber
    assert losses.get("logcosh") is losses.log_cosh
    assert losses.MeanSquaredError(reduction="auto").reduction == "sum_over_batch_size"
    regularizer = layers.Dense(2, kernel_regularizer="l1_l2").kernel_regularizer
    assert float(regularizer(np.ones((1, 1), "float32"))) == pytest.approx(0.02)


def test_names_first_in_add_weight():
    metric = nacre.metrics.Metric()
    assert metric.add_weight("total").name == "total"
    assert layers.Layer().add_weight("w", (2, 3)).shape == (2, 3)


@pytest.mark.parametrize("make", [Batches, _batches])
def test_methods_for_generators(make):
    expected, model = _model(), _model()
    options = {"steps_per_epoch": 3, "epochs": 2, "shuffle": False}
    other = expected.fit(make(), verbose=0, **{**options, "shuffle": False})
    history = model.fit_generator(
        make(), **options, verbose=0, workers=2, use_multiprocessing=True, max_queue_size=5
    )
    assert history.history == other.history
    assert model.evaluate_generator(make(), 3) == expected.evaluate(X, Y, verbose=0)
    only_x = (batch for batch, _ in (Batches()[i] for i in range(3)))
    np.testing.assert_array_equal(
        model.predict_generator(only_x, steps=3, workers=1), expected.predict(X, verbose=0)
    )


def test_arguments_without_names(capsys):
    history = _model().fit_generator(_batches(), 3, 2, 0)
    assert len(history.epoch) == 2
    assert capsys.readouterr().out == ""
    with pytest.raises(TypeError, match="several values for epochs"):
        _model().fit_generator(_batches(), 3, 2, epochs=2)
    with pytest.raises(TypeError, match="at most 3 arguments"):
        _model().predict_generator(_batches(), 3, None, 10)
    with pytest.raises(TypeError, match="nb_epoch"):
        _model().fit_generator(_batches(), 3, nb_epoch=2)


def test_predicting_classes():
    model = _model()
    outputs = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict_classes(X), outputs.argmax(1))
    np.testing.assert_array_equal(model.predict_proba(X), outputs)
    binary = nacre.Sequential([layers.Dense(1, "sigmoid", input_dim=4)])
    classes = binary.predict_classes(X)
    assert classes.shape == (12, 1)
    assert classes.dtype == "int32"
    np.testing.assert_array_equal(classes, binary.predict(X, verbose=0) > 0.5)


def test_arguments_of_callbacks(tmp_path):
    assert callbacks.ReduceLROnPlateau(epsilon=0.25).min_delta == 0.25
    model = _model()
    checkpoint = callbacks.ModelCheckpoint(
        tmp_path / "{epoch}.h5", save_weights_only=True, period=2
    )
    model.fit(X, Y, epochs=4, callbacks=[checkpoint], verbose=0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["2.h5", "4.h5"]
    model.save_weights(tmp_path / "all.h5")
    other = _model()
    other.load_weights(tmp_path / "all.h5")
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.raises(ValueError, match="ends in"):
        model.save_weights(tmp_path / "all")


def test_what_is_not_in_the_list_is_an_error():
    with pytest.raises(TypeError, match="workers"):
        _model().fit(X, Y, workers=2)
    with pytest.raises(AttributeError, match="CuDNNLSTM"):
        _ = layers.CuDNNLSTM
    with pytest.raises(ValueError, match="W_regularizer"):
        layers.Dense(2, W_regularizer="l2")
    with pytest.raises(ValueError, match="ends in"):
        _model().save("a_folder")
