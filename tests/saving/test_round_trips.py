"""Models to files and back: the same predictions, and the same bits after a further step."""

import json
import zipfile

import numpy as np
import pytest

import nacre
from nacre import layers, saving
from tests.saving.making import data, members, trained_model

ENDS = [".keras", ".h5"]


@pytest.mark.parametrize("end", [".keras", ".h5", ""])
def test_whole_models(tmp_path, end):
    model = trained_model()
    x, y = data(1)
    path = tmp_path / f"m{end}"
    model.save(path, zipped=None if end else False)
    again = nacre.models.load_model(path)
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert [w.name for w in again.weights] == [w.name for w in model.weights]
    assert again.optimizer.iterations.numpy() == 2
    if end == ".h5":  # which does not hold the states of random generators
        return
    # Dropout is part of it: the generators go on where they were.
    for one in (model, again):
        one.fit(x, y, batch_size=16, shuffle=False, verbose=0)
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)
    assert model.evaluate(x, y, verbose=0) == again.evaluate(x, y, verbose=0)
    assert model.metrics_names == again.metrics_names


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize(
    "optimizer",
    [
        lambda o: o.SGD(0.1, momentum=0.9, nesterov=True),
        lambda o: o.AdamW(0.01, weight_decay=0.1, clipnorm=1.0),
        lambda o: o.Adam(0.01, amsgrad=True, use_ema=True, ema_overwrite_frequency=3),
        lambda o: o.RMSprop(0.01, centered=True, momentum=0.5),
        lambda o: o.Nadam(o.schedules.CosineDecay(0.01, 10)),
        lambda o: o.Adafactor(0.01),
        lambda o: o.Ftrl(0.1),
        lambda o: o.Lamb(0.01),
        lambda o: o.Lion(0.001, gradient_accumulation_steps=2),
        lambda o: o.LossScaleOptimizer(o.Adam(0.01)),
    ],
)
def test_optimizers(tmp_path, end, optimizer):
    model = nacre.Sequential([nacre.Input((8,)), layers.Dense(3, "tanh"), layers.Dense(1)])
    model.compile(optimizer(nacre.optimizers), "mse")
    x, y = data(2)
    model.fit(x, y, batch_size=8, verbose=0)
    model.save(tmp_path / f"m{end}")
    again = nacre.models.load_model(tmp_path / f"m{end}")
    assert type(again.optimizer) is type(model.optimizer)
    for one in (model, again):
        one.train_on_batch(x, y)
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy(), err_msg=a.path)


def test_without_compiling(tmp_path):
    model = trained_model()
    for end in ENDS:
        model.save(tmp_path / f"m{end}")
        assert not nacre.models.load_model(tmp_path / f"m{end}", compile=False).compiled
    model.save(tmp_path / "m.h5", include_optimizer=False)
    assert not nacre.models.load_model(tmp_path / "m.h5").compiled


def test_a_layer_in_two_models_is_one_layer(tmp_path):
    layer = layers.Dense(4, name="shared")
    inputs = [nacre.Input((4,)) for _ in range(3)]
    first = nacre.Model(inputs[0], layer(inputs[0]), name="first")
    second = nacre.Model(inputs[1], layers.Dense(4)(layer(inputs[1])), name="second")
    model = nacre.Model(inputs[2], second(first(inputs[2])))
    model.save(tmp_path / "m.keras")
    again = nacre.models.load_model(tmp_path / "m.keras")
    x = np.ones((2, 4), np.float32)
    np.testing.assert_array_equal(again(x), model(x))
    assert len(again.weights) == 4
    models = [again.get_layer(name) for name in ("first", "second")]
    assert models[0].get_layer("shared") is models[1].get_layer("shared")


