import numpy as np

from nacre.datasets import digits


def test_shapes_types_and_ranges():
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    assert x_train.shape == (1438, 8, 8)
    assert x_test.shape == (359, 8, 8)
    assert y_train.shape == (1438,)
    assert y_test.shape == (359,)
    for array in (x_train, y_train, x_test, y_test):
        assert array.dtype == np.uint8
    assert x_train.min() == 0
    assert x_train.max() == 16
    assert np.array_equal(np.unique(y_test), np.arange(10))


def test_a_fifth_of_every_class_is_for_testing():
    (_, y_train), (_, y_test) = digits.load_data()
    train, test = np.bincount(y_train), np.bincount(y_test)
    assert np.array_equal(test, np.round(0.2 * (train + test)))


def test_parts_share_no_picture():
    (x_train, _), (x_test, _) = digits.load_data()
    train = {picture.tobytes() for picture in x_train}
    assert not any(picture.tobytes() in train for picture in x_test)


def test_the_digits_can_be_told_apart():
    """A nearest-mean rule would fail on labels that had lost their pictures."""
    (x_train, y_train), (x_test, y_test) = digits.load_data()
    means = np.stack([x_train[y_train == digit].mean(axis=0) for digit in range(10)])
    distances = ((x_test[:, None].astype(float) - means) ** 2).sum(axis=(2, 3))
    assert (distances.argmin(axis=1) == y_test).mean() > 0.85
