"""Published weights in our nets give the published scores: net and protocol are right."""

import h5py
import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from restora.data.sets import test_set as named_set
from restora.engines.openvino_ import openvino_engine
from restora.engines.torch_ import torch_engine
from restora.files.picture import read
from restora.learn.export import to_onnx
from restora.methods.dncnn import DnCNN
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure

# The DnCNN authors' README: DnCNN-S. One draw of noise moves the mean of the twelve pictures by up to 0.03 dB at
# sigma 50, as every picture gets the same draw: four draws are averaged there.
PUBLISHED = [("Set12", 15, 1, 32.86), ("Set12", 25, 1, 30.44), ("Set12", 50, 4, 27.18), ("BSD68", 25, 1, 29.23)]


def state_of(folder, level):
    """The published weights under our names: convolutions 0, 2, ... 32 of a Sequential."""
    if level == 25:
        source = load_file(folder / "weights/dncnn/dncnn_25.safetensors")
        return {f"noise.{name.removeprefix('model.')}": value for name, value in source.items()}
    state = {}
    with h5py.File(folder / f"weights/dncnn/gray_sigma{level}.mat") as file:
        layers = file["net/layers"]
        index = 0
        for reference in layers[:, 0]:
            layer = file[reference]
            if "weights" not in layer:
                continue
            kernel, bias = (np.array(file[r]) for r in layer["weights"][:, 0])
            # MATLAB's (h, w, in, out) is read as (out, in, w, h).
            state[f"noise.{2 * index}.weight"] = kernel.reshape(-1, 64 if index else 1, 3, 3).swapaxes(2, 3)
            state[f"noise.{2 * index}.bias"] = bias.ravel()
            index += 1
    return state


@pytest.mark.shared
@pytest.mark.slow
@pytest.mark.parametrize(("name", "level", "draws", "published"), PUBLISHED)
def test_published_weights_give_published_scores(shared, tmp_path, name, level, draws, published):
    net = DnCNN()
    net.load_state_dict({key: torch.from_numpy(value.copy()) for key, value in state_of(shared, level).items()})
    (tmp_path / "net.onnx").write_bytes(to_onnx(net, 1, 1))
    engine = openvino_engine(tmp_path / "net.onnx", "f32")
    scores = []
    for path in named_set(name).paths:
        x = read(path).pixels
        for seed in range(draws):
            y = x + level / 255 * np.random.default_rng(seed).standard_normal(x.shape).astype(np.float32)
            x_hat = engine(y.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0)
            scores.append(measure(x_hat, x, PROTOCOLS["denoise"]).psnr)
    assert np.mean(scores) == pytest.approx(published, abs=0.02)


def test_the_parameters_are_as_many_as_published():
    assert sum(parameter.numel() for parameter in DnCNN().parameters()) == 555_137


def test_an_untrained_net_changes_nothing(photo):
    engine = torch_engine(DnCNN, {}, {k: v.numpy() for k, v in DnCNN().state_dict().items()}, "f32")
    y = photo[:, :, :1].transpose(2, 0, 1)[None]
    assert np.array_equal(engine(y), y)
