"""Ctrl-C and failures in the middle of a step: weights stay at the end of the last whole step."""

import json
import os
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import nacre
from nacre import _core, layers, ops

# The interrupt comes from a thread that notes when it was sent; the script says what it found.
PRELUDE = """
import json, os, signal, threading, time
import numpy as np
import nacre
from nacre import layers, ops

sent = []

def interrupt_after(seconds):
    def send():
        time.sleep(seconds)
        sent.append(time.perf_counter())
        os.kill(os.getpid(), signal.SIGINT)
    threading.Thread(target=send, daemon=True).start()

def answered():
    return time.perf_counter() - sent[0]
"""


def run_script(body):
    environment = dict(os.environ)
    package = os.path.dirname(os.path.dirname(nacre.__file__))
    environment["PYTHONPATH"] = os.pathsep.join(
        [package] + ([environment["PYTHONPATH"]] if "PYTHONPATH" in environment else [])
    )
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(body)],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


def quick(seconds):
    """Whether a signal was answered in time; the machine that runs the tests may be busy."""
    limit = 0.1 * float(os.environ.get("NACRE_TEST_PATIENCE", "5"))
    return seconds < limit


FIT = """
x = np.random.rand({rows}, {width}).astype("float32")
y = np.random.rand({rows}, 1).astype("float32")
model = nacre.Sequential([nacre.Input(({width},)), layers.Dense({width}, activation="tanh"),
                          layers.Dense(1)])
model.compile("adam", "mse")
model.fit(x[:64], y[:64], epochs=1, verbose=0)
start = int(model.optimizer.iterations.numpy())
interrupt_after(0.6)
try:
    model.fit(x, y, batch_size={batch}, epochs=10**7, verbose={verbose}, callbacks={callbacks})
    kind = "finished"
except KeyboardInterrupt:
    kind = "KeyboardInterrupt"
seconds = answered()
steps = int(model.optimizer.iterations.numpy()) - start
print()
print(json.dumps(dict(kind=kind, seconds=seconds, steps=steps,
                      epochs=len(model.history.history.get("loss", [])),
                      finite=all(bool(np.isfinite(w).all()) for w in model.get_weights()))))
"""


