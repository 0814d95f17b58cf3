"""Calls that read and write values which are handed in and out instead of kept in Variables."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["run_stateless"]


def run_stateless(
    variables: Sequence[Any], values: Sequence[Any], function: Callable[[], Any], what: str
) -> tuple[Any, list]:
    """Runs a function with other values in some Variables, and puts back what they had.

    Args:
        variables: The Variables.
        values: A value for each.
        function: What to run.
        what: What the values belong to, for the error.

    Returns:
        What the function returned, and the values that it left in the Variables.

    Raises:
        ValueError: There are not as many values as Variables.
    """
    if len(variables) != len(values):
        raise ValueError(
            f"{what}: expected a value for each of {len(variables)} variables. "
            f"Received: {len(values)} values"
        )
    kept = [variable.read() for variable in variables]
    try:
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)
        result = function()
        return result, [variable.read() for variable in variables]
    finally:
        for variable, value in zip(variables, kept, strict=True):
            variable.assign(value)
