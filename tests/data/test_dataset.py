"""`Dataset`: what the comparison with tf.data does not show: orders, threads, memory and errors."""

import gc
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import nacre
from nacre import data
from nacre.data import AUTOTUNE, Dataset, TensorSpec


def values(dataset):
    return [leaf.tolist() for leaf in dataset.as_numpy_iterator()]


def workers():
    return [t for t in threading.enumerate() if t.name == "nacre-data"]


def no_workers_left():
    """Whether the threads are gone, or go soon: not by the clock, as the process may be stopped."""
    return soon(lambda: not workers())


def soon(condition):
    for _ in range(500):
        if condition():
            return True
        time.sleep(0.01)
    return False


def test_elements_are_tensors():
    x, y = np.arange(6.0).reshape(3, 2), ["a", "b", "c"]
    for number, (row, text) in enumerate(Dataset.from_tensor_slices((x, y))):
        assert isinstance(row, nacre.Tensor)
        assert row.dtype == "float64"
        assert row.shape == (2,)
        np.testing.assert_array_equal(row.numpy(), x[number])
        assert text.numpy() == y[number].encode()
        assert text.dtype == "string"
    keyed = next(iter(Dataset.from_tensors({"a": 1, "b": [1.5, 2.5]})))
    assert (keyed["a"].dtype, keyed["b"].dtype) == ("int32", "float32")


def test_texts_in_batches():
    batch = next(iter(Dataset.from_tensor_slices([["ab", "c"], ["d", "é"]]).batch(2)))
    assert batch.shape == (2, 2)
    assert batch.numpy()[1, 1] == "é".encode()
    assert [len(row) for row in batch] == [2, 2]
    assert (batch == "d").numpy().tolist() == [[False, False], [True, False]]
    assert values(Dataset.from_tensor_slices(["x", "y"]).batch(2)) == [[b"x", b"y"]]
    mapped = Dataset.from_tensor_slices(["3", "4"]).map(lambda t: int(t.numpy().decode()))
    assert values(mapped) == [3, 4]


@pytest.mark.parametrize("buffer_size", [1, 2, 7, 20, 50])
@pytest.mark.parametrize("by_rows", [True, False])
def test_shuffle_draws_from_a_buffer(buffer_size, by_rows):
    """An element leaves the buffer after it came in, and each comes once in an iteration."""
    source = Dataset.range(20)
    if not by_rows:
        source = source.map(lambda number: number)
    shuffled = source.shuffle(buffer_size, seed=3)
    orders = [values(shuffled) for _ in range(30)]
    for order in orders:
        assert sorted(order) == list(range(20))
        assert all(element < place + buffer_size for place, element in enumerate(order))
    if buffer_size == 1:
        assert orders[0] == list(range(20))
    else:
        assert len({tuple(order) for order in orders}) > 25
        early = [e - place for order in orders for place, e in enumerate(order)]
        assert max(early) == min(buffer_size, 20) - 1


@pytest.mark.parametrize("by_rows", [True, False])
def test_every_order_is_equally_likely(by_rows):
    source = Dataset.range(3) if by_rows else Dataset.range(3).map(lambda number: number)
    shuffled = source.shuffle(3, seed=0)
    counts = {}
    for _ in range(600):
        order = tuple(values(shuffled))
        counts[order] = counts.get(order, 0) + 1
    assert len(counts) == 6
    assert min(counts.values()) > 60
    assert max(counts.values()) < 140


@pytest.mark.parametrize("by_rows", [True, False])
def test_a_buffer_smaller_than_the_data_draws_as_a_list_would(by_rows):
    """How far elements travel is the same for indices, done at once, as for a list."""
    source = Dataset.range(2000) if by_rows else Dataset.range(2000).map(lambda number: number)
    order = np.array(values(source.shuffle(50, seed=1)))
    late = np.arange(2000) - order
    # The time spent in the buffer is geometric with mean 50, and one draw is the first moment.
    assert late.min() > -50
    assert abs(late[:1500].mean()) < 8
    assert 30 < late[:1500].std() < 70


def test_seeds_and_iterations():
    def orders(**options):
        shuffled = Dataset.range(30).shuffle(30, **options)
        return [values(shuffled) for _ in range(2)]

    first, second = orders(seed=5)
    assert first != second
    assert orders(seed=5) == [first, second]
    assert orders(seed=6)[0] != first
    fixed = orders(seed=5, reshuffle_each_iteration=False)
    assert fixed[0] == fixed[1] == first
    nacre.utils.set_random_seed(1)
    drawn = orders()
    nacre.utils.set_random_seed(1)
    assert orders() == drawn
    assert orders() != drawn
    state = np.random.get_state()[1].tolist()
    orders()
    assert np.random.get_state()[1].tolist() == state


