"""What `fix`, `diagnose` and `denoise --sigma` do and say."""

import json
from pathlib import Path

import pytest

from restora.files.picture import read
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure


def test_a_noisy_photograph_is_fixed_by_5_db_and_a_clean_one_left_alone(folder, restora):
    assert restora("degrade", "clean.png", "noise(sigma=0.05)", "-o", "noisy.png", "--seed", 1)[0] == 0
    status, out, _ = restora("fix", "noisy.png")
    assert status == 0 and "noise of standard deviation" in out and "restora.prior" in out
    clean, noisy, fixed = (read(Path(name)).pixels for name in ("clean.png", "noisy.png", "noisy.restored.png"))
    gain = measure(fixed, clean, PROTOCOLS["denoise"]).psnr - measure(noisy, clean, PROTOCOLS["denoise"]).psnr
    assert gain >= 5
    report = json.loads(Path("noisy.restored.png.json").read_text())
    assert report["plan"]["id"] and report["weights"]["restora.prior"] and report["diagnosis"]["noise_level"]["present"]
    status, out, _ = restora("fix", "clean.png", "-o", "same.png")
    assert status == 0 and "found nothing to repair" in out and not list(Path().glob("same.png*"))
    assert "not looked for yet: missing parts" in out and "restora denoise clean.png" in out
    assert json.loads(restora("fix", "clean.png", "--json")[1])["output"] == ""
    status, out, _ = restora("fix", "clean.png", "-o", "same.png", "--copy")
    assert status == 0 and "left alone" in out and Path("same.png").read_bytes() == Path("clean.png").read_bytes()


@pytest.mark.parametrize("words", ["jpeg(quality=20)", "noise(sigma=0.05) | jpeg(quality=60)"])
def test_a_photograph_with_jpeg_blocks_is_fixed(folder, restora, words):
    restora("degrade", "clean.png", words, "-o", "blocky.png", "--seed", 1)
    status, out, _ = restora("fix", "blocky.png")
    assert status == 0 and "JPEG blocks" in out and "restora.photo" in out
    clean, blocky, fixed = (read(Path(name)).pixels for name in ("clean.png", "blocky.png", "blocky.restored.png"))
    gain = measure(fixed, clean, PROTOCOLS["denoise"]).psnr - measure(blocky, clean, PROTOCOLS["denoise"]).psnr
    assert gain > 0.7


def test_diagnose_says_what_it_did_not_look_for(folder, restora):
    assert "not looked for yet: missing parts" in restora("diagnose", "clean.png")[1]
    restora("degrade", "clean.png", "noise(sigma=0.098)", "-o", "noisy.png")
    assert "! strong noise: noise of standard deviation" in restora("diagnose", "noisy.png")[1]


def test_a_blurred_photograph_is_sharpened_and_never_called_undamaged(folder, restora):
    restora("degrade", "clean.png", "blur(disk, radius=2.5) | noise(sigma=0.01)", "-o", "blurred.png", "--seed", 1)
    assert "! out of focus" in restora("diagnose", "blurred.png")[1]
    status, out, _ = restora("fix", "blurred.png")
    assert status == 0 and "found out of focus" in out and "restora.sharp" in out and "% of the blur" in out
    restora("deblur", "blurred.png", "--method", "restora", "-o", "asked.png")
    names = ("clean.png", "blurred.png", "blurred.restored.png", "asked.png")
    clean, blurred, fixed, asked = (read(Path(name)).pixels for name in names)
    scores = [measure(each, clean, PROTOCOLS["denoise"]).psnr for each in (blurred, fixed, asked)]
    assert scores[1] > scores[0] + 1 and scores[2] > scores[0] + 1


def test_blur_that_cannot_be_reduced_is_told(folder, restora, monkeypatch):
    monkeypatch.setattr("restora.work.sharper.UNCHANGED", 0.0)
    restora("degrade", "clean.png", "blur(sigma=1.6)", "-o", "blurred.png")
    status, out, _ = restora("fix", "blurred.png")
    assert status == 0 and "found soft; no file was written" in out and "the blur is left as it is" in out
    assert not Path("blurred.restored.png").exists()


def test_weights_that_cannot_be_told_sigma_give_way_to_some_that_can(folder, restora):
    status, out, _ = restora("denoise", "clean.png", "--weights", "restora.blind-small", "--sigma", 0.1, "-o", "a.png")
    assert (
        status == 0 and "restora.noise, as restora.blind-small does not accept sigma" in Path("a.png.json").read_text()
    )
    assert "restora.noise" in out
