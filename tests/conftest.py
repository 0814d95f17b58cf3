"""What every test shares."""

import os
import signal

import numpy as np
import pytest

os.environ.setdefault("MPLBACKEND", "Agg")
# A shell's background jobs ignore Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

try:
    from hypothesis import settings
except ImportError:
    pass
else:
    # Two busy cores make deadlines flicker, and a failure in CI has to come back when repeated.
    settings.register_profile("nacre", deadline=None)
    settings.register_profile("ci", deadline=None, derandomize=True)
    settings.load_profile("ci" if os.environ.get("CI") else "nacre")


def pytest_report_header() -> str:
    import nacre

    return f"nacre {nacre.__version__} from {os.path.dirname(nacre.__file__)}"


@pytest.fixture(autouse=True)
def _seeded():
    """Shuffles and Keras-style initializers draw from NumPy's global generator: fix it."""
    np.random.seed(1234)
