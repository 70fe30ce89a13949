"""The Python API: what it takes and gives, that its pixels are those of the commands, and its documentation."""

import json
import re
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import skimage.data

import restora
from restora.core.errors import BadImage, BadKnob, BadPlan, OutputExists
from restora.core.image import Image, Meta
from restora.core.report import Report
from restora.engines.choice import backend_named
from restora.files.picture import open_picture, read
from restora.files.profile import D65, SRGB_CURVE, SRGB_PRIMARIES, icc_profile
from restora.files.save import write
from restora.stages.pipeline import Means, Source, prepare
from tests.app.conftest import call
from tests.clips import Spec, facts, make

ROOT = Path(__file__).parent.parent
X = skimage.data.astronaut()[60:132, 160:248]
Y = (X + np.random.default_rng(0).normal(0, 20, X.shape)).clip(0, 255).astype(np.uint8)
PROFILE = icc_profile("a profile", SRGB_PRIMARIES, D65, SRGB_CURVE, False)
GREY_PROFILE = icc_profile("a profile", SRGB_PRIMARIES, D65, SRGB_CURVE, True)


@pytest.fixture
def command(tmp_path, monkeypatch, capsys):
    """The report of a command on a picture, whose result is out.png."""
    monkeypatch.chdir(tmp_path)

    def run(verb, *words):
        status, _, err = call(monkeypatch, capsys, verb, *words, "-o", "out.png", "--force")
        assert status == 0, err
        return json.loads(Path("out.png.json").read_text())

    return run


def in_numbers(path):
    """All that is stored in a picture file, as whole numbers."""
    picture = open_picture(Path(path))
    image, white = picture.load(), 2**picture.meta.bits - 1
    values = image.pixels if image.alpha is None else np.dstack([image.pixels, image.alpha])
    return np.rint(values * white).astype(np.uint8 if white == 255 else np.uint16)


