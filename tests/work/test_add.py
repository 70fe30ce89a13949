"""Weights from elsewhere: the same pixels as spandrel's, tiles that equal the whole, and refusals in one sentence."""

import json
import random
import re
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from restora.app.cli import main
from restora.core.errors import BadPlan, BadWeights, MissingExtra, NotFinite, OutputExists, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.files.picture import read
from restora.files.save import write
from restora.learn.card import contract
from restora.learn.export import linked, to_onnx
from restora.learn.weights import find, listed, own_folder, packed, store
from restora.methods.table import method_named
from restora.stages.pipeline import Means, Source, prepare
from restora.work.adapt import adapt
from restora.work.add import add, task_for
from restora.work.export import export
from restora.work.plan import learned_step, method_for, plan_of_method
from restora.work.restore import restore
from tests.cards import ends


def quiet(text):
    pass


# Without spandrel: weights as `add` stores them, of a net that doubles the size.


class Doubling(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 12, 3, padding=1)

    def forward(self, y):
        return torch.nn.functional.pixel_shuffle(self.conv(y), 2)


@pytest.fixture
def foreign(tmp_path, monkeypatch):
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "own"))
    torch.manual_seed(0)
    net = Doubling()
    arrays = {name: value.detach().numpy() for name, value in net.state_dict().items()}
    model = linked(to_onnx(net, *ends(3), 1, as_is=True), packed(arrays, "float32"), "mine.double.safetensors")
    card = {"name": "mine.double", "method": "foreign", "channels": 3, "multiple": 1, "halo": 1, "scale": 2}
    card |= {"bounded": True} | contract(3, {}, "enlarge")
    card |= {"scales": [2], "parameters": 336, "terms": "not stated", "memory": 300, "stored_as": "float32"}
    return store("mine.double", own_folder(), arrays, model, card), net


def command(monkeypatch, capsys, *words):
    monkeypatch.setattr(sys, "argv", ["restora", *map(str, words)])
    try:
        main()
        status = 0
    except SystemExit as stop:
        status = int(stop.code or 0)
    return status, *capsys.readouterr()


def test_parameters_stay_float32_and_are_stored_once(foreign):
    weights, net = foreign
    assert weights.arrays()["conv.weight"].dtype == np.float32
    assert np.array_equal(weights.arrays()["conv.weight"], net.conv.weight.detach().numpy())
    assert weights.onnx.read_bytes().count(net.conv.weight.detach().numpy().tobytes()) == 0


def test_the_name_of_the_weights_is_enough(foreign, tmp_path, photo, monkeypatch, capsys):
    write(Image(photo[:60, :80]), tmp_path / "y.png")
    words = ["upscale", tmp_path / "y.png", "--weights", "mine.double", "-o", tmp_path / "x.png"]
    status, _, err = command(monkeypatch, capsys, *words)
    assert status == 0, err
    y = read(tmp_path / "y.png").pixels.transpose(2, 0, 1)[None]
    wanted = foreign[1](torch.from_numpy(np.ascontiguousarray(y))).detach().numpy()[0].transpose(1, 2, 0).clip(0, 1)
    assert np.abs(read(tmp_path / "x.png").pixels - wanted).max() < 1e-4 + 0.5 / 255
    assert json.loads((tmp_path / "x.png.json").read_text())["plan"]["steps"][0]["method"] == "foreign"
    words = ["denoise", tmp_path / "y.png", "--method", "dncnn", "--weights", "mine.double", "-o", tmp_path / "z.png"]
    status, _, err = command(monkeypatch, capsys, *words)
    assert status == 2 and "mine.double are for foreign, not for dncnn" in err
    assert method_for(None) == "restora" and method_for("dncnn.gray-s25") == "dncnn"


def test_what_cannot_be_done_with_them_is_said(foreign, tmp_path, photo):
    made = plan_of_method("foreign", {}, None, weights="mine.double")
    assert made.precision == "f32"
    with pytest.raises(BadPlan, match="runs on openvino or onnxruntime, not on torch"):
        restore(Image(photo[:40, :40]), made, engine="torch")
    with pytest.raises(BadPlan, match="foreign has no weights of its own"):
        learned_step(method_named("foreign"), "")
    with pytest.raises(BadPlan, match="foreign has no weights of its own"):
        restore(Image(photo[:40, :40]), Plan((Step("foreign", ""),), ""))
    with pytest.raises(RestoraError, match="was added from a file and has no recipe"):
        export("mine.double", quiet)
    with pytest.raises(RestoraError, match="was added from a file and has no recipe"):
        adapt(tmp_path, "my-camera", quiet, start="mine.double")


class Halving(torch.nn.Module):
    def forward(self, y):
        return 0.5 * y