@saving.register_keras_serializable("round_trips")
class Net(nacre.Model):
    def __init__(self, units, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.blocks = [layers.Dense(units), layers.Dense(units)]
        self.last = {"a": layers.Dense(1)}

    def call(self, x, other=None):
        for block in self.blocks:
            x = block(x)
        return self.last["a"](x if other is None else x + other)

    def get_config(self):
        return {**super().get_config(), "units": self.units}


@pytest.mark.parametrize("several", [False, True])
def test_models_of_classes_of_ones_own(tmp_path, several):
    model = Net(3)
    x = np.ones((2, 4), np.float32)
    inputs = (x, x[:, :3]) if several else (x,)
    model(*inputs)
    model.save(tmp_path / "m.keras")
    again = nacre.models.load_model(tmp_path / "m.keras")
    assert type(again) is Net
    np.testing.assert_array_equal(again(*inputs), model(*inputs))


def test_a_class_that_is_not_registered(tmp_path):
    class Own(layers.Dense):
        pass

    model = nacre.Sequential([nacre.Input((2,)), Own(1)])
    for end in ENDS:
        path = tmp_path / f"m{end}"
        model.save(path)
        with pytest.raises(ValueError, match="Unknown class 'Own'"):
            nacre.models.load_model(path)
        again = nacre.models.load_model(path, custom_objects={"Own": Own})
        assert type(again.layers[0]) is Own
        with saving.custom_object_scope({"Own": Own}):
            assert type(nacre.models.load_model(path).layers[0]) is Own


@pytest.mark.parametrize("end", ENDS)
def test_lambdas(tmp_path, end):
    times = 3.0
    model = nacre.Sequential([nacre.Input((2,)), layers.Lambda(lambda x: ops_of(x) * times)])
    path = tmp_path / f"m{end}"
    with pytest.warns(UserWarning, match="byte code"):
        model.save(path)
    with pytest.raises(ValueError, match="safe_mode=False"):
        nacre.models.load_model(path)
    with pytest.raises(ValueError, match="'ops_of' is not defined"):
        nacre.models.load_model(path, safe_mode=False)
    model = nacre.Sequential([nacre.Input((2,)), layers.Lambda(lambda x: ops.abs(x) * times)])
    with pytest.warns(UserWarning, match="byte code"):
        model.save(path)
    again = nacre.models.load_model(path, safe_mode=False)
    np.testing.assert_array_equal(again(-np.ones((1, 2), np.float32)), [[3.0, 3.0]])


def ops_of(x):
    return x


ops = nacre.ops


def test_safe_mode_can_be_left(tmp_path):
    import threading

    model = nacre.Sequential([nacre.Input((2,)), layers.Lambda(lambda x: x * 2)])
    with pytest.warns(UserWarning, match="byte code"):
        model.save(tmp_path / "m.keras")
    results = []

    def load():
        nacre.config.enable_unsafe_deserialization()
        results.append(nacre.models.load_model(tmp_path / "m.keras"))

    thread = threading.Thread(target=load)  # it holds for one thread
    thread.start()
    thread.join()
    assert len(results) == 1
    with pytest.raises(ValueError, match="lambda"):
        nacre.models.load_model(tmp_path / "m.keras")


def test_the_archive(tmp_path):
    model = trained_model()
    model.save(tmp_path / "m.keras")
    with zipfile.ZipFile(tmp_path / "m.keras") as file:
        assert file.namelist() == ["metadata.json", "config.json", "model.weights.h5"]
        assert {info.compress_type for info in file.infolist()} == {zipfile.ZIP_STORED}
    contents = members(tmp_path / "m.keras")
    assert set(json.loads(contents["metadata.json"])) == {"keras_version", "date_saved"}
    assert json.loads(contents["config.json"])["class_name"] == "Functional"


def test_names_of_files(tmp_path):
    model = nacre.Sequential([nacre.Input((2,)), layers.Dense(1)])
    for call, message in (
        (lambda: model.save(tmp_path / "m"), "ends in `.keras`"),
        (lambda: model.save(tmp_path / "m.pb", save_format="tf"), "by the end of the name"),
        (lambda: model.save(tmp_path / "m.keras", zipped=False), "zipped=False"),
        (lambda: model.save("gs://b/m.keras"), "local file systems"),
        (lambda: model.save(tmp_path / "m.keras", nonsense=1), "nonsense"),
        (lambda: model.save_weights(tmp_path / "m.txt"), "ends in"),
        (lambda: model.save_weights(tmp_path / "m.weights.h5", max_shard_size=1), "max_shard"),
        (lambda: model.load_weights(tmp_path / "m.txt"), "ends in"),
        (lambda: model.load_weights(tmp_path / "m.keras", by_name=True), "by_name"),
        (lambda: nacre.models.load_model(tmp_path), "config.json"),
        (lambda: model.export(tmp_path / "m"), "no formats"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
    with pytest.raises(TypeError, match="path"):
        model.save(3)


def test_asking_before_a_file_is_replaced(tmp_path, monkeypatch, capsys):
    path = tmp_path / "m.keras"
    model = nacre.Sequential([nacre.Input((2,)), layers.Dense(1)])
    model.save(path, overwrite=False)
    before = path.read_bytes()
    answers = iter(["what", "n"])
    monkeypatch.setattr("builtins.input", lambda text: next(answers))
    model.save(path, overwrite=False)
    assert path.read_bytes() == before
    monkeypatch.setattr("builtins.input", lambda text: "y")
    model.layers[0].kernel.assign(np.ones((2, 1)))
    model.save(path, overwrite=False)
    assert path.read_bytes() != before

    def nobody(text):
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    with pytest.raises(FileExistsError, match="nobody to ask"):
        model.save(path, overwrite=False)


def test_public_names():
    assert nacre.config.enable_unsafe_deserialization.__doc__
    for name in ("load_model", "save_model"):
        assert getattr(nacre.models, name) is getattr(nacre.saving, name)
    for name in ("deserialize_keras_object", "register_keras_serializable", "get_custom_objects"):
        assert getattr(nacre.utils, name) is getattr(nacre.saving, name)