def loaded(code):
    """The modules that a new process has loaded after some code."""
    done = subprocess.run(
        [sys.executable, "-c", f"import sys\n{code}\nprint(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_import_loads_nothing_until_it_is_used():
    heavy = {"torch", "openvino", "pyvips", "cv2", "scipy", "gradio", "typer", "skimage", "tifffile"}
    assert not loaded("import restora; dir(restora)") & (heavy | {"numpy"})
    assert not loaded("from restora import fix, load, methods, lab, RestoraError; methods()") & heavy
    assert (ROOT / "restora" / "py.typed").is_file()


def test_names_are_there_and_others_are_not():
    assert set(restora.__all__) <= set(dir(restora))
    assert all(getattr(restora, name).__doc__ for name in restora.__all__)
    with pytest.raises(AttributeError, match="no attribute 'fixx'"):
        restora.fixx  # noqa: B018


def pixels_of(kind):
    rgba = np.dstack([Y, np.where(np.arange(Y.shape[1]) < 30, 0, 255) * np.ones((len(Y), 1))]).astype(np.uint8)
    return {"colour": Y, "grey": Y[:, :, 1], "alpha": rgba, "16 bit": Y.astype(np.uint16) * 257}[kind]


def stored(kind):
    """A picture in y.png and as an array."""
    given = pixels_of(kind)
    values = given.astype(np.float32) / np.iinfo(given.dtype).max
    values = values[:, :, None] if values.ndim == 2 else values
    alpha = values[:, :, 3] if kind == "alpha" else None
    write(Image(values[:, :, :3], alpha, meta=Meta(bits=8 * given.itemsize)), Path("y.png"))
    return "y.png", given


@pytest.mark.parametrize("kind", ["colour", "alpha"])
def test_fix_gives_the_pixels_of_the_command(command, kind):
    file, given = stored(kind)
    report = command("fix", file)
    result = restora.fix(file if kind == "alpha" else given)
    assert np.array_equal(result.image, in_numbers("out.png")) and not np.array_equal(result.image, given)
    assert result.plan.id == report["plan"]["id"] and result.plan.steps and not result.products
    assert result.report.diagnosis == report["diagnosis"] == result.diagnosis.as_dict()


@pytest.mark.parametrize("kind", ["colour", "grey", "alpha", "16 bit"])
def test_files_and_arrays_of_all_kinds_give_the_pixels_of_the_command(command, kind):
    file, array = stored(kind)
    report = command("denoise", file, "--method", "gaussian")
    wanted = in_numbers("out.png").reshape(array.shape)
    for given in (file, Path(file), array):
        result = restora.denoise(given, method="gaussian")
        assert result.image.dtype == array.dtype and np.array_equal(result.image, wanted)
    assert restora.denoise(file, method="gaussian").report.input_sha256 == report["input_sha256"]


BLACK = ("black_red", "black_green", "black_blue")
CASES = {
    "denoise nlm": (["--method", "nlm", "--strength", 0.5], lambda y: restora.denoise(y, method="nlm", strength=0.5)),
    "denoise told": (["--sigma", 0.08], lambda y: restora.denoise(y, 0.08)),
    "denoise set": (
        ["--method", "median", "--set", "radius=2"],
        lambda y: restora.denoise(y, method="median", knobs={"radius": 2}),
    ),
    "denoise net": (["--weights", "restora.blind-small"], lambda y: restora.denoise(y, weights="restora.blind-small")),
    "upscale as found": (["--scale", 1.5], lambda y: restora.upscale(y, 1.5)),
    "upscale net": (["--method", "edsr"], lambda y: restora.upscale(y, method="edsr")),
    "upscale size": (
        ["--size", "200x150", "--method", "lanczos", "--back-project"],
        lambda y: restora.upscale(y, size=(150, 200), method="lanczos", back_project=True),
    ),
    "inpaint": (["--mask", "mask.png"], lambda y: restora.inpaint(y, "mask.png")),
    "inpaint array": (["--mask", "mask.png"], lambda y: restora.inpaint(y, MASK)),
    "inpaint ones": (["--mask", "mask.png"], lambda y: restora.inpaint(y, MASK.astype(np.int64))),
    "repair boxes": (
        ["--boxes", "12,20,40,30", "--boxes", "5,60,20,10"],
        lambda y: restora.repair(y, [(20, 12, 30, 40), (60, 5, 10, 20)]),
    ),
    "correct": (["--strength", 0.6], lambda y: restora.correct(y, strength=0.6)),
    "correct set": (
        [word for knob in BLACK for word in ("--set", f"{knob}=0.2")],
        lambda y: restora.correct(y, method="levels", knobs=dict.fromkeys(BLACK, 0.2)),
    ),
    "translate": (["--strength", 0.5], lambda y: restora.translate(y, strength=0.5)),
    "translate colours": (
        ["--method", "colour-transfer", "--reference", "level.png"],
        lambda y: restora.translate(y, method="colour-transfer", reference=LEVEL),
    ),
    "denoise map": (["--sigma-map", "level.png"], lambda y: restora.denoise(y, sigma_map=LEVEL)),
}
MASK = np.zeros(Y.shape[:2], bool)
MASK[40:44, 10:70] = True
LEVEL = np.full(Y.shape[:2], 20, np.uint8)


@pytest.mark.parametrize("name", CASES)
def test_other_verbs_give_the_pixels_of_the_commands(command, name):
    for file, array in (("y", Y), ("mask", MASK * np.uint8(255)), ("level", LEVEL)):
        PIL.Image.fromarray(array).save(f"{file}.png")
    words, function = CASES[name]
    report = command(name.split()[0], "y.png", *words)
    for given in ("y.png", Y):
        result = function(given)
        assert np.array_equal(result.image, in_numbers("out.png"))
        assert {**result.report.weights} == report["weights"] and list(result.report.tile) == report["tile"]


def test_tiles_are_those_of_the_command(command):
    """Rounding goes by the tile: where memory is short, what the picture takes of it must count in both."""
    y = np.resize(Y, (500, 300, 3))
    PIL.Image.fromarray(y).save("y.png")
    plan = restora.denoise(Y, method="median").plan
    low, high = 330_000_000, 10**9
    while high - low > 1000:  # between them: from two tiles to one, of a picture that takes no memory
        middle = (low + high) // 2
        whole = len(prepare(plan, Source(None, y.shape), Report(plan), Means(backend_named(), middle))) == 1
        low, high = (low, middle) if whole else (middle, high)
    allowed = high + y.nbytes // 2
    report = command("denoise", "y.png", "--method", "median", "--max-memory", allowed)
    for given in ("y.png", y):
        result = restora.denoise(given, method="median", max_memory=allowed)
        assert list(result.report.tile) == report["tile"] and result.report.tiles == report["tiles"] == 2


def test_numbers_of_numpy_are_taken_and_the_report_is_json():
    result = restora.denoise(Y, np.float32(0.1), method="nlm", strength=np.float32(0.5), knobs={"patch": np.int64(3)})
    told = json.loads(result.report.to_json())["plan"]["steps"][0]
    assert told["knobs"]["patch"] == 3 and told["strength"] == 0.5
    assert restora.upscale(Y, size=np.array([100, 120]).tolist(), method="bicubic").image.shape == (100, 120, 3)
    assert restora.upscale(Y, np.int64(2), method="bicubic").image.shape == (144, 176, 3)


def test_a_mask_in_an_array_is_asked_for_again():
    result = restora.inpaint(X, MASK)
    assert np.array_equal(restora.restore(X, result.plan, inputs={"mask": MASK}).image, result.image)
    with pytest.raises(BadPlan, match="give it again: inputs="):
        restora.restore(X, result.plan)


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float16", "float32", "float64", ">u2", ">f4"])
@pytest.mark.parametrize("channels", [0, 1, 2, 3, 4])
def test_what_comes_in_goes_out_in_the_same_type_and_shape(kind, channels):
    y = np.random.default_rng(1).random((20, 24, channels) if channels else (20, 24))
    y = (y * 200).astype(kind) if kind == "uint8" else (y * 60000).astype(kind) if "u" in kind else y.astype(kind)
    y = y[::-1]  # strides of any sign
    before = y.copy()
    for image in (restora.denoise(y, method="median").image, restora.degrade(y, "noise(sigma=0.01)")):
        assert image.dtype == y.dtype and image.shape == y.shape and not np.array_equal(image, y)
    assert np.array_equal(y, before)


def test_the_numbers_of_all_types_are_the_same_picture():
    results = [
        restora.denoise(y, method="gaussian").image / white
        for y, white in ((Y, 255), (Y.astype(np.uint16) * 257, 65535), (Y / 255, 1), ((Y / 255).astype(np.float32), 1))
    ]
    assert all(np.abs(result - results[2]).max() < 0.51 / 255 for result in results)
    assert np.abs(results[1] - results[2]).max() < 0.51 / 65535


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16", "F"])
def test_a_pil_image_comes_back_as_one(tmp_path, mode):
    arrays = {"I;16": Y[:, :, 0].astype(np.uint16) * 257, "F": (Y[:, :, 0] / 255).astype(np.float32)}
    image = PIL.Image.fromarray(arrays[mode]) if mode in arrays else PIL.Image.fromarray(Y).convert(mode)
    image.info["icc_profile"] = profile = PROFILE if mode.startswith("RGB") else GREY_PROFILE
    result = restora.denoise(image, method="median")
    assert isinstance(result.image, PIL.Image.Image) and (result.image.mode, result.image.size) == (mode, image.size)
    assert np.array_equal(np.asarray(result.image), restora.denoise(np.asarray(image), method="median").image)
    assert result.image.info["icc_profile"] == profile
    result.save(tmp_path / "a.tif")
    assert read(tmp_path / "a.tif").meta.icc == profile


def test_a_tensor_is_taken_and_comes_back_as_an_array():
    torch = pytest.importorskip("torch")
    wanted = restora.denoise(Y, method="median").image
    assert np.array_equal(restora.denoise(torch.from_numpy(Y.copy()), method="median").image, wanted)
    assert restora.denoise(torch.rand(9, 9, 3, dtype=torch.bfloat16, requires_grad=True), 0.1).image.dtype == np.float32
    with pytest.raises(BadImage, match=r"y\.permute\(1, 2, 0\)"):
        restora.fix(torch.rand(3, 20, 20))


F = Y / 255
NAN = np.where(np.arange(88)[:, None] == 3, np.nan, F)
ONE = F.copy()
ONE[3, 4, 1] = 255
WRONG = {
    "floats of 0 to 255": (Y.astype(np.float32), "from 0 to 255, .*divide it by 255"),
    "floats of 0 to 65535": (Y * 257.0, "divide it by 65535"),
    "floats of -1 to 1": (2 * F - 1, r"use \(y \+ 1\) / 2"),
    "twice too bright": (2 * F, "1 white"),
    "one value of 255": (ONE, "1 white"),
    "NaN": (NAN, "NaN or infinity"),
    "infinity": (np.where(np.isnan(NAN), np.inf, F), "NaN or infinity"),
    "bool": (MASK, "not bool"),
    "int64": (Y.astype(np.int64), r"not int64; if it holds 0 to 255, use \.astype\(np\.uint8\)"),
    "int8": (Y.astype(np.int8), "not int8"),
    "uint32": (Y.astype(np.uint32), "not uint32"),
    "complex": (F * 1j, "not complex128"),
    "objects": (F.astype(object), "not object"),
    "dates": (Y.astype("M8[s]"), "not datetime64"),
    "texts": (Y.astype(str), "not <U"),
    "0 and 1 in uint8": (MASK.astype(np.uint8), "only 0 and 1"),
    "8 bit in uint16": (Y.astype(np.uint16), "but white is 65535"),
    "channels first": (F.transpose(2, 0, 1), r"np\.transpose\(y, \(1, 2, 0\)\)"),
    "one channel first": (F.transpose(2, 0, 1)[:1], "channels first"),
    "a batch": (F[None], "is a batch"),
    "a line": (F[0, :, 0], "not 88"),
    "a number": (np.float32(0.5), "not a single number"),
    "five channels": (np.zeros((9, 9, 5)), "1 to 4 channels"),
    "empty": (np.zeros((0, 9, 3)), "empty"),
    "no channels": (np.zeros((9, 9, 0)), "empty"),
    "nothing": (None, "not object"),
    "a ragged list": ([[1.0], [1.0, 2.0]], "list is not a picture"),
    "masked": (np.ma.masked_greater(F, 0.9), "masked values"),
    "palette": (PIL.Image.fromarray(Y).convert("P"), "mode P"),
    "CMYK": (PIL.Image.fromarray(Y).convert("CMYK"), "mode CMYK"),
    "bytes": (b"photo.jpg", "not |S"),
    "standard input": ("-", "give the name of a file"),
    "no file": ("nowhere.png", "No such file"),
    "a folder": (Path(__file__).parent, "is a folder"),
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("verb", ["fix", "diagnose", "denoise", "upscale", "plan"])
def test_what_is_no_picture_is_refused_with_a_sentence(name, verb):
    given, words = WRONG[name]
    with pytest.raises(BadImage, match=words) as raised:
        getattr(restora, verb)(given)
    assert "\n" not in str(raised.value)


def test_noise_beyond_black_and_white_is_taken():
    y = restora.degrade(F, "noise(sigma=0.2)")
    assert y.min() < -0.3 and y.max() > 1.5
    assert restora.measure(restora.denoise(y, 0.2), F).psnr > restora.measure(y, F).psnr + 6


@pytest.mark.parametrize(
    ("ask", "error", "words"),
    [
        (lambda: restora.denoise(Y, 0.1, method="nlm", knobs={"sigma": 0.1}), BadKnob, "sigma was given twice"),
        (lambda: restora.denoise(Y, True, method="nlm"), BadKnob, "sigma must be a number"),
        (lambda: restora.denoise(Y, strength=2), BadPlan, "from 0 to 1"),
        (lambda: restora.denoise(Y, strength="light"), BadKnob, "strength must be a number"),
        (lambda: restora.denoise(Y, method="nlmm"), restora.RestoraError, "did you mean"),
        (lambda: restora.denoise(Y, method="edsr"), BadPlan, "does not remove noise"),
        (lambda: restora.denoise(Y, sigma_map=LEVEL[:50]), BadImage, "the sigma map"),
        (lambda: restora.upscale(Y, "2"), BadKnob, "scale must be a number"),
        (lambda: restora.upscale(Y, float("nan")), BadKnob, "from 1 to 8"),
        (lambda: restora.upscale(Y, 0.5), BadPlan, "1 to 8 times"),
        (lambda: restora.upscale(Y, 2, size=(200, 200)), BadKnob, "give"),
        (lambda: restora.upscale(Y, size=200), BadKnob, r"\(height, width\)"),
        (lambda: restora.inpaint(Y, ~(MASK | True)), BadImage, "marks nothing"),
        (lambda: restora.inpaint(Y, MASK[:50]), BadImage, "the mask"),
        (lambda: restora.inpaint(Y, "no-mask.png"), BadPlan, "the mask no-mask.png does not exist"),
        (lambda: restora.inpaint(Y, MASK, "nlm"), BadPlan, "does not fill"),
        (lambda: restora.restore(Y, "no-plan.json"), BadPlan, "cannot read a plan"),
        (lambda: restora.restore(Y, {"steps": []}), BadPlan, "cannot read a plan"),
        (lambda: restora.restore(Y, restora.Plan((), ""), inputs={"sigma_map": LEVEL}), BadPlan, "no step"),
        (lambda: restora.fix(Y, strength="huge"), BadPlan, "no strength"),
        (lambda: restora.fix(Y, max_memory="much"), BadKnob, "not an amount"),
        (lambda: restora.denoise(Y, 0.1, method="nlm", max_memory=10), BadImage, "MB of memory"),
        (lambda: restora.repair(Y, max_memory="much"), BadKnob, "not an amount"),
        (lambda: restora.repair(Y, [(20, 12, 30, 40)], max_memory=10), BadImage, "MB of memory"),
        (lambda: restora.correct(Y, strength="light"), BadKnob, "strength must be a number"),
        (lambda: restora.correct(Y, method="median"), BadPlan, "median does not correct colours"),
        (lambda: restora.correct(Y, max_memory=10), BadImage, "MB of memory"),
        (lambda: restora.fix(Y, engine="cuda"), BadPlan, "no engine"),
        (lambda: restora.degrade(Y, "fog()"), restora.RestoraError, "fog"),
        (lambda: restora.degrade(Y, "noise(sigma=0.1)", -1), BadKnob, "seed must be"),
        (lambda: restora.measure(Y, Y[:50]), restora.RestoraError, "must have the same size"),
        (lambda: restora.measure(Y, Y, "psnr"), restora.RestoraError, "no protocol"),
        (lambda: restora.load("edsr.x5"), restora.RestoraError, "did you mean"),
        (lambda: restora.show("nlmm"), restora.RestoraError, "did you mean"),
        (lambda: restora.lab.module("edsr.x5"), restora.RestoraError, "did you mean"),
    ],
)
def test_wrong_wishes_are_refused_with_a_sentence(ask, error, words):
    with pytest.raises(error, match=words):
        ask()


def test_save_keeps_what_the_file_says_and_overwrites_nothing(tmp_path):
    image = PIL.Image.fromarray(pixels_of("alpha"))
    exif = PIL.Image.Exif()
    exif[0x010E], exif[0x0112] = "a description", 6  # which is to be turned
    image.save(tmp_path / "y.png", icc_profile=PROFILE, exif=exif)
    result = restora.denoise(tmp_path / "y.png", method="median")
    assert result.image.shape == (Y.shape[1], Y.shape[0], 4)
    target = tmp_path / "better.png"
    assert result.save(target) == []
    kept = read(target)
    assert kept.meta.icc == PROFILE and b"a description" in kept.meta.exif
    assert np.array_equal(in_numbers(target), result.image)
    assert result.report.output == str(target) and len(result.report.output_sha256) == 64
    with pytest.raises(OutputExists):
        result.save(target)
    with pytest.raises(BadImage, match="give the name of a file"):
        result.save("-")
    assert result.save(target, force=True) == []
    assert "was put on white" in result.save(tmp_path / "better.jpg")[0]


def test_a_clean_file_is_copied_unless_the_picture_was_changed(tmp_path):
    PIL.Image.fromarray(X).save(tmp_path / "x.jpg", quality=98)
    result = restora.fix(tmp_path / "x.jpg")
    assert not result.plan.steps and "no change" in repr(result)
    result.save(tmp_path / "same.jpg")
    assert (tmp_path / "same.jpg").read_bytes() == (tmp_path / "x.jpg").read_bytes()
    result.save(tmp_path / "same.png")
    assert np.array_equal(in_numbers(tmp_path / "same.png"), result.image)
    result.image[:20] = 0
    result.save(tmp_path / "other.jpg")
    assert read(tmp_path / "other.jpg").pixels[:10].max() < 0.1
    clean = X / 255.0
    assert np.array_equal(restora.fix(clean).image, clean)  # in double precision too


@pytest.mark.parametrize("kind", ["colour", "grey", "alpha"])
def test_a_notebook_shows_before_and_after(kind, tmp_path):
    result = restora.upscale(np.tile(pixels_of(kind), (8, 1) if kind == "grey" else (8, 1, 1)), method="bicubic")
    (tmp_path / "shown.png").write_bytes(result._repr_png_())
    height, width, _ = read(tmp_path / "shown.png").shape
    assert 300 < height <= 480 and 100 < width < 500
    html = result._repr_html_()
    assert html.count("data:image/png;base64,") == 2 and "bicubic" in html


def test_tables_and_nets():
    assert "nlm" in {method["name"] for method in restora.methods()} and restora.show("nlm") in restora.methods()
    net = restora.load("edsr.x2")
    wanted = restora.upscale(Y, 2, weights="edsr.x2").image
    assert np.array_equal(net(Y), wanted) and net.card["scale"] == 2 and "edsr.x2" in repr(net)
    assert net(Y[:, :, 0]).shape == (144, 176) and net(F).dtype == np.float64


def test_the_torch_module_computes_what_the_net_does():
    torch = pytest.importorskip("torch")
    module, net = restora.lab.module("edsr.x2"), restora.load("edsr.x2", precision="f32")
    y = F.astype(np.float32)
    with torch.inference_mode():
        x_hat = module(torch.from_numpy(y).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()
    assert not module.training and np.abs(x_hat - net(y)).max() < 1e-4


def test_the_examples_of_the_documentation_run(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    PIL.Image.fromarray(Y).save("photo.jpg", quality=95)
    Path("cut.jpg").write_bytes(Path("photo.jpg").read_bytes()[:-1500])
    make(Path("clip.mp4"), Spec(list(range(6)), Fraction(1, 25)))
    text = (ROOT / "docs" / "python.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    names = {"logo": np.pad(np.ones((4, 8), bool), ((10, 34), (20, 36)))}
    for block in blocks:
        exec(compile(block, "docs/python.md", "exec"), names)
    assert len(blocks) >= 7 and Path("better.jpg").is_file()
    out = capsys.readouterr().out
    assert "divide it by 255" in out and "better.preview.mp4" in out and "6 of 6" in out
    assert len(facts("smooth.mp4")["numbers"]) == 11 and facts("large.mp4")["size"] == (96, 128)
    assert all(name in text for name in restora.__all__ if name != "Plan")
