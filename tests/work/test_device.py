"""Restoring on a device: what the report says, and what does not change. The device itself is a fake here."""

import numpy as np
import pytest

from restora.core.errors import BadDevice
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.report import Report
from restora.engines.choice import Backend
from restora.files.save import write
from restora.learn.weights import find
from restora.stages.load import float_precision, load_net, possible
from restora.work.restore import Options, restore, restore_file

FLAGSHIP = Step("restora", "", "restora.noise")
MEDIAN = Step("median", "", knobs={"radius": 1})


@pytest.fixture
def on(monkeypatch):
    """Simulates a backend whose nets run on the CPU; returns the (device, precision) of each loaded net."""
    loaded = []

    def pretend(backend, run=None):
        def load(weights, method, where, precision):
            loaded.append((where.device, precision))
            here = run if run and where.device != "cpu" else None
            return here or load_net(weights, method, Backend(where.engine), "f32")

        monkeypatch.setattr("restora.work.restore.backend_named", lambda engine, device: backend)
        monkeypatch.setattr("restora.stages.net.load_net", load)
        return loaded

    return pretend


def test_the_report_says_the_device_and_the_plan_does_not(photo, on):
    y, plan = Image(photo[:64, :64]), Plan((MEDIAN, FLAGSHIP), "")
    expected, before = restore(y, plan, engine="torch", device="cpu")
    assert before.device == "cpu" and before.as_dict()["device"] == "cpu"
    loaded = on(Backend("torch", "cuda:0"))
    image, report = restore(y, plan, device="cuda")
    assert (report.engine, report.device, report.precision) == ("torch", "cuda:0", "f32")
    assert loaded == [("cuda:0", "f32")] and not report.warnings
    assert report.plan.id == before.plan.id and report.tile == before.tile
    assert np.abs(image.pixels - expected.pixels).max() <= 1e-5


def test_int8_on_cuda_runs_in_f32_and_says_so(photo, on):
    loaded = on(Backend("torch", "cuda:0"))
    _, report = restore(Image(photo[:64, :64]), Plan((FLAGSHIP,), "", precision="int8"))
    assert report.warnings == ["torch does not compute in int8; restora.noise ran in f32"]
    assert loaded == [("cuda:0", "f32")]


@pytest.mark.parametrize(
    ("has", "wished", "runs", "said"),
    [
        (("f32", "f16", "int8"), "f32", "f32", []),
        (("f32", "f16", "int8"), "int8", "int8", []),
        (("f32", "f16", "int8"), "bf16", "f32", ["GPU does not compute in bf16; restora.noise ran in f32"]),
        (("f16", "int8"), "f32", "f16", ["GPU does not compute in f32; restora.noise ran in f16"]),
    ],
)
def test_a_device_runs_what_it_lacks_in_its_most_exact_precision(monkeypatch, has, wished, runs, said):
    monkeypatch.setattr("restora.engines.openvino_.device_precisions", lambda device: has)
    report, backend = Report(Plan((), "")), Backend("openvino", "GPU")
    assert possible(wished, find("restora.noise"), backend, report) == runs and report.warnings == said
    assert float_precision(find("restora.noise"), backend) == has[0]  # whatever the processor computes in


def test_a_piece_that_is_not_finite_is_done_again_on_the_cpu(photo, on):
    loaded = on(Backend("torch", "cuda:0"), run=lambda given: {"x_hat": np.full_like(given["y"][:, :3], np.nan)})
    image, report = restore(Image(photo[:64, :64]), Plan((FLAGSHIP,), "", precision="bf16"))
    assert loaded == [("cuda:0", "bf16"), ("cpu", "f32")] and report.repaired_tiles == 1
    assert np.isfinite(image.pixels).all()


def test_a_plan_without_a_net_runs_on_the_cpu_and_says_so(photo, on):
    on(Backend("torch", "cuda:0"))
    _, report = restore(Image(photo[:64, :64]), Plan((MEDIAN,), ""))
    assert report.device == "cpu"
    assert report.warnings == ["cuda:0 runs trained nets only, and the plan has none; it ran on the CPU"]
    assert not restore(Image(photo[:64, :64]), Plan((), ""))[1].warnings


def test_the_model_is_compiled_for_the_device(monkeypatch):
    """OpenVINO is asked for the device by its own name, with a precision that the device has."""
    asked = []
    monkeypatch.setattr(
        "restora.engines.openvino_.openvino_engine", lambda model, *rest, **options: asked.append((rest, options))
    )
    monkeypatch.setattr("restora.engines.openvino_.device_precisions", lambda device: ("f32", "f16", "int8"))
    for backend, precision in ((Backend("openvino"), "f32"), (Backend("openvino", "GPU.1"), "int8")):
        load_net(find("restora.noise"), None, backend, precision)
    assert asked == [(("f32",), {"device": "CPU"}), (("f32",), {"device": "GPU.1"})]


def test_an_absent_device_is_said_before_the_picture_is_read(tmp_path, photo):
    with pytest.raises(BadDevice, match="no device is called 'gpus'"):
        restore_file(tmp_path / "absent.png", tmp_path / "b.png", Plan((), ""), Options(device="gpus"))
    write(Image(photo), tmp_path / "a.png")
    assert (
        restore_file(tmp_path / "a.png", tmp_path / "b.png", Plan((MEDIAN,), ""), Options(device="cpu")).device == "cpu"
    )
