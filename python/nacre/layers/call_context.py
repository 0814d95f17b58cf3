"""What nested layer calls inherit from the outer one: the `training` flag."""

from __future__ import annotations

import threading
from typing import Any


class CallContext(threading.local):
    """State of the layer calls open in this thread.

    Attributes:
        training: The flag that the innermost open call was given or inherited.
        depth: How many layer calls are open.
    """

    training: Any = None
    depth: int = 0


context = CallContext()


def current_training() -> Any:
    """Return the `training` flag of the innermost open layer call, or None."""
    return context.training


class training_scope:
    """Set the `training` flag that layers called inside inherit.

    Args:
        training: The flag.
    """

    __slots__ = ("outer", "training")

    def __init__(self, training: Any):
        self.training = training
        self.outer: Any = None

    def __enter__(self) -> training_scope:
        self.outer = context.training
        context.training = self.training
        return self

    def __exit__(self, *exc_info: object) -> None:
        context.training = self.outer
