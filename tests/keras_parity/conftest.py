"""Parity with Keras: both libraries do the same from the same weights, and the results must agree.

Tests that use Keras are skipped, with the reason, where it or its JAX backend is not installed.
"""

import importlib.util
import os
import warnings
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "jax")
os.environ.setdefault("JAX_PLATFORMS", "cpu")
# Models here run for a moment; most of the time would go into compiling them well.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")

_MISSING = [name for name in ("keras", "jax") if importlib.util.find_spec(name) is None]


def pytest_collection_modifyitems(items):
    here = Path(__file__).parent
    for item in items:
        if here not in item.path.parents or "keras" not in item.fixturenames:
            continue
        item.add_marker("peers")
        # Warnings are errors for what Nacre does, not for what Keras and JAX do inside.
        item.add_marker(pytest.mark.filterwarnings("ignore:::keras"))
        item.add_marker(pytest.mark.filterwarnings("ignore:::jax"))
        if _MISSING:
            item.add_marker(
                pytest.mark.skip(reason=f"parity needs {', '.join(_MISSING)} installed")
            )


@pytest.fixture(scope="session")
def keras():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import keras

    return keras


@pytest.fixture(autouse=True)
def _fresh_names(request):
    """Automatic names count up for as long as a process lives; both libraries start again."""
    if "keras" not in request.fixturenames:
        return
    # Collecting all that JAX left behind, as is the default, takes seconds each time.
    request.getfixturevalue("keras").utils.clear_session(free_memory=False)
    import nacre

    nacre.utils.clear_session()
