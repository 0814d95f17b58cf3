"""`ImageDataGenerator`: random transformations of pictures, and batches of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from nacre import config
from nacre.preprocessing import draws, transforms
from nacre.preprocessing.dataframe_iterator import DataFrameIterator
from nacre.preprocessing.directory_iterator import DirectoryIterator
from nacre.preprocessing.generator_fit import GeneratorFit
from nacre.preprocessing.iterators import NumpyArrayIterator
from nacre.utils.warnings_utils import warn

__all__ = ["ImageDataGenerator"]


class ImageDataGenerator(GeneratorFit):
    """Makes batches of pictures, with random transformations, out of arrays or files.

    The transformations of a picture are, in this order: rotation, shift, shear and zoom, which are
    one warp; a shift of its channels; flips; brightness; `preprocessing_function`; `rescale`; the
    normalizations of the sample, then of the feature; whitening. With a seed, order, labels and
    draws are those of Keras with this seed; NumPy's global generator is drawn from only where
    there is none.

    Args:
        featurewise_center: Whether to take away the mean that `fit` found.
        samplewise_center: Whether to take away each picture's own mean.
        featurewise_std_normalization: Whether to divide by the deviation that `fit` found.
        samplewise_std_normalization: Whether to divide each picture by its own deviation.
        zca_whitening: Whether to whiten by the matrix that `fit` found.
        zca_epsilon: What is added to the singular values for it.
        rotation_range: Most degrees to rotate by, either way.
        width_shift_range: A part of the width, below 1; a number of pixels; an integer, for whole
            pixels below it; or a list of the shifts to choose from.
        height_shift_range: The same for the height.
        brightness_range: Least and greatest factor of brightness.
        shear_range: Most degrees to shear by, either way.
        zoom_range: Least and greatest factor, or a number `z` for `1 - z` and `1 + z`.
        channel_shift_range: The most that is added to or taken from all channels.
        fill_mode: What lies outside of a picture: `"constant"`, `"nearest"`, `"reflect"` or
            `"wrap"`.
        cval: The value for `"constant"`.
        horizontal_flip: Whether to flip every second picture, by chance, left to right.
        vertical_flip: Whether to flip every second picture, by chance, upside down.
        rescale: A factor for the values; `None` or 0 for none.
        preprocessing_function: Called with each picture after the transformations; returns one of
            the same shape.
        data_format: `"channels_last"` or `"channels_first"`; the configured one by default.
        validation_split: Part of the samples that is for validation.
        interpolation_order: 0 takes the nearest pixel, 1 interpolates linearly.
        dtype: Type of the batches; the configured float type by default.

    Raises:
        ValueError: An option is not one of the above.
    """

    def __init__(
        self,
        featurewise_center: bool = False,
        samplewise_center: bool = False,
        featurewise_std_normalization: bool = False,
        samplewise_std_normalization: bool = False,
        zca_whitening: bool = False,
        zca_epsilon: float = 1e-6,
        rotation_range: float = 0,
        width_shift_range: Any = 0.0,
        height_shift_range: Any = 0.0,
        brightness_range: Any = None,
        shear_range: float = 0.0,
        zoom_range: Any = 0.0,
        channel_shift_range: float = 0.0,
        fill_mode: str = "nearest",
        cval: float = 0.0,
        horizontal_flip: bool = False,
        vertical_flip: bool = False,
        rescale: float | None = None,
        preprocessing_function: Any = None,
        data_format: str | None = None,
        validation_split: float = 0.0,
        interpolation_order: int = 1,
        dtype: Any = None,
    ) -> None:
        self.featurewise_center = featurewise_center
        self.samplewise_center = samplewise_center
        self.featurewise_std_normalization = featurewise_std_normalization
        self.samplewise_std_normalization = samplewise_std_normalization
        self.zca_whitening = zca_whitening
        self.zca_epsilon = zca_epsilon
        self.rotation_range = rotation_range
        self.width_shift_range = width_shift_range
        self.height_shift_range = height_shift_range
        self.shear_range = shear_range
        self.channel_shift_range = channel_shift_range
        self.fill_mode = transforms.check_fill_mode(fill_mode)
        self.cval = cval
        self.horizontal_flip = horizontal_flip
        self.vertical_flip = vertical_flip
        self.rescale = rescale
        self.preprocessing_function = preprocessing_function
        self.dtype = config.floatx() if dtype is None else dtype
        self.interpolation_order = transforms.check_order(interpolation_order)
        self.data_format = config.standardize_data_format(data_format)
        first = self.data_format == "channels_first"
        self.channel_axis, self.row_axis, self.col_axis = (1, 2, 3) if first else (3, 1, 2)
        if validation_split and not 0 < validation_split < 1:
            raise ValueError(
                f"`validation_split` must lie between 0 and 1. Received: {validation_split}"
            )
        self._validation_split = validation_split
        self.mean: Any = None
        self.std: Any = None
        self.zca_whitening_matrix: Any = None
        if isinstance(zoom_range, (float, int)):
            zoom_range = (1 - zoom_range, 1 + zoom_range)
        self.zoom_range = list(transforms.two_numbers(zoom_range, "zoom_range"))
        if brightness_range is not None:
            transforms.two_numbers(brightness_range, "brightness_range")
        self.brightness_range = brightness_range
        self._settle_normalization()

    def _settle_normalization(self) -> None:
        """Turns on, or off, what another option implies."""
        if self.zca_whitening:
            self._turn("featurewise_center", True, "zca_whitening")
            self._turn("featurewise_std_normalization", False, "zca_whitening")
        if self.featurewise_std_normalization:
            self._turn("featurewise_center", True, "featurewise_std_normalization")
        if self.samplewise_std_normalization:
            self._turn("samplewise_center", True, "samplewise_std_normalization")

    def _turn(self, option: str, value: bool, because: str) -> None:
        if bool(getattr(self, option)) != value:
            setattr(self, option, value)
            warn(f"ImageDataGenerator: `{because}` sets `{option}={value}`.")

    # ---- batches ----

    def flow(
        self,
        x: Any,
        y: Any = None,
        batch_size: int = 32,
        shuffle: bool = True,
        sample_weight: Any = None,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        ignore_class_split: bool = False,
        subset: str | None = None,
    ) -> NumpyArrayIterator:
        """Makes batches out of arrays; see `NumpyArrayIterator` for the arguments."""
        return NumpyArrayIterator(
            x,
            y,
            self,
            batch_size=batch_size,
            shuffle=shuffle,
            sample_weight=sample_weight,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            ignore_class_split=ignore_class_split,
            subset=subset,
            dtype=self.dtype,
        )

    def flow_from_directory(
        self,
        directory: Any,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        follow_links: bool = False,
        subset: str | None = None,
        interpolation: str = "nearest",
        keep_aspect_ratio: bool = False,
    ) -> DirectoryIterator:
        """Makes batches out of a folder for each class; see `DirectoryIterator`."""
        return DirectoryIterator(
            directory,
            self,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            follow_links=follow_links,
            subset=subset,
            interpolation=interpolation,
            keep_aspect_ratio=keep_aspect_ratio,
            dtype=self.dtype,
        )

    def flow_from_dataframe(
        self,
        dataframe: Any,
        directory: Any = None,
        x_col: Any = "filename",
        y_col: Any = "class",
        weight_col: Any = None,
        target_size: tuple[int, int] = (256, 256),
        color_mode: str = "rgb",
        classes: Any = None,
        class_mode: str | None = "categorical",
        batch_size: int = 32,
        shuffle: bool = True,
        seed: Any = None,
        save_to_dir: Any = None,
        save_prefix: str = "",
        save_format: str = "png",
        subset: str | None = None,
        interpolation: str = "nearest",
        validate_filenames: bool = True,
        **kwargs: Any,
    ) -> DataFrameIterator:
        """Makes batches out of files that a table lists; see `DataFrameIterator`.

        `class_mode="other"` is an older name of `"raw"`. `has_ext`, `sort` and `drop_duplicates`
        mean nothing any more, of which there is a warning.
        """
        for name in kwargs:
            if name not in ("has_ext", "sort", "drop_duplicates"):
                raise TypeError(f"flow_from_dataframe: there is no argument `{name}`.")
            warn(f"flow_from_dataframe: `{name}` means nothing any more.", DeprecationWarning)
        if class_mode == "other":
            warn('`class_mode="other"` is `class_mode="raw"` by now.', DeprecationWarning)
            class_mode = "raw"
        return DataFrameIterator(
            dataframe,
            directory,
            self,
            x_col=x_col,
            y_col=y_col,
            weight_col=weight_col,
            target_size=target_size,
            color_mode=color_mode,
            classes=classes,
            class_mode=class_mode,
            batch_size=batch_size,
            shuffle=shuffle,
            seed=seed,
            data_format=self.data_format,
            save_to_dir=save_to_dir,
            save_prefix=save_prefix,
            save_format=save_format,
            subset=subset,
            interpolation=interpolation,
            dtype=self.dtype,
            validate_filenames=validate_filenames,
        )

    # ---- one picture ----

    def get_random_transform(self, img_shape: Any, seed: Any = None) -> dict[str, Any]:
        """Draws the numbers of a random transformation.

        Args:
            img_shape: Shape of the picture.
            seed: Seed of a generator for these numbers alone.

        Returns:
            A dictionary of `theta`, `tx`, `ty`, `shear`, `zx`, `zy`, `flip_horizontal`,
            `flip_vertical`, `channel_shift_intensity` and `brightness`.
        """
        generator = draws.current() if seed is None else np.random.RandomState(seed)
        theta, shear = 0, 0
        if self.rotation_range:
            theta = generator.uniform(-self.rotation_range, self.rotation_range)
        rows, columns = img_shape[self.row_axis - 1], img_shape[self.col_axis - 1]
        tx = _draw_shift(generator, self.height_shift_range, rows)
        ty = _draw_shift(generator, self.width_shift_range, columns)
        if self.shear_range:
            shear = generator.uniform(-self.shear_range, self.shear_range)
        zx, zy = 1, 1
        if self.zoom_range[0] != 1 or self.zoom_range[1] != 1:
            zx, zy = generator.uniform(self.zoom_range[0], self.zoom_range[1], 2)
        # Both are drawn whether they are wanted or not.
        flip_horizontal = (generator.random_sample() < 0.5) * self.horizontal_flip
        flip_vertical = (generator.random_sample() < 0.5) * self.vertical_flip
        shift = brightness = None
        if self.channel_shift_range != 0:
            shift = generator.uniform(-self.channel_shift_range, self.channel_shift_range)
        if self.brightness_range is not None:
            brightness = generator.uniform(self.brightness_range[0], self.brightness_range[1])
        return {
            "theta": theta,
            "tx": tx,
            "ty": ty,
            "shear": shear,
            "zx": zx,
            "zy": zy,
            "flip_horizontal": flip_horizontal,
            "flip_vertical": flip_vertical,
            "channel_shift_intensity": shift,
            "brightness": brightness,
        }

    def apply_transform(self, x: Any, transform_parameters: dict) -> np.ndarray:
        """Transforms a picture.

        Args:
            x: A picture, of rank 3.
            transform_parameters: As `get_random_transform` returns them; those that are missing
                change nothing.

        Returns:
            A picture of the same shape.
        """
        given = transform_parameters.get
        first = self.data_format == "channels_first"
        axes = (self.row_axis - 1, self.col_axis - 1, self.channel_axis - 1)
        numbers = (given("theta", 0), given("tx", 0), given("ty", 0), given("shear", 0))
        zooms = (given("zx", 1), given("zy", 1))
        x = transforms.apply_affine_transform(
            x, *numbers, *zooms, *axes, self.fill_mode, self.cval, self.interpolation_order
        )
        if given("channel_shift_intensity") is not None:
            x = transforms.apply_channel_shift(x, given("channel_shift_intensity"), axes[2])
        for name, axis in (("flip_horizontal", axes[1]), ("flip_vertical", axes[0])):
            if given(name):
                x = np.flip(x, axis)
        if given("brightness") is not None:
            x = transforms.brighten(x, given("brightness"), False, first)
        return x

    def random_transform(self, x: Any, seed: Any = None) -> np.ndarray:
        """Transforms a picture at random.

        Args:
            x: A picture, of rank 3.
            seed: Seed, as for `get_random_transform`.

        Returns:
            A picture of the same shape.
        """
        x = np.asarray(x)
        return self.apply_transform(x, self.get_random_transform(x.shape, seed))

    # ---- many pictures ----

    def _transform_batch(self, pictures: np.ndarray, dtype: Any) -> np.ndarray:
        """Draws, transforms and standardizes the pictures of a batch, which may be overwritten.

        Args:
            pictures: The batch.
            dtype: Type of the result.
        """
        if not len(pictures) or not self._is_plain(pictures):
            return self._transform_each(pictures, dtype)
        first = self.data_format == "channels_first"
        names = ("theta", "tx", "ty", "shear", "zx", "zy", "flip_horizontal", "flip_vertical")
        colors = ("channel_shift_intensity", "brightness")
        numbers = np.empty((len(pictures), len(transforms.NOTHING)))
        for row in numbers:  # in Keras's order, a few numbers for each
            drawn = self.get_random_transform(pictures.shape[1:])
            row[:8] = [drawn[name] for name in names]
            row[8:] = [np.nan if drawn[name] is None else drawn[name] for name in colors]
        if not np.array_equal(numbers, np.tile(transforms.NOTHING, (len(numbers), 1)), True):
            pictures = transforms.change_batch(
                pictures, numbers, first, self.fill_mode, self.cval, self.interpolation_order
            )
        return self._standardize_batch(pictures).astype(dtype, copy=False)

    def _is_plain(self, pictures: np.ndarray) -> bool:
        """Says whether nobody but the core has to see single pictures."""
        methods = ("apply_transform", "standardize")
        overridden = any(
            name in self.__dict__
            or getattr(type(self), name) is not getattr(ImageDataGenerator, name)
            for name in methods
        )
        bright = self.brightness_range is None or pictures.shape[self.channel_axis] in (1, 3, 4)
        return (
            bright
            and not overridden
            and self.preprocessing_function is None
            and pictures.dtype in (np.float32, np.float64)
        )

    def _transform_each(self, pictures: np.ndarray, dtype: Any) -> np.ndarray:
        """The same picture by picture, for functions of the user's and other dtypes."""
        result = np.zeros(pictures.shape, dtype)
        for at, picture in enumerate(pictures):
            drawn = self.get_random_transform(picture.shape)
            result[at] = self.standardize(self.apply_transform(picture, drawn))
        return result


def _draw_shift(generator: Any, wanted: Any, size: int) -> Any:
    """Draws a shift in pixels out of a range as `ImageDataGenerator` takes them."""
    if isinstance(wanted, (list, tuple, np.ndarray)):
        if not len(wanted):
            return 0
    elif not wanted:
        return 0
    if np.ndim(wanted) == 0 and not isinstance(wanted, (int, np.integer)):
        shift = generator.uniform(-wanted, wanted)
    else:
        shift = generator.choice(wanted) * generator.choice([-1, 1])
    return shift * size if np.max(wanted) < 1 else shift
