"""Small programs as tutorials write them."""

import numpy as np

import nacre
from nacre import layers
from nacre.datasets import digits


def test_xor_is_learnt_by_most_seeds():
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    y = np.array([[0], [1], [1], [0]])
    learnt = 0
    for seed in range(10):
        nacre.utils.set_random_seed(seed)
        inputs = layers.Input(shape=(2,))
        hidden = layers.Dense(units=16, activation="relu")(inputs)
        model = nacre.Model(
            inputs=inputs, outputs=layers.Dense(units=1, activation="sigmoid")(hidden)
        )
        model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
        history = model.fit(x, y, epochs=1000, verbose=0)
        assert len(history.history["accuracy"]) == 1000
        learnt += model.evaluate(x, y, verbose=0)[1] == 1.0
    assert learnt >= 9


def test_sign_of_a_number():
    x = np.array([[v] for v in range(-10, 11)])
    y = np.array([1 if v > 0 else 0 for v in range(-10, 11)])
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [layers.Dense(2, "sigmoid", input_shape=(1,)), layers.Dense(1, "sigmoid")]
    )
    model.compile(nacre.optimizers.Adam(0.05), "binary_crossentropy", metrics=["accuracy"])
    model.fit(x, y, epochs=500, verbose=0)
    assert ((model.predict(x, verbose=0)[:, 0] > 0.5) == y).sum() == 21


def test_digits():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    nacre.utils.set_random_seed(0)
    model = nacre.Sequential(
        [
            layers.Input((8, 8)),
            layers.Rescaling(1 / 16),
            layers.Flatten(),
            layers.Dense(64, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=20, batch_size=32, verbose=0)
    assert model.evaluate(x_test, y_test, verbose=0)[1] > 0.93
    labels = np.argmax(model.predict(x_test, verbose=0), axis=1)
    assert np.mean(labels == y_test) > 0.93
