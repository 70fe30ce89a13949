import numpy as np
import pytest

from restora.core.errors import OutputExists, RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.damage.words import parse
from restora.files.save import write
from restora.learn.weights import find
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.adapt import adapt
from restora.work.restore import restore


@pytest.fixture
def camera(tmp_path, monkeypatch, photo):
    """A folder of pictures with noise that the start does not know, and a weak start."""
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path / "own"))
    folder = tmp_path / "photos"
    folder.mkdir()
    for i in range(3):
        y = parse("noise(camera, sigma=0.05, grain=1)").apply(photo, np.random.default_rng(i))
        write(Image(y.clip(0, 1)), folder / f"{i}.png")
    return folder


def gain(name, x, y):
    x_hat = restore(Image(y), Plan((Step("restora", "", name),), ""))[0].pixels
    return measure(x_hat, x, PROTOCOLS["denoise"]).psnr - measure(y, x, PROTOCOLS["denoise"]).psnr


@pytest.mark.slow
def test_weights_adapt_to_the_noise_of_the_pictures_themselves(camera, tmp_path, photo, monkeypatch):
    monkeypatch.setattr("restora.work.adapt.PATCH", 48)  # quick to learn from
    said = []
    start = "restora.blind-small"
    made = adapt(camera, "my-camera", lambda *row: said.append(row), start=start, steps=50)
    assert made.folder == tmp_path / "own" and find("my-camera").checksum == made.checksum
    card = made.card
    assert made.inputs == find(start).inputs and made.task == "denoise"
    assert card["start"]["name"] == start and card["adapted"]["noise_sigma"] > 0.02
    assert len(card["photographs"]) == 2 and card["adapted"]["held_out"] not in str(card["photographs"])
    x = photo[:200, :200]
    y = parse("noise(camera, sigma=0.05, grain=1)").apply(x, np.random.default_rng(9)).clip(0, 1)
    assert gain("my-camera", x, y) > gain(start, x, y) + 0.2
    with pytest.raises(OutputExists, match="overwrite it with --force"):
        adapt(camera, "my-camera", lambda *row: None, start=start)


@pytest.mark.parametrize(
    ("name", "start", "says"),
    [
        ("../escape", "restora.noise", "cannot be the name"),
        ("restora.noise", "restora.noise", "cannot be the name"),
        ("mine", "dncnn.gray-s25", "for grey pictures"),
        ("mine", "restora.blnd", "no weights are called"),
    ],
)
def test_what_will_not_do_is_said(camera, tmp_path, name, start, says):
    with pytest.raises(RestoraError, match=says):
        adapt(camera, name, lambda *row: None, start=start)
