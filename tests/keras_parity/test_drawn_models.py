"""Models, losses, metrics and optimizers drawn at random; the number of a test is its seed.

`KERAS_BACKEND=torch` runs the same with Keras on PyTorch, where it is installed. That takes a tenth
of the time, since nothing is compiled.
"""

import pytest

from tests.keras_parity.compare import make_pair
from tests.keras_parity.drawn import build, data, draw_spec

# Both libraries warn of epochs that end early.
pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")

FEW = range(50)
MANY = range(1000, 1500)


def _check(keras, seed):
    spec = draw_spec(seed)
    x, y, weight, options = data(spec, seed)
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    size = options["batch_size"]
    pair.compare_outputs(x, batch_size=size)
    pair.compare_evaluate(x, y, batch_size=size, sample_weight=weight)
    # Dropout draws other numbers in each library; such models are compared untrained.
    if spec.random:
        return
    metrics = any(head.metrics or head.weighted_metrics for head in spec.heads)
    if spec.masked and metrics and keras.backend.backend() == "jax":
        return  # Keras on JAX loses the mask between loss and metrics in training
    pair.compare_fit(x, y, sample_weight=weight, **options)


@pytest.mark.parametrize("seed", FEW)
def test_drawn_model(keras, seed):
    _check(keras, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_many_drawn_models(keras, seed):
    _check(keras, seed)
