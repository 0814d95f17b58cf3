"""Writes docs/compatibility.md from what `compatibility` found."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path

from tests.keras_parity.compatibility import API, COMMAND, Report, find
from tests.keras_parity.compatibility_notes import COMPLETE, DIFFERENT_ON_PURPOSE, FAMILIES, GAPS

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"

# Namespaces with many parts, shown as one.
_FOLDED = ("keras.applications", "keras.datasets", "keras.preprocessing", "keras.legacy")

# What is missing in a base class is not listed again.
_BASES = {"keras.Model": "keras.layers.Layer", "keras.Sequential": "keras.Model"}


def unexplained(reports: list[Report]) -> list[str]:
    """What is missing or different, without a reason, in namespaces that are to be complete."""
    gaps = {f"{r.namespace}.{n}" for r in _complete(reports) for n in [*r.missing, *r.different]}
    return sorted(gaps - set(GAPS))


def outdated_reasons(reports: list[Report]) -> list[str]:
    """Reasons for gaps that are there no longer."""
    gaps = {f"{r.namespace}.{n}" for r in reports for n in [*r.missing, *r.different]}
    return sorted(set(GAPS) - gaps)


def _complete(reports: list[Report]) -> list[Report]:
    return [r for r in reports if r.namespace in COMPLETE]


def page(reports: list[Report]) -> str:
    """The text of the page."""
    sections = [
        _head(reports),
        _families(),
        _on_purpose(),
        _table(_fold(reports)),
        _explained(reports),
        _different(reports),
        _missing(_fold(reports)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def _wrap(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        100,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _head(reports: list[Report]) -> str:
    version = json.loads(API.read_text())["keras"]
    modules = [r for r in reports if find_is_module(r)]
    total = sum(r.total for r in modules)
    same = sum(len(r.same) for r in modules)
    different = sum(len(r.different) for r in modules)
    text = (
        f"Nacre is used as Keras {version} is. Of the {total} public names of Keras's modules, "
        f"Nacre has {same + different}; {same} of them take Keras's parameters with Keras's "
        "defaults. A name that is missing, an argument that is not known and a value that is not "
        "supported raise an error that says so."
    )
    return (
        "# Compatibility with Keras\n\n"
        f"<!-- Written by `{COMMAND}`, which compares the names and writes this page anew. -->\n\n"
        + _wrap(text)
    )


def find_is_module(report: Report) -> bool:
    """Whether a report is about a module, not about a class or about calls."""
    last = report.namespace.rpartition(".")[2]
    return last == last.lower() and " " not in last


def _families() -> str:
    rows = ["## What works", "", "| | Nacre has | Not there |", "| --- | --- | --- |"]
    for family, names in FAMILIES.items():
        there = [n for n in names if find(f"keras.{n}") is not None]
        absent = [n for n in names if n not in there]
        have = "all" if not absent else f"{len(there)} of {len(names)}" if there else "none yet"
        shown = ", ".join(f"`{n.rpartition('.')[2]}`" for n in absent) if there else ""
        rows.append(f"| {family} | {have} | {shown} |")
    return "\n".join(rows)


def _on_purpose() -> str:
    lines = ["## What differs on purpose", ""]
    lines += [_wrap(f"- {text}", "  ") for text in DIFFERENT_ON_PURPOSE]
    return "\n".join(lines)


def _fold(reports: list[Report]) -> list[Report]:
    """Namespaces with many parts as one report each."""
    found: dict[str, Report] = {}
    for report in reports:
        space, inner = report.namespace, ""
        for prefix in _FOLDED:
            if space.startswith(prefix + "."):
                space, inner = prefix, space.removeprefix(prefix + ".") + "."
        into = found.setdefault(space, Report(space))
        into.same += [inner + name for name in report.same]
        into.different.update({inner + name: what for name, what in report.different.items()})
        into.missing += [inner + name for name in report.missing]
    return list(found.values())


def _table(reports: list[Report]) -> str:
    rows = [
        "## Namespace by namespace",
        "",
        "| | Names | Same parameters and defaults | Other parameters | Missing |",
        "| --- | --- | --- | --- | --- |",
    ]
    for r in reports:
        counts = (r.total, len(r.same), len(r.different), len(r.missing))
        rows.append(f"| `{r.namespace}` | " + " | ".join(str(count) for count in counts) + " |")
    return "\n".join(rows)


def _explained(reports: list[Report]) -> str:
    complete = ", ".join(f"`{space.partition('.')[2]}`" for space in COMPLETE)
    lines = ["## Gaps and their reasons", "", _wrap(f"Complete but for these: {complete}."), ""]
    gaps = [f"{r.namespace}.{n}" for r in reports for n in [*sorted(r.different), *r.missing]]
    lines += [_wrap(f"- `{name}`: {GAPS[name]}", "  ") for name in gaps if name in GAPS]
    return "\n".join(lines)


def _different(reports: list[Report]) -> str:
    lines = ["## Other parameters", ""]
    for r in reports:
        for name, found in sorted(r.different.items()):
            lines.append(_wrap(f"- `{r.namespace}.{name}`: {'; '.join(found)}", "  "))
    return "\n".join(lines) if len(lines) > 2 else ""


def _missing(reports: list[Report]) -> str:
    lines = ["## Missing", ""]
    by_namespace = {r.namespace: r.missing for r in reports}
    for r in reports:
        inherited = by_namespace.get(_BASES.get(r.namespace, ""), [])
        names = [name for name in r.missing if name not in inherited]
        if r.namespace == "keras.applications":  # the same names again in each family's module
            names = list(dict.fromkeys(name.rpartition(".")[2] for name in names))
        if names:
            shown = ", ".join(f"`{name}`" for name in names)
            lines.append(_wrap(f"- `{r.namespace}`: {shown}", "  "))
    return "\n".join(lines) if len(lines) > 2 else ""