@pytest.mark.parametrize(
    ("rows", "width", "batch", "verbose", "callbacks"),
    [
        (320, 8, 32, 0, "None"),  # steps of microseconds
        (4096, 700, 4096, 0, "None"),  # a step takes a good part of a second on a slow machine
        (320, 8, 32, 2, "None"),
        (320, 8, 32, 0, "[nacre.callbacks.LambdaCallback(on_train_batch_end=lambda b, l: None)]"),
    ],
)
def test_ctrl_c_while_training(rows, width, batch, verbose, callbacks):
    found = run_script(
        FIT.format(rows=rows, width=width, batch=batch, verbose=verbose, callbacks=callbacks)
    )
    assert found["kind"] == "KeyboardInterrupt"
    assert quick(found["seconds"]), found
    assert found["finite"]
    # History holds the epochs that were finished, and the steps after them are kept too. An epoch
    # interrupted behind its last step did not get to its end.
    whole, more = divmod(found["steps"], rows // batch)
    assert found["epochs"] == whole or (more == 0 and found["epochs"] == whole - 1)


def test_ctrl_c_while_predicting_and_in_an_endless_loop():
    found = run_script(
        """
        model = nacre.Sequential([nacre.Input((300,)), layers.Dense(300), layers.Dense(300)])
        x = np.zeros((200_000, 300), "float32")
        kinds, seconds = [], []
        def endless():
            ops.while_loop(lambda i: i >= 0, lambda i: (i * 1,), (ops.convert_to_tensor(1.0),))
        def predict():
            while True:
                model.predict(x, verbose=0)
        for action in (predict, endless):
            sent.clear()
            interrupt_after(0.4)
            try:
                action()
                kinds.append("finished")
            except KeyboardInterrupt:
                kinds.append("KeyboardInterrupt")
            seconds.append(answered())
        print(json.dumps(dict(kinds=kinds, seconds=seconds)))
        """
    )
    assert found["kinds"] == ["KeyboardInterrupt"] * 2
    assert all(map(quick, found["seconds"])), found


def test_a_handler_of_ones_own_runs_and_its_exception_comes_through():
    found = run_script(
        """
        class Shutdown(Exception):
            pass
        seen = []
        def save(number, frame):
            # In the middle of a step: the weights are those of the last whole step.
            seen.append([w.copy() for w in model.get_weights()])
            seen.append(model.predict(x[:2], verbose=0))
            raise Shutdown("bye")
        signal.signal(signal.SIGINT, save)
        x = np.random.rand(2048, 500).astype("float32")
        model = nacre.Sequential([nacre.Input((500,)), layers.Dense(500), layers.Dense(1)])
        model.compile(nacre.optimizers.SGD(1e-6), "mse")
        interrupt_after(0.5)
        try:
            model.fit(x, x[:, 0], batch_size=2048, epochs=10**6, verbose=0)
            kind = "finished"
        except Shutdown as error:
            kind = str(error)
        same = all((a == b).all() for a, b in zip(seen[0], model.get_weights()))
        print(json.dumps(dict(kind=kind, same=bool(same), rows=len(seen[1]))))
        """
    )
    assert found == {"kind": "bye", "same": True, "rows": 2}


def test_a_bad_label_in_the_middle_of_an_epoch():
    x = np.random.rand(100, 4).astype("float32")
    y = np.arange(100) % 3
    model = nacre.Sequential([nacre.Input((4,)), layers.Dense(3, activation="softmax")])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x[:50], y[:50], batch_size=10, epochs=1, shuffle=False, verbose=0)
    expected = [w.copy() for w in model.get_weights()]
    slots = [v.numpy() for v in model.optimizer.variables]
    for bad in (3, -1):
        y[5] = bad
        with pytest.raises(ValueError, match=f"label of {bad}"):
            model.fit(x, y, batch_size=10, epochs=1, shuffle=False, verbose=0)
        for before, after in zip(expected, model.get_weights(), strict=True):
            np.testing.assert_array_equal(before, after)
        for before, after in zip(slots, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(before, after.numpy())
    # The steps before the bad one count.
    y[5], y[35] = 0, 3
    steps = int(model.optimizer.iterations.numpy())
    with pytest.raises(ValueError, match="label of 3"):
        model.fit(x, y, batch_size=10, epochs=1, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations.numpy()) == steps + 3
    model.fit(x[:30], y[:30], epochs=1, verbose=0)  # and training goes on


def test_a_division_by_zero_in_an_update_changes_nothing():
    counter, other = nacre.Variable(np.int32(7)), nacre.Variable(np.float32(1))
    with _core.Trace() as trace:
        divisor = trace.input("int32", ())
        counter.assign(ops.floor_divide(counter, divisor))
        other.assign(other * 2)
        executable = _core.compile(trace.finish([]))
    with pytest.raises(ValueError, match="division by zero"):
        executable(np.int32(0))
    assert (int(counter.numpy()), float(other.numpy())) == (7, 1)
    executable(np.int32(2))
    assert (int(counter.numpy()), float(other.numpy())) == (3, 2)


def test_an_exception_in_a_callback_keeps_the_history():
    x = np.random.rand(40, 4).astype("float32")
    model = nacre.Sequential([nacre.Input((4,)), layers.Dense(1)])
    model.compile("sgd", "mse")

    def fail(epoch, logs):
        if epoch == 2:
            raise RuntimeError("enough")

    callback = nacre.callbacks.LambdaCallback(on_epoch_begin=fail)
    with pytest.raises(RuntimeError, match="enough"):
        model.fit(x, x[:, 0], epochs=9, verbose=0, callbacks=[callback])
    assert len(model.history.history["loss"]) == 2


@pytest.mark.parametrize("source", ["generator", "dataset", "py_dataset"])
def test_ctrl_c_while_waiting_for_data(source):
    """A source that does not come back does not keep `fit` from being interrupted."""
    found = run_script(
        f"""
        from nacre.data import Dataset, workers
        workers._PATIENCE = 0.1
        stuck = threading.Event()
        batch = (np.zeros((4, 3), "float32"), np.zeros((4, 1), "float32"))

        def batches():
            yield batch
            interrupt_after(0.2)
            stuck.wait(100)
            yield batch

        class Batches(nacre.utils.PyDataset):
            def __len__(self):
                return 9
            def __getitem__(self, index):
                if index == 3:
                    interrupt_after(0.2)
                if index >= 3:
                    stuck.wait(100)
                return batch

        sources = dict(
            generator=lambda: batches(),
            dataset=lambda: Dataset.from_generator(batches).map(lambda *x: x, 2).prefetch(2),
            py_dataset=lambda: Batches(workers=2),
        )
        model = nacre.Sequential([nacre.Input((3,)), layers.Dense(1)])
        model.compile("sgd", "mse")
        try:
            model.fit(sources[{source!r}](), shuffle=False, verbose=0)
            kind = "finished"
        except KeyboardInterrupt:
            kind = "interrupted"
        stuck.set()
        for _ in range(500):
            left = [t for t in threading.enumerate() if t.name == "nacre-data"]
            if not left:
                break
            time.sleep(0.01)
        print(json.dumps(dict(kind=kind, left=len(left))))
        """
    )
    assert found == {"kind": "interrupted", "left": 0}
