"""Process-wide settings: default float type, epsilon, image layout, threads, non-finite losses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nacre.dtype_policies import DTypePolicy

__all__ = [
    "backend",
    "disable_flash_attention",
    "disable_interactive_logging",
    "disable_traceback_filtering",
    "dtype_policy",
    "enable_flash_attention",
    "enable_interactive_logging",
    "enable_traceback_filtering",
    "enable_unsafe_deserialization",
    "epsilon",
    "floatx",
    "get_num_threads",
    "image_data_format",
    "is_flash_attention_enabled",
    "is_interactive_logging_enabled",
    "is_nnx_enabled",
    "is_traceback_filtering_enabled",
    "max_epochs",
    "max_steps_per_epoch",
    "nonfinite_policy",
    "set_dtype_policy",
    "set_epsilon",
    "set_floatx",
    "set_image_data_format",
    "set_max_epochs",
    "set_max_steps_per_epoch",
    "set_nonfinite_policy",
    "set_num_threads",
]

FLOAT_DTYPES = frozenset({"float16", "bfloat16", "float32", "float64"})
INT_DTYPES = frozenset({"int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"})
ALL_DTYPES = FLOAT_DTYPES | INT_DTYPES | {"bool"}
_PYTHON_DTYPES = {float: "float32", int: "int32", bool: "bool"}

_floatx = "float32"
_epsilon = 1e-7
_image_data_format = "channels_last"
_dtype_policy: DTypePolicy | None = None
_interactive_logging = True
_traceback_filtering = True
_flash_attention: bool | None = None
_nonfinite_policy = "warn"
_max_epochs: int | None = None
_max_steps_per_epoch: int | None = None


def standardize_dtype(dtype: Any) -> str:
    """The name of a dtype given as a string, a Python type, a NumPy dtype or another library's.

    Args:
        dtype: `None` means `floatx()`.

    Returns:
        One of the supported names, for example `"float32"`.

    Raises:
        ValueError: if there is no such dtype.
    """
    if dtype.__class__ is str:
        name = dtype
    elif dtype is None:
        return _floatx
    elif dtype in _PYTHON_DTYPES:
        name = _floatx if dtype is float else _PYTHON_DTYPES[dtype]
    else:
        name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None) or str(dtype)
        name = name.rsplit(".", 1)[-1]
    if name not in ALL_DTYPES:
        if name in ("float", "int"):
            return _floatx if name == "float" else "int32"
        raise ValueError(f"Invalid dtype: expected one of {sorted(ALL_DTYPES)}. Received: {dtype}")
    return name


def backend() -> str:
    """The name of the active backend: `"cpu"` or `"reference"`."""
    from nacre import _core

    return _core.get_backend()


def floatx() -> str:
    """The default float type."""
    return _floatx


def set_floatx(value: str) -> None:
    """Sets the default float type.

    Args:
        value: `"float16"`, `"bfloat16"`, `"float32"` or `"float64"`.
    """
    global _floatx
    if value not in FLOAT_DTYPES:
        raise ValueError(
            f"set_floatx: expected one of {sorted(FLOAT_DTYPES)}. Received: value={value!r}"
        )
    from nacre import _core

    _floatx = str(value)
    _core.set_floatx(_floatx)


def epsilon() -> float:
    """The small constant that keeps divisions and logarithms finite."""
    return _epsilon


def set_epsilon(value: float) -> None:
    """Sets the value of `epsilon()`."""
    global _epsilon
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError(f"set_epsilon: expected a number. Received: value={value!r}")
    _epsilon = float(value)


def image_data_format() -> str:
    """The default layout of images: `"channels_last"` or `"channels_first"`."""
    return _image_data_format


def set_image_data_format(data_format: str) -> None:
    """Sets the default layout of images."""
    global _image_data_format
    _image_data_format = standardize_data_format(data_format)


def standardize_data_format(data_format: str | None) -> str:
    """Checks an image layout; `None` means the default one."""
    if data_format is None:
        return _image_data_format
    name = str(data_format).lower()
    if name not in ("channels_first", "channels_last"):
        raise ValueError(
            "data_format: expected 'channels_first' or 'channels_last'. "
            f"Received: data_format={data_format!r}"
        )
    return name


def dtype_policy() -> DTypePolicy:
    """The dtype policy of layers that name none. It follows `floatx()` until it is set."""
    if _dtype_policy is not None:
        return _dtype_policy
    from nacre.dtype_policies import DTypePolicy

    return DTypePolicy(_floatx)


def set_dtype_policy(policy: Any) -> None:
    """Sets the dtype policy of layers that name none.

    Args:
        policy: a policy, or its name.
    """
    global _dtype_policy
    from nacre import dtype_policies

    _dtype_policy = dtype_policies.get(policy)


def enable_interactive_logging() -> None:
    """Lets progress go to standard output."""
    global _interactive_logging
    _interactive_logging = True


def enable_unsafe_deserialization() -> None:
    """Lets this thread run Python code that it finds in files of models.

    A file that holds a `lambda` can then do whatever its author wanted. `safe_mode=False` of
    `nacre.saving.load_model` does the same for one file.
    """
    from nacre.saving import scopes

    scopes.enable_unsafe_deserialization()


def disable_interactive_logging() -> None:
    """Sends progress to the `logging` module."""
    global _interactive_logging
    _interactive_logging = False


def is_interactive_logging_enabled() -> bool:
    """Whether progress goes to standard output."""
    return _interactive_logging


def enable_traceback_filtering() -> None:
    """Accepted for compatibility: Nacre's tracebacks are short and are never filtered."""
    global _traceback_filtering
    _traceback_filtering = True


