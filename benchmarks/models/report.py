"""Tables of what was measured."""

from __future__ import annotations

from statistics import median

from benchmarks.models.libraries import LIBRARIES
from benchmarks.models.runner import Result
from benchmarks.models.tasks import Task


def _time(seconds: float) -> str:
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} us"
    if seconds < 1:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds:.2f} s"


def _size(size: int) -> str:
    return f"{size / 2**20:.0f} MiB"


def _row(result: Result, base: Result) -> list[str]:
    step, base_step = min(result.step_s), min(base.step_s)
    return [
        LIBRARIES[result.library][2],
        _time(step),
        _time(median(result.step_s)),
        f"{step / base_step:.1f}x",
        _time(min(result.predict_row_s)),
        f"{min(result.predict_row_s) / min(base.predict_row_s):.1f}x",
        _time(result.first_step_s),
        _time(result.next_first_step_s),
        _time(result.import_s),
        _size(result.peak_memory),
        _size(result.peak_memory - result.data_memory),
        f"{result.accuracy:.4f}",
    ]


_HEADINGS = [
    "library",
    "step, best",
    "median",
    "ratio",
    "predict 1 row",
    "ratio",
    "first step",
    "next model's",
    "import",
    "peak memory",
    "less data",
    "test accuracy",
]


def _beside_the_best_peer(results: list[Result]) -> str:
    """How Nacre's step compares with the fastest other library's, and its memory too."""
    ours = next((result for result in results if result.library == "nacre"), None)
    peers = [result for result in results if result.library != "nacre"]
    if ours is None or not peers:
        return ""
    fastest = min(peers, key=lambda result: min(result.step_s))
    smallest = min(peers, key=lambda result: result.peak_memory)
    # Turn by turn, so that what else the machine does counts for both.
    turns = zip(fastest.step_s, ours.step_s, strict=True)
    return (
        f"\n  best peer: {LIBRARIES[fastest.library][2]}, "
        f"{min(fastest.step_s) / min(ours.step_s):.2f}x Nacre's best step, "
        f"{median(theirs / step for theirs, step in turns):.2f}x turn by turn; least memory: "
        f"{LIBRARIES[smallest.library][2]}, {smallest.peak_memory / ours.peak_memory:.2f}x"
    )


def table(task: Task, results: list[Result], note: str = "") -> str:
    """Lay out the results of one task, fastest step first.

    Args:
        task: The task.
        results: Its results, at least one.
        note: What to say about its data.

    Returns:
        The table. Ratios are against Nacre, or against the fastest where Nacre is not there.
    """
    results = sorted(results, key=lambda result: min(result.step_s))
    base = next((result for result in results if result.library == "nacre"), results[0])
    rows = [_HEADINGS, *(_row(result, base) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = [task.title + note]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        lines.append("  " + "  ".join(cells))
    name = LIBRARIES[base.library][2]
    lines.append(f"  ratios: times over {name}'s; {results[0].epochs_trained} epochs in all")
    return "\n".join(lines) + _beside_the_best_peer(results)