def test_shuffle_before_and_after_repeat():
    apart = values(Dataset.range(10).shuffle(10, seed=1).repeat(2))
    assert sorted(apart[:10]) == sorted(apart[10:]) == list(range(10))
    assert apart[:10] != apart[10:]
    mixed = values(Dataset.range(10).repeat(40).shuffle(35, seed=1))
    assert sorted(mixed) == sorted([*range(10)] * 40)
    endless = Dataset.range(10).repeat().shuffle(100, seed=1).batch(64)
    assert next(iter(endless)).shape == (64,)


def test_batches_of_rows_are_gathered_and_never_walked(monkeypatch):
    """From arrays to shuffled batches nothing is done sample by sample."""
    from nacre.data import selecting

    def forbidden(*arguments):
        raise AssertionError("samples were walked one by one")

    for module in (selecting, data.nodes):
        monkeypatch.setattr(module, "rows_elements", forbidden)
    x, y = np.arange(100.0).reshape(50, 2), np.arange(50)
    dataset = Dataset.zip((Dataset.from_tensor_slices(x), Dataset.from_tensor_slices(y)))
    dataset = dataset.cache().skip(3).take(40).shard(2, 1).shuffle(11, seed=2).repeat(3).prefetch(2)
    batches = list(dataset.batch(16, drop_remainder=True))
    assert [b.shape for _, b in batches] == [(16,)] * 3
    for rows, labels in batches:
        np.testing.assert_array_equal(rows.numpy(), x[labels.numpy()])
    assert sorted(set(np.concatenate([b.numpy() for _, b in batches]))) == list(range(4, 43, 2))


def test_batches_without_a_shuffle_are_views():
    x = np.arange(12.0)
    (batch,) = Dataset.from_tensor_slices(x).batch(12)._data_node.elements()
    assert np.shares_memory(batch, x)
    array = next(Dataset.from_tensor_slices(x).batch(12).as_numpy_iterator())
    assert not np.shares_memory(array, x)


def test_memory_maps_are_read_batch_by_batch(tmp_path):
    np.save(tmp_path / "x.npy", np.arange(40).reshape(20, 2))
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    dataset = Dataset.from_tensor_slices(mapped)
    assert np.shares_memory(dataset._data_node.arrays, mapped)
    rows = np.concatenate(list(dataset.shuffle(20).batch(6).as_numpy_iterator()))
    assert sorted(rows[:, 0].tolist()) == mapped[:, 0].tolist()


def test_columns_that_are_not_contiguous_are_not_copied_whole():
    x = np.asfortranarray(np.arange(40).reshape(20, 2))
    rows = np.concatenate(list(Dataset.from_tensor_slices(x).shuffle(20).batch(6)))
    assert sorted(rows.tolist()) == x.tolist()


def test_map_uses_layers_ops_and_numpy():
    x = np.arange(12, dtype="float32").reshape(6, 2)
    scale = nacre.layers.Rescaling(0.5)
    dataset = (
        Dataset.from_tensor_slices((x, np.arange(6)))
        .batch(4)
        .map(lambda a, b: (scale(a), nacre.ops.one_hot(b, 6)), num_parallel_calls=AUTOTUNE)
        .map(lambda a, b: {"half": a, "sum": np.sum(b.numpy(), axis=1)})
    )
    parts = list(dataset)
    np.testing.assert_array_equal(np.concatenate([p["half"] for p in parts]), x / 2)
    assert parts[1]["sum"].numpy().tolist() == [1, 1]
    assert parts[0]["half"].dtype == "float32"


def test_parallel_calls_overlap_and_keep_the_order():
    inside, most = [], []
    lock = threading.Lock()

    def slow(number):
        with lock:
            inside.append(1)
            most.append(len(inside))
        time.sleep(0.002 * (number.numpy() % 3))
        with lock:
            inside.pop()
        return number

    for deterministic in (None, True, False):
        dataset = Dataset.range(40).map(slow, 4, deterministic)
        assert values(dataset) == list(range(40))
    assert 1 < max(most) <= 4
    assert no_workers_left()


