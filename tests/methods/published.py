"""Nets of the literature as their authors' files hold them, to run beside ours; not part of the product."""

import ast
import json
from itertools import pairwise

import h5py
import numpy as np
import scipy.io
import torch
from safetensors.numpy import load_file
from torch import nn
from torch.nn.functional import batch_norm, conv2d, pixel_shuffle, pixel_unshuffle, prelu

from restora.methods.dncnn import DnCNN
from restora.methods.vdsr import VDSR


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


def dncnn3(folder):
    """DnCNN-3, of 20 layers, in our class: noise, interpolation and JPEG of luma."""
    layers = matconvnet(folder / "dncnn/DnCNN3.mat")
    net = DnCNN(depth=len(layers))
    state = {}
    for index, (kernel, bias) in enumerate(layers):
        state |= {f"noise.{2 * index}.weight": kernel, f"noise.{2 * index}.bias": bias}
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


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


def srcnn(folder, scale):
    """SRCNN 9-1-5 of luma made larger; its authors' code continues the picture at its borders."""
    arrays = scipy.io.loadmat(folder / f"srcnn/x{scale}.mat")
    kernels = [
        arrays["weights_conv1"].T.reshape(64, 1, 9, 9),
        arrays["weights_conv2"].transpose(2, 0, 1)[..., None],
        arrays["weights_conv3"].reshape(1, 32, 5, 5),
    ]
    layers = []
    for index, kernel in enumerate(kernels, 1):
        side = kernel.shape[2]
        layer = nn.Conv2d(kernel.shape[1], kernel.shape[0], side, padding=side // 2, padding_mode="replicate")
        layer.weight.data = torch.from_numpy(kernel.swapaxes(2, 3).astype(np.float32).copy())
        layer.bias.data = torch.from_numpy(arrays[f"biases_conv{index}"].astype(np.float32).ravel())
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1]).eval().requires_grad_(False)


def vdsr(folder, _scale):
    """VDSR in our class."""
    model = scipy.io.loadmat(folder / "vdsr/VDSR_Official.mat")["model"][0, 0]
    state = {}
    for index, (kernel, bias) in enumerate(zip(model["weight"].ravel(), model["bias"].ravel(), strict=True)):
        full = kernel.reshape(*kernel.shape, *[1] * (4 - kernel.ndim))  # MATLAB drops axes of one at the end
        state[f"detail.{2 * index}.weight"] = torch.from_numpy(full.transpose(3, 2, 0, 1).astype(np.float32))
        state[f"detail.{2 * index}.bias"] = torch.from_numpy(bias.ravel().astype(np.float32))
    net = VDSR()
    net.load_state_dict(state)
    return net.eval().requires_grad_(False)


