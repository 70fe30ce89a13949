import json
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi.testclient import TestClient

from restora.app.server import Bounds, make_app
from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.work.jobs import Jobs
from restora.work.plan import plan_to_fill
from restora.work.restore import Limits, restore_file

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")
ROOT = Path(__file__).parent.parent.parent
TINY = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def noisy(photo, tmp_path):
    """A file with noise."""
    y = photo[:64, :80] + 0.1 * np.random.default_rng(0).standard_normal((64, 80, 3), np.float32)
    write(Image(y), tmp_path / "noisy.png")
    return tmp_path / "noisy.png"


def client_of(tmp_path, bounds=None, limits=None, **options):
    jobs = Jobs(tmp_path / "jobs", limits or Limits(pixels=10**6, minutes=1), **options)
    return TestClient(make_app(jobs, bounds or Bounds()), base_url="http://localhost")


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


def header(plan):
    return {"Restora-Plan": json.dumps(plan.as_dict())}


def wait_for(client, key):
    while (job := client.get(f"/v1/jobs/{key}").json())["state"] in ("queued", "running"):
        time.sleep(0.02)
    return job


def test_a_picture_comes_back_as_the_command_line_restores_it(client, noisy, tmp_path):
    answer = client.post("/v1/restore", content=noisy.read_bytes(), headers=header(MEDIAN))
    assert answer.status_code == 200 and answer.headers["content-type"] == "image/png"
    restore_file(noisy, tmp_path / "x.png", MEDIAN)
    assert answer.content == (tmp_path / "x.png").read_bytes()
    report = json.loads(answer.headers["restora-report"])
    assert report["plan"]["id"] == MEDIAN.id and report["input"] == "" == report["output"]
    assert not [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]


def test_a_scale_makes_it_larger_at_once_and_as_a_job(client, noisy):
    data = noisy.read_bytes()
    answer = client.post("/v1/restore?scale=2", content=data)
    steps = json.loads(answer.headers["restora-report"])["plan"]["steps"]
    assert answer.status_code == 200 and steps[-1]["method"] == "edsr"
    key = client.post("/v1/jobs?scale=2", content=data).json()["id"]
    assert wait_for(client, key)["state"] == "done"
    assert client.get(f"/v1/jobs/{key}/result").content == answer.content
    both = client.post("/v1/restore?scale=2", content=data, headers=header(MEDIAN))
    assert both.status_code == 422 and "not both" in both.json()["error"]
    for path in ("/v1/restore", "/v1/jobs", "/v1/diagnose"):
        error = client.post(f"{path}?scale=9", content=data).json()
        assert error == {"error": "scale: Input should be less than or equal to 8"}


def test_a_form_serves_as_well_as_a_body(client, noisy):
    plain = client.post("/v1/restore", content=noisy.read_bytes(), headers=header(MEDIAN))
    form = client.post("/v1/restore", files={"picture": ("../../x.png", noisy.read_bytes())}, headers=header(MEDIAN))
    assert form.content == plain.content and "x.png" not in str(form.headers)
    many = {name: noisy.read_bytes() for name in "abcdefghijkl"}
    assert "Too many files" in client.post("/v1/restore", files=many).json()["error"]
    broken = client.post("/v1/diagnose", content=b"--x", headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert broken.status_code in (400, 422) and broken.json()["error"]
    assert client.get("/v1/nothing").json() == {"error": "Not Found"}


def test_what_is_found_decides_if_no_plan_is_given(client, noisy):
    found = client.post("/v1/diagnose", content=noisy.read_bytes()).json()
    assert found["shape"] == [64, 80, 3] and found["noise_level"]["present"]
    report = json.loads(client.post("/v1/restore", content=noisy.read_bytes()).headers["restora-report"])
    assert report["plan"]["id"] == found["plan"]["id"] and report["diagnosis"]["noise_level"]["present"]


def test_a_job_is_told_of_fetched_and_thrown_away(client, noisy, tmp_path):
    job = client.post("/v1/jobs", content=noisy.read_bytes(), headers=header(MEDIAN))
    key = job.json()["id"]
    assert job.status_code == 202
    assert wait_for(client, key) == {"id": key, "state": "done", "done": 1, "total": 1}
    result = client.get(f"/v1/jobs/{key}/result")
    (tmp_path / "r.png").write_bytes(result.content)
    assert read(tmp_path / "r.png").shape == (64, 80, 3) and "restored.png" in result.headers["content-disposition"]
    assert client.delete(f"/v1/jobs/{key}").status_code == 204
    assert client.get(f"/v1/jobs/{key}").status_code == 404 == client.delete(f"/v1/jobs/{key}").status_code
    assert not (tmp_path / "jobs" / key).exists()


def test_methods_come_with_their_knobs(client):
    told = {method["name"]: method for method in client.get("/v1/methods").json()}
    assert set(told) == set(METHODS) and told["median"]["knobs"]["radius"]["type"] == "integer"
    assert client.get("/healthz").json() == {"status": "ok"} == client.get("/readyz").json()
    assert 'restora_jobs{state="queued"} 0.0' in client.get("/metrics").text
    assert client.get("/openapi.json").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>", b"<html></html>", b"PK\x03\x04" + bytes(99),
        TINY, TINY + bytes(200), b"GIF89a=1;alert(1)//", b"\xff\xd8\xff\xe0" + bytes(50), b"%PDF-1.7",
        b"II*\0" + bytes(60),
    ],
)  # fmt: skip
def test_what_is_no_picture_is_refused_with_a_sentence(client, body, tmp_path):
    for path in ("/v1/diagnose", "/v1/restore", "/v1/jobs"):
        answer = client.post(path, content=body)
        assert answer.status_code == 422 and answer.json()["error"]
        assert str(tmp_path) not in answer.text
    assert not [path for path in (tmp_path / "jobs").iterdir() if path.is_dir()]


