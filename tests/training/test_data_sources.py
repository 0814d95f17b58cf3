"""Where `fit`, `evaluate` and `predict` take batches from: data sets, generators, tables."""

import gc
import random
import threading
import time

import numpy as np
import pytest

import nacre
from nacre import layers
from nacre.data import Dataset

X = np.random.default_rng(0).normal(size=(12, 3)).astype("float32")
Y = np.random.default_rng(1).normal(size=(12, 1)).astype("float32")


def linear(**compile_arguments):
    model = nacre.Sequential(
        [layers.Input((3,)), layers.Dense(1, kernel_initializer="ones", bias_initializer="zeros")]
    )
    model.compile(nacre.optimizers.SGD(0.1), "mse", **compile_arguments)
    return model


def identity():
    """A model whose loss tells which samples it saw."""
    model = nacre.Sequential(
        [layers.Input((1,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    model.compile(nacre.optimizers.SGD(0.0), "mae")
    return model


def counted(count, size=1):
    """Batches whose loss under `identity` is their number."""
    x = np.repeat(np.arange(count, dtype="float32"), size)[:, None]
    return Dataset.from_tensor_slices((x, np.zeros_like(x))).batch(size)


def no_workers_left():
    """Whether the threads are gone, or go soon: not by the clock, as the process may be stopped."""
    gc.collect()
    for _ in range(500):
        if not [t for t in threading.enumerate() if t.name == "nacre-data"]:
            return True
        time.sleep(0.01)
    return False


class Batches(nacre.utils.PyDataset):
    def __init__(self, count, **options):
        super().__init__(**options)
        self.count = count
        self.began = self.ended = 0
        self.threads = set()

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        self.threads.add(threading.get_ident())
        return np.full((2, 1), index, "float32"), np.zeros((2, 1), "float32")

    def on_epoch_begin(self):
        self.began += 1

    def on_epoch_end(self):
        self.ended += 1


def test_a_data_set_trains_as_its_arrays_do():
    reference, model = linear(metrics=["mae"]), linear(metrics=["mae"])
    dataset = Dataset.from_tensor_slices((X, Y)).batch(5)
    options = {"epochs": 3, "verbose": 0}
    expected = reference.fit(X, Y, batch_size=5, shuffle=False, validation_data=(X, Y), **options)
    history = model.fit(dataset, validation_data=dataset, **options)
    assert history.history == expected.history
    assert history.params == expected.params
    for ours, theirs in zip(model.get_weights(), reference.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert model.evaluate(dataset, verbose=0) == reference.evaluate(X, Y, batch_size=5, verbose=0)
    np.testing.assert_array_equal(
        model.predict(dataset, verbose=0), reference.predict(X, batch_size=5, verbose=0)
    )
    inputs = dataset.map(lambda x, y: x)
    assert model.predict(inputs, verbose=0).shape == (12, 1)
    assert no_workers_left()


def test_shuffled_data_sets_are_repeatable():
    def weights():
        nacre.utils.set_random_seed(3)
        dataset = Dataset.from_tensor_slices((X, Y)).shuffle(12).batch(4).prefetch(2)
        model = linear()
        model.fit(dataset, epochs=3, verbose=0)
        return model.get_weights()[0]

    np.testing.assert_array_equal(weights(), weights())


def test_dictionaries_and_weights():
    model = linear()
    weighted = Dataset.from_tensor_slices((X, Y, np.arange(12.0))).batch(6)
    expected = linear().evaluate(X, Y, batch_size=6, sample_weight=np.arange(12.0), verbose=0)
    assert model.evaluate(weighted, verbose=0) == expected
    inputs = {"a": layers.Input((3,), name="a"), "b": layers.Input((1,), name="b")}
    both = nacre.Model(inputs, layers.Dense(1)(layers.Concatenate()([inputs["a"], inputs["b"]])))
    both.compile("sgd", "mse")
    both.fit(Dataset.from_tensor_slices(({"a": X, "b": Y}, Y)).batch(4), verbose=0)
    labels = np.array([0, 1] * 6)
    dataset = Dataset.from_tensor_slices((X, labels)).batch(12)
    options = {"class_weight": {0: 1.0, 1: 3.0}, "verbose": 0}
    loss = linear().fit(dataset, **options).history["loss"]
    assert loss == linear().fit(X, labels, shuffle=False, **options).history["loss"]
    with pytest.raises(ValueError, match="not both"):
        model.fit(weighted, **options)


@pytest.mark.parametrize("kind", ["dataset", "filtered", "py_dataset", "loader"])
def test_epochs_of_so_many_steps_go_on_in_the_data(kind):
    class Loader:
        def __iter__(self):
            return iter(list(counted(5).as_numpy_iterator()))

    source = {
        "dataset": counted(5),
        "filtered": counted(5).filter(lambda x, y: True),
        "py_dataset": Batches(5),
        "loader": Loader(),
    }[kind]
    model = identity()
    with pytest.warns(UserWarning, match="2 batches of the 3") as caught:
        history = model.fit(source, steps_per_epoch=3, epochs=4, shuffle=False, verbose=0)
    assert history.history["loss"] == [1.0, 3.5, 1.0, 3.5]  # batches 0 to 2, 3 and 4, again
    assert len(caught) == 2
    assert no_workers_left()


def test_an_epoch_that_ends_where_the_data_does_is_followed_by_a_whole_one():
    for source in (counted(4), counted(4).filter(lambda x, y: True)):
        history = identity().fit(source, steps_per_epoch=2, epochs=4, verbose=0)
        assert history.history["loss"] == [0.5, 2.5, 0.5, 2.5]


def test_validation_starts_again_each_time():
    options = {"steps_per_epoch": 2, "epochs": 3, "verbose": 0}
    history = identity().fit(
        counted(9).repeat(), validation_data=counted(6), validation_steps=2, **options
    )
    assert history.history["loss"] == [0.5, 2.5, 4.5]
    assert history.history["val_loss"] == [0.5] * 3
    history = identity().fit(
        counted(6), validation_data=Batches(6), validation_steps=4, epochs=2, verbose=0
    )
    assert history.history["val_loss"] == [1.5] * 2


def test_more_steps_than_batches():
    with pytest.warns(UserWarning, match="3 batches of the 5"):
        history = identity().fit(counted(3), steps_per_epoch=5, verbose=0)
    assert history.params["steps"] == 5
    with pytest.warns(UserWarning, match="3 batches of the 5"):
        identity().evaluate(counted(3), steps=5, verbose=0)
    with pytest.warns(UserWarning, match="3 batches of the 5"):
        assert identity().predict(counted(3), steps=5, verbose=0).shape == (3, 1)


def test_data_without_end():
    class Until(nacre.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            self.model.stop_training = batch >= 4

    history = identity().fit(counted(3).repeat(), epochs=2, callbacks=[Until()], verbose=0)
    assert len(history.epoch) == 1
    with pytest.raises(ValueError, match="no end: give `validation_steps`"):
        identity().fit(counted(3), validation_data=counted(3).repeat(), verbose=0)
    for method in ("evaluate", "predict"):
        with pytest.raises(ValueError, match="no end: give `steps`"):
            getattr(identity(), method)(counted(3).repeat(), verbose=0)
    assert no_workers_left()


def test_py_datasets_are_indexed_by_their_workers_in_order():
    for workers in (0, 1, 3):
        batches = Batches(40, workers=workers, max_queue_size=4)
        seen = []

        class Note(nacre.callbacks.Callback):
            def on_train_batch_end(self, batch, logs=None, seen=seen):
                seen.append(logs["loss"])

        identity().fit(batches, epochs=2, shuffle=False, callbacks=[Note()], verbose=0)
        means = [np.arange(n + 1).mean() for n in range(40)]
        np.testing.assert_allclose(seen, means * 2, rtol=1e-5)
        assert threading.get_ident() not in batches.threads
        assert (batches.began, batches.ended) == (2, 2)
    assert no_workers_left()


def test_py_datasets_are_shuffled_by_batches_as_keras_does():
    asked = []

    class Noted(Batches):
        def __getitem__(self, index):
            asked.append(index)
            return super().__getitem__(index)

    random.seed(5)
    identity().fit(Noted(10), epochs=2, verbose=0)
    random.seed(5)
    orders = [list(range(10)) for _ in range(2)]
    for order in orders:
        random.shuffle(order)
    assert asked == [*orders[0], *orders[1]]
    asked.clear()
    identity().evaluate(Noted(10), verbose=0)
    assert asked == list(range(10))


def test_endless_py_datasets_go_on():
    class Endless(nacre.utils.PyDataset):
        num_batches = None

        def __getitem__(self, index):
            return np.full((2, 1), index, "float32"), np.zeros((2, 1), "float32")

    history = identity().fit(Endless(workers=2), steps_per_epoch=2, epochs=3, verbose=0)
    assert history.history["loss"] == [0.5, 2.5, 4.5]

    class Forgotten(nacre.utils.PyDataset):
        pass

    with pytest.raises(NotImplementedError, match="Forgotten: define `__len__`"):
        identity().fit(Forgotten(), verbose=0)


def test_options_of_py_datasets():
    with pytest.raises(ValueError, match="Batches: `use_multiprocessing=True` is not supported"):
        identity().fit(Batches(2, use_multiprocessing=True), verbose=0)
    with pytest.raises(TypeError, match=r"Batches.workers"):
        identity().fit(Batches(2, workers="many"), verbose=0)

    class Old(Batches):
        def __init__(self):
            self.count, self.began, self.ended, self.threads = 2, 0, 0, set()

    with pytest.warns(UserWarning, match="Old should call"):
        identity().fit(Old(), verbose=0)
    assert [int(x[0, 0]) for x, _ in Batches(3)] == [0, 1, 2]


@pytest.mark.parametrize("kind", ["generator", "dataset", "py_dataset"])
def test_errors_in_the_middle_leave_nothing_behind(kind):
    def failing(index):
        if index == 3:
            raise LookupError("mine")
        return np.full((2, 1), index, "float32"), np.zeros((2, 1), "float32")

    class Failing(Batches):
        def __getitem__(self, index):
            return failing(index)

    source = {
        "generator": (failing(i) for i in range(9)),
        "dataset": Dataset.range(9).map(lambda n: failing(int(n)), num_parallel_calls=2),
        "py_dataset": Failing(9, workers=3),
    }[kind]
    model = identity()
    seen = []

    class Note(nacre.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            seen.append(batch)

    with pytest.raises(LookupError, match="mine"):
        model.fit(source, shuffle=False, callbacks=[Note()], verbose=0)
    assert seen == [0, 1, 2]
    assert no_workers_left()


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_no_thread_waits_while_an_error_is_looked_at(method):
    """A traceback holds the frames, and a shell the last traceback."""

    class Failing(nacre.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            raise LookupError("mine")

        on_test_batch_end = on_predict_batch_end = on_train_batch_end

    dataset = counted(50).map(lambda x, y: (x, y), num_parallel_calls=2).prefetch(2)
    steps = {"steps_per_epoch" if method == "fit" else "steps": 3}
    with pytest.raises(LookupError, match="mine") as caught:
        getattr(identity(), method)(dataset.repeat(), callbacks=[Failing()], verbose=0, **steps)
    assert no_workers_left()
    assert caught.tb is not None


def test_a_generator_is_gone_through_once():
    batches = ((X[:4], Y[:4]) for _ in range(3))
    with pytest.warns(UserWarning, match="nothing is left for epoch 2"):
        history = linear().fit(batches, epochs=4, verbose=0)
    assert history.epoch == [0]


def test_batches_that_change_their_form():
    sizes = [(4, 3), (2, 3), (5, 3)]
    history = linear().fit(((np.ones(s), np.ones((s[0], 1))) for s in sizes), verbose=0)
    assert len(history.epoch) == 1
    with pytest.raises(ValueError, match=r"expected input .*3\). Received shape \(None, 2"):
        linear().fit(((np.ones((4, n)), np.ones((4, 1))) for n in (3, 2)), verbose=0)
    with pytest.raises(ValueError, match="tuple of 4 items"):
        linear().fit(iter([(X, Y, Y, Y)]), verbose=0)
    with pytest.raises(TypeError, match="Received the text"):
        linear().fit(iter([("a", "b")]), verbose=0)
    assert no_workers_left()


def test_arguments_that_batches_hold_already():
    dataset = Dataset.from_tensor_slices((X, Y)).batch(4)
    for options, message in (
        ({"y": Y}, "`y` must not be given"),
        ({"sample_weight": np.ones(12)}, "`sample_weight` must not be given"),
        ({"batch_size": 4}, "`batch_size` must not be given"),
        ({"validation_split": 0.2}, "`validation_split` is only supported for arrays"),
    ):
        with pytest.raises(ValueError, match=message):
            linear().fit(dataset, verbose=0, **options)
    linear().fit(dataset, validation_split=0.2, validation_data=dataset, verbose=0)


def test_the_next_batch_is_made_while_a_step_runs():
    """A producer that waits for the step before it is never more than its queue ahead."""
    made, behind = [], []

    class Slow(Batches):
        def __getitem__(self, index):
            made.append(index)
            return super().__getitem__(index)

    class Look(nacre.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            for _ in range(1000):
                if len(made) >= min(batch + 3, 8):
                    break
                time.sleep(0.005)
            behind.append(len(made) - batch - 1)

    for options in ({}, {"workers": 2, "max_queue_size": 2}):
        made.clear()
        behind.clear()
        identity().fit(Slow(8, **options), shuffle=False, callbacks=[Look()], verbose=0)
        assert behind[:6] == [2] * 6


def test_tables():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": Y[:, 0]})
    expected = linear().fit(X, Y, shuffle=False, verbose=0).history
    table, target = frame[["a", "b", "c"]], frame["y"]
    assert linear().fit(table, target, shuffle=False, verbose=0).history == expected
    dataset = Dataset.from_tensor_slices((table, target)).batch(32)
    assert linear().fit(dataset, verbose=0).history == expected
    keyed = next(iter(Dataset.from_tensor_slices(dict(frame)).batch(4)))
    assert keyed["y"].shape == (4,)


def test_loaders_of_pytorch():
    torch = pytest.importorskip("torch")
    from torch.utils.data import DataLoader, TensorDataset

    loader = DataLoader(TensorDataset(torch.tensor(X), torch.tensor(Y)), batch_size=5)
    options = {"epochs": 2, "verbose": 0}
    expected = linear().fit(X, Y, batch_size=5, shuffle=False, **options)
    history = linear().fit(loader, validation_data=loader, **options)
    assert history.history["loss"] == expected.history["loss"]
    assert history.params["steps"] == 3
    assert linear().predict(loader, verbose=0).shape == (12, 1)


def test_memory_maps_stay_on_the_disk(tmp_path):
    """Training on a mapped array takes the pages of a batch, not a copy of all."""
    import tracemalloc

    mapped = np.lib.format.open_memmap(
        tmp_path / "x.npy", mode="w+", dtype="float32", shape=(20_000, 100)
    )
    targets = np.zeros((20_000, 1), "float32")
    model = nacre.Sequential([layers.Input((100,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    sources = [
        ((mapped, targets), {"batch_size": 500}),
        ((Dataset.from_tensor_slices((mapped, targets)).shuffle(20_000).batch(500),), {}),
    ]
    for data, options in sources:
        model.fit(*data, epochs=1, verbose=0, **options)
        tracemalloc.start()
        model.fit(*data, epochs=1, verbose=0, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < mapped.nbytes / 4
