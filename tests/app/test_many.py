"""Commands on many files: one summary, exit statuses, lists, stop and resume."""

import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from restora.work.journal import NAME
from restora.work.saving import quality_of
from tests.rubbish import BAD, OTHER, rubbish_in

MEDIAN = ("--method", "median")


@pytest.fixture
def small(folder, photo):
    """Five pictures in a folder, one of them below."""
    (folder / "in" / "below").mkdir(parents=True)
    for number, name in enumerate(("a.jpg", "a.png", "A.JPG", "b.webp", "below/a.jpg")):
        write(Image(photo[8 * number :][:64, :64]), folder / "in" / name)
    return folder / "in"


def results(where):
    return sorted(str(path.relative_to(where)) for path in where.rglob("*.restored.*") if path.suffix != ".json")


def test_two_hundred_mixed_files_are_fixed_by_one_command_with_one_summary(folder, photo, restora):
    """Noisy, blocky and clean pictures of 64x64 among rubbish; then once more, which only tries the rubbish again."""
    rng, where = np.random.default_rng(0), folder / "in"
    where.mkdir()
    for number in range(32):
        x = photo[(7 * number) % 190 :, (11 * number) % 230 :][:64, :64]
        noisy = number % 4 == 0
        y = (x + 0.1 * rng.standard_normal(x.shape).astype(np.float32)).clip(0, 1) if noisy else x
        name, quality = (f"{number}.png", 95) if number % 4 < 3 else (f"{number}.jpg", 20)
        write(Image(y), where / name, quality=quality)
    rubbish_in(where, 17)
    assert len(os.listdir(where)) > 200
    status, out, err = restora("fix", "in", "--out-dir", "out")
    bad = 17 * len(BAD)
    counted = re.search(r"(\d+) restored, (\d+) unchanged, 0 skipped as done before, (\d+) failed", out)
    restored, unchanged, failed = map(int, counted.groups())
    assert status == 1 and failed == bad and restored + unchanged == 32 and restored >= 16 and "Traceback" not in err
    assert f"left out: {17 * len(OTHER)} files" in out and out.count("is empty (0 bytes)") == 17
    assert len(results(folder / "out")) == restored and not results(where) and not (where / NAME).exists()
    status, out, _ = restora("fix", "in", "--out-dir", "out")
    assert status == 1 and f"0 restored, 0 unchanged, 32 skipped as done before, {bad} failed" in out


def test_exit_statuses_say_whether_all_some_or_none_went_well(small, restora):
    assert restora("denoise", "in", *MEDIAN)[0] == 0
    assert restora("denoise", "in", *MEDIAN)[0] == 0  # all skipped
    assert restora("denoise", "in/a.jpg", "absent.jpg", *MEDIAN, "--out-dir", "x")[0] == 1
    status, out, err = restora("denoise", "absent.jpg", "absent.png", *MEDIAN)
    assert status == 2 and "0 restored, 0 unchanged, 0 skipped as done before, 2 failed" in out and err == ""
    (small / "empty").mkdir()
    assert restora("denoise", "in/empty") == (2, "", "restora: there are no pictures or clips in in/empty\n")
    for words, says in (
        (("in", "-o", "x.png"), "-o names one result; for several files name a folder with --out-dir"),
        (("-", "in"), "standard input is one picture, which cannot be among several files"),
        ((), "name a picture, a clip or a folder, or give a list with --files-from"),
        (("in", "--format", "bmp", "--out-dir", "y"), "no format is called 'bmp'; known:"),
        (("clean.png", "--format", "webp", "-o", "x.png"), "the ending of -o sets the format; leave out --format"),
        (("in", "--jobs", "4"), "4 jobs need at least 400 MB each: give --max-memory 1.6GB, or --jobs 2"),
        (("in", "--method", "medain", "--out-dir", "z"), "did you mean median? (said of each of the first 3 files)"),
        (("in", "--files-from", "absent.txt"), "cannot read the list absent.txt: No such file"),
    ):
        status, out, err = restora("denoise", *words)
        assert status == 2 and says in err and out == "" and err.count("\n") == 1, words