def test_a_small_file_that_declares_a_gigapixel_is_refused_before_it_is_decoded(client):
    import struct
    import zlib

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    bomb = TINY + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    answer = client.post("/v1/restore", content=bomb)
    assert answer.status_code == 422 and "3600 megapixels" in answer.json()["error"]


@pytest.mark.parametrize("declared", [True, False])
def test_a_body_that_is_too_large_is_refused(tmp_path, declared):
    with client_of(tmp_path, Bounds(bytes=1000)) as client:
        body = bytes(2000) if declared else (bytes(100) for _ in range(20))
        for sent in ({"content": body}, {"files": {"picture": bytes(2000)}}):
            answer = client.post("/v1/restore", **sent)
            assert answer.status_code == 413 and "limit of 0.001 MB" in answer.json()["error"]


@pytest.mark.parametrize(
    "plan",
    [
        Plan((Step("restora", "", "/etc/passwd"),), ""),
        Plan((Step("restora", "", "restora/weights/restora.noise.onnx"),), ""),
        Plan((Step("restora", "", "restora.noise", inputs={"sigma_map": {"file": "/etc/passwd", "sha256": "0"}}),), ""),
        Plan((Step("biharmonic", "", inputs={"mask": {"file": "/etc/passwd", "sha256": "0"}}),), ""),
    ],
)
def test_a_plan_that_names_files_is_refused(client, noisy, plan):
    for path in ("/v1/restore", "/v1/jobs"):
        answer = client.post(path, content=noisy.read_bytes(), headers=header(plan))
        assert answer.status_code == 422 and "not files" in answer.json()["error"]


def test_a_plan_that_cannot_be_is_told_in_the_command_lines_words(client, noisy):
    bad = client.post("/v1/restore", content=noisy.read_bytes(), headers={"Restora-Plan": "{"})
    assert bad.status_code == 422 and "neither a plan nor a report" in bad.json()["error"]
    wrong = client.post("/v1/restore", content=noisy.read_bytes(), headers=header(Plan((Step("medain", ""),), "")))
    assert wrong.status_code == 422 and "did you mean median" in wrong.json()["error"]
    long = Plan((Step("dip", "", knobs={"iterations": 100000}),), "")
    slow = client.post("/v1/restore", content=noisy.read_bytes(), headers=header(long))
    assert slow.status_code == 422 and "may take" in slow.json()["error"]


def test_a_form_may_bring_a_mask_of_what_to_fill(client, noisy, tmp_path):
    mask = np.zeros((64, 80, 1), np.float32)
    mask[20:24, 10:70] = 1
    write(Image(mask), tmp_path / "m.png")
    plan = plan_to_fill({"mask": str(tmp_path / "m.png")}, {})
    restore_file(noisy, tmp_path / "ours.png", plan)
    sent = {"picture": noisy.read_bytes(), "mask": (tmp_path / "m.png").read_bytes()}
    named = Plan((replace(plan.steps[0], inputs={}),), "", precision=plan.precision)
    answer = client.post("/v1/restore", files=sent, headers=header(named))
    assert answer.status_code == 200 and answer.content == (tmp_path / "ours.png").read_bytes()
    report = json.loads(answer.headers["Restora-Report"])
    assert report["plan"]["id"] == plan.id and report["plan"]["steps"][0]["inputs"]["mask"]["file"] == "mask"
    boxes = {"picture": noisy.read_bytes(), "box": b"[[20, 10, 4, 60]]"}
    assert client.post("/v1/restore", files=boxes, headers=header(named)).content == answer.content
    outside = client.post("/v1/restore", files=boxes | {"box": b"[[60, 10, 5, 60]]"}, headers=header(named))
    assert outside.status_code == 422 and "reaches beyond the picture" in outside.json()["error"]
    key = client.post("/v1/jobs", files=sent).json()["id"]  # by what is found, after the hole
    wait_for(client, key)
    assert len(json.loads(client.get(f"/v1/jobs/{key}/result").headers["Restora-Report"])["plan"]["steps"]) == 2


