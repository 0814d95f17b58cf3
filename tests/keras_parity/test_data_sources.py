"""Training from data sets, generators and loaders goes as with Keras, and so do data utilities."""

import importlib.util
import itertools
import random
import warnings

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import assert_close, make_pair

needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None,
    reason="Keras makes tf.data.Datasets, which need tensorflow installed",
)
RNG = np.random.default_rng(3)
X = RNG.normal(size=(22, 4)).astype("float32")
Y = RNG.integers(0, 3, 22)


def build(keras):
    model = keras.Sequential(
        [
            keras.layers.Input((4,)),
            keras.layers.Dense(5, activation="tanh"),
            keras.layers.Dense(3, activation="softmax"),
        ]
    )
    model.compile(
        keras.optimizers.SGD(0.1), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    return model


def dataset_class(library):
    if library is nacre:
        return nacre.data.Dataset
    import tensorflow

    return tensorflow.data.Dataset


def of_tf_data(library, weights=None):
    arrays = (X, Y) if weights is None else (X, Y, weights)
    return dataset_class(library).from_tensor_slices(arrays).batch(5)


def of_generator(library):
    return ((X[i : i + 5], Y[i : i + 5]) for i in itertools.cycle(range(0, 20, 5)))


def of_py_dataset(library, **options):
    class Batches(library.utils.PyDataset):
        def __len__(self):
            return 5

        def __getitem__(self, index):
            return X[5 * index : 5 * index + 5], Y[5 * index : 5 * index + 5]

    return Batches(**options)


def of_torch(library):
    torch = pytest.importorskip("torch")
    data = torch.utils.data.TensorDataset(torch.tensor(X), torch.tensor(Y))
    return torch.utils.data.DataLoader(data, batch_size=5)


def of_arrays(library):
    return X, Y


def of_pandas(library):
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(X, columns=list("abcd")), pandas.Series(Y)


SOURCES = {
    "tf_data": of_tf_data,
    "generator": of_generator,
    "py_dataset": of_py_dataset,
    "torch": of_torch,
    "pandas": of_pandas,
}
# What to train on, what to validate on and the options.
CASES = {
    "tf_data": ("tf_data", "tf_data", {"epochs": 2}),
    "tf_data, steps": ("tf_data", None, {"epochs": 3, "steps_per_epoch": 2}),
    "tf_data, too many steps": ("tf_data", None, {"epochs": 2, "steps_per_epoch": 7}),
    "tf_data, validation steps": ("tf_data", "tf_data", {"epochs": 2, "validation_steps": 2}),
    "tf_data, class weights": ("tf_data", None, {"class_weight": {0: 1.0, 1: 0.5, 2: 3.0}}),
    "generator, steps": ("generator", "py_dataset", {"epochs": 3, "steps_per_epoch": 3}),
    "py_dataset": ("py_dataset", "py_dataset", {"epochs": 2, "validation_freq": 2}),
    "py_dataset, steps": ("py_dataset", None, {"epochs": 4, "steps_per_epoch": 2}),
    "py_dataset, class weights": ("py_dataset", None, {"class_weight": {0: 1.0, 1: 0.5, 2: 3.0}}),
    "torch": ("torch", "torch", {"epochs": 2}),
    "torch, steps": ("torch", None, {"epochs": 2, "steps_per_epoch": 3}),
    "pandas": ("pandas", None, {"epochs": 2, "batch_size": 5}),
}


@needs_tensorflow
@pytest.mark.filterwarnings("ignore:Your input ran out of data")
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed")
@pytest.mark.parametrize("case", CASES)
def test_fit(keras, case):
    train, validation, options = CASES[case]
    pair = make_pair(keras, build)
    histories, steps = [], []
    for library, model in ((nacre, pair.ours), (keras, pair.theirs)):
        made = SOURCES[train](library)
        arrays = made if isinstance(made, tuple) else (made,)
        given = dict(options)
        if validation is not None:
            given["validation_data"] = SOURCES[validation](library)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            history = model.fit(*arrays, shuffle=False, verbose=0, **given)
        histories.append(history.history)
        steps.append((history.params, int(np.asarray(model.optimizer.iterations))))
    assert_close(*histories, 1e-4, "history", scale=1.0)
    assert steps[0] == steps[1]
    pair.compare_weights()


@needs_tensorflow
def test_evaluate_and_predict(keras):
    pair = make_pair(keras, build)
    weights = RNG.uniform(size=22)
    for name in ("tf_data", "py_dataset", "torch"):
        results = [
            (
                model.evaluate(SOURCES[name](library), verbose=0),
                model.evaluate(SOURCES[name](library), steps=2, verbose=0),
                model.predict(SOURCES[name](library), verbose=0),
                model.predict(SOURCES[name](library), steps=2, verbose=0),
            )
            for library, model in ((nacre, pair.ours), (keras, pair.theirs))
        ]
        assert_close(*results, 1e-5, name)
    results = [
        model.evaluate(of_tf_data(library, weights), verbose=0)
        for library, model in ((nacre, pair.ours), (keras, pair.theirs))
    ]
    assert_close(*results, 1e-5, "weighted")


def test_shuffled_batches_of_a_py_dataset(keras):
    """Both draw the order from Python's generator, once for each epoch."""
    pair = make_pair(keras, build)
    for library, model in ((nacre, pair.ours), (keras, pair.theirs)):
        model.evaluate(X, Y, verbose=0)
        model.train_on_batch(X, Y)  # everything is built: Keras takes no batch to look at
        random.seed(4)
        model.fit(of_py_dataset(library), epochs=2, verbose=0)
    pair.compare_weights()


def as_numbers(dataset):
    def plain(value):
        if isinstance(value, tuple | list):
            return tuple(plain(item) for item in value)
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items()}
        array = np.asarray(value)
        return str(array.dtype), array.shape, array.tolist()

    return [plain(element) for element in dataset.as_numpy_iterator()]


