"""A fork during and after training works in parent and child."""

import os
import signal
import threading
import time
import traceback
import warnings

import numpy as np
import pytest

import nacre
from nacre import layers

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def data():
    x = np.random.rand(600, 300).astype("float32")
    return x, x[:, 0] * 2 - x[:, 1]


def regression():
    model = nacre.Sequential(
        [nacre.Input((300,)), layers.Dense(400, activation="relu"), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    return model


def check_in_child(function):
    """Runs `function` in a child of fork() and checks that it returns."""
    with warnings.catch_warnings():
        # Newer Pythons warn that forking with threads may hang, which is what is tested here.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        signal.alarm(60)  # ends a child that hangs
        status = 1
        try:
            function()
            status = 0
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    assert os.WIFEXITED(status), f"the child was ended by signal {os.WTERMSIG(status)}"
    assert os.WEXITSTATUS(status) == 0


def use_model(model, x, y, expected=None):
    outputs = model.predict(x, verbose=0)
    assert np.isfinite(outputs).all()
    if expected is not None:
        np.testing.assert_array_equal(outputs, expected)
    model.fit(x, y, epochs=1, verbose=0)
    fresh = regression()
    fresh.fit(x, y, epochs=1, batch_size=200, verbose=0)


def test_after_training():
    x, y = data()
    model = regression()
    model.fit(x, y, epochs=1, batch_size=200, verbose=0)
    expected = model.predict(x, verbose=0)
    for _ in range(3):
        check_in_child(lambda: use_model(model, x, y, expected))
    np.testing.assert_array_equal(model.predict(x, verbose=0), expected)
    model.fit(x, y, epochs=1, batch_size=200, verbose=0)


def test_from_callbacks_during_training():
    x, y = data()
    model = regression()
    forks = []

    def fork(*_):
        if len(forks) < 4:
            forks.append(None)
            check_in_child(lambda: use_model(model, x, y))

    callback = nacre.callbacks.LambdaCallback(on_epoch_end=fork, on_train_batch_end=fork)
    history = model.fit(x, y, epochs=3, batch_size=200, verbose=0, callbacks=[callback]).history
    assert len(forks) == 4
    assert len(history["loss"]) == 3


def test_from_another_thread_during_training():
    x, y = data()
    model = regression()
    model.fit(x, y, epochs=1, batch_size=200, verbose=0)
    stop = threading.Event()

    def train():
        while not stop.is_set():
            model.fit(x, y, epochs=5, batch_size=200, verbose=0)

    trainer = threading.Thread(target=train, daemon=True)
    trainer.start()
    try:
        for _ in range(5):
            time.sleep(0.02)
            check_in_child(lambda: use_model(model, x, y))
    finally:
        stop.set()
        trainer.join(60)
    assert not trainer.is_alive()
    assert np.isfinite(model.predict(x, verbose=0)).all()


def test_a_child_of_a_child():
    x, y = data()
    model = regression()
    model.fit(x, y, epochs=1, verbose=0)

    def child():
        use_model(model, x, y)
        check_in_child(lambda: use_model(model, x, y))

    check_in_child(child)
