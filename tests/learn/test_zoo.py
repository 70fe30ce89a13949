"""Reading weights from elsewhere: arrays, and nothing that runs."""

import pickle
import warnings

import pytest
import torch
from safetensors.torch import save_file

from restora.core.errors import BadWeights
from restora.learn.foreign_file import read_arrays
from restora.learn.zoo import Foreign


class Trap:
    """What a pickle can do: calls anything when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("old", [False, True])
def test_arrays_are_read_from_both_formats(tmp_path, old):
    arrays = {"conv.weight": torch.rand(2, 3), "conv.bias": torch.rand(2)}
    save_file(arrays, tmp_path / "net.safetensors")
    torch.save({"params": arrays}, tmp_path / "net.pth", _use_new_zipfile_serialization=not old)
    assert torch.equal(read_arrays(tmp_path / "net.safetensors")["conv.bias"], arrays["conv.bias"])
    assert torch.equal(read_arrays(tmp_path / "net.pth")["params"]["conv.weight"], arrays["conv.weight"])


@pytest.mark.parametrize("how", ["zip", "old", "plain-2", "plain-4"])
def test_a_pickle_that_would_run_something_is_refused_and_does_not_run(tmp_path, how):
    path, mark = tmp_path / "net.pth", tmp_path / "ran"
    held = {"weight": torch.zeros(1), "trap": Trap(mark)}
    if how.startswith("plain"):
        protocol = int(how[-1])
        path.write_bytes(pickle.dumps(Trap(mark), protocol))
    else:
        torch.save(held, path, _use_new_zipfile_serialization=how == "zip")
    with pytest.raises(BadWeights, match=r"was not read, because it (imports \w+\.open|holds more than arrays)"):
        read_arrays(path)
    assert not mark.exists()


def test_a_program_of_torch_is_refused(tmp_path):
    with warnings.catch_warnings():  # torch warns that this format is of yesterday
        warnings.simplefilter("ignore")
        torch.jit.script(torch.nn.ReLU()).save(str(tmp_path / "net.pth"))
    with pytest.raises(BadWeights, match="was not read, because it imports __torch__"):
        read_arrays(tmp_path / "net.pth")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("net.pth", "is not a .pth file of weights"),
        ("net.safetensors", "is not a .safetensors file of weights"),
        ("net.pkl", "must be .safetensors or .pth files, not net.pkl"),
    ],
)
def test_a_file_that_is_no_weights_is_named(tmp_path, name, says):
    (tmp_path / name).write_text("this is a letter, not a net")
    with pytest.raises(BadWeights, match=says):
        read_arrays(tmp_path / name)
    (tmp_path / name).unlink()
    with pytest.raises(BadWeights, match=r"is not a file|not net.pkl"):
        read_arrays(tmp_path / name)


def test_arrays_without_names_are_no_weights(tmp_path):
    torch.save([torch.zeros(1)], tmp_path / "net.pth")
    with pytest.raises(BadWeights, match="no arrays by name"):
        read_arrays(tmp_path / "net.pth")


def test_a_net_that_writes_into_its_input_leaves_the_picture_alone():
    y = torch.full((1, 1, 2, 2), 0.25)
    net = Foreign(torch.nn.Identity(), lambda inner, picture: picture.mul_(8))
    assert net(y).max() == 2 and y.max() == 0.25