def test_results_beside_files_or_in_a_folder_have_names_of_their_own(small, restora):
    assert restora("denoise", "in", *MEDIAN)[0] == 0
    assert results(small) == ["A.restored.JPG", "a.jpg.restored.jpg", "a.restored.png", "b.restored.webp"]
    assert restora("denoise", "in", "--recursive", *MEDIAN, "--out-dir", "in/out", "--format", "png")[0] == 0
    assert results(small / "out") == [
        "A.restored.png", "a.jpg.restored.png", "a.png.restored.png", "b.restored.png", "below/a.restored.png",
    ]  # fmt: skip
    status, out, _ = restora("denoise", "in", "--recursive", *MEDIAN, "--out-dir", "in/out", "--format", "png")
    assert status == 0 and "0 restored, 0 unchanged, 5 skipped as done before, 0 failed" in out
    assert restora("denoise", "in/a.jpg", "in/below/a.jpg", *MEDIAN, "--out-dir", "flat")[0] == 0
    assert results(small.parent / "flat") == ["a.jpg.restored.jpg", "a.restored.jpg"]


def test_one_file_has_the_result_and_the_output_of_one_but_is_skipped_among_many(small, restora):
    status, out, _ = restora("denoise", "in/b.webp", *MEDIAN)
    assert status == 0 and out.startswith("in/b.webp -> in/b.restored.webp\n") and "restored," not in out
    assert not (small / NAME).exists()
    status, out, _ = restora("denoise", "in/b.webp", "in/a.png", *MEDIAN)
    assert status == 0 and "1 restored, 0 unchanged, 1 skipped" in out
    assert restora("denoise", "in/b.webp", *MEDIAN)[0] == 2  # one file exists, as it always was
    assert restora("denoise", "in/b.webp", *MEDIAN, "--format", "avif")[0] == 0
    assert (small / "b.restored.avif").exists()


def test_json_is_a_document_in_each_line_and_the_summary_in_the_last(small, restora):
    status, out, err = restora("denoise", "in", "absent.png", *MEDIAN, "--json")
    lines = [json.loads(line) for line in out.splitlines()]
    assert status == 1 and err == "" and len(lines) == 6
    assert {line["source"]: line["state"] for line in lines[:-1]} == {
        "in/A.JPG": "restored", "in/a.jpg": "restored", "in/a.png": "restored", "in/b.webp": "restored",
        "absent.png": "failed",
    }  # fmt: skip
    told = lines[-1]["summary"]
    assert (told["files"], told["restored"], told["failed"], told["stopped"]) == (5, 4, 1, False)
    assert told["failures"] == [["absent.png", "cannot open absent.png: No such file or directory"]]
    plan = json.loads(Path(lines[0]["target"] + ".json").read_text())["plan"]["id"]
    assert lines[0]["plan"] == plan


@pytest.mark.parametrize("between", ["\n", "\0"])
def test_a_list_of_names_may_come_from_standard_input_or_a_file(small, restora, monkeypatch, between):
    text = between.join(("in/a.jpg", "in/below/a.jpg")).encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text)))
    status, out, _ = restora("denoise", "--files-from", "-", "in/a.png", *MEDIAN, "--out-dir", "x")
    assert status == 0 and "3 restored" in out
    Path("list.txt").write_bytes(text)
    assert "2 restored" in restora("denoise", "--files-from", "list.txt", *MEDIAN, "--out-dir", "y")[1]


def test_a_name_that_is_no_text_is_listed_with_the_others(small, restora):
    os.rename("in/a.png", b"in/\xff.png")
    status, out, _ = restora("denoise", "in", *MEDIAN)
    assert status == 1 and "3 restored" in out and "its name is not Unicode" in out
    assert restora("diagnose", "in", "--recursive")[0] == 1
    assert restora("denoise", "in", *MEDIAN, "--out-dir", "in/b.webp")[0] == 2


