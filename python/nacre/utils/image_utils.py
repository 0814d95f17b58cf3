"""Pictures in files, as Pillow images and as arrays. Needs Pillow, the extra `image`."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any

import numpy as np

from nacre import config
from nacre.utils.warnings_utils import warn

if TYPE_CHECKING:
    from PIL.Image import Image

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img", "smart_resize"]

_INTERPOLATIONS = ("nearest", "bilinear", "bicubic", "hamming", "box", "lanczos")
_MODES = {"rgb": ("RGB",), "rgba": ("RGBA",), "grayscale": ("L", "I;16", "I")}


def load_img(
    path: Any,
    color_mode: str = "rgb",
    target_size: tuple[int, int] | None = None,
    interpolation: str = "nearest",
    keep_aspect_ratio: bool = False,
) -> Image:
    """Loads a picture. See https://keras.io/api/data_loading/image/#load_img-function.

    Args:
        path: A path, or a file open for reading.
        color_mode: `"rgb"`, `"rgba"`, or `"grayscale"`, which keeps gray values of 16 and 32 bits.
        target_size: Height and width to resize to; the picture's own by default.
        interpolation: `"nearest"`, `"bilinear"`, `"bicubic"`, `"hamming"`, `"box"` or `"lanczos"`.
        keep_aspect_ratio: Whether to cut the middle part with the proportions of `target_size` out
            of the picture before it is resized, rather than to distort it.

    Returns:
        A Pillow image.

    Raises:
        OSError: There is no such file, or it is no picture, or an incomplete one.
        ValueError: An option is not one of the above.
    """
    image_module = pillow("load_img")
    if color_mode not in _MODES:
        raise ValueError(
            f"load_img: color_mode is 'rgb', 'rgba' or 'grayscale'. Received: {color_mode!r}"
        )
    check_interpolation("load_img", interpolation)
    image = _decode(image_module, path)
    kept = _MODES[color_mode]
    if image.mode not in kept:
        image = image.convert(kept[0])
    if target_size is None:
        return image
    height, width = _size(target_size)
    if image.size == (width, height):
        return image
    box = _middle(image.size, width, height) if keep_aspect_ratio else None
    return image.resize((width, height), image_module.Resampling[interpolation.upper()], box=box)


def img_to_array(img: Any, data_format: str | None = None, dtype: Any = None) -> np.ndarray:
    """Turns a Pillow image into an array of rank 3, with values as they are.

    See https://keras.io/api/data_loading/image/#img_to_array-function.

    Args:
        img: A Pillow image, or an array.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        dtype: Type of the result; the configured float type by default.

    Raises:
        ValueError: It has not one or several channels.
    """
    data_format = config.standardize_data_format(data_format)
    array = np.asarray(img, dtype=config.floatx() if dtype is None else dtype)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3:
        raise ValueError(f"img_to_array: expected a picture. Received: shape {array.shape}")
    return array.transpose(2, 0, 1) if data_format == "channels_first" else array


def array_to_img(
    x: Any, data_format: str | None = None, scale: bool = True, dtype: Any = None
) -> Image:
    """Turns an array of rank 3 into a Pillow image.

    See https://keras.io/api/data_loading/image/#array_to_img-function.

    Args:
        x: The array, with 1, 3 or 4 channels.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        scale: Whether to stretch the values so that the least is 0 and the greatest is 255. If
            not, they are taken as they are, without their fractions.
        dtype: Type to compute in; the configured float type by default.

    Returns:
        A Pillow image: of mode `L` (or `I`, if a value is over 255), `RGB` or `RGBA`.

    Raises:
        ValueError: The array has another rank or another number of channels.
    """
    image_module = pillow("array_to_img")
    data_format = config.standardize_data_format(data_format)
    array = np.asarray(x, dtype=config.floatx() if dtype is None else dtype)
    if array.ndim != 3:
        raise ValueError(f"array_to_img: expected an array of rank 3. Received: {array.shape}")
    if data_format == "channels_first":
        array = array.transpose(1, 2, 0)
    channels = array.shape[2]
    if channels not in (1, 3, 4) or not array.size:
        raise ValueError(
            f"array_to_img: expected 1, 3 or 4 channels of pixels. Received: {array.shape} "
            "(height, width, channels)"
        )
    if scale:
        array = array - array.min()
        highest = array.max()
        if highest != 0:
            array = array / highest
        array = array * 255
    if channels > 1:
        return image_module.fromarray(np.ascontiguousarray(array.astype("uint8")))
    kind = "int32" if array.max() > 255 else "uint8"
    return image_module.fromarray(np.ascontiguousarray(array[:, :, 0].astype(kind)))


def save_img(
    path: Any,
    x: Any,
    data_format: str | None = None,
    file_format: str | None = None,
    scale: bool = True,
    **kwargs: Any,
) -> None:
    """Saves an array as a picture. See https://keras.io/api/data_loading/image/#save_img-function.

    Args:
        path: A path, or a file open for writing.
        x: The array, as for `array_to_img`.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        file_format: Pillow's name of the format; by default the path's ending tells.
        scale: Whether to stretch the values to 0..255, as in `array_to_img`.
        **kwargs: Passed to Pillow's `Image.save`.
    """
    if file_format is None and isinstance(path, (str, os.PathLike)):
        file_format = os.path.splitext(os.fspath(path))[1][1:] or None
    if file_format is not None:
        file_format = file_format.lower()
        file_format = {"jpg": "jpeg", "tif": "tiff"}.get(file_format, file_format)
    image = array_to_img(x, data_format=data_format, scale=scale)
    if image.mode == "RGBA" and file_format == "jpeg":
        warn("JPEG has no transparency: the picture is saved as RGB.")
        image = image.convert("RGB")
    image.save(path, format=file_format, **kwargs)


def smart_resize(
    x: Any,
    size: Any,
    interpolation: str = "bilinear",
    data_format: str = "channels_last",
    **kwargs: Any,
) -> Any:
    """Resizes pictures after their borders are cut off so that nothing is distorted.

    See https://keras.io/api/data_loading/image/#smart_resize-function.

    Args:
        x: A picture or a batch of them: an array or a tensor.
        size: Height and width of the result.
        interpolation: As for `nacre.ops.image.resize`.
        data_format: `"channels_last"` or `"channels_first"`.
        **kwargs: There are none; anything is an error.

    Returns:
        The pictures, of float type: an array if `x` is one, or else a tensor.

    Raises:
        ValueError: An option is not one of the above, or `x` is no picture.
    """
    from nacre import ops

    if kwargs:
        raise TypeError(f"smart_resize: there is no argument {', '.join(map(repr, kwargs))}.")
    result = ops.image.resize(
        ops.cast(x, config.floatx()),
        size,
        interpolation=interpolation,
        crop_to_aspect_ratio=True,
        data_format=data_format,
    )
    return np.asarray(result) if isinstance(x, np.ndarray) else result


def check_interpolation(function: str, interpolation: Any) -> None:
    """Raises `ValueError` when it is not the name of an interpolation."""
    if interpolation not in _INTERPOLATIONS:
        raise ValueError(
            f"{function}: interpolation is one of {', '.join(_INTERPOLATIONS)}. "
            f"Received: {interpolation!r}"
        )


def pillow(function: str) -> Any:
    """Pillow's module `Image`.

    Args:
        function: Who needs it.

    Raises:
        ImportError: It is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError(
            f"{function} needs Pillow: install it, or Nacre with its extra `image`."
        ) from error
    return Image