@pytest.mark.parametrize(
    ("mask", "says"),
    [
        (b"no", "the mask is not a picture"),
        (TINY, "the mask"),
        (None, "needs a mask"),
        ("small", "the mask must be 80x64 pixels, like the picture, not 8x8"),
    ],
)
def test_a_mask_that_is_none_is_told_without_a_path(client, noisy, tmp_path, mask, says):
    if mask == "small":
        write(Image(np.eye(8, dtype=np.float32)[:, :, None]), tmp_path / "small.png")
        mask = (tmp_path / "small.png").read_bytes()
    sent = {"picture": noisy.read_bytes()} | ({"mask": mask} if mask else {})
    answer = client.post("/v1/restore", files=sent, headers=header(Plan((Step("biharmonic", ""),), "")))
    said = answer.json()["error"]
    assert answer.status_code == 422 and says in said and str(tmp_path) not in said


def test_a_mask_has_the_bounds_of_a_picture(client, noisy, tmp_path):
    write(Image(np.zeros((1001, 1000, 1), np.float32)), tmp_path / "large.png")
    sent = {"picture": noisy.read_bytes(), "mask": (tmp_path / "large.png").read_bytes()}
    for path in ("/v1/restore", "/v1/jobs"):
        answer = client.post(path, files=sent)
        assert answer.status_code == 422 and "the mask has 1.001 megapixels (1000x1001), more" in answer.json()["error"]


def test_a_form_holds_one_picture(client, noisy):
    two = {"picture": noisy.read_bytes(), "other": noisy.read_bytes()}
    for sent in (two, {"mask": noisy.read_bytes()}):
        answer = client.post("/v1/restore", files=sent)
        assert answer.status_code == 422 and "one picture" in answer.json()["error"]


def test_a_failed_job_says_why(client, noisy):
    key = client.post("/v1/jobs", content=noisy.read_bytes(), headers=header(Plan((Step("medain", ""),), ""))).json()[
        "id"
    ]
    assert "did you mean median" in wait_for(client, key)["error"]
    assert client.get(f"/v1/jobs/{key}/result").status_code == 409


def test_a_token_is_demanded_of_everybody_if_one_is_set(tmp_path):
    with client_of(tmp_path, Bounds(token="secret")) as client:
        assert client.get("/v1/methods").status_code == 401
        assert client.get("/v1/methods", headers={"Authorization": "Bearer other"}).status_code == 401
        assert client.get("/v1/methods", headers={"Authorization": "Bearer secret"}).status_code == 200


def test_other_sites_cannot_use_a_visitors_browser(client):
    assert client.get("/v1/methods", headers={"Host": "evil.example"}).status_code == 403
    assert client.post("/v1/jobs", content=TINY, headers={"Origin": "http://evil.example"}).status_code == 403
    assert client.get("/v1/methods", headers={"Origin": "http://localhost"}).status_code == 200


def test_more_jobs_than_may_wait_are_refused(tmp_path, noisy):
    jobs = Jobs(tmp_path / "jobs", Limits(), most_waiting=2)  # nobody works on them
    client = TestClient(make_app(jobs), base_url="http://localhost")  # not entered: its life does not begin
    answers = [client.post("/v1/jobs", content=noisy.read_bytes()).status_code for _ in range(3)]
    assert answers == [202, 202, 503]
    assert client.get("/readyz").status_code == 503
    full = Jobs(tmp_path / "full", Limits(), most_bytes=10)
    answer = TestClient(make_app(full), base_url="http://localhost").post("/v1/jobs", content=noisy.read_bytes())
    assert answer.status_code == 503 and "disk space" in answer.json()["error"]


def test_results_are_forgotten_after_a_while(tmp_path, noisy):
    with client_of(tmp_path, keep_seconds=0.05) as client:
        key = client.post("/v1/jobs", content=noisy.read_bytes(), headers=header(MEDIAN)).json()["id"]
        wait_for(client, key)
        time.sleep(0.1)
        client.post("/v1/jobs", content=noisy.read_bytes(), headers=header(MEDIAN))
        assert client.get(f"/v1/jobs/{key}").status_code == 404 and not (tmp_path / "jobs" / key).exists()


