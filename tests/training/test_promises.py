"""Promises about what training does not do: calls, copies, threads, draws and stale kernels."""

import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest

import nacre
from nacre import _core, layers, ops

linux_only = pytest.mark.skipif(not os.path.exists("/proc/self/task"), reason="needs /proc")


def data(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype("float32")


def linear(features=3):
    model = nacre.Sequential([layers.Input((features,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    return model


def run_script(script):
    """Runs a script in a process of its own and gives the JSON that it prints last."""
    package = os.path.dirname(os.path.dirname(nacre.__file__))
    environment = {k: v for k, v in os.environ.items() if k != "NACRE_NUM_THREADS"}
    environment["PYTHONPATH"] = os.pathsep.join([package, *filter(None, [os.getenv("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def python_calls_inside_the_loop(**arguments):
    """Names of the Python functions that run between entering and leaving the core's loop."""
    model = linear()
    x, y = data(40, 3), data(40, 1)
    model.fit(x, y, verbose=0)
    calls, inside, entered = [], [False], [0]

    def profile(frame, event, called):
        if event in ("c_call", "c_return", "c_exception"):
            if getattr(called, "__name__", "") == "run_epochs":
                inside[0] = event == "c_call"
                entered[0] += inside[0]
        elif event == "call" and inside[0]:
            calls.append(frame.f_code.co_name)

    sys.setprofile(profile)
    try:
        model.fit(x, y, batch_size=4, epochs=5, verbose=0, **arguments)
    finally:
        sys.setprofile(None)
    assert entered[0] == 1  # the whole of `fit` is one call
    return calls


def test_python_is_not_called_when_nobody_listens():
    assert python_calls_inside_the_loop() == []
    assert python_calls_inside_the_loop(callbacks=[nacre.callbacks.Callback()]) == []


def test_python_is_called_once_per_epoch_for_hooks_of_epochs():
    class Epochs(nacre.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            pass

    calls = python_calls_inside_the_loop(callbacks=[Epochs()])
    assert calls.count("on_epoch_end") % 5 == 0
    assert calls.count("on_epoch_end") > 0
    assert not [name for name in calls if "batch" in name]


def test_progress_is_drawn_at_most_about_twenty_times_a_second(monkeypatch):
    from nacre.callbacks.progbar_logger import ProgbarLogger

    drawn = []
    monkeypatch.setattr(ProgbarLogger, "progress", lambda *arguments: drawn.append(arguments))
    model = linear()
    x, y = data(20_000, 3), data(20_000, 1)
    start = time.monotonic()
    model.fit(x, y, batch_size=1, epochs=2, verbose=1)
    assert 1 <= len(drawn) <= (time.monotonic() - start) * 20 + 2


@linux_only
def test_fit_makes_no_copy_of_the_data():
    grown = run_script(
        """
import json
import numpy as np
import nacre
from nacre import layers

def peak():
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))

x = np.full((8192, 8192), 3, "uint8")  # 64 MiB, and 256 MiB as float32
y = np.zeros((8192, 1), "float32")
model = nacre.Sequential([layers.Input((8192,)), layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(x[:128], y[:128], batch_size=64, verbose=0)
before = peak()
model.fit(x, y, batch_size=64, validation_split=0.25, verbose=0)
model.fit(x[::-1], y, batch_size=64, verbose=0)
model.predict(x.T[:512], batch_size=64, verbose=0)
print(json.dumps(peak() - before))
"""
    )
    assert grown < 16 * 1024, f"{grown} KiB"


def test_another_instruction_set_is_used_from_the_next_call_on():
    before = _core.isa()
    x, w = data(40, 300), data(300, 30, seed=1)
    model = nacre.Sequential([layers.Input((300,)), layers.Dense(30, "tanh", use_bias=False)])
    model.set_weights([w])
    try:
        found = {}
        for isa in _core.available_isas():
            _core.set_isa(isa)
            fresh = nacre.Sequential([layers.Input((300,)), layers.Dense(30, "tanh", False)])
            fresh.set_weights([w])
            found[isa] = fresh.predict(x, verbose=0)
            np.testing.assert_array_equal(model.predict(x, verbose=0), found[isa])
            np.testing.assert_array_equal(
                np.asarray(ops.matmul(x, w)), np.asarray(nacre.function(ops.matmul)(x, w))
            )
    finally:
        _core.set_isa(before)
    if len(found) > 1:  # or the comparison above shows nothing
        assert any(not np.array_equal(found["baseline"], values) for values in found.values())


def test_products_and_updates_of_all_weights_are_one_call_each():
    if _core.get_backend() != "cpu":
        pytest.skip("fusion is the CPU backend's")
    x, y = data(8, 20), np.arange(8) % 3
    hidden = [layers.Dense(30, "relu") for _ in range(3)]
    model = nacre.Sequential([layers.Input((20,)), *hidden, layers.Dense(3, "softmax")])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    (function,) = model._steps._functions["train"]
    names = function.exe.step_names([x.shape, y.shape])
    assert names.count("cpu.matmul") == 4  # bias and activation included
    assert not {"add", "relu", "sqrt"} & set(names)
    assert [name for name in names if name != "copy"][-1] == "joined"
    assert names.count("joined") == 1


@pytest.mark.parametrize(
    "train",
    [
        lambda model, x, y: model.fit(x, y, verbose=0),
        lambda model, x, y: model.fit(iter([(x, y)]), verbose=0),
        lambda model, x, y: model.train_on_batch(x, y),
    ],
    ids=["arrays", "generator", "train_on_batch"],
)
def test_a_step_that_is_not_finite_names_the_layer_and_is_not_taken(train):
    model = nacre.Sequential(
        [
            layers.Input((3,)),
            layers.Dense(2, name="first"),
            layers.Lambda(ops.log, name="logarithm"),
            layers.Dense(1, name="last"),
        ]
    )
    model.compile("adam", "mse")
    model.optimizer.build(model.trainable_variables)
    x, y = data(8, 3), data(8, 1)
    before = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    nacre.config.set_nonfinite_policy("raise")
    try:
        with pytest.raises(ValueError, match=r'"logarithm".*not finite'):
            train(model, x, y)
    finally:
        nacre.config.set_nonfinite_policy("warn")
    after = [v.numpy() for v in (*model.variables, *model.optimizer.variables)]
    for a, b in zip(before, after, strict=True):
        np.testing.assert_array_equal(a, b)


def test_only_a_shuffle_draws_from_numpys_global_generator():
    np.random.seed(3)
    expected = np.random.random(4)
    np.random.seed(3)
    model = nacre.Sequential(
        [layers.Input((4,)), layers.Dense(8, "relu"), layers.Dropout(0.5), layers.Dense(1)]
    )
    model.compile("adam", "mse")
    x, y = data(20, 4), data(20, 1)
    model.fit(x, y, shuffle=False, epochs=2, verbose=0)
    model.predict(x, verbose=0)
    model.evaluate(x, y, verbose=0)
    nacre.random.normal((3,))
    np.testing.assert_array_equal(np.random.random(4), expected)


@linux_only
def test_threads_start_with_the_first_large_job_and_follow_affinity():
    found = run_script(
        """
import json, os
import numpy as np
threads = lambda: len(os.listdir("/proc/self/task"))
start = threads()
import nacre
from nacre import layers, ops
os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
after_import = threads() - start
by_affinity = nacre.config.get_num_threads()
nacre.config.set_num_threads(3)
model = nacre.Sequential([layers.Input((4,)), layers.Dense(8), layers.Dense(1)])
model.compile("adam", "mse")
model.fit(np.ones((64, 4)), np.ones((64, 1)), verbose=0)
after_small = threads() - start
a = np.ones((700, 700), "float32")
ops.matmul(a, a)
print(json.dumps([after_import, by_affinity, after_small, threads() - start]))
"""
    )
    assert found == [0, 1, 0, 2]
