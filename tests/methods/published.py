"""Nets of the literature as their authors' files hold them, to run beside ours; not part of the product."""

from itertools import pairwise

import h5py
import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle

from restora.methods.dncnn import DnCNN


def matconvnet(path):
    """The convolutions [(kernel, bias), ...] of a MatConvNet file, as torch has them."""
    layers = []
    with h5py.File(path) as file:
        for reference in file["net/layers"][:, 0]:
            layer = file[reference]
            if "weights" not in layer or layer["weights"].dtype != object:
                continue
            kernel, bias = (np.array(file[r]) for r in layer["weights"][:, 0])
            # MATLAB's (h, w, in, out) is read as (out, in, w, h), without axes of one at its end.
            kernel = kernel if kernel.ndim == 4 else kernel[:, None] if len(kernel) == bias.size else kernel[None]
            layers.append((torch.from_numpy(kernel.swapaxes(2, 3).copy()), torch.from_numpy(bias.ravel())))
    return layers


def chain(layers):
    """The convolutions in a row, with ReLU between them."""
    parts = []
    for kernel, bias in layers:
        layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], 3, padding=1)
        layer.weight.data, layer.bias.data = kernel, bias
        parts += [layer, nn.ReLU()]
    return nn.Sequential(*parts[:-1]).eval().requires_grad_(False)


def dncnn(folder, sigma):
    """DnCNN-S in our class."""
    if sigma == 25:
        source = load_file(folder / "dncnn/dncnn_25.safetensors")
        state = {f"noise.{key.removeprefix('model.')}": torch.from_numpy(value) for key, value in source.items()}
    else:
        state = {}
        for index, (kernel, bias) in enumerate(matconvnet(folder / f"dncnn/gray_sigma{sigma}.mat")):
            state |= {f"noise.{2 * index}.weight": kernel, f"noise.{2 * index}.bias": bias}
    net = DnCNN()
    net.load_state_dict(state)
    return net


def ffdnet(folder, sigma):
    """FFDNet: the four phases of the picture and a plane of sigma go in, the four phases restored come out."""
    net = chain(matconvnet(folder / "ffdnet/FFDNet_gray.mat"))
    order = [0, 2, 1, 3]  # MATLAB counts phases down the columns

    def run(y):
        height, width = y.shape[2:]
        even = torch.nn.functional.pad(y, (0, width % 2, 0, height % 2), mode="replicate")
        phases = pixel_unshuffle(even, 2)[:, order]
        level = torch.full_like(phases[:, :1], sigma / 255)
        return pixel_shuffle(net(torch.cat([phases, level], 1))[:, order], 2)[:, :, :height, :width]

    return run


class Noise2NoiseUNet(nn.Module):
    """The U-Net of Noise2Noise's appendix, whose three middle levels share their weights in this implementation."""

    def __init__(self):
        super().__init__()

        def block(*widths, end=()):
            parts = []
            for inputs, outputs in pairwise(widths):
                parts += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU()]
            return nn.Sequential(*parts, *end)

        def twice(width):
            return nn.ConvTranspose2d(width, width, 3, stride=2, padding=1, output_padding=1)

        self._block1 = block(3, 48, 48, end=[nn.MaxPool2d(2)])
        self._block2 = block(48, 48, end=[nn.MaxPool2d(2)])
        self._block3 = block(48, 48, end=[twice(48)])
        self._block4 = block(96, 96, 96, end=[twice(96)])
        self._block5 = block(144, 96, 96, end=[twice(96)])
        self._block6 = block(99, 64, 32, end=[nn.Conv2d(32, 3, 3, padding=1), nn.LeakyReLU(0.1)])

    def forward(self, y):
        levels = [y, self._block1(y)]
        while len(levels) < 5:
            levels.append(self._block2(levels[-1]))
        features = self._block3(self._block2(levels[-1]))
        for lift in (self._block4, self._block5, self._block5, self._block5, self._block6):
            features = lift(torch.cat([features, levels.pop()], 1))
        return features


def noise2noise(folder, _sigma):
    """The published weights of a Noise2Noise U-Net, trained on noise up to sigma 50 of 255 in colour."""
    arrays = np.load(folder / "n2n/n2n-gaussian.npz", allow_pickle=False)
    net = Noise2NoiseUNet().eval().requires_grad_(False)
    net.load_state_dict({name: torch.from_numpy(arrays[name]) for name in arrays.files})
    return net
