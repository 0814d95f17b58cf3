"""Reads the pickles inside old data files without running anything that they say.

Python's own unpickler calls what a pickle names. Here the instructions are interpreted by hand:
they can build numbers, strings, tuples, lists, dicts and NumPy arrays of these, and three names are
understood, which stand for nothing but the parts of an array. Whatever else is asked for ends the
reading, and so does a pickle that is very long.

The instructions are those of Python's `pickletools` module, which explains each of them.
"""

from __future__ import annotations

import io
import math
import pickle
import pickletools
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["MAX_BYTES", "UnsafePickleError", "decode"]

MAX_BYTES = 1 << 28
_MAX_INSTRUCTIONS = 4_000_000
_DTYPE = re.compile(r"b1|[iuf][1248]|O8?")
# A run of small integers, which is what lists of words and labels consist of.
_INTEGERS = re.compile(rb"(?:K.|M..|J....){1,2000}", re.DOTALL)


class UnsafePickleError(ValueError):
    """A pickle that is damaged, or asks for more than data."""


@dataclass(frozen=True)
class _Name:
    """What a name in a pickle stands for: a mark, nothing that could be called."""

    meaning: str


_NAMES = {
    ("numpy", "ndarray"): _Name("type"),
    ("numpy", "dtype"): _Name("dtype"),
    ("numpy.core.multiarray", "_reconstruct"): _Name("array"),
    ("numpy._core.multiarray", "_reconstruct"): _Name("array"),
}


class _Dtype:
    def __init__(self, code: str) -> None:
        self.code = code
        self.order = "="

    def set_state(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 8):
            raise UnsafePickleError("the state of a dtype is damaged")
        order = _text(state[1])
        if order not in ("<", ">", "|", "=") or any(part is not None for part in state[2:5]):
            raise UnsafePickleError("a dtype has parts, which is not read")
        self.order = order

    def make(self) -> np.dtype:
        return np.dtype(self.order + self.code)


class _Array:
    def __init__(self) -> None:
        self.value: np.ndarray | None = None

    def set_state(self, state: Any) -> None:
        if not (isinstance(state, tuple) and len(state) == 5 and isinstance(state[2], _Dtype)):
            raise UnsafePickleError("the state of an array is damaged")
        _, shape, dtype, fortran, data = state
        if not isinstance(shape, tuple) or not all(type(n) is int and n >= 0 for n in shape):
            raise UnsafePickleError("the shape of an array is damaged")
        count = math.prod(shape)
        kind = dtype.make()
        if kind.hasobject:
            if not isinstance(data, list) or len(data) != count or len(shape) != 1:
                raise UnsafePickleError("an array of objects is damaged")
            if not all(type(item) is list for item in data):
                raise UnsafePickleError("an array holds objects that are no lists")
            self.value = np.fromiter(data, object, count)
            return
        if not isinstance(data, bytes) or len(data) != count * kind.itemsize:
            raise UnsafePickleError(f"an array of shape {shape} does not fit its data")
        order = "F" if fortran else "C"
        self.value = np.frombuffer(data, kind).reshape(shape, order=order).copy()


def decode(data: bytes) -> Any:
    """Read a pickle of plain data.

    Args:
        data: The pickle. Python 2's strings become bytes.

    Returns:
        What was pickled: a NumPy array, or numbers, strings, tuples, lists and dicts. Arrays are
        looked for at the top, and among the values of a dict at the top.

    Raises:
        UnsafePickleError: It is damaged, too long, or more than data.
    """
    if len(data) > MAX_BYTES:
        raise UnsafePickleError(f"it has {len(data)} bytes; at most {MAX_BYTES} are read")
    try:
        result = _Decoder(data).run()
    except UnsafePickleError:
        raise
    except (ValueError, IndexError, KeyError, TypeError, EOFError, OverflowError) as error:
        raise UnsafePickleError(f"it is damaged: {error}") from error
    if isinstance(result, dict):
        return {key: _finish(value) for key, value in result.items()}
    return _finish(result)


def _finish(value: Any) -> Any:
    if isinstance(value, _Array):
        if value.value is None:
            raise UnsafePickleError("an array is incomplete")
        return value.value
    if isinstance(value, (_Name, _Dtype)):
        raise UnsafePickleError("it holds no data")
    return value


def _text(value: Any) -> str:
    text = value.decode("ascii") if type(value) is bytes else value
    if type(text) is not str:  # to show something else can take for ever
        raise UnsafePickleError("it is damaged")
    return text


