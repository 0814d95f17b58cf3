"""Files go both ways: Keras opens what Nacre writes, and Nacre what Keras writes.

The number of a test is the seed of its model.
"""

import copy
import json
import zipfile

import numpy as np
import pytest

import nacre
from tests.keras_parity.compare import Pair, assert_close, make_pair
from tests.keras_parity.drawn import build, data, draw_spec

pytestmark = [
    pytest.mark.filterwarnings("ignore:Your input ran out of data"),
    pytest.mark.filterwarnings("ignore:.*trained on.*loss"),
]

FEW = range(6)
MANY = range(5000, 5100)


def _slots(model):
    return [np.asarray(v.numpy() if hasattr(v, "numpy") else v) for v in model.optimizer.variables]


def _step(spec, keras, model, again, x, y, weight):
    """One more step from the state in the file: both models must do the same."""
    theirs, ours = (model, again) if type(model).__module__.startswith("keras") else (again, model)
    assert_close(_slots(again), _slots(model), 1e-6, "optimizer", scale=1.0)
    if spec.random:
        return  # dropout draws other numbers in each library
    for one in (model, again):
        # Each its own copy: Keras on PyTorch scales the caller's array of weights in place.
        own = copy.deepcopy(weight)
        one.fit(x, y, sample_weight=own, batch_size=16, epochs=1, shuffle=False, verbose=0)
    Pair(ours, theirs).compare_weights()


def _check(keras, seed, writer, tmp_path):
    spec = draw_spec(seed)
    x, y, weight, _ = data(spec, seed)
    reader = nacre if writer is keras else keras
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    model = pair.theirs if writer is keras else pair.ours
    own = copy.deepcopy(weight)
    model.fit(x, y, sample_weight=own, batch_size=16, epochs=1, shuffle=False, verbose=0)
    expected = model.predict(x, verbose=0)

    path = tmp_path / "model.keras"
    try:
        model.save(path)
    except RuntimeError as error:
        if writer is keras and "Array has been deleted" in str(error):
            pytest.skip("Keras on JAX gave away the memory of one of this model's variables")
        raise
    again = reader.models.load_model(path)
    assert_close(again.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)

    weights = tmp_path / "model.weights.h5"
    model.save_weights(weights)
    other = reader.models.clone_model(again)
    other.load_weights(weights)
    assert_close(other.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)

    legacy = tmp_path / "model.h5"
    if writer is nacre or _writes_legacy(keras, model, legacy):
        model.save(legacy)
        old = reader.models.load_model(legacy, compile=False)
        assert_close(old.predict(x, verbose=0), expected, 1e-5, "predict", scale=1e-3)
    if writer is keras:
        # Its file lacks the `delta` of a Huber loss, for one: both go on from what is in the file.
        model = keras.models.load_model(path)
    _step(spec, keras, model, again, x, y, weight)


def _writes_legacy(keras, model, path):
    """Whether Keras can read the `.h5` that it writes of this model; of some it can write none."""
    try:
        model.save(path)
        keras.models.load_model(path, compile=False)
    except ValueError as error:
        # Masks computed inside a functional model, and variables of one name in one layer.
        known = ("Unknown layer: 'NotEqual'", "name already exists")
        if not any(text in str(error) for text in known):
            raise
        return False
    finally:
        path.unlink(missing_ok=True)
    return True


@pytest.mark.parametrize("seed", FEW)
def test_keras_opens_ours(keras, seed, tmp_path):
    _check(keras, seed, nacre, tmp_path)


