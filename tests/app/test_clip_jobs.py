"""Clips over HTTP: jobs with frames as progress, limits, previews, more frames; and no trace of them afterwards."""

import json
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.clip import open_clip
from restora.files.save import write
from restora.work.clip_jobs import ClipWish, ending_of
from restora.work.clips import ClipOptions, restore_clip
from restora.work.interpolate import More, interpolate_clip
from restora.work.jobs import Jobs
from restora.work.restore import Limits
from tests.app.live import MEDIAN, client_of, serving
from tests.app.test_clips import noisy_frames  # noqa: F401
from tests.app.test_server import header, wait_for
from tests.clips import Spec, facts, make, write_frames

PAL = Fraction(1, 25)
PLAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


@pytest.fixture
def clip(tmp_path):
    return make(tmp_path / "clip.mp4", Spec(list(range(60)), PAL, sound=(("aac", 0, "eng"),)))


def added(client, path, query="", headers=MEDIAN):
    answer = client.post(f"/v1/jobs{query}", content=path.read_bytes(), headers=headers)
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


def fetched(client, key, tmp_path, name="result.mp4"):
    """The result of a job in a file, and the answer."""
    done = wait_for(client, key)
    assert done["state"] == "done", done
    answer = client.get(f"/v1/jobs/{key}/result")
    (tmp_path / name).write_bytes(answer.content)
    return tmp_path / name, answer


def empty(jobs):
    return not [path.name for path in jobs.iterdir() if path.is_dir() and path.name != "page"]


def test_a_clip_is_a_job_with_frames_and_comes_back_as_the_command_line_restores_it(client, clip, tmp_path):
    key = added(client, clip)
    result, answer = fetched(client, key, tmp_path)
    assert wait_for(client, key) == {"id": key, "state": "done", "done": 60, "total": 60, "unit": "frames"}
    restore_clip(clip, tmp_path / "ours.mp4", PLAN)
    assert result.read_bytes() == (tmp_path / "ours.mp4").read_bytes()
    assert answer.headers["content-type"] == "video/mp4" and "restored.mp4" in answer.headers["content-disposition"]
    report = json.loads(answer.headers["restora-report"])
    assert report["clip"]["frames"] == 60 and report["input"] == report["output"] == "" and report["output_sha256"]
    assert str(tmp_path) not in answer.headers["restora-report"]
    part = client.get(f"/v1/jobs/{key}/result", headers={"Range": "bytes=0-99"})
    assert part.status_code == 206 and part.content == answer.content[:100]
    assert client.delete(f"/v1/jobs/{key}").status_code == 204 and empty(tmp_path / "jobs")


def test_what_is_found_decides(client, tmp_path, noisy_frames):  # noqa: F811
    write_frames(tmp_path / "noisy.mkv", noisy_frames[1])
    found = client.post("/v1/diagnose", content=(tmp_path / "noisy.mkv").read_bytes()).json()
    assert found["clip"] == {"frames": 6, "seconds": 0.24, "frames_a_second": "25"} and found["shape"] == [112, 160, 3]
    assert found["noise_level"]["present"] and found["plan"]["steps"][0]["method"] == "mctf"
    result, answer = fetched(client, added(client, tmp_path / "noisy.mkv", "?codec=ffv1", {}), tmp_path, "x.mkv")
    report = json.loads(answer.headers["restora-report"])
    assert report["plan"]["id"] == found["plan"]["id"] and report["diagnosis"]["noise_level"]["present"]
    assert answer.headers["content-type"] == "video/x-matroska" and open_clip(result, 10**9).codec == "ffv1"


def test_a_preview_is_one_second(client, clip, tmp_path):
    result, _ = fetched(client, added(client, clip, "?preview=true&quality=60"), tmp_path)
    assert facts(result)["numbers"] == list(range(17, 42))


