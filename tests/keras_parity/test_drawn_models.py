"""Models, losses, metrics and optimizers drawn at random; the number of a test is its seed.

`KERAS_BACKEND=torch` runs the same with Keras on PyTorch, where it is installed. That takes a tenth
of the time, since nothing is compiled.
"""

import pytest

from tests.keras_parity.compare import make_pair
from tests.keras_parity.drawing_training import name_of
from tests.keras_parity.drawn import build, data, draw_spec

# Both libraries warn of epochs that end early.
pytestmark = pytest.mark.filterwarnings("ignore:Your input ran out of data")

FEW = range(50)
MANY = range(1000, 1500)


COUNTS = {"TruePositives", "TrueNegatives", "FalsePositives", "FalseNegatives"}


def _check(keras, seed):
    spec = draw_spec(seed)
    x, y, weight, options = data(spec, seed)
    backend = keras.backend.backend()
    if backend == "torch" and _spoilt_on_torch(spec):
        pytest.skip("Keras on PyTorch multiplies the weights of samples by the mask in place")
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    size = options["batch_size"]
    pair.compare_outputs(x, batch_size=size)
    pair.compare_evaluate(x, y, batch_size=size, sample_weight=weight)
    # Dropout draws other numbers in each library; such models are compared untrained.
    if spec.random:
        return
    if backend == "jax" and spec.masked and _metrics(spec):
        return  # Keras on JAX loses the mask between loss and metrics in training
    if backend == "torch" and COUNTS & _metrics(spec) and "val" in " ".join(options):
        return  # on PyTorch the counts of training become those of the validation after it
    pair.compare_fit(x, y, sample_weight=weight, **options)


def _metrics(spec):
    entries = [m for head in spec.heads for m in (*head.metrics, *head.weighted_metrics)]
    return {name_of(entry) for entry in entries}


def _spoilt_on_torch(spec):
    masked = spec.masked or any("ignore_class" in str(head.loss) for head in spec.heads)
    weighted = any(head.weighted_metrics for head in spec.heads)
    return masked and weighted and "_weight" in " ".join(spec.fit)


@pytest.mark.parametrize("seed", FEW)
def test_drawn_model(keras, seed):
    _check(keras, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_many_drawn_models(keras, seed):
    _check(keras, seed)
