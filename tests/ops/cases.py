"""The op table: each op with what NumPy makes of it, and where it is differentiable."""

from tests.ops.elementwise_cases import BINARY, UNARY
from tests.ops.network_cases import CONTRACT, NN
from tests.ops.reduce_cases import REDUCE
from tests.ops.shape_cases import SHAPE
from tests.ops.window_cases import WINDOWS

FIXED = REDUCE + SHAPE + CONTRACT + NN + WINDOWS
ALL = UNARY + BINARY + FIXED