def test_a_small_jpeg_keeps_about_its_size(folder, photo, restora):
    write(Image(photo), folder / "a.jpg", quality=40)
    for words, quality in (((), 90), (("--quality", "95"), 95)):
        assert restora("denoise", "a.jpg", *MEDIAN, "--force", *words)[0] == 0
        assert quality_of(folder / "a.restored.jpg") == quality


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_stops_with_a_summary_and_the_same_command_goes_on_there(small, photo, jobs):
    for number in range(40):
        write(Image(photo[number : number + 200, :280]), small / f"{number:02}.png")
    words = [sys.executable, "-m", "restora", "denoise", "in", "--method", "nlm", "--sigma", "0.1", "--jobs", str(jobs)]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    lines = [running.stdout.readline() for _ in range(3)]
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    done = int(re.search(r"(\d+) restored, 0 unchanged, 0 skipped as done before, 0 failed", out)[1])
    assert 3 <= done < 44 and lines[2] and f"stopped with {44 - done} files left" in err and "Traceback" not in err
    assert not [name for name in os.listdir(small) if ".part" in name]
    assert done <= len(results(small)) <= done + jobs
    again = subprocess.run(words, capture_output=True, text=True, check=True)
    counted = re.search(r"(\d+) restored, 0 unchanged, (\d+) skipped as done before, 0 failed", again.stdout)
    assert int(counted[1]) + int(counted[2]) == 44 and done <= int(counted[2]) <= done + jobs
    assert len(results(small)) == 44


def test_several_pictures_are_diagnosed_and_planned_in_a_line_each(small, restora):
    status, out, err = restora("diagnose", "in", "absent.png", "--json")
    lines = {line["picture"]: line for line in map(json.loads, out.splitlines())}
    assert status == 1 and err == "4 looked at, 1 failed\n" and len(lines) == 5
    assert "noise_level" in lines["in/a.png"] and lines["absent.png"]["error"].startswith("cannot open absent.png")
    one = json.loads(restora("diagnose", "in/a.png", "--json")[1])
    assert one == lines["in/a.png"]
    status, out, _ = restora("diagnose", "in")
    assert status == 0 and len(out.splitlines()) == 4 and out.splitlines()[0].startswith("in/A.JPG: ")
    status, out, _ = restora("plan", "in", "--recursive", "--jobs", "2")
    plans = {line["picture"]: line["plan"] for line in map(json.loads, out.splitlines())}
    assert status == 0 and set(plans) == {"in/A.JPG", "in/a.jpg", "in/a.png", "in/b.webp", "in/below/a.jpg"}
    assert plans["in/a.png"] == json.loads(restora("plan", "in/a.png")[1])
    assert restora("plan", "in", "-o", "x.json")[0] == 2


def test_a_folder_is_measured_against_another_by_names(small, restora):
    assert restora("denoise", "in", *MEDIAN, "--out-dir", "out", "--format", "png")[0] == 0
    status, out, err = restora("measure", "out", "in", "--json")
    *lines, last = map(json.loads, out.splitlines())
    assert status == 0 and {Path(line["picture"]).name for line in lines} >= {"b.restored.png"}
    single = json.loads(restora("measure", "out/b.restored.png", "in/b.webp", "--json")[1])
    assert single["psnr"] == next(line["psnr"] for line in lines if "b.restored" in line["picture"])
    assert last["mean"]["psnr"] == pytest.approx(np.mean([line["psnr"] for line in lines]))
    write(Image(read(small / "b.webp").pixels[:20]), small / "b.webp", force=True)
    status, out, err = restora("measure", "out", "in")
    assert status == 1 and err.startswith("restora: ") and "mean of" in out
    (small / "empty").mkdir()
    assert restora("measure", "out", "in/empty")[0] == 2


PEAK = """
import sys
from restora.app.cli import app
from typer.testing import CliRunner
from restora.work.restore import peak_memory
done = CliRunner().invoke(app, ["denoise", "in", "--recursive", "--method", "median", "--out-dir", "out"])
print(done.output.splitlines()[-1] if done.exit_code != 1 else "failed some", peak_memory() // 10**6)
"""


@pytest.mark.exhaustive
def test_ten_thousand_files_need_no_more_memory_than_one_hundred(folder, photo):
    peaks = []
    for rounds in (10, 1000):
        where = folder / str(rounds) / "in"
        where.mkdir(parents=True)
        write(Image(photo), where / "a.jpg")
        rubbish_in(where, rounds)
        done = subprocess.run(
            [sys.executable, "-c", PEAK], cwd=where.parent, capture_output=True, text=True, check=True
        )
        says, peak = done.stdout.rsplit(maxsplit=1)
        assert says == "failed some", done.stdout
        peaks.append(int(peak))
    assert peaks[1] < peaks[0] + 40, peaks