@needs_tensorflow
@pytest.mark.parametrize("with_targets", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        {"sequence_length": 3},
        {"sequence_length": 4, "sequence_stride": 3, "batch_size": 2},
        {"sequence_length": 2, "sampling_rate": 4, "batch_size": None},
        {"sequence_length": 3, "start_index": 2, "end_index": 15, "batch_size": 4},
        {"sequence_length": 5, "start_index": 7, "sampling_rate": 2},
    ],
)
def test_timeseries(keras, with_targets, options):
    data, targets = (
        RNG.normal(size=(20, 2)).astype("float32"),
        np.arange(20) if with_targets else None,
    )
    theirs = keras.utils.timeseries_dataset_from_array(data, targets, **options)
    ours = nacre.preprocessing.timeseries_dataset_from_array(data, targets, **options)
    assert as_numbers(ours) == as_numbers(theirs)
    shuffled = {**options, "shuffle": True, "seed": 2, "batch_size": None}
    theirs = keras.utils.timeseries_dataset_from_array(data, targets, **shuffled)
    ours = nacre.utils.timeseries_dataset_from_array(data, targets, **shuffled)
    assert sorted(map(str, as_numbers(ours))) == sorted(map(str, as_numbers(theirs)))


@needs_tensorflow
@pytest.mark.parametrize("kind", ["array", "tuple", "list", "dataset", "batched", "keys"])
def test_split_dataset(keras, kind):
    def make(library):
        dataset = dataset_class(library)
        return {
            "array": lambda: X,
            "tuple": lambda: (X, Y),
            "list": lambda: [X, Y],
            "dataset": lambda: dataset.from_tensor_slices((X, Y)),
            "batched": lambda: dataset.from_tensor_slices(X).batch(4),
            "keys": lambda: dataset.from_tensor_slices({"a": X, "b": Y}),
        }[kind]()

    for options in (
        {"left_size": 0.7},
        {"right_size": 5},
        {"left_size": 4, "right_size": 0.25},
        {"left_size": 0.5, "shuffle": True, "seed": 9},
    ):
        theirs = keras.utils.split_dataset(make(keras), preferred_backend="tensorflow", **options)
        ours = nacre.utils.split_dataset(make(nacre), **options)
        for our_part, their_part in zip(ours, theirs, strict=True):
            assert as_numbers(our_part) == as_numbers(their_part)
            assert len(our_part) == len(their_part)


@needs_tensorflow
def test_texts(keras, tmp_path, capsys):
    for number, (folder, name) in enumerate(
        itertools.product(("pos", "neg", "pos/more", ".hidden"), ("b.txt", "a.txt", "c.md"))
    ):
        path = tmp_path / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(f"text {number} é".encode())
    for options in (
        {},
        {"label_mode": "categorical", "batch_size": 4},
        {"label_mode": "binary", "class_names": ["pos", "neg"]},
        {"label_mode": None, "max_length": 4},
        {"labels": [5, 4, 3, 2, 1, 0][:6] + [0, 1], "batch_size": None},
        {"validation_split": 0.3, "subset": "training"},
        {"validation_split": 0.3, "subset": "validation"},
        {"validation_split": 0.4, "subset": "both"},
    ):
        options = {"shuffle": False, **options}
        printed, made = [], []
        for library in (keras, nacre):
            made.append(library.utils.text_dataset_from_directory(tmp_path, **options))
            printed.append(capsys.readouterr().out)
        assert printed[0] == printed[1]
        theirs, ours = (m if isinstance(m, list) else [m] for m in made)
        for our_part, their_part in zip(ours, theirs, strict=True):
            assert as_numbers(our_part) == as_numbers(their_part)
            assert our_part.class_names == their_part.class_names
    options = {"seed": 3, "validation_split": 0.4, "subset": "training", "verbose": False}
    theirs, ours = (
        library.utils.text_dataset_from_directory(tmp_path, batch_size=None, **options)
        for library in (keras, nacre)
    )
    assert sorted(map(str, as_numbers(ours))) == sorted(map(str, as_numbers(theirs)))


@needs_tensorflow
@pytest.mark.parametrize("axis", [-1, None, (1, 2), 0])
def test_adapt(keras, axis):
    data = RNG.normal(3, 2, (24, 3, 4)).astype("float32")
    kinds = {
        "array": lambda library: data,
        "batches": lambda library: [data[:10], data[10:15], data[15:]],
        "dataset": lambda library: dataset_class(library).from_tensor_slices(data).batch(7),
        "pairs": lambda library: (
            dataset_class(library).from_tensor_slices((data, np.arange(24))).batch(7)
        ),
    }
    for kind in kinds if axis != 0 else ["array"]:
        layers = []
        for library in (nacre, keras):
            layer = library.layers.Normalization(axis=axis)
            layer.adapt(kinds[kind](library))
            layers.append(layer)
        ours, theirs = layers
        assert_close(ours.get_weights(), theirs.get_weights(), 1e-5, kind)
        assert [w.name for w in ours.weights] == [w.name for w in theirs.weights]
        assert_close(np.asarray(ours(data)), np.asarray(theirs(data)), 1e-5, kind)