@pytest.fixture
def same_sized(foreign):
    """Weights from elsewhere, for JPEG, beside those that double the size."""
    model = to_onnx(Halving(), *ends(3), 1, as_is=True)
    card = foreign[0].card | {"name": "mine.half", "scale": 1, "scales": []} | contract(3, {}, "jpeg")
    return store("mine.half", own_folder(), {}, model, card)


def test_a_net_from_elsewhere_is_used_for_its_task(same_sized, tmp_path, photo, monkeypatch, capsys):
    assert same_sized.task == "jpeg" and find("mine.double").task == "enlarge"
    write(Image(photo[:60, :80]), tmp_path / "y.png")
    words = [tmp_path / "y.png", "--weights", "mine.half", "-o", tmp_path / "x.png"]
    status, _, err = command(monkeypatch, capsys, "denoise", *words)
    assert status == 0, err
    assert np.abs(read(tmp_path / "x.png").pixels - read(tmp_path / "y.png").pixels / 2).max() <= 1e-4 + 0.5 / 255
    words = [tmp_path / "y.png", "--weights", "mine.double", "-o", tmp_path / "z.png"]
    status, _, err = command(monkeypatch, capsys, "denoise", *words)
    assert status == 2 and "mine.double makes pictures larger: use restora upscale --weights mine.double" in err
    words = [tmp_path / "y.png", "--weights", "mine.half", "-o", tmp_path / "z.png"]
    status, _, err = command(monkeypatch, capsys, "upscale", *words)
    assert status == 2 and "the weights mine.half do not make pictures larger" in err
    status, out, _ = command(monkeypatch, capsys, "weights", "list")
    tasks = {line.split()[0]: line.split()[1] for line in out.splitlines()}
    assert status == 0 and (tasks["mine.half"], tasks["mine.double"]) == ("jpeg", "enlarge")
    assert (tasks["restora.noise"], tasks["srcnn.x2"]) == ("denoise", "enlarge")


@pytest.mark.parametrize(
    ("scale", "names", "task"),
    [
        (4, ["ESRGAN", "4x-deblur"], "enlarge"),
        (1, ["FBCNN", "fbcnn_color"], "jpeg"),
        (1, ["DAT", "1x-DeJPG-20"], "jpeg"),
        (1, ["NAFNet", "NAFNet-GoPro-width64"], "deblur"),
        (1, ["FFTformer", "net"], "deblur"),
        (1, ["NAFNet", "mine.inpainting"], "fill"),
        (1, ["NAFNet", "NAFNet-SIDD-width64"], "denoise"),
    ],
)
def test_the_task_is_guessed_unless_it_is_said(scale, names, task):
    assert task_for(None, scale, names) == task
    if scale == 1:
        assert task_for("deblur", scale, names) == "deblur"


def test_a_task_that_cannot_be_is_refused(tmp_path):
    with pytest.raises(RestoraError, match="^the net makes pictures 2 times larger, so its task cannot be jpeg$"):
        task_for("jpeg", 2, [])
    with pytest.raises(RestoraError, match="^the net does not make pictures larger, so its task cannot be enlarge$"):
        task_for("enlarge", 1, [])
    with pytest.raises(RestoraError, match="no task is called 'magic'; known: denoise, jpeg, enlarge, fill, deblur"):
        add(tmp_path / "net.pth", "mine.net", "", quiet, task="magic")


def test_a_missing_package_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "spandrel", None)
    with pytest.raises(MissingExtra, match=r"needs spandrel; install it with: pip install 'restora\[zoo\]'"):
        add(tmp_path / "net.pth", "mine.net", "", quiet)


# With spandrel.


@dataclass
class Case:
    architecture: str
    halo: int | None
    multiple: int
    scale: int = 1
    channels: int = 3


CASES = {
    "dncnn": Case("DnCNN", 17, 1, channels=1),
    "nafnet": Case("NAFNet", None, 1),
    "rrdb": Case("ESRGAN", 20, 2, scale=4),
    "span": Case("SPAN", 21, 1, scale=2),
    "swinir": Case("SwinIR", 16, 16, scale=2),
}


