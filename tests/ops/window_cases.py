"""Rows of the op table: convolution, pooling and resizing."""

import colorsys
import itertools

import numpy as np

from nacre import ops
from tests.ops.case import Case

# ---- what NumPy makes of it ----------------------------------------------------------------------


def _windows(spatial, taps, strides, dilation, padding):
    """Padding and output sizes, by Keras's rules."""
    pads, sizes = [], []
    for n, k, s, d in zip(spatial, taps, strides, dilation, strict=True):
        reach = (k - 1) * d + 1
        if padding == "valid":
            pads.append((0, 0))
            sizes.append((n - reach) // s + 1)
            continue
        out = -(-n // s)
        total = max((out - 1) * s + reach - n, 0)
        pads.append((reach - 1, 0) if padding == "causal" else (total // 2, total - total // 2))
        sizes.append(out)
    return pads, sizes


def _taps(x, taps, strides, dilation, padding, fill):
    """For each tap its place and what it sees: arrays of the output's spatial sizes."""
    pads, sizes = _windows(x.shape[1:-1], taps, strides, dilation, padding)
    x = np.pad(x, [(0, 0), *pads, (0, 0)], constant_values=fill)
    for place in itertools.product(*[range(k) for k in taps]):
        cut = tuple(
            slice(p * d, p * d + (m - 1) * s + 1, s)
            for p, d, m, s in zip(place, dilation, sizes, strides, strict=True)
        )
        yield place, x[(slice(None), *cut)]


def conv(x, w, strides, padding="valid", dilation=None, groups=1):
    rank = x.ndim - 2
    dilation = dilation or (1,) * rank
    share, filters = x.shape[-1] // groups, w.shape[-1] // groups
    total = 0
    for place, seen in _taps(x, w.shape[:-2], strides, dilation, padding, 0.0):
        parts = [
            seen[..., g * share : (g + 1) * share] @ w[place][:, g * filters : (g + 1) * filters]
            for g in range(groups)
        ]
        total = total + np.concatenate(parts, -1)
    return total


def conv_transpose(x, w, strides, low, sizes):
    """Adds a copy of the kernel for every element of x; the output begins `low` after the first."""
    rank = x.ndim - 2
    ends = [(n - 1) * s + k for n, s, k in zip(x.shape[1:-1], strides, w.shape, strict=False)]
    room = [max(e, m + p) for e, m, p in zip(ends, sizes, low, strict=True)]
    y = np.zeros((x.shape[0], *room, w.shape[-2]))
    for place in itertools.product(*[range(k) for k in w.shape[:rank]]):
        cut = tuple(
            slice(p, p + (n - 1) * s + 1, s)
            for p, n, s in zip(place, x.shape[1:-1], strides, strict=True)
        )
        y[(slice(None), *cut)] += x @ w[place].T
    return y[(slice(None), *[slice(p, p + m) for p, m in zip(low, sizes, strict=True)])]


def max_pool(x, window, strides, padding="valid"):
    ones = (1,) * len(window)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min
    return np.max([t for _, t in _taps(x, window, strides, ones, padding, lowest)], axis=0)


def average_pool(x, window, strides, padding="valid"):
    ones = (1,) * len(window)
    seen = [t for _, t in _taps(x, window, strides, ones, padding, 0.0)]
    places = [t for _, t in _taps(np.ones_like(x), window, strides, ones, padding, 0.0)]
    return np.sum(seen, axis=0) / np.sum(places, axis=0)


def _adaptive(x, sizes, join):
    for axis, m in enumerate(sizes, start=1):
        n = x.shape[axis]
        parts = [range(i * n // m, -((i + 1) * n // -m)) for i in range(m)]
        x = np.stack([join(np.take(x, part, axis), axis) for part in parts], axis)
    return x


def channels_first(x):
    return np.moveaxis(x, -1, 1)


# ---- rows ----------------------------------------------------------------------------------------


def _conv(name, x, w, strides, large=False, **options):
    groups = x[-1] // w[-2]
    keras = {k: v for k, v in options.items() if k != "dilation"}
    if "dilation" in options:
        keras["dilation_rate"] = options["dilation"]
    return Case(
        f"conv-{name}",
        lambda a, b: ops.conv(a, b, strides, **keras),
        lambda a, b: conv(a, b, strides, groups=groups, **options),
        [("any", x), ("any", w)],
        batch=False,
        tol=1e-5,
        large=large,
    )


def _conv_transpose(name, x, w, strides, low, sizes, **options):
    return Case(
        f"conv_transpose-{name}",
        lambda a, b: ops.conv_transpose(a, b, strides, **options),
        lambda a, b: conv_transpose(a, b, strides, low, sizes),
        [("any", x), ("any", w)],
        batch=False,
        tol=1e-5,
    )


def _depthwise(x, w):
    return w.reshape(*w.shape[:-2], 1, -1), x.shape[-1]


def _pool(name, kind, x, window, strides, padding="valid", **options):
    op, numpy = {"max": (ops.max_pool, max_pool), "average": (ops.average_pool, average_pool)}[kind]
    return Case(
        f"{kind}_pool-{name}",
        lambda a: op(a, window, strides, padding),
        lambda a: numpy(a, window, strides, padding),
        [("apart", x)],
        tol=1e-5,
        **options,
    )


_RNG = np.random.default_rng(7)
_KERNEL = _RNG.uniform(-1, 1, (3, 2, 2, 5)).astype("float32")
_TURNED = _RNG.uniform(-1, 1, (3, 3, 4, 2)).astype("float32")

CONV = [
    _conv("1d", (2, 6, 2), (3, 2, 3), (1,)),
    _conv("1d-causal", (2, 5, 2), (3, 2, 3), (2,), padding="causal"),
    _conv("2d", (2, 4, 5, 2), (3, 2, 2, 3), (1, 1)),
    _conv("2d-strides", (2, 5, 4, 2), (2, 3, 2, 2), (2, 1)),
    _conv("2d-same-even", (1, 4, 5, 2), (3, 4, 2, 2), (2, 2), padding="same"),
    _conv("2d-same-beyond", (2, 2, 3, 2), (4, 5, 2, 2), (1, 3), padding="same"),
    _conv("2d-skipping", (2, 7, 6, 1), (1, 2, 1, 2), (3, 4), padding="same"),
    _conv("2d-dilation", (1, 6, 5, 2), (2, 3, 2, 2), (1, 1), dilation=(3, 2), padding="same"),
    _conv("2d-groups", (2, 4, 4, 4), (2, 3, 2, 6), (1, 1)),
    _conv("2d-depthwise", (2, 4, 3, 3), (3, 2, 1, 3), (1, 1), padding="same"),
    _conv("3d", (1, 3, 4, 3, 2), (2, 2, 3, 2, 2), (1, 2, 1), padding="same"),
    Case(
        "conv-2d-batch",
        lambda x: ops.conv(x, _KERNEL, (2, 1), "same"),
        lambda x: conv(x, _KERNEL.astype("float64"), (2, 1), "same"),
        [("any", (3, 5, 4, 2))],
        tol=1e-5,
    ),
    Case(
        "conv-2d-first",
        lambda x, w: ops.conv(x, w, 1, "same", data_format="channels_first"),
        lambda x, w: channels_first(conv(np.moveaxis(x, 1, -1), w, (1, 1), "same")),
        [("any", (2, 2, 3, 4)), ("any", (3, 2, 2, 3))],
        batch=False,
        tol=1e-5,
    ),
    # Several blocks of channels and filters, with tails, and many rows.
    _conv("2d-wide", (3, 9, 8, 19), (3, 3, 19, 83), (1, 1), True, padding="same"),
    _conv("1d-long", (2, 301, 3), (7, 3, 33), (2,), True),
    _conv("2d-many-channels", (2, 7, 7, 67), (3, 3, 1, 67), (1, 1), True),
    Case(
        "depthwise_conv",
        lambda x, w: ops.depthwise_conv(x, w, 1, "same"),
        lambda x, w: conv(x, _depthwise(x, w)[0], (1, 1), "same", groups=x.shape[-1]),
        [("any", (2, 4, 3, 3)), ("any", (3, 2, 3, 2))],
        batch=False,
        tol=1e-5,
    ),
    Case(
        "separable_conv",
        lambda x, w, p: ops.separable_conv(x, w, p, 2),
        lambda x, w, p: conv(conv(x, _depthwise(x, w)[0], (2, 2), groups=x.shape[-1]), p, (1, 1)),
        [("any", (2, 4, 5, 2)), ("any", (2, 2, 2, 2)), ("any", (1, 1, 4, 3))],
        batch=False,
        tol=1e-5,
    ),
    _conv_transpose("2d", (2, 3, 3, 2), (3, 2, 3, 2), (2, 1), (0, 0), (7, 4)),
    _conv_transpose("2d-gap", (1, 2, 3, 2), (2, 1, 2, 2), (3, 2), (0, 0), (6, 6)),
    _conv_transpose("2d-same", (2, 3, 2, 2), (3, 4, 2, 2), (2, 3), (0, 0), (6, 6), padding="same"),
    _conv_transpose("1d-same", (2, 4, 2), (4, 3, 2), (1,), (1,), (4,), padding="same"),
    _conv_transpose(
        "1d-output", (2, 3, 2), (3, 2, 2), (2,), (0,), (6,), padding="same", output_padding=1
    ),
    _conv_transpose("3d", (1, 2, 2, 2, 2), (2, 3, 1, 2, 2), (1, 2, 1), (0, 0, 0), (3, 5, 2)),
    Case(
        "conv_transpose-batch",
        lambda x: ops.conv_transpose(x, _TURNED, 2, "same"),
        lambda x: conv_transpose(x, _TURNED.astype("float64"), (2, 2), (0, 0), (6, 4)),
        [("any", (3, 3, 2, 2))],
        tol=1e-5,
    ),
]

POOL = [
    _pool("1d", "max", (3, 5, 2), (2,), (2,)),
    _pool("2d", "max", (2, 4, 5, 2), (2, 2), (2, 2), ints=True),
    _pool("2d-overlapping", "max", (2, 5, 4, 2), (3, 2), (2, 1), ints=True),
    _pool("2d-same", "max", (2, 5, 4, 2), (3, 3), (2, 2), "same", ints=True),
    _pool("3d", "max", (1, 3, 4, 3, 2), (2, 3, 2), (1, 2, 1), "same"),
    _pool("wide", "max", (2, 9, 7, 83), (2, 3), (2, 2), "same", large=True),
    _pool("large-window", "max", (2, 301, 2), (257,), (5,), large=True),
    _pool("1d", "average", (3, 5, 2), (2,), (2,)),
    _pool("2d", "average", (2, 4, 5, 2), (2, 2), (2, 2)),
    _pool("2d-same", "average", (2, 5, 4, 2), (3, 3), (2, 2), "same"),
    _pool("2d-skipping", "average", (2, 6, 5, 2), (1, 2), (3, 3)),
    _pool("3d", "average", (1, 3, 4, 3, 2), (2, 3, 2), (1, 2, 1), "same"),
    _pool("wide", "average", (2, 9, 7, 83), (2, 3), (2, 2), "same", large=True),
    Case(
        "max_pool-first",
        lambda x: ops.max_pool(x, 2, 1, data_format="channels_first"),
        lambda x: channels_first(max_pool(np.moveaxis(x, 1, -1), (2, 2), (1, 1))),
        [("apart", (2, 2, 3, 4))],
    ),
    Case(
        "adaptive_average_pool",
        lambda x: ops.adaptive_average_pool(x, (3, 2)),
        lambda x: _adaptive(x, (3, 2), np.mean),
        [("any", (2, 5, 4, 2))],
        tol=1e-5,
    ),
    Case(
        "adaptive_max_pool",
        lambda x: ops.adaptive_max_pool(x, (3, 7)),
        lambda x: _adaptive(x, (3, 7), np.max),
        [("apart", (2, 5, 4, 2))],
    ),
]


def _patches(x):
    """Windows of 2x2 pixels, three columns apart."""
    n, h, w, _ = x.shape
    rows = [
        [x[:, i : i + 2, j : j + 2].reshape(n, -1) for j in range(0, w - 1, 3)]
        for i in range(0, h - 1, 2)
    ]
    return np.stack([np.stack(row, 1) for row in rows], 1)


IMAGES = [
    Case(
        "resize-nearest",
        lambda x: ops.image.resize(x, (6, 4), "nearest"),
        lambda x: x.repeat(2, 1).repeat(2, 2),
        [("any", (3, 3, 2, 2))],
    ),
    Case(
        "resize-bilinear",
        lambda x: ops.image.resize(x, (2, 1), "bilinear", antialias=False),
        lambda x: (x[:, ::2] + x[:, 1::2])[:, :, 1:2] / 2,
        [("any", (3, 4, 3, 2))],
        tol=1e-5,
    ),
    Case(
        "depth_to_space",
        lambda x: ops.depth_to_space(x, 2),
        lambda x: x.reshape(3, 2, 3, 2, 2, 2).swapaxes(2, 3).reshape(3, 4, 6, 2),
        [("any", (3, 2, 3, 8))],
        ints=True,
        batch=False,
    ),
    Case(
        "space_to_depth",
        lambda x: ops.space_to_depth(x, 2),
        lambda x: x.reshape(3, 2, 2, 3, 2, 2).swapaxes(2, 3).reshape(3, 2, 3, 8),
        [("any", (3, 4, 6, 2))],
        ints=True,
        batch=False,
    ),
    Case(
        "affine_transform",  # a pixel from the right and from above
        lambda x: ops.image.affine_transform(x, [1, 0, 1, 0, 1, -1, 0, 0], fill_value=2),
        lambda x: np.pad(x[:, :-1, 1:], [(0, 0), (1, 0), (0, 1), (0, 0)], constant_values=2),
        [("any", (3, 4, 5, 2))],
    ),
    Case(
        "affine_transform_between",  # half a pixel from the left, reflected
        lambda x: ops.image.affine_transform(
            x, [1, 0, -0.5, 0, 1, 0, 0, 0], fill_mode="reflect", data_format="channels_first"
        ),
        lambda x: (x + x[..., [0, 0, 1, 2, 3]]) / 2,
        [("any", (3, 2, 4, 5))],
    ),
    Case(
        "rgb_to_hsv",
        ops.image.rgb_to_hsv,
        lambda x: np.apply_along_axis(lambda c: colorsys.rgb_to_hsv(*c), -1, x),
        [("probability", (3, 4, 5, 3))],
        grad=0,
        tol=1e-5,
    ),
    Case(
        "hsv_to_rgb",
        ops.image.hsv_to_rgb,
        lambda x: np.apply_along_axis(lambda c: colorsys.hsv_to_rgb(*c), -1, x),
        [("probability", (3, 4, 5, 3))],
        grad=0,
        tol=1e-5,
    ),
    Case(
        "rgb_to_grayscale",
        ops.image.rgb_to_grayscale,
        lambda x: x @ np.array([[0.2989], [0.587], [0.114]]),
        [("any", (3, 4, 5, 3))],
        tol=1e-5,
    ),
    Case(
        "extract_patches",
        lambda x: ops.image.extract_patches(x, 2, (2, 3)),
        _patches,
        [("any", (3, 4, 5, 2))],
        tol=1e-5,
    ),
]

WINDOWS = CONV + POOL + IMAGES