@pytest.mark.parametrize("calls", [None, 3])
def test_errors_in_map_say_which_element(calls):
    def failing(number):
        if number == 13:
            raise LookupError("mine")
        return number

    elements = iter(Dataset.range(30).map(failing, num_parallel_calls=calls).prefetch(2))
    seen = []
    with pytest.raises(LookupError, match=r"mine.*element 13"):
        seen.extend(int(element) for element in elements)
    assert seen == list(range(13))
    assert no_workers_left()
    with pytest.raises(RuntimeError, match=r"StopIteration.*element 0"):
        list(Dataset.range(3).map(lambda n: next(iter(())), num_parallel_calls=calls))
    with pytest.raises(RuntimeError, match=r"FileNotFoundError.*nowhere.*element 0"):
        list(Dataset.range(3).map(lambda n: Path("nowhere").read_text(), num_parallel_calls=calls))
    with pytest.raises(TypeError, match=r"element 0.*no element"):
        list(Dataset.range(3).map(lambda n: object(), num_parallel_calls=calls))


@pytest.mark.parametrize("verb", ["filter", "take_while", "flat_map"])
def test_errors_in_other_functions_say_which_element(verb):
    with pytest.raises(ZeroDivisionError, match=f"Dataset.{verb}, element 0"):
        list(getattr(Dataset.range(3), verb)(lambda n: 1 // int(n)))


def test_threads_end_with_the_iterator():
    endless = Dataset.range(10).repeat().map(lambda n: n + 1, num_parallel_calls=2).prefetch(3)
    iterator = iter(endless)
    next(iterator)
    assert workers()
    del iterator
    assert no_workers_left()
    iterator = iter(endless)
    next(iterator)
    iterator.close()
    assert no_workers_left()
    assert list(iterator) == []
    for _ in endless:
        break
    gc.collect()
    assert no_workers_left()
    iter(endless)  # never asked for an element
    assert no_workers_left()


def test_a_layer_is_built_by_one_thread():
    built = []

    class Slow(nacre.layers.Layer):
        def build(self, shape):
            time.sleep(0.02)
            built.append(shape)

        def call(self, x):
            return x

    mapped = Dataset.from_tensor_slices(np.zeros((8, 2))).batch(1).map(Slow(), 4)
    assert len(list(mapped)) == 8
    assert built == [(1, 2)]


def test_prefetch_is_bounded():
    made = []
    dataset = Dataset.range(100).map(lambda n: made.append(1) or n).prefetch(4)
    iterator = iter(dataset)
    next(iterator)
    assert soon(lambda: len(made) >= 5)
    time.sleep(0.05)
    assert len(made) == 5
    iterator.close()


def test_a_stuck_source_does_not_keep_the_one_who_leaves(monkeypatch):
    from nacre.data import workers as module

    monkeypatch.setattr(module, "_PATIENCE", 0.1)
    waiting, release = threading.Event(), threading.Event()

    def stuck():
        yield 1
        waiting.set()
        release.wait(60)

    iterator = iter(Dataset.from_generator(stuck).prefetch(1))
    next(iterator)
    assert waiting.wait(60)
    iterator.close()  # comes back
    assert workers()
    release.set()
    assert no_workers_left()


def test_cache_keeps_whole_iterations_only():
    calls = []
    dataset = Dataset.range(4).map(lambda n: calls.append(1) or n).cache()
    next(iter(dataset))
    assert len(calls) == 1
    assert values(dataset) == values(dataset) == [0, 1, 2, 3]
    assert len(calls) == 5
    order = Dataset.range(20).shuffle(20).cache()
    assert values(order) == values(order)
    with pytest.raises(ValueError, match="files are not supported"):
        dataset.cache("somewhere")


def test_generators():
    def generator(stop, scale=1):
        for number in range(stop):
            yield number * scale, [float(number)] * 2

    signature = (TensorSpec((), "int16"), TensorSpec((None,), "float64"))
    dataset = Dataset.from_generator(generator, args=(3, 2), output_signature=signature)
    assert dataset.element_spec == signature
    for _ in range(2):
        assert [(int(a), b.shape, b.dtype) for a, b in dataset] == [
            (n, (2,), "float64") for n in (0, 2, 4)
        ]
    assert next(iter(dataset))[0].dtype == "int16"
    old = Dataset.from_generator(generator, (np.int64, "float32"), ((), (3,)), args=(3,))
    with pytest.raises(TypeError, match=r"element 0: expected shape \(3,\)"):
        list(old)
    free = Dataset.from_generator(lambda: generator(2))
    assert free.element_spec == (TensorSpec((), "int32"), TensorSpec((2,), "float32"))
    with pytest.raises(TypeError, match="expected a tuple of 2 parts"):
        list(Dataset.from_generator(lambda: iter([1]), output_signature=signature))
    with pytest.raises(TypeError, match="function"):
        Dataset.from_generator(generator(3))
    closed = []

    def closing():
        try:
            while True:
                yield 1
        finally:
            closed.append(1)

    for _ in Dataset.from_generator(closing).prefetch(2):
        break
    gc.collect()
    assert no_workers_left()
    assert closed == [1]


def test_sizes():
    dataset = Dataset.range(10)
    assert len(dataset.batch(3)) == 4
    assert int(dataset.repeat().cardinality()) == data.INFINITE_CARDINALITY
    assert int(dataset.filter(lambda n: True).cardinality()) == data.UNKNOWN_CARDINALITY
    with pytest.raises(TypeError, match="infinite"):
        len(dataset.repeat())
    with pytest.raises(TypeError, match="not known"):
        len(dataset.filter(lambda n: True))
    assert dataset.filter(lambda n: True)


def test_element_specs():
    dataset = Dataset.from_tensor_slices((np.zeros((8, 5)), np.zeros(8, "int32"))).batch(3)
    assert dataset.element_spec == (TensorSpec((None, 5), "float64"), TensorSpec((None,), "int32"))
    assert dataset.unbatch().element_spec == (TensorSpec((5,), "float64"), TensorSpec((), "int32"))
    mapped = dataset.map(lambda x, y: {"sum": x.sum(axis=1), "first": x[0]})
    assert mapped.element_spec == {
        "sum": TensorSpec((None,), "float64"),
        "first": TensorSpec((5,), "float64"),
    }
    assert Dataset.range(7).batch(3, drop_remainder=True).element_spec == TensorSpec((3,), "int64")
    padded = Dataset.from_tensor_slices(np.zeros((4, 2))).padded_batch(2, padded_shapes=(5,))
    assert padded.element_spec == TensorSpec((None, 5), "float64")


def test_padded_batches():
    rows = [[1], [2, 3], [], [4, 5, 6]]
    dataset = Dataset.from_generator(lambda: ((row, len(row)) for row in rows), ("int32", "int32"))
    batches = list(dataset.padded_batch(2, padding_values=(-1, 0)).as_numpy_iterator())
    assert batches[0][0].tolist() == [[1, -1], [2, 3]]
    assert batches[1][0].tolist() == [[-1, -1, -1], [4, 5, 6]]
    fixed = dataset.padded_batch(4, padded_shapes=([4], []))
    assert next(iter(fixed))[0].shape == (4, 4)
    with pytest.raises(ValueError, match="larger than the shape"):
        list(dataset.padded_batch(4, padded_shapes=([2], [])))
    with pytest.raises(ValueError, match="different shapes make no batch"):
        list(dataset.batch(2))


def test_small_verbs(tmp_path):
    dataset = Dataset.range(6)
    assert int(dataset.reduce(np.int64(0), lambda state, n: state + n)) == 15
    assert int(dataset.take(1).get_single_element()) == 0
    with pytest.raises(ValueError, match="more than one"):
        dataset.get_single_element()
    assert values(dataset.apply(lambda d: d.skip(4))) == [4, 5]
    for name in ("b.txt", "a.txt"):
        (tmp_path / name).touch()
    files = Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [f.numpy()[-5:] for f in files] == [b"a.txt", b"b.txt"]
    assert iter(dataset).get_next().dtype == "int64"


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: Dataset.from_tensor_slices((np.zeros(3), np.zeros(4))), ValueError, r"\[3, 4\]"),
        (lambda: Dataset.from_tensor_slices(3), ValueError, "scalar"),
        (lambda: Dataset.from_tensor_slices([[1], [2, 3]]), ValueError, "rectangular"),
        (lambda: Dataset.range(3).batch(0), ValueError, "at least 1"),
        (lambda: Dataset.range(3).batch(2.5), TypeError, "integer"),
        (lambda: Dataset.range(3).shuffle(0), ValueError, "positive"),
        (lambda: Dataset.range(3).repeat().shuffle(-1), ValueError, "buffer_size"),
        (lambda: Dataset.range(3).map(3), TypeError, "function"),
        (lambda: Dataset.range(3).map(len, num_parallel_calls=0), ValueError, "AUTOTUNE"),
        (lambda: Dataset.range(3).shard(2, 2), ValueError, "below 2"),
        (lambda: Dataset.zip((Dataset.range(3), 4)), TypeError, "expected a Dataset"),
        (lambda: Dataset.list_files("/nowhere/*.x"), ValueError, "no file"),
        (lambda: Dataset([1, 2]), TypeError, "from_tensor_slices"),
        (lambda: list(Dataset.range(3).unbatch()), ValueError, "first size"),
        (lambda: list(Dataset.range(2).flat_map(lambda n: n)), TypeError, "return a Dataset"),
    ],
)
def test_mistakes(make, error, message):
    with pytest.raises(error, match=message):
        make()
