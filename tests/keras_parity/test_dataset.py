"""`nacre.data.Dataset` gives the elements of `tf.data.Dataset`, in its order."""

import importlib.util
import warnings

import numpy as np
import pytest

from nacre import data

pytestmark = [
    pytest.mark.peers,
    pytest.mark.filterwarnings("ignore:::tensorflow"),
    pytest.mark.filterwarnings("ignore:::keras"),
    pytest.mark.skipif(
        importlib.util.find_spec("tensorflow") is None,
        reason="the order of tf.data needs tensorflow installed",
    ),
]


@pytest.fixture(scope="module")
def tf():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import tensorflow

    return tensorflow


def plain(element):
    """An element as tuples, dictionaries and arrays with their dtypes."""
    if isinstance(element, dict):
        return {key: plain(element[key]) for key in sorted(element)}
    if isinstance(element, tuple | list):
        return tuple(plain(item) for item in element)
    array = np.asarray(element)
    return str(array.dtype), array.shape, array.tolist()


def leaves_mapped(function, element):
    if isinstance(element, dict):
        return {key: leaves_mapped(function, item) for key, item in element.items()}
    if isinstance(element, tuple):
        return tuple(leaves_mapped(function, item) for item in element)
    return function(element)


def first_leaf(element):
    while isinstance(element, dict | tuple):
        element = element[min(element)] if isinstance(element, dict) else element[0]
    return element


def total(tensor):
    """The sum of a tensor of either library, as a Python number or a tensor."""
    if "tensorflow" in type(tensor).__module__:
        import tensorflow

        return tensorflow.reduce_sum(tensor)
    return tensor.sum()


def packed(parts):
    return parts[0] if len(parts) == 1 else parts


def double(*parts):
    return leaves_mapped(lambda leaf: leaf * 2 + 1, packed(parts))


def swapped(*parts):
    element = packed(parts)
    return element[::-1] if isinstance(element, tuple) else {"x": element, "again": element}


def even(*parts):
    return total(first_leaf(packed(parts))) % 2 < 1


def small(*parts):
    return total(first_leaf(packed(parts))) < 9


def windows_batched(window):
    if isinstance(window, tuple):
        zipped = type(window[0]).zip(window) if not isinstance(window[0], tuple | dict) else None
        return window[0].batch(2) if zipped is None else zipped.batch(3)
    return window.batch(3)


SOURCES = {
    "range": lambda d: d.range(23),
    "steps": lambda d: d.range(20, 3, -2),
    "slices": lambda d: d.from_tensor_slices(np.arange(14, dtype="float32").reshape(7, 2)),
    "pairs": lambda d: d.from_tensor_slices((np.arange(11, dtype="int32"), np.eye(11))),
    "keys": lambda d: d.from_tensor_slices(({"b": np.arange(5), "a": np.ones((5, 2))}, [1] * 5)),
    "lists": lambda d: d.from_tensor_slices([[1, 2], [3, 4], [5, 6]]),
    "tensors": lambda d: d.from_tensors((np.arange(6), np.arange(6.0))).unbatch(),
    "zip": lambda d: d.zip((d.range(9), d.from_tensor_slices(np.arange(12.0)))),
    "generator": lambda d: d.from_generator(lambda: iter([1, 4, 2, 8, 5, 7]), "int32"),
    "empty": lambda d: d.range(0),
}
STEPS = {
    "take": lambda ds, rng: ds.take(int(rng.integers(-1, 12))),
    "skip": lambda ds, rng: ds.skip(int(rng.integers(0, 5))),
    "repeat": lambda ds, rng: ds.repeat(int(rng.integers(0, 4))),
    "repeat_forever": lambda ds, rng: ds.repeat().take(int(rng.integers(1, 30))),
    "shard": lambda ds, rng: ds.shard(3, int(rng.integers(3))),
    "batch": lambda ds, rng: ds.batch(
        int(rng.integers(1, 6)), drop_remainder=bool(rng.integers(2))
    ),
    "padded": lambda ds, rng: ds.padded_batch(int(rng.integers(1, 4))),
    "cut": lambda ds, rng: ds.batch(4).unbatch(),
    "cache": lambda ds, rng: ds.cache(),
    "prefetch": lambda ds, rng: ds.prefetch(int(rng.integers(-1, 4)) or 1),
    "map": lambda ds, rng: ds.map(double),
    "map_in_parallel": lambda ds, rng: ds.map(double, num_parallel_calls=3),
    "swap": lambda ds, rng: ds.map(swapped),
    "filter": lambda ds, rng: ds.filter(even),
    "take_while": lambda ds, rng: ds.take_while(small),
    "enumerate": lambda ds, rng: ds.enumerate(start=3),
    "concatenate": lambda ds, rng: ds.concatenate(ds.take(3)),
    "window": lambda ds, rng: (
        ds.window(
            int(rng.integers(1, 5)),
            shift=int(rng.integers(1, 7)),
            stride=int(rng.integers(1, 3)),
            drop_remainder=bool(rng.integers(2)),
        )
        .flat_map(lambda *w: first_leaf(packed(w)).batch(7))
        .unbatch()
    ),
    "interleave": lambda ds, rng: ds.enumerate().interleave(
        lambda number, _: of_kind(ds).range(number % 4),
        cycle_length=int(rng.integers(1, 5)),
        block_length=int(rng.integers(1, 4)),
    ),
    "flat_map": lambda ds, rng: ds.enumerate().flat_map(
        lambda number, _: of_kind(ds).range(number % 3)
    ),
}


def of_kind(dataset):
    """The class of a library's data sets."""
    import tensorflow

    return data.Dataset if isinstance(dataset, data.Dataset) else tensorflow.data.Dataset


def drawn(library, seed):
    """A pipeline, and the names of its steps."""
    rng = np.random.default_rng(seed)
    name = str(rng.choice(list(SOURCES)))
    dataset, names = SOURCES[name](library), [name]
    for name in rng.choice(list(STEPS), size=rng.integers(1, 6)):
        # What both libraries refuse when a step is added is refused by both or by none.
        dataset = STEPS[str(name)](dataset, rng)
        names.append(str(name))
    return dataset, names


def outcome(library, seed):
    """The elements twice over and their number, or that it failed."""
    names = []
    try:
        dataset, names = drawn(library, seed)
        cardinality = int(dataset.cardinality())
        rounds = [[plain(e) for e in dataset.as_numpy_iterator()] for _ in range(2)]
    except Exception as error:
        return f"failed: {error!r}"[:200], None, names
    return rounds, cardinality, names


@pytest.mark.parametrize("part", range(8))
def test_drawn_pipelines(tf, part):
    compared = 0
    for seed in range(25 * part, 25 * (part + 1)):
        theirs, expected, names = outcome(tf.data.Dataset, seed)
        if isinstance(theirs, str):
            continue  # a pipeline without meaning: a batch of different shapes, say
        ours, cardinality, _ = outcome(data.Dataset, seed)
        assert ours == theirs, (seed, names)
        if expected >= 0 and cardinality >= 0:
            assert cardinality == expected, (seed, names)
        elif cardinality >= 0:
            assert cardinality == len(ours[0]), (seed, names)
        compared += 1
    assert compared > 8
