"""Models and iterators of pictures; threads end with what they were started for."""

import gc
import os
import signal
import threading
import time

import numpy as np
import pytest

import nacre
from nacre.preprocessing import reading
from nacre.preprocessing.image import ImageDataGenerator
from nacre.training.batches import BatchSource
from tests.preprocessing.making import folder_of_classes, no_threads_left


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of_classes(tmp_path_factory.mktemp("pictures"), {"cats": 13, "dogs": 10})


def flow(folder, generator=None, **options):
    options = {"target_size": (8, 8), "batch_size": 4, "class_mode": "binary", **options}
    generator = generator or ImageDataGenerator(rescale=1 / 255)
    return generator.flow_from_directory(folder, **options)


def small_model(units=1):
    nacre.utils.set_random_seed(1)
    model = nacre.Sequential(
        [nacre.Input((8, 8, 3)), nacre.layers.Flatten(), nacre.layers.Dense(units, "sigmoid")]
    )
    model.compile("sgd", "binary_crossentropy", metrics=["accuracy"])
    return model


def test_fit_evaluate_and_predict(folder):
    model = small_model()
    train = flow(folder, ImageDataGenerator(rescale=1 / 255, rotation_range=20), seed=1)
    ordered = flow(folder, shuffle=False)
    history = model.fit(
        train, epochs=3, validation_data=ordered, class_weight={0: 1.0, 1: 2.0}, verbose=0
    )
    assert len(history.history["val_loss"]) == 3
    assert train.total_batches_seen == 18
    x, y = (np.concatenate(part) for part in zip(*(ordered[i] for i in range(6)), strict=True))
    np.testing.assert_allclose(
        model.evaluate(ordered, verbose=0), model.evaluate(x, y, batch_size=4, verbose=0), rtol=1e-5
    )
    next(ordered)  # where `next` is does not matter: batches are taken by index
    np.testing.assert_allclose(model.predict(ordered, verbose=0), model.predict(x), rtol=1e-5)
    bare = flow(folder, shuffle=False, class_mode=None)
    np.testing.assert_allclose(model.predict(bare, verbose=0), model.predict(x), rtol=1e-5)
    assert no_threads_left()


def test_fit_on_arrays_and_autoencoders(folder):
    x = np.random.default_rng(0).uniform(0, 1, (10, 8, 8, 3))
    model = small_model()
    generator = ImageDataGenerator(horizontal_flip=True)
    batches = generator.flow(x, np.ones(10), batch_size=4, sample_weight=np.arange(10.0))
    model.fit(batches, epochs=2, verbose=0)
    same = nacre.Sequential([nacre.Input((8, 8, 3)), nacre.layers.Conv2D(3, 3, padding="same")])
    same.compile("sgd", "mse")
    history = same.fit(flow(folder, class_mode="input"), epochs=2, verbose=0)
    assert history.history["loss"][1] < history.history["loss"][0]


def test_pictures_beside_other_inputs(folder):
    rng = np.random.default_rng(0)
    x, extra, y = rng.uniform(size=(10, 8, 8, 3)), rng.normal(size=(10, 2)), rng.normal(size=10)
    inputs = [nacre.Input((8, 8, 3)), nacre.Input((2,))]
    joined = nacre.layers.Concatenate()([nacre.layers.Flatten()(inputs[0]), inputs[1]])
    model = nacre.Model(inputs, nacre.layers.Dense(1)(joined))
    model.compile("sgd", "mse")
    flow = ImageDataGenerator(horizontal_flip=True).flow((x, [extra]), y, 4, seed=1)
    assert len(model.fit(flow, epochs=2, verbose=0).history["loss"]) == 2


def test_steps_end_an_epoch_and_take_no_more(folder):
    train = flow(folder, seed=0)
    small_model().fit(train, steps_per_epoch=2, epochs=3, verbose=0)
    assert train.total_batches_seen == 6
    assert no_threads_left()


def test_the_same_seed_trains_the_same(folder):
    results = []
    for threads in (1, 2, 5):
        before = nacre.config.get_num_threads()
        nacre.config.set_num_threads(threads)
        try:
            model = small_model()
            np.random.seed(0)
            generator = ImageDataGenerator(rescale=1 / 255, zoom_range=0.3, brightness_range=(0, 2))
            model.fit(flow(folder, generator, seed=2), epochs=2, verbose=0)
            results.append(model.get_weights())
        finally:
            nacre.config.set_num_threads(before)
    for weights in results[1:]:
        for one, other in zip(weights, results[0], strict=True):
            np.testing.assert_array_equal(one, other)


