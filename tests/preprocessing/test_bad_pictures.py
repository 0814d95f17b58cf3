"""Files that are no proper pictures: an error that names the file, or what Keras does; no hang."""

import os
import shutil

import numpy as np
import pytest

from nacre.preprocessing.image import ImageDataGenerator, img_to_array, load_img
from tests.preprocessing.making import folder_of_classes, no_threads_left, picture

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def folder(tmp_path):
    return folder_of_classes(tmp_path / "data", {"a": 6, "b": 6}, size=(40, 30), ending="jpg")


def flow(folder, **options):
    options = {"target_size": (8, 8), "batch_size": 5, "shuffle": False, **options}
    return ImageDataGenerator().flow_from_directory(folder, **options)


def everything(flow, way):
    if way == "next":
        return [next(flow) for _ in range(len(flow))]
    if way == "index":
        return [flow[index] for index in range(len(flow))]
    return list(flow.batches_in_order(range(len(flow))))


def truncate(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def pipe(path):
    path.unlink()
    os.mkfifo(path)


def dangle(path):
    path.unlink()
    path.symlink_to(path.parent / "nowhere")


BAD = {
    "truncated": truncate,
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("no picture at all"),
    "a pipe that nobody writes to": pipe,
    "a link to nowhere": dangle,
    "header only": lambda path: path.write_bytes(path.read_bytes()[:30]),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("way", ["next", "index", "order"])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_an_error_that_names_it(folder, kind, way):
    BAD[kind](folder / "b" / "001.jpg")
    batches = flow(folder)
    with pytest.raises(OSError, match=r"b.001\.jpg"):
        everything(batches, way)
    assert no_threads_left()
    # What is not touched by it can still be had.
    assert batches[0][0].shape == (5, 8, 8, 3)


@pytest.mark.timeout(60)
def test_fit_reports_a_bad_file_and_leaves_nothing_behind(folder):
    import nacre

    truncate(folder / "a" / "003.jpg")
    model = nacre.Sequential([nacre.layers.Flatten(), nacre.layers.Dense(2, "softmax")])
    model.compile("sgd", "categorical_crossentropy")
    with pytest.raises(OSError, match=r"a.003\.jpg"):
        model.fit(flow(folder), epochs=2, verbose=0)
    assert no_threads_left()


def test_names_do_not_matter_to_what_a_file_is(folder):
    """A PNG under the name of a JPEG is a picture, for Pillow looks at what is in it."""
    path = folder / "a" / "000.jpg"
    array = picture(1, 8, 8)
    Image.fromarray(array).save(path, format="png")
    np.testing.assert_array_equal(flow(folder)[0][0][0], array)


def save_animation(path):
    frames = [Image.fromarray(picture(i)) for i in range(3)]
    frames[0].save(path, save_all=True, append_images=frames[1:])


KINDS = {
    "16 bits": (
        "x.png",
        lambda p: Image.fromarray(np.arange(120, dtype=np.uint16).reshape(12, 10) * 500).save(p),
    ),
    "palette": ("x.png", lambda p: Image.fromarray(picture(0)).convert("P").save(p)),
    "bits": ("x.png", lambda p: Image.fromarray(picture(0)).convert("1").save(p)),
    "grayscale": ("x.png", lambda p: Image.fromarray(picture(0)).convert("L").save(p)),
    "grayscale with alpha": ("x.png", lambda p: Image.fromarray(picture(0)).convert("LA").save(p)),
    "alpha": ("x.png", lambda p: Image.fromarray(picture(0, channels=4)).save(p)),
    "CMYK": ("x.jpg", lambda p: Image.fromarray(picture(0)).convert("CMYK").save(p)),
    "animated": ("x.png", save_animation),
    "pages": ("x.tif", save_animation),
    "wide": ("x.png", lambda p: Image.fromarray(picture(0, 3, 90)).save(p)),
    "one pixel": ("x.png", lambda p: Image.fromarray(picture(0, 1, 1)).save(p)),
    "large letters": ("X.PNG", lambda p: Image.fromarray(picture(0)).save(p)),
}


@pytest.mark.parametrize("color_mode", ["rgb", "rgba", "grayscale"])
@pytest.mark.parametrize("kind", KINDS)
def test_kinds_of_pictures(tmp_path, kind, color_mode):
    """Whatever Pillow reads becomes a picture of the wanted kind, as `load_img` makes it."""
    (tmp_path / "only").mkdir()
    name, save = KINDS[kind]
    path = tmp_path / "only" / name
    save(path)
    options = {"color_mode": color_mode, "target_size": (8, 9)}
    result = flow(tmp_path, class_mode=None, **options)[0]
    channels = {"rgb": 3, "rgba": 4, "grayscale": 1}[color_mode]
    assert result.shape == (1, 8, 9, channels)
    np.testing.assert_array_equal(result[0], img_to_array(load_img(path, **options)))
    if kind == "16 bits" and color_mode == "grayscale":
        assert result.max() > 255  # kept, as in Keras


def test_empty_and_missing_folders(tmp_path, folder, capsys):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        flow(tmp_path / "nowhere")
    with pytest.raises(NotADirectoryError):
        flow(folder / "a" / "000.jpg")
    (folder / "c").mkdir()
    (folder / "c" / "notes.txt").write_text("not a picture")
    with_empty = flow(folder)
    assert with_empty.class_indices == {"a": 0, "b": 1, "c": 2}
    assert with_empty[0][1].shape == (5, 3)
    (tmp_path / "empty").mkdir()
    nothing = flow(tmp_path / "empty")
    assert "Found 0 images belonging to 0 classes." in capsys.readouterr().out
    assert (len(nothing), nothing.samples) == (0, 0)
    assert next(nothing)[0].shape == (0, 8, 8, 3)
    chosen = flow(folder, classes=["b", "nobody"])
    assert chosen.samples == 6


def test_fit_on_no_pictures_is_an_error(tmp_path):
    import nacre

    model = nacre.Sequential([nacre.layers.Flatten(), nacre.layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="no batches"):
        model.fit(flow(tmp_path), verbose=0)


def test_a_class_may_be_missing_in_a_subset(folder):
    """The first files of each class are for validation: of one file, none."""
    shutil.rmtree(folder / "b")
    folder_of_classes(folder, {"b": 1}, ending="jpg")
    generator = ImageDataGenerator(validation_split=0.4)
    parts = {
        subset: generator.flow_from_directory(folder, (8, 8), subset=subset)
        for subset in ("training", "validation")
    }
    assert parts["validation"].classes.tolist() == [0, 0]
    assert parts["training"].classes.tolist() == [0, 0, 0, 0, 1]
    assert parts["validation"].filenames == [os.path.join("a", f"00{i}.jpg") for i in (0, 1)]
    assert parts["validation"][0][1].shape == (2, 2)


def test_files_that_go_away_while_batches_are_read_ahead(folder):
    batches = flow(folder, batch_size=1)
    iterator = batches.batches_in_order(range(12))
    next(iterator)
    shutil.rmtree(folder / "b")
    with pytest.raises(OSError, match=r"b.00"):
        list(iterator)
    assert no_threads_left()


def test_a_tiff_name_warns(tmp_path):
    (tmp_path / "only").mkdir()
    Image.fromarray(picture(0)).save(tmp_path / "only" / "x.tiff")
    with pytest.warns(UserWarning, match="tiff"):
        assert flow(tmp_path).samples == 1


def test_links_to_folders_are_followed_if_asked_for(tmp_path, folder):
    place = tmp_path / "linked"
    (place / "a").mkdir(parents=True)
    (place / "a" / "more").symlink_to(folder / "b")
    assert flow(place).samples == 0
    assert flow(place, follow_links=True).samples == 6


def test_without_pillow(folder, monkeypatch):
    import builtins

    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.partition(".")[0] == "PIL":
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=r"DirectoryIterator needs Pillow.*image"):
        flow(folder)
