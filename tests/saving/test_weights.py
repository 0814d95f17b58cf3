"""Weights to files and back, into the same model and into others."""

import numpy as np
import pytest

import nacre
from nacre import layers
from tests.saving.making import data, h5_image, trained_model


def _model(units=(3, 2)):
    names = ("one", "two")
    return nacre.Sequential(
        [nacre.Input((4,)), *(layers.Dense(n, name=s) for n, s in zip(units, names, strict=True))]
    )


@pytest.mark.parametrize("end", [".weights.h5", ".keras", ".h5"])
def test_into_another_model(tmp_path, end):
    model, other = _model(), _model()
    path = tmp_path / f"m{end}"
    (model.save_weights if end == ".weights.h5" else model.save)(path)
    other.load_weights(path)
    for a, b in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("end", [".weights.h5", ".keras", ".h5"])
def test_what_does_not_fit_changes_nothing(tmp_path, end):
    model, other = _model(), _model((3, 5))
    path = tmp_path / f"m{end}"
    (model.save_weights if end == ".weights.h5" else model.save)(path)
    before = other.get_weights()
    with pytest.raises(ValueError, match=r'Dense "two": expected shape \(3, 5\)'):
        other.load_weights(path)
    for a, b in zip(before, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    with pytest.warns(UserWarning, match="left as they are"):
        other.load_weights(path, skip_mismatch=True)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


def test_damage_that_shows_late_changes_nothing(tmp_path):
    # The last chunk of the last array does not unpack.
    rng = np.random.default_rng(0)
    model = _model()

    def fill(file):
        for name, shapes in (("dense", [(4, 3), (3,)]), ("dense_1", [(3, 2), (2,)])):
            group = file.create_group(f"layers/{name}/vars")
            for index, shape in enumerate(shapes):
                value = rng.random(shape, dtype=np.float32)
                group.create_dataset(str(index), data=value, chunks=shape, compression=1)

    image = bytearray(h5_image(fill))
    path = tmp_path / "m.weights.h5"
    path.write_bytes(image)
    model.load_weights(path)  # compressed weights are read
    at = image.rfind(b"\x78\x01")
    image[at + 2] ^= 0xFF
    path.write_bytes(image)
    before = [w + 1 for w in model.get_weights()]
    model.set_weights(before)
    with pytest.raises(ValueError, match=r"damaged|wrong size"):
        model.load_weights(path)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_by_name(tmp_path):
    model = _model()
    model.save(tmp_path / "m.h5")
    other = nacre.Sequential(
        [nacre.Input((4,)), layers.Dense(3, name="one"), layers.Dense(7, name="new")]
    )
    before = other.get_weights()
    other.load_weights(tmp_path / "m.h5", by_name=True)
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])
    with pytest.raises(ValueError, match="has 1 layers with weights"):
        nacre.Sequential([nacre.Input((4,)), layers.Dense(3)]).load_weights(tmp_path / "m.h5")


def test_leaving_objects_out(tmp_path):
    model, other = _model(), _model()
    model.save_weights(tmp_path / "m.weights.h5")
    before = other.get_weights()
    other.load_weights(tmp_path / "m.weights.h5", objects_to_skip=[other.layers[1]])
    np.testing.assert_array_equal(other.get_weights()[0], model.get_weights()[0])
    np.testing.assert_array_equal(other.get_weights()[2], before[2])


def test_the_optimizer_goes_with_the_weights(tmp_path):
    model = trained_model()
    x, y = data(3)
    model.save_weights(tmp_path / "m.weights.h5")
    before = model.optimizer.iterations.numpy(), model.get_weights()
    model.fit(x, y, verbose=0)
    model.load_weights(tmp_path / "m.weights.h5")
    assert model.optimizer.iterations.numpy() == before[0]
    for a, b in zip(before[1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_before_a_model_is_built(tmp_path):
    model = nacre.Sequential([layers.Dense(2)])
    with pytest.raises(ValueError, match="cannot save weights before"):
        model.save_weights(tmp_path / "m.weights.h5")
    _model().save_weights(tmp_path / "m.weights.h5")
    with pytest.raises(ValueError, match="cannot load weights before"):
        model.load_weights(tmp_path / "m.weights.h5")


def test_many_names_are_cut_into_pieces(tmp_path):
    from nacre.saving.hdf5_reader import Hdf5File
    from nacre.saving.hdf5_structures import Source
    from nacre.saving.legacy_h5 import _write_names, read_names

    names = [f"{'long' * 20}_{index}" for index in range(2000)]
    path = tmp_path / "names.h5"
    path.write_bytes(h5_image(lambda file: _write_names(file, "layer_names", names)))
    with open(path, "rb") as file:
        root = Hdf5File(Source(file, 0, path.stat().st_size)).root
        assert len(root.attributes) > 1
        assert read_names(root, "layer_names") == names
