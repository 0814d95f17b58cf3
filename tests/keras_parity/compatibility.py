"""Compares Nacre's public names with Keras's, and writes docs/compatibility.md.

    python -m tests.keras_parity.compatibility           rewrites the page
    python -m tests.keras_parity.compatibility --record  records Keras's names anew (needs Keras)

Keras's names, parameters and defaults are kept in `keras_api.json` beside this file, so the page
can be written, and checked, where Keras is not installed.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

API = Path(__file__).with_name("keras_api.json")
COMMAND = "python -m tests.keras_parity.compatibility"
EMPTY = inspect.Parameter.empty


@dataclass(frozen=True)
class Parameter:
    """A parameter: its name, its default, and whether it can be given by place."""

    name: str
    default: Any = EMPTY
    by_place: bool = True


@dataclass
class Signature:
    """The parameters that a callable names, and whether it takes others: by place, or at all."""

    parameters: list[Parameter]
    takes_any: bool = False
    hands_on_all: bool = False

    def by_name(self) -> dict[str, Parameter]:
        return {parameter.name: parameter for parameter in self.parameters}


def parse_signature(text: str) -> Signature:
    """Read a signature as the data file keeps it: `units, activation=None, **kwargs`."""
    arguments = ast.parse(f"def f({text}): pass").body[0].args  # type: ignore[attr-defined]
    places = [*arguments.posonlyargs, *arguments.args]
    required = [EMPTY] * (len(places) - len(arguments.defaults))
    found = [
        Parameter(argument.arg, _literal(default))
        for argument, default in zip(places, required + arguments.defaults, strict=True)
    ]
    found += [
        Parameter(argument.arg, EMPTY if default is None else _literal(default), by_place=False)
        for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    ]
    return Signature(found, takes_any=arguments.vararg is not None)


def _literal(node: Any) -> Any:
    if node is EMPTY:
        return node
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)


def own_signature(thing: Any, method: bool = False) -> Signature:
    """The parameters of a function or a class of ours, with those that it hands to its bases.

    Args:
        thing: A function or a class.
        method: Whether its first parameter is `self`.
    """
    if not inspect.isclass(thing):
        return _read(thing, skip=method)[0]
    merged = Signature([])
    for cls in thing.__mro__:
        init = cls.__dict__.get("__init__")
        if not inspect.isfunction(init):  # none of its own, or that of an extension type
            continue
        signature, hands_on = _read(init, skip=True)
        known = merged.by_name()
        merged.takes_any |= signature.takes_any
        for parameter in signature.parameters:
            # What a base requires, the class itself passes.
            if parameter.name not in known and not (known and parameter.default is EMPTY):
                merged.parameters.append(parameter)
        if not hands_on:
            break
    return merged


def _read(function: Any, skip: bool) -> tuple[Signature, bool]:
    """The signature, and whether keyword arguments that it does not name are handed on."""
    parameters = list(inspect.signature(function).parameters.values())[int(skip) :]
    kinds = [parameter.kind for parameter in parameters]
    named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    found = [Parameter(p.name, p.default, p.kind is not p.KEYWORD_ONLY) for p in named]
    takes_any = inspect.Parameter.VAR_POSITIONAL in kinds
    hands_on = inspect.Parameter.VAR_KEYWORD in kinds
    return Signature(found, takes_any, takes_any and hands_on), hands_on


def differences(theirs: Signature, ours: Signature) -> list[str]:
    """Say what would go wrong with ours in a call that is right for Keras's.

    Further parameters of ours do no harm unless they are required.
    """
    if ours.hands_on_all and not ours.parameters:
        return []
    own = ours.by_name()
    found = []
    for parameter in theirs.parameters:
        other = own.get(parameter.name)
        if other is None:
            if not (ours.takes_any and parameter.default is EMPTY):
                found.append(f"no `{parameter.name}`")
        elif parameter.default is EMPTY:
            continue
        elif other.default is EMPTY:
            found.append(f"`{parameter.name}` is required")
        elif not _same(parameter.default, other.default):
            found.append(f"`{parameter.name}={other.default!r}`, not `{parameter.default!r}`")
    named = theirs.by_name()
    for parameter in ours.parameters:
        if parameter.default is EMPTY and parameter.name not in named and not theirs.takes_any:
            found.append(f"`{parameter.name}` is required")
    if not found and not ours.takes_any and not theirs.takes_any:
        places = [p.name for p in theirs.parameters if p.by_place]
        if places != [p.name for p in ours.parameters if p.by_place][: len(places)]:
            found.append("another order of parameters")
    return found


def _same(theirs: Any, ours: Any) -> bool:
    if isinstance(theirs, tuple) and isinstance(ours, int):
        return set(theirs) == {ours}  # one size for every axis
    if isinstance(theirs, str) and not isinstance(ours, str):
        return theirs == repr(ours)  # no literal: an object of Keras's, by its text
    if isinstance(theirs, tuple) and isinstance(ours, int):
        # One number for all axes, or for both sides of each.
        return all(_same(item, ours) for item in theirs)
    return theirs == ours and isinstance(theirs, bool) == isinstance(ours, bool)


@dataclass
class Report:
    """What is there of the names of one namespace."""

    namespace: str
    same: list[str] = field(default_factory=list)
    different: dict[str, list[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return len(self.same) + len(self.different) + len(self.missing)


def find(path: str) -> Any:
    """What answers to a dotted name of Keras's; `None` where nothing does."""
    parts = path.split(".")[1:]
    thing: Any = importlib.import_module("nacre")
    for count, part in enumerate(parts, 1):
        try:
            thing = getattr(thing, part)
        except AttributeError:
            try:
                thing = importlib.import_module(".".join(["nacre", *parts[:count]]))
            except ImportError:
                return None
    return thing


