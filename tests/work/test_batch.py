"""Units of work, names of results, the journal, and processes."""

import json
import os
import pickle
import signal
import time
from fractions import Fraction
from functools import partial
from itertools import product
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips

from restora.core.errors import BadKnob
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.core.threads import THREADS, cores, threads_allowed
from restora.engines.openvino_ import openvino_engine
from restora.files.listing import Found, listing
from restora.files.picture import read
from restora.files.save import write
from restora.learn.weights import find
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure
from restora.work.batch import Batch, Order, shared
from restora.work.clips import ClipOptions
from restora.work.decide import as_planned, to_denoise, to_fix
from restora.work.journal import NAME, Journal
from restora.work.processes import each
from restora.work.restore import Limits, Options, restore_file
from restora.work.result_names import Names
from restora.work.saving import quality_like, quality_of
from restora.work.threads import limit_threads
from restora.work.unit import Outcome, Unit, request_of, run_unit
from tests.clips import Spec, make

MEDIAN = Plan((Step("median", ""),), "")
DECIDE = partial(as_planned, plan=MEDIAN)
HOW = ClipOptions()


@pytest.fixture
def folder(tmp_path, photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for number in range(3):
        write(Image(photo[: 40 + number, :50]), Path(f"{number}.png"))
    return tmp_path


def outcomes(order, *given):
    return list(Batch(listing(given or [Path(".")]), order).run())


def states(found):
    return [each.state for each in sorted(found, key=lambda one: one.source)]


def test_a_unit_is_a_plain_value_that_gives_the_pixels_of_restore_file(folder):
    """Also after it was sent to another process as bytes."""
    unit = Unit(Path("0.png"), Path("a.png"), DECIDE, HOW, request_of(DECIDE, HOW))
    assert pickle.loads(pickle.dumps(unit)) is not unit
    outcome = pickle.loads(pickle.dumps(run_unit(pickle.loads(pickle.dumps(unit)))))
    report = restore_file(Path("0.png"), Path("b.png"), MEDIAN)
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()
    assert (outcome.state, outcome.plan, outcome.input_sha256) == ("restored", MEDIAN.id, report.input_sha256)
    assert json.loads(Path("a.png.json").read_text())["request"] == unit.request
    for decide in (partial(to_fix, strength="normal"), partial(to_denoise, wishes={"sigma": 0.1}, method="nlm")):
        assert pickle.loads(pickle.dumps(decide)).keywords == decide.keywords


def test_a_request_is_what_determines_pixels_and_nothing_else(folder, photo):
    write(Image(photo[:40, :50, :1]), Path("mask.png"))

    def request(keywords, **options):
        return request_of(partial(to_denoise, **keywords), ClipOptions(Options(**options)))

    first = request({"inputs": {"mask": "mask.png"}})
    assert first == request({"inputs": {"mask": "mask.png"}}, engine="torch", limits=Limits(1), force=True)
    others = [request({"inputs": {}}), request({}), request({"method": "nlm"}), request({}, quality=90)]
    write(Image(photo[:40, 1:51, :1]), Path("mask.png"), force=True)
    others.append(request({"inputs": {"mask": "mask.png"}}))
    assert len({first, *others}) == 6
    assert request_of(DECIDE, HOW) == request_of(partial(as_planned, plan=Plan(MEDIAN.steps, "why not")), HOW)


@pytest.mark.parametrize("form", [None, "png", "webp"])
@pytest.mark.parametrize("out", [None, Path("out")])
def test_no_two_results_have_one_name_on_any_file_system(tmp_path, monkeypatch, form, out):
    monkeypatch.chdir(tmp_path)
    stems, endings = ("a", "A", "ä", "a\u0308", "a.jpg"), (".jpg", ".JPG", ".png", ".heic", ".jpg.restored.png")
    folders = ("", "x", "y", "X")
    files = [Found(Path(where) / f"{stem}{end}", Path(where)) for where, stem, end in product(folders, stems, endings)]
    results = Names(files, out, HOW, form)
    made = [results.of(found) for found in files]
    assert len({str(name).casefold().replace("a\u0308", "ä") for name in made}) == len(files)
    assert not {found.path for found in files} & set(made)
    assert {name.parent for name in made} == ({Path(each) for each in folders} if out is None else {out})
    assert made == [Names(files, out, HOW, form).of(found) if found is files[0] else name
                    for found, name in zip(files, made, strict=True)]  # fmt: skip
    assert form is None or {name.suffix for name in made} == {f".{form}"}


def test_the_folders_in_a_folder_are_kept_below_that_of_the_results():
    found = Found(Path("photos/2020/a.heic"), Path("photos"))
    assert Names([found], Path("out"), HOW).of(found) == Path("out/2020/a.restored.jpg")


def test_a_file_keeps_the_name_of_its_result_when_others_come(tmp_path):
    old, new = (Found(tmp_path / name / "a.jpg", tmp_path / name) for name in ("z", "b"))
    first = Names([old], tmp_path, HOW).of(old)
    later = Names([new, old], tmp_path, HOW, earlier={old.path: first})
    assert later.of(new) != first and later.of(old) == first


def test_what_is_done_is_skipped_until_file_or_request_change(folder, photo):
    order = Order(DECIDE, HOW, Path("out"))
    assert states(outcomes(order)) == ["restored"] * 3
    assert states(outcomes(order)) == ["skipped"] * 3
    (folder / "out" / NAME).unlink()  # the reports beside the results say it too
    assert states(outcomes(order)) == ["skipped"] * 3
    write(Image(photo[100:140, :50]), Path("1.png"), force=True)
    os.remove("out/2.restored.png")
    assert states(outcomes(order)) == ["skipped", "failed", "restored"]  # an older result is not overwritten
    forced = ClipOptions(Options(force=True))
    assert states(outcomes(Order(DECIDE, forced, Path("out")))) == ["restored"] * 3
    other = partial(as_planned, plan=Plan((Step("gaussian", ""),), ""))
    assert {each.state for each in outcomes(Order(other, HOW, Path("out")))} == {"failed"}


def test_a_picture_in_which_nothing_was_found_is_not_looked_at_again(folder):
    looked = []

    def decide(pixels):
        looked.append(pixels)
        return None, Plan((), "nothing")

    unchanged = ClipOptions(Options(keep_unchanged=False))
    order = Order(partial(decide), unchanged)
    assert states(outcomes(order)) == ["unchanged"] * 3 and len(looked) == 3
    assert states(outcomes(order)) == ["skipped"] * 3 and len(looked) == 3
    assert sorted(os.listdir()) == [NAME, "0.png", "1.png", "2.png"]


def test_results_of_files_of_a_list_are_left_out_of_it_and_other_results_are_not(folder):
    order = Order(DECIDE, ClipOptions(Options(keep=())))
    assert len(outcomes(order)) == 3
    again = Batch(listing([Path(name) for name in sorted(os.listdir())]), order)
    assert len(again) == 4 and again.left_out == 6  # the journal is named here, and is no picture
    results = [Path(f"{number}.restored.png") for number in range(3)]
    assert states(outcomes(order, *results)) == ["restored"] * 3


def test_a_line_of_a_journal_that_was_cut_off_hides_no_other(tmp_path):
    journal = Journal(tmp_path)
    for name in ("a", "b"):
        journal.add(journal.line(tmp_path / f"{name}.png", tmp_path / f"{name}.x.png", "written", ("1", "2", "3")))
    text = (tmp_path / NAME).read_text()
    (tmp_path / NAME).write_text(text[:-10])
    cut = Journal(tmp_path)
    assert cut.of(tmp_path / "a.x.png") and not cut.of(tmp_path / "b.x.png")
    cut.add(cut.line(tmp_path / "c.png", tmp_path / "c.x.png", "unchanged", ("1", "2", "3")))
    whole = Journal(tmp_path)
    assert whole.of(tmp_path / "a.x.png") and whole.of(tmp_path / "c.x.png").state == "unchanged"
    assert whole.results()[tmp_path / "c.png"] == tmp_path / "c.x.png"


def test_a_result_without_a_report_is_replaced_only_if_a_run_had_begun_it(folder):
    """As after a kill between the two."""
    assert states(outcomes(Order(DECIDE, HOW, Path("out")))) == ["restored"] * 3
    for number in range(3):
        os.remove(f"out/{number}.restored.png.json")
    text = (folder / "out" / NAME).read_text()
    begun = [line for line in text.splitlines(keepends=True) if '"begun"' in line]
    assert len(begun) == 3
    (folder / "out" / NAME).write_text("".join(begun[:1]) + text[-10:])
    assert states(outcomes(Order(DECIDE, HOW, Path("out")))) == ["restored", "failed", "failed"]
    assert states(outcomes(Order(DECIDE, HOW, Path("out")))) == ["skipped", "failed", "failed"]


def test_a_bad_file_fails_alone_and_a_bug_does_too(folder):
    Path("bad.png").write_text("no")

    def decide(pixels):
        if pixels.shape[0] == 41:
            raise ZeroDivisionError("of a test")
        return None, MEDIAN

    found = {each.source: each for each in outcomes(Order(partial(decide), HOW), Path("bad.png"), Path("."))}
    assert found["bad.png"].state == "failed" and "bad.png is not a picture" in found["bad.png"].sentence
    assert "an error of Restora" in found["1.png"].sentence and "ZeroDivisionError: of a test" in found["1.png"].error
    assert found["0.png"].state == found["2.png"].state == "restored"


def test_pictures_and_clips_are_in_one_list(folder):
    make(folder / "clip.mp4", Spec(list(range(3)), Fraction(1, 25)))
    (folder / "broken.mp4").write_bytes((folder / "clip.mp4").read_bytes()[:900])
    found = {each.source: each for each in outcomes(Order(DECIDE, HOW, Path("out")))}
    assert found["clip.mp4"].state == "restored" and found["broken.mp4"].state == "failed"
    assert Path("out/clip.restored.mp4").is_file() and Path("out/clip.restored.mp4.json").is_file()


def work(number):
    """For the processes of the test below."""
    if number == 3:
        os._exit(7)
    if number == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return number, threads_allowed(), cv2.getNumThreads(), pyvips.concurrency_get(), os.environ["OMP_NUM_THREADS"]


def test_a_process_that_dies_takes_only_its_own_thing_along():
    count = cores()
    got = list(each(work, range(6), 2, lambda number, why: (number, why)))
    assert sorted(one[0] for one in got) == list(range(6))
    died = {one[0]: one[1] for one in got if len(one) == 2}
    assert died == {
        3: "its process ended (exit status 7)",
        4: "its process ended (SIGKILL, perhaps for lack of memory)",
    }
    threads = max(1, count // 2)
    assert {one[1:] for one in got if len(one) > 2} == {(threads, threads, threads, str(threads))}


def wait(folder, number):
    """For the processes of the test below."""
    Path(folder, str(os.getpid())).touch()
    if number:
        time.sleep(60)
    return number


def test_processes_end_when_nobody_asks_for_more(tmp_path):
    running = each(partial(wait, tmp_path), [0, 1, 1], 2, lambda number, why: -1)
    assert next(running) == 0
    started = time.monotonic()
    running.close()
    assert time.monotonic() - started < 30
    for pid in os.listdir(tmp_path):
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_jobs_share_memory_and_cores():
    memory = 2 * 10**9
    limits = shared(ClipOptions(Options(limits=Limits(memory))), 2).run.limits
    assert limits.memory == memory // 2 and limits.threads == max(1, cores() // 2)
    assert shared(HOW, 1) is HOW
    with pytest.raises(BadKnob, match=r"8 jobs need at least 400 MB each: give --max-memory 3\.2GB, or --jobs 2"):
        shared(HOW, 8)


def test_processes_give_the_files_of_one(folder):
    assert states(outcomes(Order(DECIDE, HOW, Path("one")))) == ["restored"] * 3
    order = Order(DECIDE, HOW, Path("two"), jobs=2)
    found = list(Batch(listing([Path(f"{number}.png") for number in range(3)]), order).run())
    assert states(found) == ["restored"] * 3 and all(isinstance(each, Outcome) for each in found)
    for number in range(3):
        name = f"{number}.restored.png"
        assert (Path("one") / name).read_bytes() == (Path("two") / name).read_bytes()
    assert Journal(Path("two")).of(Path("two/0.restored.png"))


def test_threads_are_limited_everywhere(monkeypatch):
    before = cv2.getNumThreads(), pyvips.concurrency_get()
    for name in (THREADS, "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        monkeypatch.setenv(name, "")
    try:
        limit_threads(0)
        assert threads_allowed() == 0 and (cv2.getNumThreads(), pyvips.concurrency_get()) == before
        model = find("restora.blind-small").onnx
        free = openvino_engine(model, "f32")
        limit_threads(1)
        assert threads_allowed() == 1 and cv2.getNumThreads() == pyvips.concurrency_get() == 1
        assert openvino_engine(model, "f32") is not free and openvino_engine(model, "f32") is openvino_engine(
            model, "f32"
        )
    finally:
        cv2.setNumThreads(before[0])
        pyvips.concurrency_set(before[1])
    monkeypatch.setenv(THREADS, "many")
    with pytest.raises(BadKnob, match=f"{THREADS} must be a number of threads above zero, not 'many'"):
        threads_allowed()


@pytest.mark.parametrize("given", [20, 40, 75, 92, 98])
def test_a_jpeg_of_a_jpeg_is_not_three_times_as_large_and_keeps_most_of_the_gain(tmp_path, photo, given):
    write(Image(photo), tmp_path / "y.jpg", quality=given)
    assert quality_of(tmp_path / "y.jpg") == given
    restore_file(tmp_path / "y.jpg", tmp_path / "x.jpg", MEDIAN)
    assert quality_of(tmp_path / "x.jpg") == quality_like(given) >= given
    assert (tmp_path / "x.jpg").stat().st_size < 3 * (tmp_path / "y.jpg").stat().st_size
    restore_file(tmp_path / "y.jpg", tmp_path / "whole.png", MEDIAN)
    exact, saved = read(tmp_path / "whole.png").pixels, read(tmp_path / "x.jpg").pixels
    assert measure(saved, exact, PROTOCOLS["denoise"]).psnr > 35
    restore_file(tmp_path / "y.jpg", tmp_path / "z.jpg", MEDIAN, Options(quality=60, like_input=False))
    assert quality_of(tmp_path / "z.jpg") == 60


def test_other_formats_are_saved_at_the_quality_that_was_asked_for(tmp_path, photo):
    write(Image(photo), tmp_path / "y.png")
    restore_file(tmp_path / "y.png", tmp_path / "x.jpg", MEDIAN)
    assert quality_of(tmp_path / "x.jpg") == 95 and quality_of(tmp_path / "y.png") is None


def test_the_codes_of_a_jpeg_file_are_made_for_its_content(tmp_path, photo):
    """The pixels are those of a file with the usual codes, which is larger."""
    write(Image(photo), tmp_path / "a.jpg")
    plain = pyvips.Image.new_from_array(np.rint(photo * 255).astype(np.uint8)).copy(interpretation="srgb")
    plain.jpegsave(str(tmp_path / "b.jpg"), Q=95, subsample_mode="off")
    assert np.array_equal(read(tmp_path / "a.jpg").pixels, read(tmp_path / "b.jpg").pixels)
    assert (tmp_path / "a.jpg").stat().st_size < (tmp_path / "b.jpg").stat().st_size
