"""Pictures, under the names of `keras.preprocessing.image`."""

from nacre.utils.image_utils import array_to_img, img_to_array, load_img, save_img

__all__ = ["array_to_img", "img_to_array", "load_img", "save_img"]