class _Decoder:
    """The stack that the instructions work on."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.stream = io.BytesIO(data)
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # what lies under each mark
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        for _ in range(_MAX_INSTRUCTIONS):
            self._take_integers()
            code = self.stream.read(1)
            operation = pickletools.code2op.get(code.decode("latin-1"))
            if operation is None:
                raise UnsafePickleError("it is damaged or incomplete")
            argument = None
            if operation.name == "BINSTRING":
                argument = self.read_string()
            elif operation.arg is not None:
                argument = operation.arg.reader(self.stream)
            if operation.name == "STOP":
                if len(self.stack) != 1 or self.below:
                    raise UnsafePickleError("it is damaged")
                return self.stack[0]
            action = _ACTIONS.get(operation.name)
            if action is None:
                raise UnsafePickleError(f"it holds the instruction {operation.name}")
            action(self, argument)
        raise UnsafePickleError("it is too long")

    def _take_integers(self) -> None:
        """Push a run of integers at once.

        Python's unpickler does this part, on a pickle made here of a list and of integers alone.
        """
        found = _INTEGERS.match(self.data, self.stream.tell())
        if found and len(found[0]) > 10:
            self.stack += pickle.loads(b"](" + found[0] + b"e.")
            self.stream.seek(found.end())

    def read_string(self) -> bytes:
        """Read what pickletools would decode: the pixels of tens of thousands of pictures."""
        size = int.from_bytes(self.stream.read(4), "little")
        text = self.stream.read(size)
        if len(text) != size:
            raise UnsafePickleError("it is incomplete")
        return text

    def pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.below.pop()
        return items

    def top(self, kind: type) -> Any:
        if type(self.stack[-1]) is not kind:
            raise UnsafePickleError("it is damaged")
        return self.stack[-1]

    def push_tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise UnsafePickleError("it is damaged")
        items = tuple(self.stack[-count:])
        self.stack[-count:] = [items]

    def set_items(self, pairs: list[Any]) -> None:
        target = self.top(dict)
        for key, value in zip(pairs[::2], pairs[1::2], strict=True):
            # The hash of tuples inside of tuples can take for ever.
            if type(key) not in (bytes, str, int):
                raise UnsafePickleError("a dict has keys that are no strings or integers")
            target[key] = value

    def push_name(self, module: Any, name: Any) -> None:
        module, name = _text(module), _text(name)
        known = _NAMES.get((module, name))
        if known is None:
            raise UnsafePickleError(f"it names {module}.{name}, which is not data")
        self.stack.append(known)

    def make(self) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(arguments, tuple) or not isinstance(function, _Name):
            raise UnsafePickleError("it calls what is no function")
        if function.meaning == "array" and arguments[:1] == (_NAMES["numpy", "ndarray"],):
            self.stack.append(_Array())
            return
        if function.meaning == "dtype" and arguments and isinstance(arguments[0], (str, bytes)):
            code = _text(arguments[0])
            if _DTYPE.fullmatch(code):
                self.stack.append(_Dtype(code[:1] if code == "O8" else code))
                return
        raise UnsafePickleError("it makes something other than an array of numbers or lists")

    def build(self) -> None:
        state = self.stack.pop()
        if not isinstance(self.stack[-1], (_Array, _Dtype)):
            raise UnsafePickleError("it changes what is no array")
        self.stack[-1].set_state(state)

    def mark(self) -> None:
        self.below.append(self.stack)
        self.stack = []

    def finish_dict(self) -> None:
        pairs = self.pop_mark()
        self.stack.append({})
        self.set_items(pairs)

    def append(self, items: list[Any]) -> None:
        self.top(list).extend(items)

    def name_from_stack(self) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.push_name(module, name)

    def set_item(self) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.set_items([key, value])


def _push(decoder: _Decoder, argument: Any) -> None:
    decoder.stack.append(argument)


def _push_bytes(decoder: _Decoder, argument: str) -> None:
    decoder.stack.append(argument.encode("latin-1"))


def _put(decoder: _Decoder, argument: int) -> None:
    decoder.memo[argument] = decoder.stack[-1]


def _get(decoder: _Decoder, argument: int) -> None:
    decoder.stack.append(decoder.memo[argument])


_PLAIN = (
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
)
_ACTIONS: dict[str, Callable[[_Decoder, Any], None]] = {
    **dict.fromkeys(_PLAIN, _push),
    **dict.fromkeys(("STRING", "SHORT_BINSTRING"), _push_bytes),
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    **dict.fromkeys(("PROTO", "FRAME"), lambda decoder, argument: None),
    "NONE": lambda decoder, argument: decoder.stack.append(None),
    "NEWTRUE": lambda decoder, argument: decoder.stack.append(True),
    "NEWFALSE": lambda decoder, argument: decoder.stack.append(False),
    "EMPTY_LIST": lambda decoder, argument: decoder.stack.append([]),
    "EMPTY_DICT": lambda decoder, argument: decoder.stack.append({}),
    "EMPTY_TUPLE": lambda decoder, argument: decoder.stack.append(()),
    "MARK": lambda decoder, argument: decoder.mark(),
    "LIST": lambda decoder, argument: _push(decoder, decoder.pop_mark()),
    "TUPLE": lambda decoder, argument: _push(decoder, tuple(decoder.pop_mark())),
    "TUPLE1": lambda decoder, argument: decoder.push_tuple(1),
    "TUPLE2": lambda decoder, argument: decoder.push_tuple(2),
    "TUPLE3": lambda decoder, argument: decoder.push_tuple(3),
    "DICT": lambda decoder, argument: decoder.finish_dict(),
    "APPEND": lambda decoder, argument: decoder.append([decoder.stack.pop()]),
    "APPENDS": lambda decoder, argument: decoder.append(decoder.pop_mark()),
    "SETITEM": lambda decoder, argument: decoder.set_item(),
    "SETITEMS": lambda decoder, argument: decoder.set_items(decoder.pop_mark()),
    "MEMOIZE": lambda decoder, argument: _put(decoder, len(decoder.memo)),
    "GLOBAL": lambda decoder, argument: decoder.push_name(*argument.split(" ", 1)),
    "STACK_GLOBAL": lambda decoder, argument: decoder.name_from_stack(),
    "REDUCE": lambda decoder, argument: decoder.make(),
    "BUILD": lambda decoder, argument: decoder.build(),
}
