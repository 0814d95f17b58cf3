"""Kernels against NumPy: `python -m pytest benchmarks/kernels --benchmark-enable`.

Both write into memory that was there before. What each computes is compared with float64 before
it is timed. NumPy's threads go on spinning for a while after a product, so that a pause stands
before every measurement. The last table puts the best times side by side.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

_PAUSE = 0.1
_results: dict[str, dict[str, tuple[float, float]]] = {}


@pytest.fixture
def measure(benchmark, library):
    """Time some work and keep it for the table."""

    def run(group: str, work: Callable[[], object], flops: float = 0.0) -> None:
        benchmark.group = group
        time.sleep(_PAUSE)
        benchmark(work)
        if benchmark.enabled:
            best = benchmark.stats.stats.min
            benchmark.extra_info["gflops"] = flops / best / 1e9
            _results.setdefault(group, {})[library] = (best, flops)

    return run


def pytest_generate_tests(metafunc):
    if "library" in metafunc.fixturenames:
        metafunc.parametrize("library", ["numpy", "nacre"])


def pytest_terminal_summary(terminalreporter):
    pairs = {group: row for group, row in _results.items() if len(row) == 2}
    if not pairs:
        return
    terminalreporter.section("best times: NumPy, Nacre, and NumPy's over Nacre's")
    for group, row in pairs.items():
        (theirs, flops), (ours, _) = row["numpy"], row["nacre"]
        line = f"{group:34} {theirs * 1e6:12.1f} us {ours * 1e6:12.1f} us {theirs / ours:7.2f}x"
        if flops:
            line += f"   {flops / theirs / 1e9:7.1f} and {flops / ours / 1e9:7.1f} GFLOP/s"
        terminalreporter.write_line(line)
