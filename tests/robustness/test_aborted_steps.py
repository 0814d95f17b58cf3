"""A step commits or it did not happen: interrupts and bad labels leave every Variable as it was."""

import os
import signal
import threading
import time

import numpy as np
import pytest

import nacre
from nacre import layers


def data(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def all_values(model):
    variables = [*model.variables, *model.optimizer.variables, *model.metrics_variables]
    return [variable.numpy() for variable in variables]


def test_a_bad_label_in_the_middle_leaves_every_variable():
    model = nacre.Sequential(
        [layers.Input((4,)), layers.Dense(8, "relu"), layers.BatchNormalization(), layers.Dense(3)]
    )
    model.compile(
        "adam",
        nacre.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    x, y = data(12, 4), np.arange(12) % 3
    model.fit(x[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    y[9] = 7
    before = all_values(model)
    step = model.make_train_function()
    with pytest.raises(ValueError, match="label"):
        step(iter([(x[8:], y[8:])]))
    for a, b in zip(before, all_values(model), strict=True):
        np.testing.assert_array_equal(a, b)


def test_fit_keeps_whole_steps_before_a_bad_label():
    def build():
        nacre.utils.set_random_seed(1)
        model = nacre.Sequential([layers.Input((4,)), layers.Dense(3, "softmax")])
        model.compile("adam", "sparse_categorical_crossentropy")
        return model

    x, y = data(12, 4), np.arange(12) % 3
    whole = build()
    whole.fit(x[:8], y[:8], batch_size=4, shuffle=False, verbose=0)
    y[10] = -5
    broken = build()
    with pytest.raises(ValueError, match="label"):
        broken.fit(x, y, batch_size=4, shuffle=False, verbose=0)
    for a, b in zip(whole.get_weights(), broken.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert int(broken.optimizer.iterations.numpy()) == 2


def test_history_holds_the_epochs_before_an_error():
    model = nacre.Sequential([layers.Input((4,)), layers.Dense(1, kernel_initializer="ones")])
    model.compile(nacre.optimizers.SGD(1e30), "mse")
    nacre.config.set_nonfinite_policy("raise")
    try:
        with pytest.raises(ValueError, match="not finite"):
            model.fit(data(8, 4), data(8, 1), epochs=50, verbose=0)
    finally:
        nacre.config.set_nonfinite_policy("warn")
    assert len(model.history.epoch) >= 1
    assert all(np.isfinite(w).all() for w in model.get_weights())


def interrupt_after(seconds):
    def send():
        time.sleep(seconds)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=send)
    thread.start()
    return thread


@pytest.mark.parametrize("units", [16, 1500])
def test_interrupt_stops_fit_and_keeps_history(units):
    nacre.utils.set_random_seed(2)
    model = nacre.Sequential([layers.Input((64,)), layers.Dense(units, "relu"), layers.Dense(1)])
    model.compile("adam", "mse")
    x, y = data(512, 64), data(512, 1)
    model.fit(x, y, epochs=1, verbose=0)
    thread = interrupt_after(0.3)
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        model.fit(x, y, epochs=10_000_000, verbose=0)
    elapsed = time.monotonic() - start
    thread.join()
    assert elapsed < 5  # 0.1 s on a quiet machine
    epochs = len(model.history.epoch)
    assert list(model.history.history) == ["loss"]
    steps = int(model.optimizer.iterations.numpy())
    assert epochs * 16 + 16 <= steps < (epochs + 1) * 16 + 16
    assert all(np.isfinite(w).all() for w in model.get_weights())
    model.fit(x, y, epochs=1, verbose=0)


def test_interrupt_in_predict():
    model = nacre.Sequential([layers.Input((64,)), layers.Dense(512, "relu"), layers.Dense(1)])
    x = data(64, 64)[np.zeros(400_000, int) % 64]
    model.predict(x[:64], verbose=0)
    thread = interrupt_after(0.02)

    def forever():
        while True:
            model.predict(x, verbose=0)

    with pytest.raises(KeyboardInterrupt):
        forever()
    thread.join()
    assert model.predict(x[:3], verbose=0).shape == (3, 1)


def test_concurrent_predict_gives_the_same_as_alone():
    model = nacre.Sequential([layers.Input((8,)), layers.Dense(32, "tanh"), layers.Dense(3)])
    batches = [data(n, 8) for n in range(1, 17)]
    expected = [model.predict(x, verbose=0) for x in batches]
    failures = []

    def work(index):
        try:
            for _ in range(50):
                got = model.predict(batches[index], verbose=0)
                np.testing.assert_array_equal(got, expected[index])
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_building_in_many_threads_makes_one_set_of_weights():
    model = nacre.Sequential([layers.Dense(32, "tanh"), layers.Dense(3)])
    barrier = threading.Barrier(8)
    results, failures = [], []
    x = data(5, 8)

    def work():
        try:
            barrier.wait()
            results.append(model.predict(x, verbose=0))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(model.weights) == 4
    for result in results:
        np.testing.assert_array_equal(result, results[0])