def test_a_clean_clip_is_copied_and_another_container_gets_one_that_holds_it(client, clip, tmp_path):
    result, answer = fetched(client, added(client, clip, "", {}), tmp_path)
    assert (
        result.read_bytes() == clip.read_bytes() and not json.loads(answer.headers["restora-report"])["plan"]["steps"]
    )
    avi = make(tmp_path / "y.avi", Spec(list(range(8)), PAL, ".avi", "mpeg4"))
    result, answer = fetched(client, added(client, avi, "", {}), tmp_path)
    assert answer.headers["content-type"] == "video/mp4" and open_clip(result, 10**9).container == "mov"
    matroska = make(tmp_path / "y.mkv", Spec(list(range(4)), Fraction(1, 1000), ".mkv"))
    assert ending_of(matroska, "h264") == "mkv" and ending_of(clip, "ffv1") == "mkv" and ending_of(avi, "h264") == "mp4"


def test_frames_between_are_made_by_a_job(client, clip, tmp_path):
    result, _ = fetched(client, added(client, clip, "?factor=2&between=flow", {}), tmp_path)
    interpolate_clip(clip, tmp_path / "ours.mp4", ClipOptions(), More(2, None, "flow"))
    assert result.read_bytes() == (tmp_path / "ours.mp4").read_bytes()
    result, _ = fetched(client, added(client, clip, "?fps=30000/1001&between=blend", {}), tmp_path)
    assert len(facts(result)["times"]) == 72
    for query, says in {
        "factor=2&fps=60": "factor or fps, not both",
        "factor=2&preview=true": "a preview is not for interpolation",
        "factor=1": "factor: Input should be greater than or equal to 2",
        "fps=5/0": "fps must be a number",
        "fps=fast": "fps: String should match",
        "factor=2&scale=2": "send no plan, scale or inputs",
        "between=magic": "between: Input should be",
        "factor=17": "factor: Input should be less than or equal to 16",
    }.items():
        answer = client.post(f"/v1/jobs?{query}", content=clip.read_bytes())
        assert answer.status_code == 422 and says in answer.json()["error"], query


def test_a_clip_is_enlarged_and_has_a_mask(client, clip, tmp_path):
    plan = client.post("/v1/diagnose?scale=1.5", content=clip.read_bytes()).json()["plan"]
    assert plan["steps"][-1]["knobs"] == {"height": 72, "width": 96}
    small = make(tmp_path / "small.mp4", Spec(list(range(3)), PAL))
    result, _ = fetched(client, added(client, small, "?scale=2", {}), tmp_path)
    assert facts(result)["size"] == (96, 128)
    mask = np.zeros((48, 64, 1), np.float32)
    mask[20:24, 10:50] = 1
    write(Image(mask), tmp_path / "mask.png")
    write_frames(tmp_path / "mask.mkv", [np.repeat(mask, 3, 2)] * 3)
    write_frames(tmp_path / "short.mkv", [np.repeat(mask, 3, 2)] * 2)
    telea = header(Plan((Step("telea", ""),), ""))
    made = []
    for name in ("mask.png", "mask.mkv"):
        files = {"picture": small.read_bytes(), "mask": (tmp_path / name).read_bytes()}
        key = client.post("/v1/jobs", files=files, headers=telea).json()["id"]
        made.append(fetched(client, key, tmp_path)[0].read_bytes())
    assert made[0] == made[1]
    files["mask"] = (tmp_path / "short.mkv").read_bytes()
    refused = client.post("/v1/jobs", files=files, headers=telea)
    assert refused.status_code == 422 and "the mask must have as many frames as the clip, 3, not 2" in refused.text


