"""Fixtures of the metric tests."""

import pytest

from nacre import _core


@pytest.fixture(params=["cpu", "reference"])
def each_backend(request):
    """Run the test on both backends."""
    before = _core.get_backend()
    _core.set_backend(request.param)
    yield request.param
    _core.set_backend(before)
