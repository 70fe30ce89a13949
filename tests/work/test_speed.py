"""The ceiling that speeds are compared with: what is run for it, and that no net is above it. No speed is tested."""

import re

import numpy as np
import onnx
import pytest

from restora.engines.choice import computes_in_bf16
from restora.engines.onnxruntime_ import onnxruntime_engine
from restora.engines.openvino_ import openvino_engine
from restora.work import ceiling as measuring
from restora.work import speed
from restora.work.ceiling import FIRST, LAYERS, Ceiling, candidates, ceiling, chain


@pytest.fixture
def small(monkeypatch):
    """Chains that take milliseconds."""
    monkeypatch.setattr(measuring, "CHAINS", ((8, 3), (16, 1)))
    monkeypatch.setattr(measuring, "SIDES", (8, 16))
    monkeypatch.setattr(measuring, "SECONDS", 0)


@pytest.mark.parametrize("in_int8", [False, True])
@pytest.mark.parametrize("kernel", [1, 3])
def test_a_chain_is_a_net_that_engines_agree_on(tmp_path, kernel, in_int8):
    path = tmp_path / "chain.onnx"
    path.write_bytes(chain(8, kernel, in_int8=in_int8))
    kinds = [node.op_type for node in onnx.load(path).graph.node]
    assert kinds.count("Conv") == LAYERS + 2 and kinds.count("QuantizeLinear") == (LAYERS + 2) * in_int8
    y = np.random.default_rng(0).random((1, 1, 12, 16), np.float32)
    engines = openvino_engine(path, "f32"), onnxruntime_engine(path)
    ours, theirs = (next(iter(engine({FIRST: y}).values())) for engine in engines)
    assert ours.shape == y.shape and ours.std() > 0.001
    assert np.abs(ours - theirs).max() <= (0.1 if in_int8 else 1e-4)  # a value between two steps may go either way


@pytest.mark.parametrize(
    ("precision", "engines"),
    [
        ("f32", ["openvino", "onnxruntime", "torch"]),
        ("bf16", ["openvino", "torch"]),
        ("int8", ["openvino", "onnxruntime"]),
    ],
)
def test_every_engine_of_a_precision_is_a_candidate(small, precision, engines):
    found = list(candidates(precision))
    for by, run, operations in found:
        kernel, channels, side = (int(re.search(rf"{each}", by)[1]) for each in (r"(\d)x", r"(\d+) chan", r"x(\d+)$"))
        values = LAYERS * channels**2 + 2 * channels  # of the weights
        assert operations == 2 * values * kernel**2 * side**2
        run()
    for engine in engines:
        assert sum(by.startswith(engine) for by, _, _ in found) == 4  # two chains, two sizes
    assert len(found) == 4 * len(engines)


def test_the_fastest_candidate_is_the_ceiling_and_may_be_raised(monkeypatch):
    taken = iter([2.0, 1.0, 4.0])
    given = [(name, lambda: None, 100.0) for name in ("slow", "fast", "slower")]
    monkeypatch.setattr(measuring, "candidates", lambda precision: iter(given))
    monkeypatch.setattr(measuring, "_best_time", lambda run: next(taken))
    top = ceiling("f32")
    assert (top.by, top.reached) == ("fast", 100)
    monkeypatch.setattr(measuring, "timed", lambda run: 5.0)
    top.measure()
    assert top.reached == 100
    monkeypatch.setattr(measuring, "timed", lambda run: 0.5)
    top.measure()
    assert top.reached == 200


def test_no_net_is_above_its_ceiling(monkeypatch):
    """Even where the ceiling was measured far too low: all rows of a precision then share what the fastest reached."""
    monkeypatch.setattr(speed, "ceiling", lambda precision: Ceiling(precision, 1.0, "nothing", lambda: None, 0.0))
    monkeypatch.setattr(speed, "memory_ceiling", lambda: 1e9)
    monkeypatch.setattr(speed, "peak", lambda *words: 1.0)
    rows, said = [], []
    speed.speeds(["srcnn.x2", "dncnn.gray-s25"], [32], 1, rows.append, said.append)
    assert {row.weights for row in rows} == {"srcnn.x2", "dncnn.gray-s25"} and len(said) >= 4
    for precision in ("f32", "int8", *(["bf16"] if computes_in_bf16() else [])):
        mine = [row for row in rows if row.precision == precision]
        assert {row.ceiling_gops for row in mine} == {max(row.gops for row in mine)}
