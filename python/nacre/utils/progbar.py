"""The progress bar that `fit`, `evaluate` and `predict` draw."""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Iterable
from typing import Any

import numpy as np

from nacre.utils.io_utils import print_msg

__all__ = ["Progbar", "format_duration", "format_value"]

_BOLD, _GREEN, _WHITE, _OFF = "\x1b[1m", "\x1b[32m", "\x1b[37m", "\x1b[0m"


class Progbar:
    """Draws how far a loop has come.

    Args:
        target: Number of steps; `None` when unknown.
        width: Length of the bar in characters.
        verbose: 0 for silence, 1 for a bar, 2 for one line at the end.
        interval: Shortest time between two drawings, in seconds.
        stateful_metrics: Names of values shown as they are; the others are averaged over the steps.
        stateless_metrics: Names of values that are averaged; the others are shown as they are.
        unit_name: What a step is called.

    Raises:
        ValueError: Both lists of names were given.
    """

    def __init__(
        self,
        target: int | None,
        width: int = 20,
        verbose: int = 1,
        interval: float = 0.05,
        stateful_metrics: Iterable[str] | None = None,
        stateless_metrics: Iterable[str] | None = None,
        unit_name: str = "step",
    ) -> None:
        if stateful_metrics is not None and stateless_metrics is not None:
            raise ValueError("Give `stateful_metrics` or `stateless_metrics`, not both.")
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self._averaged = None if stateless_metrics is None else set(stateless_metrics)
        self._as_is = set(stateful_metrics or ())
        out = sys.stdout
        self._dynamic = (
            (hasattr(out, "isatty") and out.isatty())
            or "ipykernel" in sys.modules
            or "posix" in sys.modules
            or "PYCHARM_HOSTED" in os.environ
        )
        self._seen = 0
        self._sums: dict[str, tuple[float, int]] = {}
        self._start = time.time()
        self._last_update = 0.0
        self._after_first: float | None = None
        self._previous_width = 0

    def update(self, current: int, values: Any = None, finalize: bool | None = None) -> None:
        """Shows the state after `current` steps.

        Args:
            current: Steps done.
            values: Pairs of a name and its latest value.
            finalize: Whether this is the last drawing; by default when the target is reached.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        for name, value in values or ():
            self._add_value(name, value, current, finalize)
        self._seen = current
        now = time.time()
        per_step = self._step_duration(current, now)
        if self.verbose == 1:
            if now - self._last_update < self.interval and not finalize:
                return
            print_msg(self._bar_text(current, now, per_step, finalize), line_break=False)
        elif self.verbose == 2 and finalize and self.target:
            digits = len(str(self.target))
            text = f"{current:{digits}d}/{self.target} - {now - self._start:.0f}s -"
            text += format_duration(per_step, self.unit_name) + self._values_text()
            print_msg(text)
        self._last_update = now

    def add(self, n: int, values: Any = None) -> None:
        """Shows the state after `n` more steps."""
        self.update(self._seen + n, values)

    def _add_value(self, name: str, value: Any, current: int, finalize: bool) -> None:
        averaged = name not in self._as_is if self._averaged is None else name in self._averaged
        if not averaged or finalize:
            self._sums[name] = (value, 1)
            return
        steps = max(current - self._seen, 1)
        total, count = self._sums.get(name, (0.0, 0))
        self._sums[name] = (total + value * steps, count + steps)

    def _step_duration(self, current: int, now: float) -> float:
        """Seconds per step; the first step, which compiles, does not count once there are more."""
        if not current:
            return 0.0
        if self._after_first is not None and current > 1:
            return (now - self._after_first) / (current - 1)
        if current == 1:
            self._after_first = now
        return (now - self._start) / current

    def _bar_text(self, current: int, now: float, per_step: float, finalize: bool) -> str:
        message = "\b" * self._previous_width + "\r" if self._dynamic else "\n"
        invisible = 0
        known = self.target is not None and self.target > 0
        if known:
            digits = int(math.log10(self.target)) + 1
            filled = min(int(self.width * current / self.target), self.width)
            bar = f"{_BOLD}{current:{digits}d}/{self.target}{_OFF} "
            invisible += 8
            if filled > 0:
                bar += f"{_GREEN}{'━' * filled}{_OFF}"
                invisible += 9
            bar += f"{_WHITE}{'━' * (self.width - filled)}{_OFF}"
            invisible += 9
        else:
            bar = f"{current:7d}/Unknown"
        if known and not finalize:
            clock = _remaining(per_step * (self.target - current))
        else:
            clock = f"{now - self._start:.0f}s"
        info = f" {_BOLD}{clock}{_OFF}"
        invisible += 8
        info += format_duration(per_step, self.unit_name) + self._values_text()
        width = len(bar) + len(info) - invisible
        message += bar + info + " " * max(self._previous_width - width, 0)
        self._previous_width = width
        return message + "\n" if finalize else message

    def _values_text(self) -> str:
        text = ""
        for name, (total, count) in self._sums.items():
            text += f" - {name}: {format_value(total, count)}"
        return text


def _remaining(seconds: float) -> str:
    if seconds > 3600:
        return f"{int(seconds // 3600)}:{int(seconds % 3600 // 60):02d}:{int(seconds % 60):02d}"
    if seconds > 60:
        return f"{int(seconds // 60)}:{int(seconds % 60):02d}"
    return f"{int(seconds)}s"


def format_value(total: Any, count: int = 1) -> str:
    """A metric with four decimals, or in scientific notation when it is small."""
    if not isinstance(total, float):
        total = float(np.mean(total))
    mean = total / max(1, count)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"


def format_duration(seconds: float, unit: str) -> str:
    """Time per step, with a leading blank: ` 5ms/step`."""
    if seconds >= 1 or seconds == 0:
        return f" {seconds:.0f}s/{unit}"
    if seconds >= 1e-3:
        return f" {seconds * 1e3:.0f}ms/{unit}"
    return f" {seconds * 1e6:.0f}us/{unit}"
