"""The convolutional networks as PyTorch modules, for pictures in the channels-last format.

The layers, their sizes and the places of activations are those of `benchmarks.networks`.
"""

from __future__ import annotations

import torch
from torch import nn


class _Residual(nn.Module):
    def __init__(self, fan_in: int, filters: int, strides: int):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(fan_in, filters, 3, strides, padding=1, bias=False),
            nn.BatchNorm2d(filters),
            nn.ReLU(),
            nn.Conv2d(filters, filters, 3, padding=1, bias=False),
            nn.BatchNorm2d(filters),
        )
        self.shortcut = nn.Identity()
        if strides != 1 or fan_in != filters:
            self.shortcut = nn.Sequential(
                nn.Conv2d(fan_in, filters, 1, strides, bias=False), nn.BatchNorm2d(filters)
            )

    def forward(self, x):
        return nn.functional.relu(self.body(x) + self.shortcut(x))


def _head(filters: int) -> list[nn.Module]:
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(filters, 10)]


def _cifar(size: int) -> nn.Module:
    side = ((size - 2) // 2 - 2) // 2 - 2
    return nn.Sequential(
        *(nn.Conv2d(3, 32, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten()),
        *(nn.Linear(64 * side * side, 64), nn.ReLU(), nn.Linear(64, 10)),
    )


def _cats(size: int) -> nn.Module:
    modules, fan_in = [], 3
    for filters in (32, 64, 128):
        modules += [nn.Conv2d(fan_in, filters, 3), nn.ReLU(), nn.MaxPool2d(2)]
        fan_in, size = filters, (size - 2) // 2
    modules += [nn.Flatten(), nn.Linear(fan_in * size * size, 512), nn.ReLU(), nn.Dropout(0.5)]
    return nn.Sequential(*modules, nn.Linear(512, 1), nn.Sigmoid())


def _lenet5(size: int) -> nn.Module:
    side = ((size - 4) // 2 - 4) // 2
    return nn.Sequential(
        *(nn.Conv2d(3, 6, 5), nn.Tanh(), nn.AvgPool2d(2)),
        *(nn.Conv2d(6, 16, 5), nn.Tanh(), nn.AvgPool2d(2), nn.Flatten()),
        *(nn.Linear(16 * side * side, 120), nn.Tanh()),
        *(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, 10)),
    )


def _resnet(size: int) -> nn.Module:
    modules = [nn.Conv2d(3, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    fan_in = 16
    for filters in (16, 32, 64):
        modules.append(_Residual(fan_in, filters, 1 if filters == 16 else 2))
        modules.append(_Residual(filters, filters, 1))
        fan_in = filters
    return nn.Sequential(*modules, *_head(fan_in))


def _mobilenet(size: int) -> nn.Module:
    modules = [nn.Conv2d(3, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU6()]
    fan_in = 32
    for filters, strides in ((64, 1), (128, 2), (128, 1), (256, 2)):
        modules += [
            nn.Conv2d(fan_in, fan_in, 3, strides, padding=1, groups=fan_in, bias=False),
            *(nn.BatchNorm2d(fan_in), nn.ReLU6()),
            nn.Conv2d(fan_in, filters, 1, bias=False),
            *(nn.BatchNorm2d(filters), nn.ReLU6()),
        ]
        fan_in = filters
    modules.append(nn.Conv2d(fan_in, fan_in, 3, padding=1, groups=fan_in, bias=False))
    modules += [nn.Conv2d(fan_in, fan_in, 1), nn.ReLU6()]
    return nn.Sequential(*modules, *_head(fan_in))


def _two_convolutions(fan_in: int, filters: int) -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(fan_in, filters, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(filters, filters, 3, padding=1), nn.ReLU()),
    )


class _UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([_two_convolutions(3, 16), _two_convolutions(16, 32)])
        self.bottom = _two_convolutions(32, 64)
        self.wider = nn.ModuleList(
            [nn.ConvTranspose2d(64, 32, 2, 2), nn.ConvTranspose2d(32, 16, 2, 2)]
        )
        self.up = nn.ModuleList([_two_convolutions(64, 32), _two_convolutions(32, 16)])
        self.last = nn.Conv2d(16, 3, 1)

    def forward(self, x):
        skipped = []
        for block in self.down:
            skipped.append(block(x))
            x = nn.functional.max_pool2d(skipped[-1], 2)
        x = self.bottom(x)
        for wider, block in zip(self.wider, self.up, strict=True):
            x = block(torch.cat([skipped.pop(), wider(x)], dim=1))
        return self.last(x)


_MAKERS = {
    "cifar": _cifar,
    "cats": _cats,
    "lenet5": _lenet5,
    "resnet": _resnet,
    "mobilenet": _mobilenet,
    "unet": lambda size: _UNet(),
}


def make(name: str, size: int) -> nn.Module:
    """Make a network that returns logits, or for two classes the probability of the second."""
    return _MAKERS[name](size).to(memory_format=torch.channels_last)