def test_limits_are_told_in_one_sentence(tmp_path, clip):
    for limits, query, says in (
        (Limits(frames=59), "", "the clip has 60 frames, more than the limit of 59 (--max-frames)"),
        (Limits(seconds=2.3), "", "the clip has 2.4 seconds, more than the limit of 2.3 (--max-seconds)"),
        (
            Limits(frames=119),
            "?factor=2",
            "the result would have 120 frames, more than the limit of 119 (--max-frames)",
        ),
        (Limits(pixels=3000), "", "the clip has 0.003072 megapixels (64x48), more than the limit of 0.003"),
    ):
        jobs = Jobs(tmp_path / "jobs", limits)
        with client_of(tmp_path) as client:
            client.app.state.jobs.limits = jobs.limits
            for path in (f"/v1/jobs{query}", "/v1/diagnose") if not query else (f"/v1/jobs{query}",):
                answer = client.post(path, content=clip.read_bytes())
                assert answer.status_code == 422 and says in answer.json()["error"], answer.text
                assert str(tmp_path) not in answer.text
    assert empty(tmp_path / "jobs")


def bad_files(clip):
    whole = clip.read_bytes()
    return {
        "cut off": (whole[:-2000], "the clip"),
        "its start alone": (whole[:300], "the clip cannot be read as a clip (MP4)"),
        "zeros in the middle": (whole[:40] + bytes(len(whole) - 40), "the clip cannot be read as a clip"),
        "an empty Matroska": (b"\x1a\x45\xdf\xa3" + bytes(60), "the clip cannot be read as a clip (Matroska)"),
        "an empty AVI": (b"RIFF\xff\xff\xff\x7fAVI " + bytes(60), "the clip cannot be read"),
        "MPEG": (b"\x00\x00\x01\xba" + bytes(500), "the clip"),
        "a playlist": (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n", "is not a picture"),
        "a concat script": (b"ffconcat version 1.0\nfile '/etc/passwd'\n", "is not a picture"),
        "a playlist in a box": (
            b"\x00\x00\x00\x18ftypmp42#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n",
            "the clip cannot be",
        ),
    }


@pytest.mark.parametrize("name", bad_files(Path(__file__)))
def test_a_bad_clip_is_one_sentence(client, clip, tmp_path, name):
    body, says = bad_files(clip)[name]
    for path in ("/v1/jobs", "/v1/diagnose"):
        answer = client.post(path, content=body)
        assert answer.status_code == 422 and says in answer.json()["error"], answer.text
        assert str(tmp_path) not in answer.text and "\n" not in answer.json()["error"]
    assert empty(tmp_path / "jobs")


def test_a_truncated_clip_is_salvaged_if_that_is_asked_for(client, tmp_path):
    whole = make(
        tmp_path / "y.mkv", Spec(list(range(0, 1600, 40)), Fraction(1, 1000), ".mkv", options={"g": "10", "bf": "0"})
    )
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size * 2 // 3])
    refused = client.post("/v1/jobs", content=(tmp_path / "cut.mkv").read_bytes())
    assert refused.status_code == 422 and "use the part that is present with ?salvage=true" in refused.json()["error"]
    result, answer = fetched(client, added(client, tmp_path / "cut.mkv", "?salvage=true"), tmp_path, "x.mkv")
    numbers = facts(result)["numbers"]
    assert 5 < len(numbers) < 40 and numbers == list(range(len(numbers)))
    assert "the clip is truncated" in json.loads(answer.headers["restora-report"])["warnings"][0]


def test_clips_and_pictures_are_not_mistaken_for_each_other(client, clip, tmp_path, photo):
    write(Image(photo[:32, :32]), tmp_path / "y.png")
    for query in ("preview=true", "factor=2", "codec=ffv1"):
        answer = client.post(f"/v1/jobs?{query}", content=(tmp_path / "y.png").read_bytes())
        assert answer.status_code == 422 and "are for clips, and this is a picture" in answer.json()["error"]
    answer = client.post("/v1/restore", content=clip.read_bytes())
    assert answer.status_code == 422 and "create a job for it" in answer.json()["error"]


SLOW = Plan((Step("nlm", "", knobs={"sigma": 0.1, "distance": 10}),), "")


def running(client, key):
    """The state of a job after its first segment was finished."""
    while (job := client.get(f"/v1/jobs/{key}").json())["done"] < 100:
        assert job["state"] in ("queued", "running"), job
        time.sleep(0.02)
    return job


@pytest.fixture
def long(tmp_path):
    return make(tmp_path / "long.mp4", Spec(list(range(230)), PAL))


def test_a_clip_that_runs_is_cancelled_and_leaves_nothing(client, long, tmp_path):
    key = added(client, long, "", header(SLOW))
    assert running(client, key)["total"] == 230
    assert client.delete(f"/v1/jobs/{key}").status_code == 204
    for _ in range(1500):
        if client.get(f"/v1/jobs/{key}").status_code == 404:
            break
        time.sleep(0.02)
    assert empty(tmp_path / "jobs")


def test_a_server_that_stops_continues_the_clip_where_it_was(long, tmp_path):
    with client_of(tmp_path) as client:
        key = added(client, long, "", header(SLOW))
        running(client, key)
    with client_of(tmp_path) as client:
        result, answer = fetched(client, key, tmp_path)
    assert json.loads(answer.headers["restora-report"])["resumed_at"] in (96, 192)
    restore_clip(long, tmp_path / "ours.mp4", SLOW)
    assert result.read_bytes() == (tmp_path / "ours.mp4").read_bytes()


def test_a_result_that_needs_too_much_space_fails_and_leaves_no_parts(tmp_path, long, monkeypatch):
    monkeypatch.setattr("restora.work.jobs.COUNTED", 0.0)
    with client_of(tmp_path) as client:
        jobs = client.app.state.jobs
        key = added(client, long, "?quality=100", header(SLOW))
        running(client, key)
        jobs.most_bytes = jobs.bytes()
        done = wait_for(client, key)
        assert done["state"] == "failed" and "the disk space for jobs is used up" in done["error"]
        assert sorted(path.name for path in (tmp_path / "jobs" / key).iterdir()) == ["clip.json", "input.mp4"]


def test_a_failed_clip_says_why(client, clip):
    done = wait_for(client, added(client, clip, "", header(Plan((Step("medain", ""),), ""))))
    assert done["state"] == "failed" and "did you mean median" in done["error"]
    assert client.post("/v1/jobs", content=clip.read_bytes(), headers=header(
        Plan((Step("biharmonic", "", inputs={"mask": {"file": "/etc/passwd", "sha256": "0"}}),), "")
    )).status_code == 422  # fmt: skip


def test_a_wish_is_stored_whole():
    wish = ClipWish(True, "ffv1", 50, True, 3, "", "flow")
    assert ClipWish(**json.loads(wish.to_json())) == wish and wish.more == More(3, None, "flow")
    assert ClipWish().more is None and ClipWish(rate="60000/1001").more.rate == Fraction(60000, 1001)


def test_the_example_client_restores_a_clip_and_prints_progress_only_when_it_changes(clip, tmp_path):
    (tmp_path / "bad.mp4").write_bytes(clip.read_bytes()[:200])
    with serving(client_of(tmp_path).app) as port:

        def client(*words):
            code = (
                f"import sys; import client; client.SERVER = 'http://127.0.0.1:{port}/v1'; client.main(*sys.argv[1:])"
            )
            code = code.replace("*sys.argv[1:]", "*map(__import__('pathlib').Path, sys.argv[1:3]), *sys.argv[3:]")
            return subprocess.run(
                [sys.executable, "-c", code, *map(str, words)], cwd=ROOT / "examples", capture_output=True, text=True,
                check=False,
            )  # fmt: skip

        lines = client(clip, tmp_path / "x.mp4", "factor=2", "between=blend").stdout.splitlines()
        refused = client(tmp_path / "bad.mp4", tmp_path / "y.mp4")
    assert refused.returncode == 1 and "cannot be read as a clip" in refused.stderr
    assert lines[-1] == "done: 119 of 119 frames" and len(set(lines)) == len(lines)
    assert len(facts(tmp_path / "x.mp4")["times"]) == 119 and not (tmp_path / "y.mp4").exists()
