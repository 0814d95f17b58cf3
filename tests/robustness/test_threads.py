"""Threads: the same bits however many there are, predictions beside training, and flat memory."""

import gc
import threading

import numpy as np
import pytest

import nacre
from nacre import _core, layers, ops
from nacre.datasets import digits


def dense_model(*units, features=64):
    nacre.utils.set_random_seed(7)
    model = nacre.Sequential([nacre.Input((features,))])
    for size in units:
        model.add(layers.Dense(size, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


@pytest.fixture(scope="module")
def pictures():
    (x, y), _ = digits.load_data()
    return x.reshape(-1, 64) / np.float32(16), y


@pytest.fixture
def _threads_restored():
    before = nacre.config.get_num_threads()
    yield
    nacre.config.set_num_threads(before)


def run_threads(functions, timeout=120):
    """Runs functions at once and raises the first exception that one of them raised."""
    errors = []

    def guarded(function):
        try:
            function()
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=guarded, args=(f,), daemon=True) for f in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout)
        assert not thread.is_alive(), "a thread hangs"
    if errors:
        raise errors[0]


@pytest.mark.usefixtures("_threads_restored")
def test_the_number_of_threads_does_not_change_a_bit(pictures):
    x, y = pictures
    results = []
    for threads in (1, 2, 3, 5):
        nacre.config.set_num_threads(threads)
        # Wide enough that products and updates are divided among threads.
        model = dense_model(512, 256)
        history = model.fit(x, y, batch_size=300, epochs=3, verbose=0).history
        results.append((model.get_weights(), history, model.predict(x, verbose=0)))
    weights, history, outputs = results[0]
    assert history["accuracy"][-1] > 0.8
    for other_weights, other_history, other_outputs in results[1:]:
        for a, b in zip(weights, other_weights, strict=True):
            np.testing.assert_array_equal(a, b)
        assert history == other_history
        np.testing.assert_array_equal(outputs, other_outputs)


def test_sixteen_threads_predict_with_one_model(pictures):
    x, y = pictures
    model = dense_model(32)
    model.fit(x, y, epochs=1, verbose=0)
    sizes = (1, 7, 32, 100)
    expected = {n: model.predict(x[:n], verbose=0) for n in sizes}

    def predict():
        for i in range(40):
            n = sizes[i % len(sizes)]
            np.testing.assert_array_equal(model.predict(x[:n], verbose=0), expected[n])

    run_threads([predict] * 16)


def test_predicting_and_reading_weights_while_training(pictures):
    x, y = pictures
    model = dense_model(64)
    model.fit(x[:64], y[:64], epochs=1, verbose=0)
    trained = threading.Event()

    def train():
        try:
            model.fit(x, y, batch_size=16, epochs=5, verbose=0)
        finally:
            trained.set()

    def predict():
        while not trained.is_set():
            outputs = model.predict(x[:5], verbose=0)
            np.testing.assert_allclose(outputs.sum(axis=1), 1, atol=1e-5)

    def read():
        while not trained.is_set():
            assert all(np.isfinite(w).all() for w in model.get_weights())

    run_threads([train, predict, predict, predict, read])


def test_ops_on_a_variable_wait_for_a_long_step_without_a_deadlock():
    # The step looks for signals, for which it needs the interpreter's lock, while it holds the
    # variable that the other thread waits for.
    v = nacre.Variable(np.ones(3, "float32"))
    turns = 60_000
    started = threading.Event()

    def train():
        with _core.Trace() as trace:
            _core.scan(
                lambda carries, xs: ([ops.tanh(carries[0]) + 1], []),
                [v],
                [],
                length=turns,
            )
            v.assign(v + 1)
            executable = _core.compile(trace.finish([v]))
        started.set()
        for _ in range(3):
            executable()

    def use():
        started.wait()
        while v.numpy()[0] < 4:
            ops.add(v, 1)

    run_threads([train, use], timeout=60)
    np.testing.assert_array_equal(v.numpy(), 4)


@pytest.mark.parametrize("n", [1, 2, 10, 1000, 70_000])
def test_the_shuffle_is_numpys(n):
    np.random.seed(11)
    np.random.rand(5)
    ours = _core.numpy_permutation(n)
    after = np.random.rand()
    np.random.seed(11)
    np.random.rand(5)
    np.testing.assert_array_equal(ours, np.random.permutation(n))
    assert after == np.random.rand()


def test_a_tensor_keeps_its_own_copy():
    array = np.full(5000, 3, "float32")
    tensors = [nacre.Tensor(array), nacre.Tensor(array, "float64"), ops.convert_to_tensor(array)]
    array[:] = 0
    del array
    gc.collect()
    for tensor in tensors:
        np.testing.assert_array_equal(tensor.numpy(), 3)


def test_predict_with_an_output_that_has_as_many_rows_as_a_batch(pictures):
    x, _ = pictures

    class Table(layers.Layer):
        def build(self, input_shape):
            self.table = self.add_weight(shape=(32, 500), initializer="ones", name="table")

        def call(self, inputs):
            return self.table * 1

        def compute_output_shape(self, input_shape):
            return (32, 500)

    class Model(nacre.Model):
        def __init__(self):
            super().__init__()
            self.inner = Table()
            self.dense = layers.Dense(2)

        def call(self, inputs):
            return self.dense(inputs), self.inner(inputs)

    rows, tables = Model().predict(x[:40], batch_size=32, verbose=0)
    assert rows.shape == (40, 2)
    assert tables.shape == (64, 500)  # one table for each of two batches
    np.testing.assert_array_equal(tables, 1)


# ---- memory ----


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


def growth_of(action, times):
    """Bytes by which the process grows while an action is repeated, after a run-in."""
    for _ in range(max(1, times // 5)):
        action()
    gc.collect()
    before = resident_bytes()
    for _ in range(times):
        action()
    gc.collect()
    return resident_bytes() - before


linux_only = pytest.mark.skipif(
    not __import__("os").path.exists("/proc/self/statm"), reason="needs /proc"
)


def predict_rows(x):
    model = dense_model(16)
    return lambda: model.predict(x[:1], verbose=0)


def build_fit_and_drop(x, y):
    def action():
        model = dense_model(16)
        model.fit(x[:64], y[:64], epochs=1, verbose=0)
        model.predict(x[:1], verbose=0)

    return action


@linux_only
def test_predictions_do_not_grow_the_process(pictures):
    assert growth_of(predict_rows(pictures[0]), 5000) < 1 << 20


@linux_only
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_a_million_predictions_do_not_grow_the_process(pictures):
    assert growth_of(predict_rows(pictures[0]), 1_000_000) < 2 << 20


@linux_only
def test_models_that_are_dropped_leave_nothing(pictures):
    live = _core.variable_bytes()
    assert growth_of(build_fit_and_drop(*pictures), 50) < 3 << 20
    gc.collect()
    assert _core.variable_bytes() <= live


@linux_only
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_five_hundred_models_that_are_dropped_leave_nothing(pictures):
    live = _core.variable_bytes()
    assert growth_of(build_fit_and_drop(*pictures), 500) < 4 << 20
    gc.collect()
    assert _core.variable_bytes() <= live
