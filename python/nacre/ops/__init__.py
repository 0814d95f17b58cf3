"""Functions of tensors, with the names, signatures and rules of `keras.ops`.

They take tensors, Variables, NumPy arrays and numbers. Called on arrays they run at once; inside a
traced function they add to its graph; on placeholders of the functional API they make nodes of a
model. Ops that need the values themselves (`nonzero`, `unique`, boolean masks) work on arrays only.
"""

from __future__ import annotations

from types import ModuleType

from nacre.ops.activation import *  # noqa: F403
from nacre.ops.binary_ops import *  # noqa: F403
from nacre.ops.contraction import *  # noqa: F403
from nacre.ops.control import *  # noqa: F403
from nacre.ops.convolution import *  # noqa: F403
from nacre.ops.core import *  # noqa: F403
from nacre.ops.creation import *  # noqa: F403
from nacre.ops.ctc import *  # noqa: F403
from nacre.ops.elementwise import *  # noqa: F403
from nacre.ops.getitem import *  # noqa: F403
from nacre.ops.indexing import *  # noqa: F403
from nacre.ops.joining import *  # noqa: F403
from nacre.ops.losses import *  # noqa: F403
from nacre.ops.normalization import *  # noqa: F403
from nacre.ops.pooling import *  # noqa: F403
from nacre.ops.reduce import *  # noqa: F403
from nacre.ops.shaping import *  # noqa: F403
from nacre.ops.sorting import *  # noqa: F403
from nacre.ops.statistics import *  # noqa: F403
from nacre.ops.summation import *  # noqa: F403

_NAMESPACES = ("image", "linalg", "nn", "numpy")


def __getattr__(name: str) -> ModuleType:
    if name in _NAMESPACES:
        from importlib import import_module

        return import_module(f"nacre.ops.{name}")
    raise AttributeError(f"module 'nacre.ops' has no op {name!r}")


from nacre import tensor as _tensor  # noqa: E402, F401 (gives tensors their operators)