def compare(namespace: str, names: dict[str, str | None]) -> Report:
    """Compare the names of a module or of a class.

    Args:
        namespace: Its dotted name in Keras.
        names: Its names and their signatures; `None` for what is not called.
    """
    report = Report(namespace)
    home = find(namespace)
    notes = {
        name for base in getattr(home, "__mro__", ()) for name in inspect.get_annotations(base)
    }
    for name, text in names.items():
        if not hasattr(home, name):
            # What every instance sets is annotated in its class.
            (report.same if name in notes else report.missing).append(name)
            continue
        thing = getattr(home, name)
        # Methods of extension types, which have no signature to read, take no arguments.
        if not text or not callable(thing) or inspect.isbuiltin(thing):
            report.same.append(name)
            continue
        method = inspect.isclass(home) and inspect.isfunction(inspect.getattr_static(home, name))
        ours = own_signature(thing, method)
        found = differences(parse_signature(text), ours)
        if found:
            report.different[name] = found
        else:
            report.same.append(name)
    return report


def compare_calls(calls: dict[str, str]) -> Report:
    """Compare the parameters of the `call` methods of the layers that are there."""
    report = Report("call methods of layers")
    for name, text in calls.items():
        layer = find(f"keras.layers.{name}")
        if layer is None:
            continue
        found = differences(parse_signature(text), own_signature(layer.call, method=True))
        if found:
            report.different[name] = found
        else:
            report.same.append(name)
    return report


def all_reports() -> list[Report]:
    """Compare everything that is recorded: modules, then classes, then the calls of layers."""
    api = json.loads(API.read_text())
    found = [compare(space, names) for space, names in api["modules"].items()]
    found += [compare(space, names) for space, names in api["classes"].items()]
    return [*found, compare_calls(api["calls"])]


def main(arguments: list[str]) -> None:
    """Rewrite the page, or with `--record` the data file and the page."""
    from tests.keras_parity import compatibility_page

    if arguments == ["--record"]:
        from tests.keras_parity.compatibility_record import record

        API.write_text(record())
    elif arguments:
        raise SystemExit(f"usage: {COMMAND} [--record]")
    compatibility_page.PAGE.write_text(compatibility_page.page(all_reports()))


if __name__ == "__main__":
    main(sys.argv[1:])
