"""The engines that every op is tested on: the reference backend, and the CPU backend per ISA."""

import contextlib

from nacre import _core

ENGINES = ["reference", *(f"cpu-{isa}" for isa in _core.available_isas())]


@contextlib.contextmanager
def engine(name):
    """Runs what is inside on one engine."""
    backend, isa = _core.get_backend(), _core.isa()
    chosen, _, chosen_isa = name.partition("-")
    _core.set_backend(chosen)
    if chosen_isa:
        _core.set_isa(chosen_isa)
    try:
        yield
    finally:
        _core.set_backend(backend)
        _core.set_isa(isa)
