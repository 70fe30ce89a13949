"""How many parameters the nets of the survey have at the size of their papers, built without values and counted.

The classes are those of this project with the knobs of the papers; the shapes of other nets, which no method here
needs, are below. Batch normalisation that a trained net merges into the convolution before it is not counted. Writes
results/parameters.csv.

    python benchmarks/parameters.py
"""

import json
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn

from restora.methods.table import method_named
from restora.nets.critic import PatchGAN
from restora.nets.hourglass import Hourglass
from restora.work.bench import write_table

RESULTS = Path(__file__).parent.parent / "results" / "parameters.csv"
WIDE = [64, 128, 256, 512, 1024]
GENERATOR, CRITIC = "generator", "critic"


def method(name: str, channels: int, **knobs: object) -> nn.Module:
    """The net of a method with knobs."""
    made: nn.Module = method_named(name).load()(channels, **knobs)
    return made


def convolutions(
    widths: Sequence[int], side: int = 3, bias: bool = True, kind: type[nn.Module] = nn.Conv2d
) -> nn.Module:
    """Convolutions from one width to the next."""
    return nn.Sequential(*[kind(*pair, side, bias=bias) for pair in pairwise(widths)])  # type: ignore[call-arg]


def srgan_critic() -> nn.Module:
    """The critic of Ledig et al., for crops of 96x96."""
    body = convolutions([3, 64, 64, 128, 128, 256, 256, 512, 512])
    return nn.Sequential(body, nn.Linear(512 * 6 * 6, 1024), nn.Linear(1024, 1))


def resnet(blocks: Sequence[int]) -> nn.Module:
    """The backbone of ResNet with bottlenecks, without its classifier; its frozen normalisation has no parameters."""
    layers, inputs = [nn.Conv2d(3, 64, 7, bias=False)], 64
    for width, count in zip((64, 128, 256, 512), blocks, strict=True):
        layers.append(nn.Conv2d(inputs, 4 * width, 1, bias=False))
        for _ in range(count):
            layers += [nn.Conv2d(inputs, width, 1, bias=False), nn.Conv2d(width, width, 3, bias=False)]
            layers.append(nn.Conv2d(width, 4 * width, 1, bias=False))
            inputs = 4 * width
    return nn.Sequential(*layers)


def faster_rcnn(blocks: Sequence[int], classes: int = 91) -> nn.Module:
    """Faster R-CNN with a feature pyramid (Lin et al., CVPR 2017) on ResNet, for the classes of COCO."""
    pyramid = [nn.Conv2d(width, 256, 1) for width in (256, 512, 1024, 2048)]
    pyramid += [nn.Conv2d(256, 256, 3) for _ in range(4)]
    proposals = [nn.Conv2d(256, 256, 3), nn.Conv2d(256, 3, 1), nn.Conv2d(256, 12, 1)]
    head = [nn.Linear(256 * 7 * 7, 1024), nn.Linear(1024, 1024), nn.Linear(1024, classes), nn.Linear(1024, 4 * classes)]
    return nn.Sequential(resnet(blocks), *pyramid, *proposals, *head)


def faster_rcnn_vgg(classes: int = 21) -> nn.Module:
    """Faster R-CNN of its paper: VGG-16, proposals from nine anchors, for the classes of PASCAL VOC."""
    body = convolutions([3, 64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512])
    proposals = [nn.Conv2d(512, 512, 3), nn.Conv2d(512, 18, 1), nn.Conv2d(512, 36, 1)]
    head = [nn.Linear(512 * 7 * 7, 4096), nn.Linear(4096, 4096), nn.Linear(4096, classes), nn.Linear(4096, 4 * classes)]
    return nn.Sequential(body, *proposals, *head)


def tgan_generator() -> nn.Module:
    """The generators of Saito et al. for 16 frames of 64x64: of the seeds of frames, and of a frame from its seed."""
    seeds = [nn.ConvTranspose1d(100, 512, 1)]
    seeds += [nn.ConvTranspose1d(*pair, 4) for pair in pairwise([512, 256, 128, 128, 100])]
    of_seeds = [nn.BatchNorm1d(width) for width in (512, 256, 128, 128)]
    enter = [nn.Linear(100, 4096, bias=False), nn.Linear(100, 4096, bias=False)]
    of_frames = [nn.BatchNorm1d(width) for width in (4096, 4096, 256, 128, 64, 32)]
    frames = convolutions([512, 256, 128, 64, 32], 4, bias=False)
    return nn.Sequential(*seeds, *of_seeds, *enter, *of_frames, frames, nn.Conv2d(32, 3, 3))


