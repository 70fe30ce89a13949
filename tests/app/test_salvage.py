"""Truncated files on the command line and on the page; what sentences say of where files lie."""

import asyncio
import io
import json
import os
import time

import numpy as np
import pytest
import skimage.data
from fastapi.testclient import TestClient
from PIL import Image as Pillow

from restora.app.cli import main
from restora.app.guard import Bounds
from restora.app.page_jobs import Outcome, carried_out
from restora.app.review import look
from restora.app.server import make_app
from restora.core.errors import BadImage, Truncated
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.picture import read
from restora.files.save import write
from restora.work.jobs import Jobs
from restora.work.restore import Limits

MEDIAN = Plan((Step("median", "", knobs={"radius": 1}),), "")


@pytest.fixture(scope="module")
def truncated():
    """The first half of a noisy JPEG file of 400x400."""
    noise = np.random.default_rng(0).normal(0, 20, (400, 400, 3))
    buffer = io.BytesIO()
    Pillow.fromarray(np.uint8((skimage.data.astronaut()[:400, :400] + noise).clip(0, 255))).save(buffer, "JPEG")
    return buffer.getvalue()[: len(buffer.getvalue()) // 2]


@pytest.fixture
def folder(tmp_path, monkeypatch, truncated):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cut.jpg").write_bytes(truncated)
    (tmp_path / "plan.json").write_text(MEDIAN.to_json())
    Pillow.fromarray(np.pad(np.full((4, 30), 255, np.uint8), ((20, 376), (20, 350)))).save(tmp_path / "mask.png")
    return tmp_path


COMMANDS = [
    ("fix", "cut.jpg", "-o", "out.png"),
    ("denoise", "cut.jpg", "--method", "median", "-o", "out.png"),
    ("upscale", "cut.jpg", "--method", "bicubic", "-o", "out.png"),
    ("restore", "cut.jpg", "--plan", "plan.json", "-o", "out.png"),
    ("inpaint", "cut.jpg", "--mask", "mask.png", "-o", "out.png"),
    ("diagnose", "cut.jpg"),
    ("plan", "cut.jpg"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
def test_a_truncated_file_is_refused_or_salvaged(folder, monkeypatch, capsys, words):
    def call(*words):
        monkeypatch.setattr("sys.argv", ["restora", *words])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0), *capsys.readouterr()
        return 0, *capsys.readouterr()

    status, out, err = call(*words)
    assert status == 2 and out == "" and err.count("\n") == 1
    assert err.startswith("restora: cut.jpg is damaged") and err.endswith("with --salvage\n")
    assert sorted(os.listdir()) == ["cut.jpg", "mask.png", "plan.json"]
    status, out, err = call(*words, "--salvage")
    assert status == 0 and "of its 400 rows are present" in out + err
    if "out.png" in words:
        report = json.loads((folder / "out.png.json").read_text())
        assert 100 < report["salvaged_rows"] < 300 and "of its 400 rows" in report["warnings"][0]
        assert read(folder / "out.png").shape[:2] in ((400, 400), (800, 800))
    if words[0] == "fix":
        assert report["diagnosis"]["jpeg_quality"]["present"] and report["plan"]["steps"]
    if words[0] == "plan":
        assert json.loads(out)["steps"]


def test_what_is_there_of_a_clean_picture_is_written_too(folder, monkeypatch, capsys):
    """That the file is truncated is damage enough."""
    buffer = io.BytesIO()
    Pillow.fromarray(skimage.data.astronaut()[:400, :400]).save(buffer, "JPEG", quality=97, subsampling=0)
    (folder / "clean.jpg").write_bytes(buffer.getvalue()[: len(buffer.getvalue()) // 2])
    monkeypatch.setattr("sys.argv", ["restora", "fix", "clean.jpg", "-o", "out.png", "--salvage"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "of its 400 rows are present" in capsys.readouterr().out
    assert read(folder / "out.png").shape == (400, 400, 3)
    assert json.loads((folder / "out.png.json").read_text())["plan"]["steps"] == []


@pytest.fixture
def client(tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits(pixels=10**6, minutes=1))
    with TestClient(make_app(jobs, Bounds()), base_url="http://localhost") as one:
        yield one


def event(client, name, data):
    """All that an event of a part of the page answers."""
    config = client.get("/config").json()
    part = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == name)
    number = next(one["id"] for one in config["dependencies"] if part in [target[0] for target in one["targets"]])
    body = {"data": data, "fn_index": number, "session_hash": "visit"}
    assert client.post("/gradio_api/queue/join", json=body).status_code == 200
    return client.get("/gradio_api/queue/data", params={"session_hash": "visit"}).text


def sent(client, name, body):
    path = client.post("/gradio_api/upload", files={"files": (name, body)}).json()[0]
    return {"path": path, "orig_name": name, "meta": {"_type": "gradio.FileData"}}


def test_the_page_asks_whether_the_part_that_is_there_is_wanted(client, tmp_path, truncated):
    asked = event(client, "drop", [[sent(client, "cut.jpg", truncated)]])
    assert "Restore the part that is present?" in asked and "cut.jpg is damaged" in asked
    assert "restora-findings" not in asked and str(tmp_path) not in asked.split("is damaged")[1][:200]
    found = event(client, "salvage", [None])
    assert "restora-findings" in found and "is damaged" not in found


def test_what_the_page_restores_is_the_part_that_is_there(tmp_path, truncated):
    jobs = Jobs(tmp_path / "jobs", Limits())
    (tmp_path / "cut.jpg").write_bytes(truncated)
    with pytest.raises(Truncated, match=r"^cut\.jpg is damaged"):
        look(tmp_path / "cut.jpg", Limits(), "cut.jpg")
    sight = look(tmp_path / "cut.jpg", Limits(), "cut.jpg", salvage=True)
    assert sight.salvage and sight.shape == (400, 400, 3)

    async def outcomes():
        return [now async for now in carried_out(jobs, sight, MEDIAN) if isinstance(now, Outcome)]

    jobs.start()
    jobs.page.mkdir()
    try:
        (outcome,) = asyncio.run(outcomes())
        assert outcome.picture.name == "cut.restored.jpg" and read(outcome.picture).shape == (400, 400, 3)
        assert json.loads(outcome.report.read_text())["salvaged_rows"] > 100
    finally:
        jobs.close()


def test_no_sentence_of_the_api_says_where_files_lie(client, tmp_path, truncated, photo):
    write(Image(photo), tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    plan = {"Restora-Plan": MEDIAN.to_json().replace("\n", " ")}
    answers = [
        client.post("/v1/diagnose", content=truncated),
        client.post("/v1/restore", content=truncated),
        client.post("/v1/restore", content=truncated, headers=plan),
        client.post("/v1/restore", files={"picture": whole, "mask": whole[:5000]}, headers=plan),
        client.post("/v1/diagnose", content=whole[: len(whole) // 2]),
    ]
    for answer in answers:
        assert answer.status_code == 422 and str(tmp_path) not in answer.text, answer.text
        assert "the picture is damaged" in answer.text or "the mask" in answer.text
    key = client.post("/v1/jobs", content=truncated, headers=plan).json()["id"]
    for _ in range(200):
        told = client.get(f"/v1/jobs/{key}").json()
        if told["state"] not in ("queued", "running"):
            break
        time.sleep(0.05)
    assert told["state"] == "failed" and told["error"].startswith("the picture is damaged")


def test_the_api_gives_the_part_that_is_there_if_it_is_asked_for(client, truncated):
    refused = client.post("/v1/diagnose", content=truncated)
    assert refused.status_code == 422 and "with ?salvage=true" in refused.json()["error"]
    there = client.post("/v1/diagnose?salvage=true", content=truncated)
    assert there.json()["shape"] == [400, 400, 3] and there.json()["plan"]["steps"]
    plan = {"Restora-Plan": MEDIAN.to_json().replace("\n", " ")}
    restored = client.post("/v1/restore?salvage=true", content=truncated, headers=plan)
    assert restored.status_code == 200 and json.loads(restored.headers["Restora-Report"])["salvaged_rows"] > 100


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (lambda jobs, job: BadImage(f"{jobs.input(job)} holds NaN"), "the picture holds NaN"),
        (lambda jobs, job: BadImage(f"cannot write {jobs.output(job)}: full"), "cannot write the result: full"),
        (lambda jobs, job: BadImage(f"no room in the folder {jobs.of(job.id)}: full"),
         "no room in the folder the server's files: full"),
        (lambda jobs, job: OSError(28, "No space left", str(jobs.input(job))),
         "the server cannot read or write its files: No space left"),
        (lambda jobs, job: MemoryError(), "out of memory"),
    ],
)  # fmt: skip
def test_what_a_job_tells_names_no_place(tmp_path, monkeypatch, photo, error, says):
    jobs = Jobs(tmp_path / "jobs", Limits())
    write(Image(photo), tmp_path / "a.png")
    job = jobs.add(tmp_path / "a.png", "png")

    def fails(*words, **options):
        raise error(jobs, job)

    monkeypatch.setattr("restora.work.jobs.restore_file", fails)
    jobs.do(job)
    assert jobs.find(job.id).error == says


def test_a_job_of_what_is_there_of_a_truncated_file_is_done(tmp_path, truncated):
    jobs = Jobs(tmp_path / "jobs", Limits())
    for salvage, state in ((False, "failed"), (True, "done")):
        (tmp_path / "cut.jpg").write_bytes(truncated)
        job = jobs.add(tmp_path / "cut.jpg", "jpg", salvage=salvage)
        jobs.do(job)
        assert jobs.find(job.id).state == state
    assert json.loads(jobs.report(job.id).read_text())["salvaged_rows"] > 100
