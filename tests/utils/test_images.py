import builtins
import io

import numpy as np
import pytest

import nacre
from nacre import config
from nacre.preprocessing.image import (
    array_to_img,
    img_to_array,
    load_img,
    save_img,
    smart_resize,
)

Image = pytest.importorskip("PIL.Image")


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


@pytest.fixture
def path(picture, tmp_path):
    path = tmp_path / "picture.png"
    Image.fromarray(picture).save(path)
    return path


def test_load(path, picture):
    image = load_img(path)
    assert (image.mode, image.size) == ("RGB", (20, 12))
    array = img_to_array(image)
    assert array.dtype == np.float32
    np.testing.assert_array_equal(array, picture)
    np.testing.assert_array_equal(
        img_to_array(load_img(str(path)), "channels_first", "uint8"), picture.transpose(2, 0, 1)
    )
    np.testing.assert_array_equal(img_to_array(load_img(io.BytesIO(path.read_bytes()))), picture)
    assert load_img(path, color_mode="rgba").mode == "RGBA"
    gray = load_img(path, color_mode="grayscale")
    assert gray.mode == "L"
    assert img_to_array(gray).shape == (12, 20, 1)
    assert img_to_array(gray, "channels_first").shape == (1, 12, 20)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "RGBA", "CMYK"])
def test_other_pictures_become_rgb(picture, tmp_path, mode):
    path = tmp_path / "picture.tiff" if mode == "CMYK" else tmp_path / "picture.png"
    Image.fromarray(picture).convert(mode).save(path)
    assert load_img(path).mode == "RGB"
    assert img_to_array(load_img(path)).shape == picture.shape


def test_sixteen_bits_stay_where_gray_is_wanted(tmp_path):
    values = np.arange(0, 60000, 1000, dtype=np.uint16).reshape(6, 10)
    Image.fromarray(values).save(tmp_path / "deep.png")
    loaded = img_to_array(load_img(tmp_path / "deep.png", color_mode="grayscale"))
    np.testing.assert_array_equal(loaded[:, :, 0], values)


def test_the_first_picture_of_an_animation(picture, tmp_path):
    frames = [Image.fromarray(np.roll(picture, n)) for n in range(3)]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert img_to_array(load_img(tmp_path / "a.gif")).shape == picture.shape


def test_sizes(path, picture):
    np.testing.assert_array_equal(
        img_to_array(load_img(path, target_size=(6, 10))), picture[1::2, 1::2]
    )
    kept = img_to_array(load_img(path, target_size=(6, 6), keep_aspect_ratio=True))
    np.testing.assert_array_equal(kept, picture[1::2, 4:16][:, 1::2])
    for name in ("bilinear", "bicubic", "hamming", "box", "lanczos"):
        assert load_img(path, target_size=(5, 7), interpolation=name).size == (7, 5)


def test_unreadable_files_are_named(path, tmp_path):
    broken = tmp_path / "broken.png"
    for data in (path.read_bytes()[:200], b"no picture at all", b""):
        broken.write_bytes(data)
        with pytest.raises(OSError, match=r"broken\.png: the picture cannot be read"):
            load_img(broken)
    with pytest.raises(OSError, match="missing"):
        load_img(tmp_path / "missing.png")
    with pytest.raises(TypeError, match="Received: int"):
        load_img(3)


def test_a_picture_that_would_fill_memory(path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(ValueError, match=r"picture\.png: .*bomb"):
        load_img(path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"color_mode": "bgr"}, "color_mode"),
        ({"interpolation": "cubic", "target_size": (2, 2)}, "interpolation"),
        ({"target_size": (0, 5)}, "target_size"),
        ({"target_size": 5}, "target_size"),
    ],
)
def test_options(path, arguments, message):
    with pytest.raises(ValueError, match=f"{message}.*Received"):
        load_img(path, **arguments)


def test_arrays_become_pictures(picture):
    values = picture.astype("float32") / 1000 - 3
    image = array_to_img(values)
    assert (image.mode, image.size) == ("RGB", (20, 12))
    assert np.asarray(image).min() == 0
    assert np.asarray(image).max() == 255
    np.testing.assert_array_equal(np.asarray(array_to_img(picture, scale=False)), picture)
    np.testing.assert_array_equal(
        np.asarray(array_to_img(picture.transpose(2, 0, 1), "channels_first", scale=False)), picture
    )
    assert array_to_img(np.zeros((2, 3, 4))).mode == "RGBA"
    assert array_to_img(np.zeros((2, 3, 1))).mode == "L"
    assert array_to_img(np.full((2, 3, 1), 70000.0), scale=False).mode == "I"
    assert array_to_img(picture, dtype="uint8").mode == "RGB"
    for shape in ((2, 3), (2, 3, 2), (0, 3, 3)):
        with pytest.raises(ValueError, match="Received"):
            array_to_img(np.zeros(shape))
    with pytest.raises(ValueError, match="Received"):
        img_to_array(np.zeros((2, 3, 4, 5)))


def test_the_configured_layout_counts(picture):
    config.set_image_data_format("channels_first")
    try:
        image = array_to_img(picture.transpose(2, 0, 1), scale=False)
        assert img_to_array(image).shape == (3, 12, 20)
    finally:
        config.set_image_data_format("channels_last")


def test_save(picture, tmp_path):
    save_img(tmp_path / "a.png", picture, scale=False)
    np.testing.assert_array_equal(img_to_array(load_img(tmp_path / "a.png")), picture)
    save_img(tmp_path / "a.jpg", picture, quality=90)
    with Image.open(tmp_path / "a.jpg") as saved:
        assert saved.format == "JPEG"
    buffer = io.BytesIO()
    save_img(buffer, picture, file_format="PNG")
    assert buffer.getvalue()[:4] == b"\x89PNG"
    with pytest.warns(UserWarning, match="no transparency"):
        save_img(tmp_path / "b.jpg", np.zeros((2, 3, 4)))
    with pytest.raises(ValueError, match="extension"):
        save_img(tmp_path / "noending", picture)


def test_without_pillow(monkeypatch):
    imported = builtins.__import__

    def missing(name, *arguments, **keywords):
        if name.startswith("PIL"):
            raise ImportError(name)
        return imported(name, *arguments, **keywords)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match="load_img needs Pillow"):
        load_img("a.png")


def test_smart_resize_cuts_borders_off():
    x = np.arange(32, dtype=np.uint8).reshape(4, 8, 1)
    result = smart_resize(x, (4, 4))
    assert isinstance(result, np.ndarray)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, x[:, 2:6])
    batch = smart_resize(np.stack([x.transpose(2, 0, 1)] * 2), (2, 2), data_format="channels_first")
    np.testing.assert_allclose(batch[1, 0], [[6.5, 8.5], [22.5, 24.5]])
    assert not isinstance(smart_resize(nacre.ops.ones((4, 8, 3)), (2, 2)), np.ndarray)
    with pytest.raises(TypeError, match="backend_module"):
        smart_resize(x, (4, 4), backend_module=None)
    with pytest.raises(ValueError, match="size"):
        smart_resize(x, (4,))
