import pytest

from tests.keras_parity.compare import make_pair
from tests.keras_parity.drawing import BATCH, build, data, draw_spec

FEW = range(24)
MANY = range(100, 400)


def _check(keras, seed):
    spec = draw_spec(seed)
    x, y, options = data(spec, seed)
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    pair.compare_outputs(x)
    weights = {"sample_weight": options["sample_weight"]} if "sample_weight" in options else {}
    pair.compare_evaluate(x, y, batch_size=BATCH, **weights)
    # Dropout draws other numbers in each library; such models are compared untrained.
    if not spec.random:
        pair.compare_fit(x, y, **options)


@pytest.mark.parametrize("seed", FEW)
def test_drawn_model(keras, seed):
    _check(keras, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_many_drawn_models(keras, seed):
    _check(keras, seed)