def state_of(name):
    """A small net of an architecture, its weights random everywhere: zeros would keep parts of it out of play."""
    from spandrel.architectures.ESRGAN import ESRGAN
    from spandrel.architectures.NAFNet import NAFNet
    from spandrel.architectures.SPAN import SPAN
    from spandrel.architectures.SwinIR import SwinIR

    builders = {
        "nafnet": lambda: NAFNet(img_channel=3, width=8, middle_blk_num=1, enc_blk_nums=[1], dec_blk_nums=[1]),
        "rrdb": lambda: ESRGAN(in_nc=3, out_nc=3, num_filters=16, num_blocks=1, scale=4),
        "span": lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=8, upscale=2),
        "swinir": lambda: SwinIR(
            upscale=2, img_size=16, window_size=8, depths=[2], embed_dim=12, num_heads=[2], mlp_ratio=2,
            upsampler="pixelshuffledirect", resi_connection="1conv",
        ),
    }  # fmt: skip
    torch.manual_seed(0)
    with warnings.catch_warnings():  # SwinIR calls torch in a way of yesterday
        warnings.simplefilter("ignore")
        net = builders[name]()
    for parameter in net.parameters():
        gain = 0.4 if name == "span" else 0.9  # three layers folded into one, of pictures on a scale of 255
        torch.nn.init.normal_(parameter, std=0.1 if parameter.ndim == 1 else gain / parameter[0].numel() ** 0.5)
    return net.state_dict()


@pytest.fixture(scope="module", params=CASES)
def added(request, tmp_path_factory):
    """The case, the weights as added, and spandrel's own descriptor of the same file."""
    spandrel = pytest.importorskip("spandrel")
    folder = tmp_path_factory.mktemp(request.param)
    name = request.param
    path = folder / f"{name}.{'pth' if name == 'nafnet' else 'safetensors'}"
    if name == "dncnn":
        path = Path(__file__).parents[3] / "shared/data/weights/dncnn/dncnn_25.safetensors"
        if not path.exists():
            pytest.skip("the published weights are not here")
    elif path.suffix == ".pth":
        torch.save({"params": state_of(name)}, path)
    else:
        save_file({key: value.contiguous() for key, value in state_of(name).items()}, path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RESTORA_WEIGHTS", str(folder / "own"))
        weights = add(path, f"mine.{name}", "MIT" if name == "dncnn" else "", quiet)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CASES[name], weights, spandrel.ModelLoader().load_from_file(path).eval()


@pytest.mark.slow
def test_the_card_says_what_was_measured(added):
    case, weights, _ = added
    card = weights.card
    assert (card["architecture"], card["halo"], card["multiple"]) == (case.architecture, case.halo, case.multiple)
    assert (card["scale"], card["channels"]) == (case.scale, case.channels)
    assert {key: card[key] for key in ("inputs", "outputs", "task")} == contract(
        case.channels, {}, "enlarge" if case.scale > 1 else "denoise"
    )
    assert card["terms"] == ("MIT" if case.architecture == "DnCNN" else "not stated")
    assert len(card["origin"]["sha256"]) == 64 and card["origin"]["file"] and card["parameters"] > 1000
    assert card["from_torch"] <= 1e-5 and card["memory"] >= 200 and "not tested" in card["int8"]["objections"][0]
    assert ("whole picture" in card["sees"]) == (case.halo is None)
    held = (weights.folder / f"{weights.name}.safetensors").stat().st_size
    assert weights.onnx.stat().st_size < max(400_000, held / 4)  # parameters are stored once


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["openvino", "onnxruntime"])
def test_pixels_are_those_of_spandrel(added, photo, grey_photo, engine):
    case, weights, theirs = added
    y = np.ascontiguousarray((photo if case.channels == 3 else grey_photo)[:96, :112])
    wanted = theirs(torch.from_numpy(y.transpose(2, 0, 1)[None].copy())).numpy()[0].transpose(1, 2, 0)
    x_hat = restore(Image(y), plan_of(weights), engine=engine)[0].pixels
    assert x_hat.shape == wanted.shape == (96 * case.scale, 112 * case.scale, case.channels)
    assert wanted.std() > 1e-3 and np.abs(x_hat - wanted).max() <= 1e-4


@pytest.mark.slow
def test_tiles_equal_the_whole_or_there_are_none(added, photo, grey_photo):
    case, weights, _ = added
    y = (photo if case.channels == 3 else grey_photo)[:203, :181]
    plan = plan_of(weights)
    whole = restore(Image(y), plan, max_memory=8 * 10**9)[0].pixels
    work = prepare(plan, Source(Image(y).window, y.shape), Report(plan), Means(Backend("openvino"), 10**9))
    if case.halo is None:
        assert len(work) == 1
        return
    work.tiles = [(64 * case.scale + 8, 48 * case.scale)]
    apart = [work.run(t, l, h, w) - whole[t : t + h, l : l + w] for t, l, h, w in work]
    assert len(apart) > 8 and max(np.abs(each).max() for each in apart) <= 1e-5


def plan_of(weights):
    return Plan((Step("foreign", "", str(weights.onnx)),), "")


def test_a_name_in_use_is_kept(tmp_path, foreign):
    pytest.importorskip("spandrel")
    for name, error in (("mine.double", OutputExists), ("restora.noise", RestoraError), ("../net", RestoraError)):
        with pytest.raises(error, match="--force|cannot be the name"):
            add(tmp_path / "net.pth", name, "", quiet)
    assert find("mine.double").checksum == foreign[0].checksum
    with pytest.raises(BadWeights, match="is not a file"):  # the name may be taken, the file is not there
        add(tmp_path / "net.pth", "mine.double", "", quiet, force=True)


