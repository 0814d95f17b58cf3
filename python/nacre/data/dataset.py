"""`Dataset`: a chain of steps that makes elements when they are asked for, again and again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nacre import _core
from nacre.data import batching, nodes, selecting, transforming
from nacre.data.nodes import INFINITE, Node
from nacre.data.structure import (
    TensorSpec,
    as_array,
    as_element,
    dtype_name,
    map_leaves,
    to_user,
)
from nacre.data.workers import usual_workers
from nacre.random.seed_generator import make_default_seed

__all__ = ["Dataset", "DatasetIterator"]

_AUTOTUNE = -1
_AHEAD = 2  # elements that `prefetch(AUTOTUNE)` keeps ready


def _integer(value: Any, name: str, least: int = 0) -> int:
    """Checks an integer argument, which may be a tensor."""
    if isinstance(value, (bool, np.bool_)) or not hasattr(value, "__index__"):
        raise TypeError(
            f"{name} must be an integer. Received: {value!r} of type {type(value).__name__}"
        )
    value = int(value)
    if value < least:
        raise ValueError(f"{name} must be at least {least}. Received: {value}")
    return value


def _workers(calls: Any, deterministic: Any, name: str) -> int:
    """Number of threads that `num_parallel_calls` asks for."""
    if deterministic is not None and not isinstance(deterministic, bool):
        raise TypeError(f"{name}: `deterministic` must be a bool. Received: {deterministic!r}")
    if calls is None:
        return 0
    calls = _integer(calls, f"{name}: `num_parallel_calls`", _AUTOTUNE)
    if calls == 0:
        raise ValueError(f"{name}: `num_parallel_calls` must be positive or AUTOTUNE.")
    return usual_workers() if calls == _AUTOTUNE else calls


class DatasetIterator:
    """One pass over a data set.

    Args:
        dataset: The data set.
        show: What is done with each leaf before the user sees it.
    """

    def __init__(self, dataset: Dataset, show: Callable) -> None:
        self._dataset = dataset
        self._elements = dataset._data_node.elements()
        self._show = show

    def __iter__(self) -> DatasetIterator:
        return self

    def __next__(self) -> Any:
        return map_leaves(self._show, next(self._elements))

    def get_next(self) -> Any:
        """The next element."""
        return next(self)

    @property
    def element_spec(self) -> Any:
        """See `Dataset.element_spec`."""
        return self._dataset.element_spec

    def close(self) -> None:
        """Ends the pass, and the threads that work for it."""
        close = getattr(self._elements, "close", None)
        if close is not None:
            close()
        self._elements = iter(())


def _to_numpy(leaf: Any) -> Any:
    if hasattr(leaf, "_data_node"):
        raise TypeError("as_numpy_iterator: the elements hold data sets, which are no arrays.")
    if leaf is None or isinstance(leaf, (bytes, np.generic)):
        return leaf
    array = as_array(leaf)
    return array[()] if array.ndim == 0 else np.array(array)


class Dataset:
    """A sequence of elements, which are tensors or tuples and dictionaries of them.

    Data sets are lazy: each `for` loop, and each epoch of `fit`, makes the elements anew. They
    never change: every method gives a new one.

    ```python
    train = nacre.data.Dataset.from_tensor_slices((x, y)).shuffle(10_000).batch(32).prefetch(2)
    model.fit(train, epochs=5)
    ```

    Iteration gives `nacre.Tensor`s, or `StringTensor`s for texts. Arrays that a data set was made
    from are read where they are, also from disk, and should not be changed while it is in use.
    """

    def __init__(self, node: Node) -> None:
        if not isinstance(node, Node):
            raise TypeError(
                "Dataset: use Dataset.from_tensor_slices, from_tensors, from_generator or range. "
                f"Received: {type(node).__name__}"
            )
        self._data_node = node

    # Where elements come from.

    @staticmethod
    def from_tensor_slices(tensors: Any) -> Dataset:
        """Elements are the rows of arrays.

        Args:
            tensors: An array, or a tuple or dictionary of arrays of equal length. A list is an
                array.

        Raises:
            ValueError: Lengths differ, or an array has no axis.
        """
        return Dataset(nodes.Slices(tensors))

    @staticmethod
    def from_tensors(tensors: Any) -> Dataset:
        """One element, which is all of `tensors`."""
        return Dataset(nodes.OneElement(tensors))

    @staticmethod
    def from_generator(
        generator: Callable,
        output_types: Any = None,
        output_shapes: Any = None,
        args: tuple | None = None,
        output_signature: Any = None,
    ) -> Dataset:
        """Elements are what a generator yields.

        Args:
            generator: A function that makes the generator, called anew for every iteration.
            output_types: A structure of dtypes to convert to.
            output_shapes: A structure of shapes that elements must have, beside `output_types`.
            args: Arguments of `generator`, which are turned into arrays.
            output_signature: A structure of `TensorSpec`s, instead of the two before.

        Raises:
            TypeError: `generator` cannot be called; later, an element is not what was promised.
        """
        if not callable(generator):
            raise TypeError(
                "from_generator: expected a function that makes a generator. "
                f"Received: {type(generator).__name__}"
            )
        if output_signature is not None and (output_types is not None or output_shapes is not None):
            raise TypeError(
                "from_generator: give `output_signature`, or `output_types` and `output_shapes`, "
                "not both."
            )
        if output_signature is None and output_types is None:
            if output_shapes is not None:
                raise TypeError("from_generator: `output_shapes` needs `output_types` beside it.")
            signature = None
        elif output_signature is not None:
            signature = map_leaves(_checked_spec, _lists_to_tuples(output_signature))
        else:
            signature = _signature(_lists_to_tuples(output_types), output_shapes)
        values = tuple(as_array(as_element(value)) for value in args or ())
        values = tuple(value[()] for value in values)
        return Dataset(nodes.FromGenerator(generator, values, signature))

    @staticmethod
    def range(*args: Any, output_type: Any = "int64") -> Dataset:
        """Elements are the numbers of Python's `range` with the same arguments.

        Args:
            *args: `stop`, `start, stop` or `start, stop, step`.
            output_type: Their dtype.
        """
        if not 1 <= len(args) <= 3:
            raise ValueError(f"Dataset.range takes 1 to 3 numbers. Received: {args!r}")
        numbers = range(*(_integer(arg, "Dataset.range: a number", -(2**63)) for arg in args))
        return Dataset(nodes.Range(numbers, dtype_name(output_type)))

    @staticmethod
    def zip(*args: Any, datasets: Any = None) -> Dataset:
        """Elements are made of one element of each data set, until one of them ends.

        Args:
            *args: Data sets, or one structure of them.
            datasets: The structure by its name.
        """
        if bool(args) == (datasets is not None):
            raise TypeError("Dataset.zip takes data sets, or `datasets=`.")
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        return Dataset(nodes.Zip(map_leaves(_node_of, _lists_to_tuples(structure))))

    @staticmethod
    def list_files(
        file_pattern: Any, shuffle: bool | None = None, seed: int | None = None
    ) -> Dataset:
        """Elements are the paths of files.

        Args:
            file_pattern: A pattern as `glob` takes it, or a list of patterns.
            shuffle: Whether to shuffle them, anew for every iteration; `None` means yes.
            seed: For the shuffle.

        Raises:
            ValueError: No file matches.
        """
        import glob

        patterns = [file_pattern] if isinstance(file_pattern, (str, bytes)) else list(file_pattern)
        patterns = [p.decode() if isinstance(p, bytes) else str(p) for p in patterns]
        paths = sorted({path for pattern in patterns for path in glob.glob(pattern)})
        if not paths:
            raise ValueError(f"Dataset.list_files: no file matches {file_pattern!r}.")
        files = Dataset.from_tensor_slices(paths)
        return files if shuffle is False else files.shuffle(len(paths), seed)

    # Which elements there are, and in which order.

    def take(self, count: int) -> Dataset:
        """The first `count` elements; all for -1."""
        count = _integer(count, "take: `count`", -1)
        return self if count < 0 else Dataset(selecting.Take(self._data_node, count))

    def skip(self, count: int) -> Dataset:
        """All but the first `count` elements; none for -1."""
        count = _integer(count, "skip: `count`", -1)
        if count < 0:
            return Dataset(selecting.Take(self._data_node, 0))
        return Dataset(selecting.Skip(self._data_node, count))

    def shard(self, num_shards: int, index: int) -> Dataset:
        """Every `num_shards`-th element, from number `index` on."""
        num_shards = _integer(num_shards, "shard: `num_shards`", 1)
        index = _integer(index, "shard: `index`")
        if index >= num_shards:
            raise ValueError(f"shard: `index` must be below {num_shards}. Received: {index}")
        return Dataset(selecting.Shard(self._data_node, num_shards, index))

    def repeat(self, count: int | None = None) -> Dataset:
        """The elements `count` times; without end for `None` and -1."""
        count = -1 if count is None else _integer(count, "repeat: `count`", -1)
        return Dataset(selecting.Repeat(self._data_node, count))

    def shuffle(
        self, buffer_size: int, seed: int | None = None, reshuffle_each_iteration: bool = True
    ) -> Dataset:
        """Elements drawn at random from a buffer in which each drawn one is replaced by the next.

        Args:
            buffer_size: Size of the buffer. With as many as there are elements, every order is
                equally likely; with fewer, an element comes at most so much too early. -1 stands
                for all elements there are.
            seed: Makes the orders of all iterations repeatable. Without it, a seed is drawn from
                Python's generator, which `set_random_seed` seeds.
            reshuffle_each_iteration: Whether each iteration has an order of its own.
        """
        buffer_size = _integer(buffer_size, "shuffle: `buffer_size`", -1)
        if buffer_size == 0:
            raise ValueError("shuffle: `buffer_size` must be positive. Received: 0")
        if buffer_size < 0:
            buffer_size = self._data_node.cardinality()
            if buffer_size < 0:
                raise ValueError(
                    "shuffle: the number of elements is not known; give a `buffer_size`."
                )
            buffer_size = max(buffer_size, 1)
        if reshuffle_each_iteration is not None and not isinstance(reshuffle_each_iteration, bool):
            raise TypeError(
                "shuffle: `reshuffle_each_iteration` must be a bool. "
                f"Received: {reshuffle_each_iteration!r}"
            )
        seed = make_default_seed() if seed is None else _integer(seed, "shuffle: `seed`", -(2**63))
        again = reshuffle_each_iteration is not False
        return Dataset(selecting.Shuffle(self._data_node, buffer_size, seed % 2**64, again))

    def concatenate(self, dataset: Dataset) -> Dataset:
        """These elements, and then those of another data set."""
        return Dataset(selecting.Concatenate(self._data_node, _node_of(dataset)))

    def cache(self, filename: str = "") -> Dataset:
        """Keeps the elements in memory from the first whole iteration on.

        Args:
            filename: Must be empty: there is no cache in files.
        """
        if not isinstance(filename, str) or filename:
            raise ValueError(
                "cache: elements are kept in memory; files are not supported. "
                f"Received: filename={filename!r}"
            )
        return Dataset(selecting.Cache(self._data_node))

    def prefetch(self, buffer_size: int) -> Dataset:
        """Makes elements on a thread, before they are asked for.

        Args:
            buffer_size: How many are kept ready; AUTOTUNE for two, 0 for none.
        """
        ahead = _integer(buffer_size, "prefetch: `buffer_size`", _AUTOTUNE)
        return Dataset(selecting.Prefetch(self._data_node, _AHEAD if ahead == _AUTOTUNE else ahead))

    def filter(self, predicate: Callable) -> Dataset:
        """The elements for which a function gives something true.

        Args:
            predicate: Takes the element's tensors; the parts of a tuple as arguments of their own.
        """
        return Dataset(transforming.Filter(self._data_node, _function(predicate, "filter")))

    def take_while(self, predicate: Callable) -> Dataset:
        """The elements before the first for which a function gives something false."""
        return Dataset(transforming.TakeWhile(self._data_node, _function(predicate, "take_while")))

    # What elements become.

    def map(
        self,
        map_func: Callable,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """What a function makes of each element.

        Args:
            map_func: Takes the element's tensors (the parts of a tuple as arguments of their own)
                and returns tensors, arrays or numbers, or a tuple or dictionary of them. It may use
                `nacre.ops`, layers, NumPy or anything else: it is called, not traced.
            num_parallel_calls: Number of threads that call it at the same time; AUTOTUNE for one
                per core. They help where it waits, or runs code that leaves Python's lock.
            deterministic: Order is always kept, which both values allow.

        Raises:
            Exception: What `map_func` raises is raised where the element was asked for, and its
                message says which element it was.
        """
        workers = _workers(num_parallel_calls, deterministic, "map")
        return Dataset(transforming.Map(self._data_node, _function(map_func, "map"), workers))

    def batch(
        self,
        batch_size: int,
        drop_remainder: bool = False,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """Elements stacked to batches.

        Args:
            batch_size: Elements in a batch.
            drop_remainder: Whether a smaller batch at the end is left out.
            num_parallel_calls: Checked; batches are gathered in one call, without threads.
            deterministic: Order is always kept, which both values allow.
        """
        _workers(num_parallel_calls, deterministic, "batch")
        size = _integer(batch_size, "batch: `batch_size`", 1)
        return Dataset(batching.Batch(self._data_node, size, bool(drop_remainder)))

    def padded_batch(
        self,
        batch_size: int,
        padded_shapes: Any = None,
        padding_values: Any = None,
        drop_remainder: bool = False,
    ) -> Dataset:
        """Elements of different sizes, filled up and stacked to batches.

        Args:
            batch_size: Elements in a batch.
            padded_shapes: A structure of shapes, with `None` or -1 for the largest size in the
                batch, which is the default for all.
            padding_values: A structure of values, or one for all; by default 0 or the empty text.
            drop_remainder: Whether a smaller batch at the end is left out.
        """
        size = _integer(batch_size, "padded_batch: `batch_size`", 1)
        return Dataset(
            batching.PaddedBatch(
                self._data_node, size, bool(drop_remainder), padded_shapes, padding_values
            )
        )

    def unbatch(self) -> Dataset:
        """The rows of each element, one by one."""
        return Dataset(batching.Unbatch(self._data_node))

    def window(
        self, size: int, shift: int | None = None, stride: int = 1, drop_remainder: bool = False
    ) -> Dataset:
        """Elements are data sets of elements that follow each other.

        Args:
            size: Elements in a window.
            shift: How far the beginnings of two windows are apart; by default, `size`.
            stride: How far the elements of a window are apart.
            drop_remainder: Whether smaller windows at the end are left out.
        """
        size = _integer(size, "window: `size`", 1)
        shift = size if shift is None else _integer(shift, "window: `shift`", 1)
        stride = _integer(stride, "window: `stride`", 1)
        return Dataset(
            transforming.Window(self._data_node, size, shift, stride, bool(drop_remainder))
        )

    def enumerate(self, start: int = 0) -> Dataset:
        """Pairs of a number, counted from `start`, and an element."""
        start = _integer(start, "enumerate: `start`", -(2**63))
        return Dataset(transforming.Enumerate(self._data_node, start))

    def flat_map(self, map_func: Callable) -> Dataset:
        """The elements of the data sets that a function makes of elements, one after the other."""
        function = _function(map_func, "flat_map")
        return Dataset(transforming.Interleave(self._data_node, function, verb="flat_map"))

    def interleave(
        self,
        map_func: Callable,
        cycle_length: int | None = None,
        block_length: int | None = None,
        num_parallel_calls: int | None = None,
        deterministic: bool | None = None,
    ) -> Dataset:
        """The elements of the data sets that a function makes of elements, some of each in turn.

        Args:
            map_func: Makes a `Dataset` of an element.
            cycle_length: How many data sets are taken in turn; by default one per core.
            block_length: Elements taken of one before it is another's turn; by default 1.
            num_parallel_calls: Checked; data sets are read in turn, and `prefetch` inside of
                `map_func` gives each a thread.
            deterministic: Order is always kept, which both values allow.
        """
        workers = _workers(num_parallel_calls, deterministic, "interleave")
        if cycle_length is None or cycle_length == _AUTOTUNE:
            cycle = workers or usual_workers()
        else:
            cycle = _integer(cycle_length, "interleave: `cycle_length`", 1)
        block = 1 if block_length is None else block_length
        block = _integer(block, "interleave: `block_length`", 1)
        function = _function(map_func, "interleave")
        return Dataset(
            transforming.Interleave(self._data_node, function, cycle, block, "interleave")
        )

    def apply(self, transformation_func: Callable) -> Dataset:
        """What a function makes of this data set."""
        made = _function(transformation_func, "apply")(self)
        _node_of(made)
        return made

    # What comes out.

    def reduce(self, initial_state: Any, reduce_func: Callable) -> Any:
        """Goes through all elements with a state.

        Args:
            initial_state: A tensor, or a structure of them.
            reduce_func: Takes the state and an element, and returns the new state.

        Returns:
            The last state.
        """
        state = map_leaves(to_user, as_element(initial_state))
        for element in self:
            made = reduce_func(state, element)
            made = tuple(made) if isinstance(made, list) else made
            state = map_leaves(to_user, as_element(made))
        return state

    def get_single_element(self) -> Any:
        """The only element.

        Raises:
            ValueError: There is none, or more than one.
        """
        elements = list(self.take(2))
        if len(elements) != 1:
            have = "no" if not elements else "more than one"
            raise ValueError(f"get_single_element: the data set has {have} element.")
        return elements[0]

    def cardinality(self) -> Any:
        """Number of elements as a tensor, `INFINITE_CARDINALITY` or `UNKNOWN_CARDINALITY`."""
        return _core.convert(np.int64(self._data_node.cardinality()))

    @property
    def element_spec(self) -> Any:
        """Shapes and dtypes of elements: a structure of `TensorSpec`s.

        Where a user's function or generator decides, the first element is made to see.
        """
        return self._data_node.spec()

    def as_numpy_iterator(self) -> DatasetIterator:
        """Iterates over the elements with arrays, or numbers of NumPy, in the place of tensors."""
        return DatasetIterator(self, _to_numpy)

    def __iter__(self) -> DatasetIterator:
        return DatasetIterator(self, to_user)

    def __len__(self) -> int:
        count = self._data_node.cardinality()
        if count < 0:
            kind = "infinite" if count == INFINITE else "not known before it was gone through"
            raise TypeError(f"The length of the data set is {kind}.")
        return count

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        return f"<nacre.data.Dataset of {type(self._data_node).__name__}>"


def _function(function: Any, name: str) -> Callable:
    if not callable(function):
        raise TypeError(f"{name}: expected a function. Received: {function!r}")
    return function


def _node_of(dataset: Any) -> Node:
    if not isinstance(dataset, Dataset):
        raise TypeError(f"expected a Dataset. Received: {type(dataset).__name__}")
    return dataset._data_node


def _lists_to_tuples(structure: Any) -> Any:
    if isinstance(structure, dict):
        return {key: _lists_to_tuples(item) for key, item in structure.items()}
    if isinstance(structure, (tuple, list)):
        return tuple(_lists_to_tuples(item) for item in structure)
    return structure


def _checked_spec(spec: Any) -> TensorSpec:
    if isinstance(spec, TensorSpec):
        return spec
    if hasattr(spec, "shape") and hasattr(spec, "dtype"):
        return TensorSpec(spec.shape, spec.dtype)
    raise TypeError(
        f"from_generator: expected TensorSpecs in `output_signature`. Received: {spec!r}"
    )


def _signature(types: Any, shapes: Any) -> Any:
    """`TensorSpec`s of `output_types` and `output_shapes`."""
    if isinstance(types, dict):
        return {k: _signature(t, None if shapes is None else shapes[k]) for k, t in types.items()}
    if isinstance(types, tuple):
        parts = [None] * len(types) if shapes is None else list(shapes)
        if len(parts) != len(types):
            raise TypeError(
                f"from_generator: `output_types` has {len(types)} parts. "
                f"Received shapes: {shapes!r}"
            )
        return tuple(_signature(t, s) for t, s in zip(types, parts, strict=True))
    return TensorSpec(shapes, types)
