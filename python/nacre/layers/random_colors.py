"""Layers that change brightness, contrast and colours of images at random."""

from __future__ import annotations

from typing import Any

from nacre import config, ops
from nacre.layers.augmentation import RandomImageLayer


class _ColorLayer(RandomImageLayer):
    """A layer with a factor and a range of the images' values.

    Args:
        factor: The factor.
        value_range: The smallest and largest value of images.
        seed: An int for repeatable changes.
        data_format: `channels_last` or `channels_first`.
        **kwargs: As for `Layer`.
    """

    _LOWEST = 0.0  # of the factor
    _SORTED = True  # whether `value_range` is sorted, which Keras does for some

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        seed: int | None = None,
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(seed, data_format, **kwargs)
        self.factor = self._range(factor, "factor", self._LOWEST, 1, least=self._LOWEST)
        if not isinstance(value_range, (list, tuple)) or len(value_range) != 2:
            raise ValueError(
                f"{self._label()}: `value_range` must be two numbers. Received: {value_range!r}"
            )
        self.value_range = sorted(value_range) if self._SORTED else value_range

    def get_config(self) -> dict:
        return {**super().get_config(), **self._arguments("factor", "value_range")}


class RandomBrightness(_ColorLayer):
    """Add the same number to all values of an image.

    Args:
        factor: The largest number as a share of `value_range`, or the limits, between -1 and 1.
        value_range: The smallest and largest value of images, which the result keeps to.
        seed: An int for repeatable changes.
        **kwargs: As for `Layer`.
    """

    _LOWEST = -1.0

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        low, high = self.value_range
        return {"rgb_delta": self._uniform(data, *self.factor, 1, 1, 1) * (high - low)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        return ops.clip(
            images + ops.cast(transformation["rgb_delta"], images.dtype), *self.value_range
        )


class RandomContrast(_ColorLayer):
    """Bring values nearer to the mean of their channel or farther from it.

    Args:
        factor: Two shares, between 0 and 1: distances are multiplied by a number between
            1 - the first and 1 + the second. A single one is the second, the first being 0.
        value_range: The smallest and largest value of images, which the result keeps to.
        seed: An int for repeatable changes.
        **kwargs: As for `Layer`.
    """

    _SORTED = False

    def __init__(
        self, factor: Any, value_range: Any = (0, 255), seed: int | None = None, **kwargs: Any
    ):
        super().__init__(factor, value_range, seed, **kwargs)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        low, high = self.factor
        return {"contrast_factor": self._uniform(data, 1.0 - low, 1.0 + high, 1, 1, 1)}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        mean = ops.mean(images, axis=self._axes, keepdims=True)
        changed = (images - mean) * ops.cast(transformation["contrast_factor"], images.dtype) + mean
        return ops.clip(changed, *self.value_range)


class RandomHue(_ColorLayer):
    """Turn the colours of images round the circle of colours.

    Args:
        factor: The largest turn as a share of half a circle, or the limits, between 0 and 1.
        value_range: The smallest and largest value of images.
        data_format: `channels_last` or `channels_first`.
        seed: An int for repeatable changes.
        **kwargs: As for `Layer`.
    """

    _SORTED = False

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        side = ops.where(self._uniform(data, 0.0, 1.0) > 0.5, -1.0, 1.0)
        return {"factor": side * self._uniform(data, *self.factor) * 0.5}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        low, high = self.value_range
        turn = ops.cast(transformation["factor"], images.dtype)[:, None, None]
        axis = -1 if self.data_format == "channels_last" else -3
        unit = (images - low) / (high - low)
        hue, saturation, value = ops.unstack(
            ops.image.rgb_to_hsv(unit, data_format=self.data_format), 3, axis=axis
        )
        hue = hue + turn
        hue = ops.where(hue > 1.0, hue - 1.0, hue)
        hue = ops.where(hue < 0.0, hue + 1.0, hue)
        turned = ops.stack([hue, saturation, value], axis=axis)
        colours = ops.image.hsv_to_rgb(turned, data_format=self.data_format)
        return ops.clip(colours, 0, 1) * (high - low) + low


class RandomSaturation(_ColorLayer):
    """Make the colours of images stronger or paler.

    Args:
        factor: The limits of a number, or the upper one: 0 and less leave grey, 0.5 leaves images
            as they are, and near 1 colours are as strong as they can be. A single number is, with
            the other sign, the lower limit too.
        value_range: The smallest and largest value of images.
        data_format: `channels_last` or `channels_first`.
        seed: An int for repeatable changes.
        **kwargs: As for `Layer`.
    """

    _LOWEST = -1.0

    def __init__(
        self,
        factor: Any,
        value_range: Any = (0, 255),
        data_format: str | None = None,
        seed: int | None = None,
        **kwargs: Any,
    ):
        super().__init__(factor, value_range, seed, data_format, **kwargs)

    def get_random_transformation(self, data: Any, training: Any = True, seed: Any = None) -> Any:
        factor = self._uniform(data, *self.factor)
        return {"factor": factor / (1.0 - factor + config.epsilon())}

    def transform_images(self, images: Any, transformation: Any, training: Any = True) -> Any:
        times = ops.cast(transformation["factor"], images.dtype)[:, None, None]
        axis = -1 if self.data_format == "channels_last" else -3
        hue, saturation, value = ops.unstack(
            ops.image.rgb_to_hsv(images, data_format=self.data_format), 3, axis=axis
        )
        saturation = ops.clip(saturation * times, *self.value_range)
        changed = ops.stack([hue, saturation, value], axis=axis)
        return ops.image.hsv_to_rgb(changed, data_format=self.data_format)
