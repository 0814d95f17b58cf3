"""Pictures, under the names of `keras.preprocessing.image`."""

from nacre.preprocessing.dataframe_iterator import DataFrameIterator
from nacre.preprocessing.directory_iterator import DirectoryIterator
from nacre.preprocessing.image_data_generator import ImageDataGenerator
from nacre.preprocessing.iterators import Iterator, NumpyArrayIterator
from nacre.preprocessing.transforms import (
    apply_affine_transform,
    apply_brightness_shift,
    apply_channel_shift,
    random_brightness,
    random_channel_shift,
    random_rotation,
    random_shear,
    random_shift,
    random_zoom,
)
from nacre.utils.image_utils import (
    array_to_img,
    img_to_array,
    load_img,
    save_img,
    smart_resize,
)

__all__ = [
    "DataFrameIterator",
    "DirectoryIterator",
    "ImageDataGenerator",
    "Iterator",
    "NumpyArrayIterator",
    "apply_affine_transform",
    "apply_brightness_shift",
    "apply_channel_shift",
    "array_to_img",
    "img_to_array",
    "load_img",
    "random_brightness",
    "random_channel_shift",
    "random_rotation",
    "random_shear",
    "random_shift",
    "random_zoom",
    "save_img",
    "smart_resize",
]
