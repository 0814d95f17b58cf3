"""What layers that change images at random share."""

from __future__ import annotations

from typing import Any

from nacre import config, ops, random
from nacre.layers.input_spec import InputSpec
from nacre.layers.layer import Layer
from nacre.ops.shaping import reshape_to

FILL_MODES = ("reflect", "wrap", "constant", "nearest")
INTERPOLATIONS = ("nearest", "bilinear")


class RandomImageLayer(Layer):
    """A layer that changes images at random in training, each image of a batch by itself.

    Called by itself it changes them too, as `training` is True unless somebody says otherwise:
    `fit` says True, `evaluate` and `predict` say False, and then images pass as they are.

    A subclass defines `get_random_transformation`, which draws, and `transform_images`, which does
    what was drawn.

    Args:
        seed: An int for repeatable changes.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(self, seed: int | None = None, data_format: str | None = None, **kwargs: Any):
        if kwargs.pop("bounding_box_format", None) is not None:
            raise ValueError(f"{type(self).__name__}: bounding boxes are not supported.")
        super().__init__(**kwargs)
        self.seed = seed
        self.generator = random.SeedGenerator(seed)
        self.data_format = config.standardize_data_format(data_format)
        self.input_spec = InputSpec(min_ndim=3, max_ndim=4)

    @property
    def _axes(self) -> tuple[int, int]:
        """The axes of rows and columns."""
        return (-3, -2) if self.data_format == "channels_last" else (-2, -1)

    def _uniform(self, images: Any, low: float, high: float, *ones: int) -> Any:
        """A number for each image, with as many axes of size 1 behind as are given."""
        shape = (images.dims[0], *ones)
        return random.uniform(shape, low, high, dtype=self.compute_dtype, seed=self.generator)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        """Draw what is done with each of a batch of images.

        Args:
            data: The images.
            training: Whether anything is done.
            seed: Only `None`: the layer's own generator is used.
        """
        raise NotImplementedError(type(self).__name__)

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        """Do with a batch of images what was drawn.

        Args:
            images: The images.
            transformation: What `get_random_transformation` returned.
            training: Whether anything is done.
        """
        raise NotImplementedError(type(self).__name__)

    def call(self, data: Any, training: Any = True) -> Any:
        images = ops.cast(data, self.compute_dtype)
        if not training:
            return images
        if len(images.shape) == 4:
            return self.transform_images(images, self.get_random_transformation(images))
        batch = ops.expand_dims(images, 0)
        changed = self.transform_images(batch, self.get_random_transformation(batch))
        return reshape_to(changed, changed.dims[1:])

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("seed", "data_format")}

    def _range(self, factor: Any, name: str, low: float, high: float, least: Any = None) -> tuple:
        """The limits that a factor stands for: a number, or two of them.

        Args:
            factor: What the user gave.
            name: What it is called.
            low: The smallest value allowed.
            high: The largest value allowed.
            least: Where the lower limit of a single number ends; without it, at minus the number.
        """
        pair = factor if isinstance(factor, (list, tuple)) else (factor,)
        numbers = all(isinstance(n, (int, float)) and not isinstance(n, bool) for n in pair)
        if not numbers or len(pair) > 2 or not pair or not all(low <= n <= high for n in pair):
            raise ValueError(
                f"{self._label()}: `{name}` must be a number, or two, in [{low}, {high}]. "
                f"Received: {factor!r}"
            )
        if isinstance(factor, (list, tuple)):
            if len(pair) != 2:
                raise ValueError(
                    f"{self._label()}: `{name}` must be a number or two. Received: {factor!r}"
                )
            return tuple(sorted(pair))
        size = abs(factor)
        return (-size if least is None else max(-size, least), size)


class AffineLayer(RandomImageLayer):
    """A layer that moves pixels by an affine transform.

    Args:
        fill_mode: What stands outside of images: `reflect`, `wrap`, `constant` or `nearest`.
        interpolation: `nearest` or `bilinear`.
        seed: An int for repeatable changes.
        fill_value: The value for `constant`.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    def __init__(
        self,
        fill_mode: str = "reflect",
        interpolation: str = "bilinear",
        seed: int | None = None,
        fill_value: float = 0.0,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, **kwargs)
        for name, value, allowed in (
            ("fill_mode", fill_mode, FILL_MODES),
            ("interpolation", interpolation, INTERPOLATIONS),
        ):
            if value not in allowed:
                raise ValueError(
                    f"{self._label()}: `{name}` must be one of {allowed}. Received: {value!r}"
                )
        self.fill_mode = fill_mode
        self.interpolation = interpolation
        self.fill_value = fill_value

    def _sizes(self, images: Any) -> tuple[Any, Any]:
        """Height and width as scalar tensors."""
        shape = ops.shape(images)
        return tuple(ops.cast(shape[axis], "float32") for axis in self._axes)

    def _matrix(self, *rows: Any) -> Any:
        """Eight numbers for each image, of six columns of shape (batch, 1); the last two are 0."""
        columns = [ops.cast(row, "float32") for row in rows]
        zero = ops.zeros_like(columns[0])
        return ops.concatenate([*columns, zero, zero], axis=1)

    def _move(self, images: Any, transform: Any) -> Any:
        return ops.image.affine_transform(
            images,
            transform,
            interpolation=self.interpolation,
            fill_mode=self.fill_mode,
            fill_value=self.fill_value,
            data_format=self.data_format,
        )

    def get_config(self) -> dict:
        return {
            **super().get_config(),
            **self._arguments("fill_mode", "interpolation", "fill_value"),
        }