def _decode(image_module: Any, path: Any) -> Image:
    """Read a whole picture, so that a damaged file is found here, where its name is known."""
    if isinstance(path, (str, bytes, os.PathLike)):
        with open(path, "rb") as file:
            data: Any = io.BytesIO(file.read())
        name = os.fsdecode(path)
    elif hasattr(path, "read"):
        data, name = path, getattr(path, "name", type(path).__name__)
    else:
        raise TypeError(
            f"load_img: expected a path or a file open for reading. Received: {type(path).__name__}"
        )
    try:
        image = image_module.open(data)
        image.load()
    except image_module.DecompressionBombError as error:
        raise ValueError(f"{name}: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        # Pillow's own subclass of OSError stays what it is.
        kind = type(error) if type(error).__module__.startswith("PIL") else OSError
        raise kind(f"{name}: the picture cannot be read: {error}") from error
    return image


def _size(target_size: Any) -> tuple[int, int]:
    try:
        height, width = (int(side) for side in target_size)
    except (TypeError, ValueError):
        height = width = 0
    if min(height, width) < 1:
        raise ValueError(
            f"load_img: target_size is a height and a width. Received: {target_size!r}"
        )
    return height, width


def _middle(size: tuple[int, int], width: int, height: int) -> tuple[int, int, int, int]:
    """The largest part in the middle that has the proportions of `width` and `height`."""
    own_width, own_height = size
    part_height = max(1, min(own_height, own_width * height // width))
    part_width = max(1, min(own_width, own_height * width // height))
    left, top = (own_width - part_width) // 2, (own_height - part_height) // 2
    return left, top, left + part_width, top + part_height
