"""Listing the files of a data set, and pictures for `image_dataset_from_directory`."""

import os

import numpy as np
import pytest

from nacre.utils.dataset_listing import check_split, class_targets, list_files, part_of
from nacre.utils.image_dataset_utils import list_pictures

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for kind, count in (("b", 4), ("a", 3), (".hidden", 2)):
        (tmp_path / kind).mkdir()
        for i in range(count):
            pixels = rng.integers(0, 256, (7, 9, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / kind / f"{i}.png")
    (tmp_path / "a" / "below").mkdir()
    Image.new("L", (5, 5), 7).save(tmp_path / "a" / "below" / "0.GIF")
    (tmp_path / "a" / "notes.txt").write_text("no picture")
    return tmp_path


def names(paths, folder):
    return [os.path.relpath(path, folder) for path in paths]


SORTED = ["a/0.png", "a/1.png", "a/2.png", "a/below/0.GIF", *(f"b/{i}.png" for i in range(4))]
ENDINGS = (".png", ".gif")


def test_inferred_labels(folder, capsys):
    listing = list_files(folder, "inferred", ENDINGS, shuffle=False)
    assert capsys.readouterr().out == "Found 8 files belonging to 2 classes.\n"
    assert names(listing.paths, folder) == SORTED
    assert listing.labels.tolist() == [0] * 4 + [1] * 4
    assert listing.class_names == ["a", "b"]
    turned = list_files(folder, "inferred", ENDINGS, ["b", "a"], shuffle=False)
    assert names(turned.paths, folder) == SORTED[4:] + SORTED[:4]
    assert turned.labels.tolist() == [0] * 4 + [1] * 4
    assert turned.class_names == ["b", "a"]
    with pytest.raises(ValueError, match=r"class_names.*\['a', 'b'\].*\['c'\]"):
        list_files(folder, "inferred", ENDINGS, ["a", "c"])


def test_given_and_missing_labels(folder, capsys):
    count = len(list_files(folder, None, ENDINGS, shuffle=False, verbose=False).paths)
    assert count == 10
    assert capsys.readouterr().out == ""
    listing = list_files(folder, list(range(10)), ENDINGS, shuffle=False)
    assert listing.class_names == [str(i) for i in range(10)]
    nothing = list_files(folder, None, ENDINGS, shuffle=False)
    assert (nothing.labels, nothing.class_names) == (None, None)
    assert "Found 10 files.\n" in capsys.readouterr().out
    with pytest.raises(ValueError, match=r"10 files.*Received: 3"):
        list_files(folder, [1, 2, 3], ENDINGS)
    with pytest.raises(ValueError, match="class_names"):
        list_files(folder, None, ENDINGS, ["a"])


def test_files_and_labels_are_shuffled_alike(folder):
    first = list_files(folder, "inferred", ENDINGS, seed=3)
    again = list_files(folder, "inferred", ENDINGS, seed=3)
    assert first.paths == again.paths
    assert names(first.paths, folder) != SORTED
    for path, label in zip(names(first.paths, folder), first.labels, strict=True):
        assert path.startswith("ab"[label])


def test_the_last_part_is_for_validation(folder):
    listing = list_files(folder, "inferred", ENDINGS, shuffle=False)
    train, validation = (part_of(listing, 0.3, part) for part in ("training", "validation"))
    assert train.paths + validation.paths == listing.paths
    assert len(validation.paths) == 2
    assert validation.labels.tolist() == [1, 1]
    assert part_of(listing, None, None) is listing
    assert part_of(listing, 0.01, "training").paths == []
    assert len(part_of(listing, 0.01, "validation").paths) == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((1.5, "training", False, None), "between 0 and 1"),
        ((0.5, None, False, None), "go together"),
        ((None, "training", False, None), "go together"),
        ((0.5, "test", False, None), "subset"),
        ((0.5, "training", True, None), "seed"),
    ],
)
def test_splits_that_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        check_split(*arguments)