class CarnM:
    """CARN-M of a scale: cascades of blocks of grouped convolutions, all called alike inside a block."""

    def __init__(self, path, scale):
        self.arrays = {name: torch.from_numpy(value) for name, value in load_file(path).items()}
        self.scale = scale

    def conv(self, x, name, groups=1):
        kernel, bias = self.arrays[f"{name}.weight"], self.arrays[f"{name}.bias"]
        return conv2d(x, kernel, bias, padding=kernel.shape[2] // 2, groups=groups)

    def cascade(self, x, prefix, step):
        seen = last = x
        for index in (1, 2, 3):
            seen = torch.cat([seen, step(last, index)], 1)
            last = self.conv(seen, f"{prefix}c{index}.body.0").relu()
        return last

    def residual(self, x, name):
        inner = self.conv(x, f"{name}.body.0", 4).relu()
        inner = self.conv(inner, f"{name}.body.2", 4).relu()
        return (x + self.conv(inner, f"{name}.body.4")).relu()

    def __call__(self, y):
        x = self.conv(self.conv(y, "sub_mean.shifter"), "entry")
        x = self.cascade(
            x, "", lambda x, outer: self.cascade(x, f"b{outer}.", lambda x, _: self.residual(x, f"b{outer}.b1"))
        )
        for index, factor in enumerate({2: [2], 3: [3], 4: [2, 2]}[self.scale]):
            x = self.conv(x, f"upsample.up{self.scale}.body.{3 * index}", 4).relu()
            x = pixel_shuffle(x, factor)
        return self.conv(self.conv(x, "exit"), "add_mean.shifter")


def carn_m(folder, scale):
    """CARN-M, RGB."""
    return CarnM(folder / "carn_m/carn_m.safetensors", scale)


OPERATIONS = {
    "Convolution": lambda p, x, kernel, bias=None: conv2d(
        x, kernel, bias, stride=ast.literal_eval(p.get("stride", "1")), padding=ast.literal_eval(p.get("pad", "0"))
    ),
    "BatchNorm": lambda p, x, gamma, beta, mean, variance: batch_norm(
        x, mean, variance, torch.ones_like(gamma) if p.get("fix_gamma", "True") == "True" else gamma, beta,
        eps=float(p.get("eps", 1e-3)),
    ),
    "LeakyReLU": lambda p, x, slope: prelu(x, slope),
    "relu": lambda p, x: x.relu(),
    "broadcast_add": lambda p, x, other: x + other,
    "_mul_scalar": lambda p, x: x * float(p["scalar"]),
    "_plus_scalar": lambda p, x: x + float(p["scalar"]),
    "depth_to_space": lambda p, x: pixel_shuffle_blocks_first(x, int(p["block_size"])),
    "transpose": lambda p, x: x.permute(*ast.literal_eval(p["axes"])),
    "Reshape": lambda p, x: reshaped(x, ast.literal_eval(p["shape"])),
}  # fmt: skip
"""What the graphs of MXNet here are made of: (parameters as text, inputs...) -> output."""


def pixel_shuffle_blocks_first(x, block):
    """MXNet's depth_to_space, whose channels count the place in a block first."""
    batch, channels, height, width = x.shape
    x = x.reshape(batch, block, block, channels // block**2, height, width)
    return x.permute(0, 3, 4, 1, 5, 2).reshape(batch, -1, block * height, block * width)


def reshaped(x, shape):
    """MXNet's Reshape: 0 keeps a side, -1 is what is left, -2 all sides that are left, -3 the product of two, -4 one
    side in two."""
    sides, out, words = list(x.shape), [], list(shape)
    while words:
        word = words.pop(0)
        if word == 0:
            out.append(sides.pop(0))
        elif word == -2:
            out += sides
            sides = []
        elif word == -3:
            out.append(sides.pop(0) * sides.pop(0))
        elif word == -4:
            first, second, side = words.pop(0), words.pop(0), sides.pop(0)
            out += [side // second if first == -1 else first, side // first if second == -1 else second]
        else:
            out.append(word)
            sides = sides[1:]
    return x.reshape(out)


def mxnet(path):
    """The net of a graph file NAME-symbol.json and its arrays NAME.npz."""
    graph = json.loads(path.with_name(f"{path.name}-symbol.json").read_text())
    arrays = np.load(path.with_name(f"{path.name}.npz"), allow_pickle=False)
    held = {name.split(":")[1]: torch.from_numpy(arrays[name]) for name in arrays.files}

    def run(y):
        values = []
        for node in graph["nodes"]:
            inputs = [values[source[0]] for source in node["inputs"]]
            if node["op"] == "null":
                values.append(held.get(node["name"], y))
            else:
                values.append(OPERATIONS[node["op"]](node.get("attrs", {}), *inputs))
        return values[graph["heads"][0][0]]

    return run


def edsr8(folder, _scale):
    """EDSR with 8 blocks, x2, RGB."""
    return mxnet(folder / "edsr8/EDSR-8-x2")


def srresnet(folder, _scale):
    """SRResNet, x4, RGB."""
    return mxnet(folder / "srresnet/SRResNet_4x")
