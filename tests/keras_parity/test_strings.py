"""What a string means as a loss, a metric, an optimizer, ...: the same as in Keras."""

import importlib

import pytest

import nacre

KINDS = [
    "activations",
    "constraints",
    "initializers",
    "losses",
    "metrics",
    "optimizers",
    "regularizers",
]
# The abstract classes, by which nothing can be made.
ABSTRACT = {"constraint", "initializer", "loss", "metric", "regularizer", "optimizer"}


def _known(kind):
    module = importlib.import_module(f"keras.src.{kind}")
    tables = [getattr(module, name) for name in dir(module) if name.startswith("ALL_OBJECTS_DICT")]
    return sorted({name for table in tables for name in table})


@pytest.mark.parametrize("kind", KINDS)
def test_strings(keras, kind):
    theirs, ours = getattr(keras, kind), getattr(nacre, kind)
    checked = 0
    for name in _known(kind):
        if name.lower() in ABSTRACT:
            continue
        try:
            expected = theirs.get(name)
        except (KeyError, TypeError, ValueError):  # needs arguments
            continue
        assert type(ours.get(name)).__name__ == type(expected).__name__, name
        if hasattr(expected, "name"):
            assert ours.get(name).name.rstrip("_0123456789") == expected.name.rstrip(
                "_0123456789"
            ), name
        checked += 1
    assert checked > 5