class Stop(nacre.callbacks.Callback):
    """Ends training after a batch, as it is told to."""

    def __init__(self, error=None):
        super().__init__()
        self.error = error

    def on_train_batch_end(self, batch, logs=None):
        if self.error is not None:
            raise self.error
        self.model.stop_training = True


@pytest.mark.timeout(60)
def test_stopping_early_leaves_no_thread_behind(folder):
    small_model().fit(flow(folder), callbacks=[Stop()], verbose=0)
    assert no_threads_left()
    model = small_model()
    stop = [Stop(ZeroDivisionError())]
    with pytest.raises(ZeroDivisionError) as kept:  # with all that its traceback refers to
        model.fit(flow(folder), callbacks=stop, verbose=0)
    assert no_threads_left()
    assert kept.traceback


@pytest.mark.timeout(60)
@pytest.mark.parametrize("hook", ["test", "predict"])
def test_errors_in_other_loops_leave_no_thread_behind(folder, hook):
    class Failing(nacre.callbacks.Callback):
        pass

    def fail(self, batch, logs=None):
        raise ZeroDivisionError

    setattr(Failing, f"on_{hook}_batch_end", fail)
    model = small_model()
    run = model.evaluate if hook == "test" else model.predict
    with pytest.raises(ZeroDivisionError) as kept:
        run(flow(folder), callbacks=[Failing()], verbose=0)
    assert no_threads_left()
    assert kept.traceback


@pytest.mark.timeout(60)
def test_dropped_iterators_leave_no_thread_behind(folder):
    batches = flow(folder)
    next(batches)
    epoch = BatchSource(flow(folder), "x").epoch(None)
    next(epoch)
    epoch.close()
    ordered = flow(folder).batches_in_order(range(6))
    next(ordered)
    del batches, epoch, ordered
    gc.collect()
    assert no_threads_left()


@pytest.mark.timeout(60)
def test_interrupt_does_not_wait_for_what_is_being_read(folder, monkeypatch):
    """Ctrl-C while a batch of 200 slow pictures is read ends after those that were begun."""
    load = reading.Reading.step
    begun = threading.Event()

    def slow(self):
        begun.set()
        time.sleep(0.1)
        return load(self)

    monkeypatch.setattr(reading.Reading, "step", slow)

    def interrupt():
        begun.wait()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    many = flow(folder, batch_size=23)
    many.filepaths.extend(many.filepaths * 8)
    many.n, many.batch_size = 200, 200
    many.classes = np.zeros(300)
    thread = threading.Thread(target=interrupt)
    thread.start()
    start = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        small_model().fit(many, verbose=0)
    took = time.monotonic() - start
    thread.join()
    assert no_threads_left()
    assert took < 200 * 0.1 / nacre.config.get_num_threads() / 2


def test_readings_in_a_row_share_threads():
    seen = set()

    def load(index):
        seen.add(threading.current_thread().name)
        time.sleep(0.001)

    several = [reading.read(load, 20) for _ in range(5)]
    running = sum(thread.name == "nacre-read" for thread in threading.enumerate())
    assert running <= nacre.config.get_num_threads()
    for each in several:
        each.wait()
    assert seen == {"nacre-read"}
    assert no_threads_left()


def test_a_cancelled_reading():
    release = threading.Event()
    done = []

    def load(index):
        release.wait(10)
        done.append(index)

    first, second = reading.read(load, 50), reading.read(load, 50)
    first.cancel()
    with pytest.raises(reading.Cancelled):
        first.wait()
    release.set()
    second.wait()
    assert no_threads_left()
    assert len(done) <= 50 + nacre.config.get_num_threads()
    reading.read(load, 0).wait()


def test_where_no_thread_is_granted_whoever_waits_reads(monkeypatch):
    def refuse(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    done = []
    reading.read(done.append, 5).wait()
    assert done == [0, 1, 2, 3, 4]
    monkeypatch.undo()
    reading.read(done.append, 3).wait()
    assert len(done) == 8
    assert no_threads_left()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork()")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_of_fork_reads_by_itself():
    """Also what its parent had begun to read."""
    release = threading.Event()

    def load(index):
        if os.getpid() == parent:
            release.wait(10)

    parent = os.getpid()
    begun = reading.read(load, 4)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            begun.wait()
            reading.read(load, 4).wait()
            status = 0
        finally:
            os._exit(status)
    release.set()
    begun.wait()
    end = time.monotonic() + 30
    while time.monotonic() < end:
        finished, status = os.waitpid(child, os.WNOHANG)
        if finished:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        pytest.fail("the child hangs")
    assert status == 0
    assert no_threads_left()
