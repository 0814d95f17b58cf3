"""The page on compatibility says what is there now. Runs without Keras."""

import json

import pytest

from tests.keras_parity import compatibility, compatibility_page
from tests.keras_parity.compatibility import Signature, differences, own_signature, parse_signature


@pytest.fixture(scope="module")
def reports():
    return compatibility.all_reports()


def test_page_is_up_to_date(reports):
    written = compatibility_page.PAGE.read_text()
    assert written == compatibility_page.page(reports), (
        f"docs/compatibility.md is out of date; `{compatibility.COMMAND}` rewrites it."
    )


def test_gaps_have_reasons(reports):
    """What is said to be complete is complete, but for gaps with a reason."""
    assert compatibility_page.unexplained(reports) == []
    assert compatibility_page.outdated_reasons(reports) == []


def test_recorded_names_are_those_of_keras(keras):
    from tests.keras_parity.compatibility_record import record

    recorded = compatibility.API.read_text()
    if json.loads(recorded)["keras"] != keras.__version__:
        pytest.skip(f"another Keras is installed: {keras.__version__}")
    assert recorded == record()


@pytest.mark.parametrize(
    ("theirs", "function", "expected"),
    [
        ("a, b=1", lambda a, b=1: 0, []),
        ("a, b=1", lambda a, b=1, c=2: 0, []),
        ("a, b=1", lambda a, b=2: 0, ["`b=2`, not `1`"]),
        ("a, b=True", lambda a, b=1: 0, ["`b=1`, not `True`"]),
        ("a, b=1", lambda a: 0, ["no `b`"]),
        ("a, b=1", lambda a, b: 0, ["`b` is required"]),
        ("a", lambda a, b: 0, ["`b` is required"]),
        ("a, b=1, c=2", lambda a, c=2, b=1: 0, ["another order of parameters"]),
        ("a, b=1", lambda a, *, b=1: 0, ["another order of parameters"]),
        ("a, *, b=1", lambda a, *, b=1: 0, []),
        ("a, b='x', c=(1, 2)", lambda a, b="x", c=(1, 2): 0, []),
    ],
)
def test_differences(theirs, function, expected):
    assert differences(parse_signature(theirs), own_signature(function)) == expected


def test_signature_of_a_class_includes_what_its_base_takes():
    class Base:
        def __init__(self, units, rate=0.5):
            pass

    class Derived(Base):
        def __init__(self, first, **kwargs):
            super().__init__(1, **kwargs)

    found = own_signature(Derived)
    assert isinstance(found, Signature)
    assert [p.name for p in found.parameters] == ["first", "rate"]