KILLED = """
import os, signal, sys, time
from pathlib import Path
import restora.work.jobs as work
from restora.work.restore import Limits
jobs = work.Jobs(Path(sys.argv[1]), Limits())
whole = work.restore_file
def die(*args, **options):
    report = whole(*args, **options)
    os.kill(os.getpid(), signal.SIGKILL)
work.restore_file = die
jobs.start()
time.sleep(60)
"""


def test_a_job_whose_process_is_killed_is_done_once_after_a_restart(tmp_path, noisy):
    jobs = Jobs(tmp_path / "jobs", Limits())
    keys = []
    for index in range(2):
        (tmp_path / f"{index}.png").write_bytes(noisy.read_bytes())
        keys.append(jobs.add(tmp_path / f"{index}.png", "png", json.dumps(MEDIAN.as_dict())).id)
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "jobs")], check=False)
    assert killed.returncode == -9 and jobs.find(keys[0]).state == "running"
    (tmp_path / "jobs" / "received-1").mkdir()  # a body that was coming in
    again = Jobs(tmp_path / "jobs", Limits())
    again.start()
    assert not (tmp_path / "jobs" / "received-1").exists()
    assert [again.ended(key).state for key in keys] == ["done", "done"]
    again.close()
    with sqlite3.connect(tmp_path / "jobs" / "jobs.sqlite") as table:  # died after its report, before its row
        table.execute("UPDATE jobs SET state = 'running', ended = 0")
    table.close()
    last = Jobs(tmp_path / "jobs", Limits())
    last.start(workers=0)
    assert [last.find(key).state for key in keys] == ["done", "done"]
    last.close()


def test_a_fault_of_ours_fails_one_job_and_not_the_server(tmp_path, noisy, monkeypatch):
    def broken(*args, **options):
        raise ZeroDivisionError

    with client_of(tmp_path) as client:
        with monkeypatch.context() as patched:
            patched.setattr("restora.work.jobs.restore_file", broken)
            answer = client.post("/v1/restore", content=noisy.read_bytes(), headers=header(MEDIAN))
        assert answer.status_code == 422 and "because of a bug" in answer.json()["error"]
        assert client.post("/v1/restore", content=noisy.read_bytes(), headers=header(MEDIAN)).status_code == 200


def test_folders_that_go_while_they_are_counted_do_no_harm(tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits())
    for number in range(1000):
        (jobs.folder / f"received-{number}").mkdir()
    going = threading.Thread(target=lambda: [folder.rmdir() for folder in jobs.folder.glob("received-*")])
    going.start()
    while going.is_alive():
        jobs.bytes()


def test_two_servers_cannot_work_in_one_folder(tmp_path):
    one, other = Jobs(tmp_path / "jobs", Limits()), Jobs(tmp_path / "jobs", Limits())
    one.start()
    with pytest.raises(RestoraError, match="another server uses"):
        other.start()
    one.close()
    other.start()
    other.close()


def test_a_job_that_runs_can_be_taken_back(tmp_path, photo):
    write(Image(photo), tmp_path / "large.png")
    with client_of(tmp_path, limits=Limits(memory=4 * 10**9, minutes=float("inf"))) as client:
        slow = Plan((Step("dip", "", knobs={"iterations": 10000, "width": 8}),), "")
        body = (tmp_path / "large.png").read_bytes()
        key = client.post("/v1/jobs", content=body, headers=header(slow)).json()["id"]
        while client.get(f"/v1/jobs/{key}").json()["state"] == "queued":
            time.sleep(0.02)
        assert client.get(f"/v1/jobs/{key}").json()["state"] == "running"
        assert client.delete(f"/v1/jobs/{key}").status_code == 204
        for _ in range(1500):
            if client.get(f"/v1/jobs/{key}").status_code == 404:
                break
            time.sleep(0.02)
        assert not (tmp_path / "jobs" / key).exists()


def test_the_example_client_restores_a_picture(tmp_path, noisy):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    words = [sys.executable, "-m", "restora", "serve", "--port", str(port), "--folder", str(tmp_path / "jobs")]
    server = subprocess.Popen(words)
    try:
        for _ in range(1200):  # a busy machine takes its time to import
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        code = f"import client; client.SERVER = 'http://127.0.0.1:{port}/v1'; from pathlib import Path as P;"
        code += f"client.main(P({str(noisy)!r}), P({str(tmp_path / 'better.png')!r}))"
        subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "examples")
        assert read(tmp_path / "better.png").shape == (64, 80, 3)
    finally:
        server.terminate()
        assert server.wait(20) is not None
