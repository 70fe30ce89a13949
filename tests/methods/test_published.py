"""Published weights give the published scores: our nets, our protocol and our test sets are right."""

import numpy as np
import pytest
import torch

from restora.data.sets import test_set as named_set
from restora.engines.openvino_ import openvino_engine
from restora.engines.torch_ import torch_engine
from restora.files.picture import read
from restora.learn.export import to_onnx
from restora.methods.attention_unet import AttentionUNet
from restora.methods.dncnn import DnCNN
from restora.methods.unet import UNet
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from tests.methods import published

# From the READMEs of DnCNN and FFDNet. One draw of noise moves the mean of the twelve pictures by up to 0.03 dB at
# sigma 50, as every picture gets the same draw: four draws are averaged there.
SCORES = [
    ("dncnn", "Set12", 15, 1, 32.86),
    ("dncnn", "Set12", 25, 1, 30.44),
    ("dncnn", "Set12", 50, 4, 27.18),
    ("dncnn", "BSD68", 25, 1, 29.23),
    ("ffdnet", "Set12", 25, 1, 30.43),
    ("ffdnet", "Set12", 50, 4, 27.32),
]


def psnr(run, x, sigma, seed):
    """The score of one picture (H, W, C) with one draw of noise."""
    y = x + sigma / 255 * np.random.default_rng(seed).standard_normal(x.shape).astype(np.float32)
    return measure(run(y.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0), x, PROTOCOLS["denoise"]).psnr


def in_torch(net):
    def run(y):
        with torch.inference_mode():
            return net(torch.from_numpy(np.ascontiguousarray(y))).numpy()

    return run


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("net", "name", "sigma", "draws", "expected"), SCORES)
def test_published_weights_give_published_scores(shared, tmp_path, net, name, sigma, draws, expected):
    loaded = getattr(published, net)(shared / "weights", sigma)
    run = in_torch(loaded)
    if isinstance(loaded, DnCNN):  # ours: as the product runs it
        (tmp_path / "net.onnx").write_bytes(to_onnx(loaded, 1, 1))
        run = openvino_engine(tmp_path / "net.onnx", "f32")
    pictures = [read(path).pixels for path in named_set(name).paths]
    scores = [psnr(run, x, sigma, seed) for x in pictures for seed in range(draws)]
    assert np.mean(scores) == pytest.approx(expected, abs=0.02)


@pytest.mark.shared
def test_the_published_noise2noise_net_denoises(shared):
    """Its scores were published on pictures that are not here; it is known to be near CBM3D, 30.71 dB on CBSD68."""
    run = in_torch(published.noise2noise(shared / "weights", 25))
    pictures = [read(path).pixels[:320, :320] for path in named_set("CBSD68").paths[:3]]
    assert np.mean([psnr(run, x, 25, 0) - psnr(lambda y: y, x, 25, 0) for x in pictures]) > 9


PAPER = (64, 128, 256, 512, 1024)


@pytest.mark.parametrize(
    ("net", "parameters"),
    [(DnCNN(), 555_137), (UNet(widths=PAPER), 31_030_593), (AttentionUNet(widths=PAPER), 34_861_317)],
    ids=["dncnn", "unet", "attention-unet"],
)
def test_the_parameters_are_as_many_as_published(net, parameters):
    """The papers count 555,137, and about 31 and 35 millions."""
    assert sum(parameter.numel() for parameter in net.parameters()) == parameters


def test_an_untrained_net_changes_nothing(photo):
    y = photo[:, :, :1].transpose(2, 0, 1)[None]
    for net in (DnCNN, UNet, AttentionUNet):
        engine = torch_engine(net, {}, {k: v.numpy() for k, v in net().state_dict().items()}, "f32")
        assert np.array_equal(engine(y), y)