@pytest.mark.parametrize("seed", FEW)
def test_we_open_what_keras_wrote(keras, seed, tmp_path):
    _check(keras, seed, keras, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_keras_opens_many_of_ours(keras, seed, tmp_path):
    _check(keras, seed, nacre, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("seed", MANY)
def test_we_open_many_that_keras_wrote(keras, seed, tmp_path):
    _check(keras, seed, keras, tmp_path)


def _layout(path):
    """Names, shapes, dtypes and attributes in an HDF5 file, without values of attributes."""
    import h5py

    found = {}

    def visit(name, item):
        attributes = {key for key in item.attrs if not key.startswith("nacre_")}
        found[name] = (attributes, getattr(item, "shape", None), str(getattr(item, "dtype", "")))

    with h5py.File(path) as file:
        file.visititems(visit)
        found["/"] = set(file.attrs)
    return found


@pytest.mark.parametrize("seed", FEW)
def test_layouts_are_the_same(keras, seed, tmp_path):
    spec = draw_spec(seed)
    x, y, weight, _ = data(spec, seed)
    pair = make_pair(keras, lambda lib: build(lib, spec), seed)
    for name, model in (("ours", pair.ours), ("theirs", pair.theirs)):
        model.fit(x, y, sample_weight=weight, batch_size=16, epochs=1, verbose=0)
        model.save_weights(tmp_path / f"{name}.weights.h5")
        model.save(tmp_path / f"{name}.keras")
        model.save(tmp_path / f"{name}.h5")
    for end in (".weights.h5", ".h5"):
        ours, theirs = (_layout(tmp_path / f"{name}{end}") for name in ("ours", "theirs"))
        for layout in (ours, theirs):  # a slot of Nadam has no name in Keras
            for name in ("optimizer_weights/nadam/u_product", "optimizer_weights/variable"):
                layout.pop(name, None)
        assert ours == theirs
    archives = [zipfile.ZipFile(tmp_path / f"{name}.keras") for name in ("ours", "theirs")]
    ours, theirs = (
        [(info.filename, info.compress_type) for info in archive.infolist()] for archive in archives
    )
    assert ours == theirs
    ours, theirs = (json.loads(archive.read("config.json")) for archive in archives)
    _same_keys(ours, theirs, "")
    for archive in archives:
        archive.close()


# Keys of Keras's configurations that say nothing here.
_ABSENT = {"quantization_config", "shared_object_id", "build_config", "training", "mask"}


def _same_keys(ours, theirs, path):
    """What we write has the keys that Keras writes."""
    if isinstance(theirs, dict):
        assert isinstance(ours, dict), path
        if path.endswith("/dtype"):
            return  # a name or a policy
        missing = set(theirs) - set(ours) - _ABSENT
        assert not missing, f"{path}: {missing}"
        for key in set(theirs) - _ABSENT:
            _same_keys(ours[key], theirs[key], f"{path}/{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        assert len(ours) == len(theirs), path
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            _same_keys(*pair, f"{path}/{index}")


def _model_called_twice(lib):
    inputs = lib.Input((4,))
    inner = lib.Model(inputs, lib.layers.Dense(4, activation="tanh")(inputs), name="inner")
    outer = lib.Input((4,))
    return lib.Model(outer, inner(inner(outer)))


def _nested(lib):
    inner = lib.Sequential([lib.Input((4,)), lib.layers.Dense(4), lib.layers.BatchNormalization()])
    middle = lib.Sequential(
        [lib.Input((4,)), inner, lib.layers.Dense(4, name="zed")], name="middle"
    )
    return lib.Sequential([lib.Input((4,)), middle, lib.layers.Dropout(0.3), lib.layers.Dense(1)])


def _operations(lib):
    inputs = lib.Input((4,))
    x = lib.layers.Dense(6)(inputs) * 2.0 - 1.0
    x = lib.ops.reshape(x, (-1, 2, 3))[:, 1:]
    x = lib.ops.concatenate([x, lib.ops.relu(x)], axis=-1)
    return lib.Model(inputs, lib.layers.Flatten()(x))


def _frozen(lib):
    model = _nested(lib)
    model.layers[0].trainable = False
    return model


def _twice(lib):
    inputs = [lib.Input((4,), name="a"), lib.Input((4,), name="b")]
    layer = lib.layers.Dense(3)
    outputs = {"sum": lib.layers.Add()([layer(x) for x in inputs]), "a": layer(inputs[0])}
    return lib.Model({"a": inputs[0], "b": inputs[1]}, outputs)


@pytest.mark.parametrize("make", [_model_called_twice, _nested, _operations, _frozen, _twice])
@pytest.mark.parametrize("end", [".keras", ".weights.h5", ".h5"])
def test_chosen_models(keras, make, end, tmp_path):
    if end == ".h5" and make is _operations:
        pytest.skip("Keras 3 does not find operations in files of Keras 2")
    pair = make_pair(keras, make)
    x = np.random.default_rng(0).random((5, 4), dtype=np.float32)
    inputs = {"a": x, "b": x + 1} if make is _twice else x
    both = ((pair.ours, keras), (pair.theirs, nacre))
    for model, other in both:
        expected = model.predict(inputs, verbose=0)
        path = tmp_path / f"m{end}"
        if end == ".weights.h5":
            model.save_weights(path)
            again = make(other)
            again.load_weights(path)
        else:
            model.save(path)
            again = other.models.load_model(path)
        outputs = again.predict(inputs, verbose=0)
        if make is _twice:
            outputs = {key: outputs[key] for key in expected}  # in whatever order
        assert_close(outputs, expected, 1e-5, "predict", scale=1e-3)
        assert [w.trainable for w in again.weights] == [w.trainable for w in model.weights]


def _own_classes(lib, registered):
    """A model, a layer, a loss, a metric and functions of the user's."""

    @registered(package="own")
    def cubed(x):
        return x * x * x

    @registered(package="own")
    class Scaled(lib.layers.Layer):
        def __init__(self, factor, activation=None, **kwargs):
            super().__init__(**kwargs)
            self.factor = factor
            self.activation = lib.activations.get(activation)
            self.inner = lib.layers.Dense(3, activation=cubed)

        def build(self, input_shape):
            self.inner.build(input_shape)
            self.offset = self.add_weight(shape=(3,), initializer="ones", name="offset")
            self.count = self.add_weight(shape=(), trainable=False, name="count")

        def call(self, x):
            return self.activation(self.inner(x) * self.factor + self.offset)

        def get_config(self):
            activation = lib.activations.serialize(self.activation)
            return {**super().get_config(), "factor": self.factor, "activation": activation}

    @registered(package="own")
    class Net(lib.Model):
        def __init__(self, units, **kwargs):
            super().__init__(**kwargs)
            self.units = units
            self.zeroth = lib.layers.Dense(units)
            self.blocks = [lib.layers.Dense(units), Scaled(2.0, "tanh")]
            self.table = {"b": lib.layers.Dense(2, name="of_b"), "a": lib.layers.Dense(2)}
            self._last = lib.layers.Dense(2)
            self.pair = (lib.layers.BatchNormalization(), [lib.layers.Dropout(0.5)])

        def call(self, x, training=False):
            x = self.zeroth(x)
            for block in self.blocks:
                x = block(x)
            x = self.pair[1][0](self.pair[0](x, training=training), training=training)
            return self._last(self.table["a"](x) + self.table["b"](x))

        def get_config(self):
            return {**super().get_config(), "units": self.units}

    @registered(package="own")
    def own_loss(y, p):
        return lib.ops.mean(lib.ops.square(y - p), axis=-1)

    model = Net(4)
    model.compile(
        lib.optimizers.SGD(lib.optimizers.schedules.ExponentialDecay(0.1, 3, 0.5), momentum=0.9),
        loss=own_loss,
        metrics=[lib.metrics.MeanAbsoluteError(name="far"), own_loss],
    )
    return model


@pytest.mark.parametrize("writer", ["ours", "theirs"])
def test_own_classes(keras, writer, tmp_path):
    pair = {
        "ours": _own_classes(nacre, nacre.saving.register_keras_serializable),
        "theirs": _own_classes(keras, keras.saving.register_keras_serializable),
    }
    rng = np.random.default_rng(0)
    x, y = rng.random((32, 4), dtype=np.float32), rng.random((32, 2), dtype=np.float32)
    model = pair.pop(writer)
    reader = keras if writer == "ours" else nacre
    model.fit(x, y, epochs=2, verbose=0)
    model.save(tmp_path / "m.keras")
    again = reader.models.load_model(tmp_path / "m.keras")
    assert type(again).__name__ == "Net"
    assert_close(again.predict(x, verbose=0), model.predict(x, verbose=0), 1e-5, "predict")
    assert_close(_slots(again), _slots(model), 1e-6, "optimizer", scale=1.0)
    ours, theirs = (m.evaluate(x, y, verbose=0, return_dict=True) for m in (model, again))
    assert_close(ours, theirs, 1e-5, "evaluate", scale=1.0)
    assert list(ours) == ["far", "loss", "own_loss"]
    model.save_weights(tmp_path / "m.weights.h5")
    (other,) = pair.values()
    other(x[:1])
    with pytest.warns(UserWarning, match="not loaded|Skipping"):  # it has no slots before training
        other.load_weights(tmp_path / "m.weights.h5")
    assert_close(other.predict(x, verbose=0), model.predict(x, verbose=0), 1e-5, "predict")