def disable_traceback_filtering() -> None:
    """Accepted for compatibility: Nacre's tracebacks are short and are never filtered."""
    global _traceback_filtering
    _traceback_filtering = False


def is_traceback_filtering_enabled() -> bool:
    """What was last set; tracebacks are the same either way."""
    return _traceback_filtering


def enable_flash_attention() -> None:
    """Accepted for compatibility: there is one implementation of attention, which is exact."""
    global _flash_attention
    _flash_attention = None


def disable_flash_attention() -> None:
    """Accepted for compatibility: there is one implementation of attention, which is exact."""
    global _flash_attention
    _flash_attention = False


def is_flash_attention_enabled() -> bool | None:
    """`False` after `disable_flash_attention`, else `None`; results are the same either way."""
    return _flash_attention


def is_nnx_enabled() -> bool:
    """Always `False`: NNX belongs to Keras on JAX."""
    return False


def _limit(value: int | None, name: str) -> int | None:
    if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 1):
        raise ValueError(f"{name}: expected None or a positive integer. Received: {value!r}")
    return value


def max_epochs() -> int | None:
    """The most epochs that any `fit` runs, or `None`."""
    return _max_epochs


def set_max_epochs(max_epochs: int | None) -> None:
    """Limits the epochs of every `fit`; `None` lifts the limit."""
    global _max_epochs
    _max_epochs = _limit(max_epochs, "max_epochs")


def max_steps_per_epoch() -> int | None:
    """The most steps that any epoch runs, or `None`."""
    return _max_steps_per_epoch


def set_max_steps_per_epoch(max_steps_per_epoch: int | None) -> None:
    """Limits the steps of every epoch; `None` lifts the limit."""
    global _max_steps_per_epoch
    _max_steps_per_epoch = _limit(max_steps_per_epoch, "max_steps_per_epoch")


def nonfinite_policy() -> str:
    """What `fit` does about a non-finite loss: `"warn"` or `"raise"`."""
    return _nonfinite_policy


def set_nonfinite_policy(policy: str) -> None:
    """Sets what `fit` does about a non-finite loss.

    Args:
        policy: `"warn"` warns once, naming the batch; `"raise"` stops with an error.
    """
    global _nonfinite_policy
    if policy not in ("warn", "raise"):
        raise ValueError(
            f"set_nonfinite_policy: expected 'warn' or 'raise'. Received: policy={policy!r}"
        )
    _nonfinite_policy = policy


def set_num_threads(num_threads: int) -> None:
    """Sets how many threads the kernels may use. Results do not depend on it."""
    if isinstance(num_threads, bool) or not isinstance(num_threads, int) or num_threads < 1:
        raise ValueError(
            f"set_num_threads: expected a positive integer. Received: num_threads={num_threads!r}"
        )
    from nacre import _core

    _core.set_num_threads(num_threads)


def get_num_threads() -> int:
    """How many threads the kernels may use."""
    from nacre import _core

    return _core.get_num_threads()