def test_what_spandrel_does_not_know_is_named(tmp_path, foreign, monkeypatch, capsys):
    pytest.importorskip("spandrel")
    save_file({"some.weight": torch.zeros(3)}, tmp_path / "net.safetensors")
    words = ["weights", "add", tmp_path / "net.safetensors", "--name", "mine.net"]
    status, out, err = command(monkeypatch, capsys, *words)
    assert status == 2 and "does not support the architecture of" in err and "first array is some.weight" in err
    assert (
        "Traceback" not in err and len(err.splitlines()) == 1 and out == "" and not list(own_folder().glob("mine.n*"))
    )


@pytest.mark.shared
def test_carn_m_is_of_no_architecture_that_spandrel_knows(shared):
    pytest.importorskip("spandrel")
    with pytest.raises(BadWeights, match="does not support .*, whose first array is add_mean"):
        add(shared / "weights/carn_m/carn_m.safetensors", "mine.carn", "MIT", quiet)


def test_arrays_that_only_look_like_an_architecture_are_refused(tmp_path):
    pytest.importorskip("spandrel")
    state = state_of("nafnet")
    state.pop("ending.bias")
    torch.save(state, tmp_path / "net.pth")
    with pytest.raises(BadWeights, match="an architecture of spandrel|does not support"):
        add(tmp_path / "net.pth", "mine.net", "", quiet)


def refused(folder, state, says):
    """What a file of these arrays is refused with, in little memory and without a long wait."""
    path = folder / "net.safetensors"
    save_file({key: value.clone() for key, value in state.items()}, path)
    with pytest.raises((BadWeights, NotFinite), match=says) as caught:
        add(path, "mine.net", "", quiet)
    assert len(str(caught.value).splitlines()) == 1 and "mine.net" not in listed()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_one_number_that_is_not_finite_is_enough_to_refuse_weights(tmp_path, value):
    pytest.importorskip("spandrel")
    state = state_of("rrdb")
    name = next(key for key in state if key.endswith("rdb2.conv3.weight") or key.endswith("RDB2.conv3.0.weight"))
    state[name][1, 2, 0, 0] = value
    refused(tmp_path, state, f"{re.escape(name)} holds NaN or infinity")


def test_numbers_that_overflow_on_the_way_are_found_before_anything_is_clamped(tmp_path):
    pytest.importorskip("spandrel")
    state = {key: 1e15 * value if value.ndim == 4 else value for key, value in state_of("rrdb").items()}
    refused(tmp_path, state, "what ESRGAN makes of a picture holds NaN or infinity")


def test_a_net_that_is_far_larger_than_its_file_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("spandrel")
    state = state_of("rrdb")
    block = {key: value for key, value in state.items() if key.startswith("model.1.sub.0.RDB1.")}
    far = {key.replace("sub.0", "sub.99999999"): value for key, value in block.items()}
    refused(tmp_path, state | far, "belongs to a net with far more")
    monkeypatch.setattr("restora.learn.zoo.MEMORY", 10**8)
    refused(tmp_path, state | {"model.0.weight": torch.zeros(5000, 3, 3, 3)}, "far fewer than those of the net")


@pytest.mark.exhaustive
@pytest.mark.parametrize("name", ["rrdb", "nafnet", "span", "swinir"])
def test_changed_nets_are_read_or_refused(tmp_path, name):
    """Arrays are taken away, cut, enlarged, renumbered, retyped: spandrel reads them, or a sentence says why not."""
    pytest.importorskip("spandrel")
    from restora.learn.zoo import read_net

    rng, path, refusals = random.Random(0), tmp_path / "net.safetensors", 0
    for _ in range(150):
        state = {key: value.contiguous() for key, value in state_of(name).items()}
        for key in rng.sample(sorted(state), 2):
            value = state.pop(key)
            match rng.randrange(6):
                case 0:
                    state[re.sub("[0-9]+", str(rng.randrange(300)), key)] = value
                case 1:
                    state[key] = value.half()
                case 2 if value.ndim:
                    state[key] = value[: len(value) // 2].clone()
                case 3 if value.ndim:
                    state[key] = value.repeat(rng.randrange(2, 40), *[1] * (value.ndim - 1))
                case 4:
                    state[key] = torch.zeros([0] * value.ndim)
                case _:
                    pass
        save_file(state, path)
        try:
            read_net(path)
        except RestoraError as error:
            assert len(str(error).splitlines()) == 1
            refusals += 1
    assert refusals > 50
