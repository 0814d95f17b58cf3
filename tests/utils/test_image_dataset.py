"""`image_dataset_from_directory`."""

import numpy as np
import pytest

import nacre
from tests.preprocessing.making import folder_of_classes, no_threads_left


@pytest.fixture
def folder(tmp_path):
    return folder_of_classes(tmp_path, {"cats": 7, "dogs": 5})


def test_pictures_and_labels(folder):
    data = nacre.utils.image_dataset_from_directory(
        folder, image_size=(12, 10), batch_size=5, shuffle=False
    )
    assert data.class_names == ["cats", "dogs"]
    assert data.file_paths[-1] == str(folder / "dogs" / "004.png")
    assert len(data) == 3
    x, y = zip(*data.as_numpy_iterator(), strict=True)
    assert [part.shape for part in x] == [(5, 12, 10, 3), (5, 12, 10, 3), (2, 12, 10, 3)]
    np.testing.assert_array_equal(np.concatenate(y), [0] * 7 + [1] * 5)
    expected = [nacre.utils.img_to_array(nacre.utils.load_img(p)) for p in data.file_paths]
    np.testing.assert_array_equal(np.concatenate(x), expected)


def test_training_on_both_parts(folder):
    train, validation = nacre.preprocessing.image_dataset_from_directory(
        folder,
        label_mode="binary",
        image_size=(8, 8),
        batch_size=4,
        validation_split=0.25,
        subset="both",
        seed=1,
    )
    model = nacre.Sequential([nacre.layers.Flatten(), nacre.layers.Dense(1, "sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    history = model.fit(train, validation_data=validation, epochs=2, verbose=0)
    assert len(history.history["val_loss"]) == 2
    bare = nacre.utils.image_dataset_from_directory(folder, labels=None, image_size=8)
    assert model.predict(bare, verbose=0).shape == (12, 1)
    assert no_threads_left()


def test_a_bad_file_is_named(folder):
    (folder / "cats" / "003.png").write_bytes(b"no picture")
    data = nacre.utils.image_dataset_from_directory(folder, image_size=8)
    with pytest.raises(Exception, match=r"cats.003\.png"):
        list(data)
    assert no_threads_left()


def test_a_format_that_is_refused(folder):
    with pytest.raises(ValueError, match=r"format.*grain"):
        nacre.utils.image_dataset_from_directory(folder, format="grain")