def tgan_critic() -> nn.Module:
    """Their critic of clips."""
    body = convolutions([3, 64, 128, 256, 512], 4, kind=nn.Conv3d)
    return nn.Sequential(body, *[nn.BatchNorm3d(width) for width in (128, 256, 512)], nn.Conv2d(512, 1, 4))


NETS: tuple[tuple[str, str, str, dict[str, object], Callable[[], nn.Module]], ...] = (
    ("dncnn", "", "17 layers of 64, grey", {"depth": 17, "width": 64}, lambda: method("dncnn", 1)),
    ("dncnn", "", "20 layers of 64, colour", {"depth": 20, "width": 64}, lambda: method("dncnn", 3, depth=20)),
    ("unet", "", "five levels, 64 to 1024", {"widths": WIDE}, lambda: method("unet", 1, widths=WIDE)),
    ("edsr", "", "32 blocks of 256, x2", {"scale": 2, "blocks": 32, "width": 256},
        lambda: method("edsr", 3, scale=2, blocks=32, width=256)),
    ("edsr", "", "32 blocks of 256, x4", {"scale": 4, "blocks": 32, "width": 256},
        lambda: method("edsr", 3, scale=4, blocks=32, width=256)),
    ("srcnn", "", "9-5-5, 64 and 32 wide", {"sides": [9, 5, 5]}, lambda: method("srcnn", 1)),
    ("vdsr", "", "20 layers of 64", {"depth": 20, "width": 64}, lambda: method("vdsr", 1)),
    ("srgan", GENERATOR, "16 blocks of 64, x4", {"scale": 4, "blocks": 16, "width": 64},
        lambda: method("srgan", 3, scale=4)),
    ("srgan", CRITIC, "for crops of 96x96", {}, srgan_critic),
    ("dip", "", "hourglass of five levels of 128", {"width": 128}, lambda: Hourglass(32, 3, 128)),
    ("pix2pix", GENERATOR, "U-Net of eight levels, for 256x256",
        {"widths": [64, 128, 256, 512, 512, 512, 512, 512]},
        lambda: method("pix2pix", 3, widths=[64, 128, 256, 512, 512, 512, 512, 512])),
    ("pix2pix", CRITIC, "patches of 70x70", {"width": 64}, lambda: PatchGAN(6)),
    ("faster-rcnn", "", "ResNet-50, feature pyramid, 91 classes", {}, lambda: faster_rcnn((3, 4, 6, 3))),
    ("faster-rcnn", "", "ResNet-101, feature pyramid, 91 classes", {}, lambda: faster_rcnn((3, 4, 23, 3))),
    ("faster-rcnn", "", "VGG-16, as in its paper, 21 classes", {}, faster_rcnn_vgg),
    ("cyclegan", GENERATOR, "9 blocks, one of two", {"width": 64, "blocks": 9},
        lambda: method("cyclegan", 3)),
    ("cyclegan", CRITIC, "patches of 70x70, one of two", {"width": 64}, lambda: PatchGAN(3)),
    ("attention-unet", "", "five levels, 64 to 1024", {"widths": WIDE},
        lambda: method("attention-unet", 1, widths=WIDE)),
    ("tgan", GENERATOR, "16 frames of 64x64 from noise", {}, tgan_generator),
    ("tgan", CRITIC, "of clips", {}, tgan_critic),
    ("cyclegan.oldphoto", GENERATOR, "the measured net, one of two", {"width": 24, "blocks": 6, "residual": 1},
        lambda: method("cyclegan", 3, width=24, blocks=6, residual=1)),
)  # fmt: skip
"""Name, part, description, knobs, and what builds the net."""


def main() -> None:
    """Build, count, print and write."""
    rows = []
    for name, part, about, knobs, build in NETS:
        with torch.device("meta"):
            count = sum(parameter.numel() for parameter in build().parameters())
        rows.append({"method": name, "part": part, "net": about, "knobs": json.dumps(knobs) if knobs else ""})
        rows[-1]["parameters"] = str(count)
        print(f"{name} {part}, {about}: {count:,}")
    write_table(RESULTS, rows)


if __name__ == "__main__":
    main()
