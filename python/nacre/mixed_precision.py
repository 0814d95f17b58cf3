"""Dtype policies under their older name, `keras.mixed_precision`."""

from __future__ import annotations

from nacre.config import dtype_policy, set_dtype_policy
from nacre.dtype_policies import DTypePolicy
from nacre.optimizers import LossScaleOptimizer

__all__ = [
    "DTypePolicy",
    "LossScaleOptimizer",
    "Policy",
    "dtype_policy",
    "global_policy",
    "set_dtype_policy",
    "set_global_policy",
]

Policy = DTypePolicy
global_policy = dtype_policy
set_global_policy = set_dtype_policy