def test_targets():
    labels = [1, 0, 1]
    assert class_targets(labels, "int", 2).dtype == np.int32
    assert class_targets(labels, "binary", 2).tolist() == [[1], [0], [1]]
    assert class_targets(labels, "categorical", 3).tolist() == [[0, 1, 0], [1, 0, 0], [0, 1, 0]]


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("color_mode", "channels"), [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
def test_pictures(folder, color_mode, channels, data_format):
    (files,) = list_pictures(
        folder, color_mode=color_mode, image_size=(7, 9), data_format=data_format, shuffle=False
    )
    first = data_format == "channels_first"
    assert files.image_shape == ((channels, 7, 9) if first else (7, 9, channels))
    assert len(files) == 8
    batch = files.load_batch([0, 5]).wait()
    assert batch.dtype == np.float32
    for picture, index in zip(batch, (0, 5), strict=True):
        mode = {"rgb": "RGB", "rgba": "RGBA", "grayscale": "L"}[color_mode]
        expected = np.asarray(Image.open(files.file_paths[index]).convert(mode), np.float32)
        expected = expected.reshape(7, 9, channels)
        np.testing.assert_array_equal(picture, expected.transpose(2, 0, 1) if first else expected)
    assert files.targets.tolist() == [0] * 4 + [1] * 4


def test_pictures_are_resized_without_averaging(folder):
    """As TensorFlow does: bilinear between the nearest pixels, also where there are fewer."""
    (files,) = list_pictures(folder, image_size=3, shuffle=False)
    source = np.asarray(Image.open(files.file_paths[0]), np.float64)
    row, column = ((np.arange(3) + 0.5) * size / 3 - 0.5 for size in (7, 9))
    low_row, low_column = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = (row - low_row)[:, None, None], (column - low_column)[None, :, None]
    parts = [
        source[np.ix_(low_row + i, low_column + j)]
        * (down if i else 1 - down)
        * (right if j else 1 - right)
        for i in (0, 1)
        for j in (0, 1)
    ]
    np.testing.assert_allclose(files.load(0), sum(parts), atol=1e-3)


def test_both_parts_at_once(folder):
    train, validation = list_pictures(
        folder, validation_split=0.25, subset="both", seed=1, label_mode="binary"
    )
    assert len(train) == 6
    assert len(validation) == 2
    assert set(train.file_paths).isdisjoint(validation.file_paths)
    assert train.targets.shape == (6, 1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "guessed"}, "labels.*guessed"),
        ({"label_mode": "float"}, "label_mode.*float"),
        ({"color_mode": "cmyk"}, "color_mode.*cmyk"),
        ({"interpolation": "area"}, "interpolation.*area"),
        ({"image_size": (3,)}, "image_size"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Only one of"),
        ({"label_mode": "binary", "class_names": ["a"]}, r"2 classes.*\['a'\]"),
        ({"validation_split": 0.01, "subset": "training", "seed": 1}, "no pictures for train"),
    ],
)
def test_options_that_are_refused(folder, options, message):
    with pytest.raises(ValueError, match=message):
        list_pictures(folder, **options)


def test_a_bad_file_is_named(folder):
    path = folder / "a" / "1.png"
    path.write_bytes(path.read_bytes()[:60])
    (files,) = list_pictures(folder, shuffle=False)
    with pytest.raises(OSError, match=r"a.1\.png"):
        files.load_batch(range(8)).wait()


def test_gray_values_of_16_bits(tmp_path):
    (tmp_path / "only").mkdir()
    values = (np.arange(12, dtype=np.uint16) * 5000).reshape(3, 4)
    Image.fromarray(values).save(tmp_path / "only" / "x.png")
    (files,) = list_pictures(tmp_path, color_mode="grayscale", image_size=(3, 4))
    np.testing.assert_array_equal(files.load(0)[..., 0], values >> 8)


def test_pictures_keep_their_proportions_if_asked_for(tmp_path):
    (tmp_path / "only").mkdir()
    values = np.arange(1, 33, dtype=np.uint8).reshape(4, 8)
    Image.fromarray(values).save(tmp_path / "only" / "x.png")
    options = {"color_mode": "grayscale", "interpolation": "nearest"}
    (padded,) = list_pictures(tmp_path, image_size=8, pad_to_aspect_ratio=True, **options)
    expected = np.zeros((8, 8))
    expected[2:6] = values
    np.testing.assert_array_equal(padded.load(0)[..., 0], expected)
    (cut,) = list_pictures(tmp_path, image_size=4, crop_to_aspect_ratio=True, **options)
    np.testing.assert_array_equal(cut.load(0)[..., 0], values[:, 2:6])
