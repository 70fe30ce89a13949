"""The addresses of the page: tiles of pictures, downloads of results, and nothing else."""

import asyncio
import io
import json
import zipfile
from dataclasses import replace

import cv2
import numpy as np
import pytest

from restora.app.guard import Bounds
from restora.app.page_items import Item, blends, facts, strengths_of
from restora.app.page_jobs import Done, Outcome, carried_out
from restora.app.page_progress import Pace, Remaining
from restora.app.phrases import time_left
from restora.app.review import look
from restora.app.views import COVERS, RED
from restora.core.checksum import sha256
from restora.core.errors import RestoraError
from restora.core.image import Image
from restora.core.plan import Plan, Step, plan_from_json
from restora.files.picture import read
from restora.files.save import write
from restora.stages.blend import texture_of
from restora.work.job_files import Job
from restora.work.restore import restore_file
from tests.app.live import client_of

MEDIAN = Plan((Step("median", "", knobs={"radius": 2}),), "")
SHARE = "strength=0.5&texture=0.4"


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


@pytest.fixture
def noisy(photo, client):
    """A file that was uploaded."""
    path = client.app.state.jobs.page / "noisy.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    write(Image(photo + 0.05 * np.random.default_rng(0).standard_normal(photo.shape).astype(np.float32)), path)
    return path


def restored(client, path, plan=MEDIAN, mask=None):
    """The view of a picture that was restored."""
    views = client.app.state.views
    sight = look(path, views.jobs.limits, path.name)

    async def last():
        told = [now async for now in carried_out(views.jobs, sight, plan, mask)]
        assert isinstance(told[-1], Outcome)
        return told[-1]

    done = Done(sight, asyncio.run(last()), plan, mask)
    return views.compare(views.of(path, path.name), sight, done, blends(plan)), done


def tile(client, view, layer, where="0-0-0"):
    data = client.get(f"/page/{view.key}/{layer}/{where}").content
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)[:, :, ::-1].astype(np.float32) / 255


def test_tiles_show_both_pictures_and_the_texture(client, noisy):
    view, done = restored(client, noisy)
    y, x_hat = read(noisy).pixels, read(done.outcome.picture).pixels
    assert np.abs(tile(client, view, "before") - y).mean() < 0.02
    assert np.abs(tile(client, view, "after") - x_hat).mean() < 0.01
    texture = texture_of(y - x_hat, view.noise)
    assert np.abs(tile(client, view, "texture") - (x_hat + texture).clip(0, 1)).mean() < 0.01
    assert tile(client, view, "after", "1-0-0").shape == (128, 152, 3)
    headers = client.get(f"/page/{view.key}/after/0-0-0").headers
    assert "private" in headers["cache-control"] and headers["x-content-type-options"] == "nosniff"


def test_marks_are_red_and_transparent(client, noisy):
    white = np.zeros((256, 304, 1), np.float32)
    white[100:140, 50:90] = 1
    write(Image(white), noisy.with_name("mask.png"))
    plan = Plan((Step("telea", ""),), "")
    view, _ = restored(client, noisy, plan, noisy.with_name("mask.png"))
    data = np.frombuffer(client.get(f"/page/{view.key}/marks/0-0-0").content, np.uint8)
    marks = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert np.array_equal(marks[:, :, 3] > 0, white[:, :, 0] > 0) and marks[120, 70].tolist() == [
        *RED[::-1],
        int(255 * COVERS),
    ]
    assert view.files is None  # a hole that is filled in part would still show


@pytest.mark.parametrize(
    "path",
    ["{key}/after/9-0-0", "{key}/after/0-9-0", "{key}/after/0-0-9", "{key}/after/-1-0-0", "{key}/other/0-0-0",
     "{key}/after/0-0", "0/after/0-0-0", "{key}/download/..", "0/download", "..%2f..%2fetc/download", "zip?keys=",
     "zip?keys={key},0", "{key}/input", "{key}/download?strength=2", "{key}/download?strength=nan",
     "{key}/report?texture=x"],
)  # fmt: skip
def test_nothing_else_is_there(client, noisy, path):
    view, _ = restored(client, noisy)
    answer = client.get(f"/page/{path.format(key=view.key)}")
    assert answer.status_code in (404, 422) and str(client.app.state.jobs.folder) not in answer.text


def test_a_download_is_the_result_or_a_share_of_it(client, noisy, tmp_path):
    view, done = restored(client, noisy)
    full = client.get(f"/page/{view.key}/download")
    assert full.content == done.outcome.picture.read_bytes()
    assert "noisy.restored.png" in full.headers["content-disposition"]
    part = client.get(f"/page/{view.key}/download?{SHARE}")
    report = client.get(f"/page/{view.key}/report?{SHARE}").json()
    assert report["plan"]["blend"]["strength"] == 0.5 and report["plan"]["blend"]["texture"] == 0.4
    restore_file(noisy, tmp_path / "same.png", plan_from_json(json.dumps(report)))
    (tmp_path / "part.png").write_bytes(part.content)
    assert np.abs(read(tmp_path / "part.png").pixels - read(tmp_path / "same.png").pixels).max() < 1.01 / 255
    assert report["output_sha256"] == sha256(tmp_path / "part.png")


def test_a_zip_has_all_results_and_is_sent_in_pieces(client, noisy):
    views = [restored(client, noisy)[0] for _ in range(2)]
    keys = ",".join(view.key for view in views)
    for share, differs in (("", False), (f"&{SHARE}", True)):
        with zipfile.ZipFile(io.BytesIO(client.get(f"/page/zip?keys={keys}{share}").content)) as file:
            assert not file.testzip() and len(file.namelist()) == 4
            first = file.read("01 noisy.restored.png")
            assert (first != views[0].outcome.picture.read_bytes()) == differs
            assert "blend" in json.loads(file.read("02 noisy.restored.png.json"))["plan"] or not differs


def test_what_was_deleted_is_gone(client, noisy):
    view, done = restored(client, noisy)
    done.outcome.picture.unlink()
    assert client.get(f"/page/{view.key}/download").status_code == 404
    view.before.path.unlink()
    assert client.get(f"/page/{view.key}/before/0-0-0").status_code == 404
    alone = client.app.state.views.of(noisy, "noisy.png")
    assert client.get(f"/page/{alone.key}/download").status_code == 404
    with pytest.raises(RestoraError, match="not restored"):
        client.app.state.views.outcome(alone)


def test_the_token_protects_pictures_and_results(tmp_path, photo):
    with client_of(tmp_path, Bounds(token="secret")) as client:
        for path in ("0/before/0-0-0", "0/download", "zip?keys=0"):
            assert client.get(f"/page/{path}").status_code == 401
            assert client.get(f"/page/{path}", headers={"Authorization": "Bearer secret"}).status_code == 404


def test_strengths_are_offered_where_they_make_a_difference():
    noise, fill, size = Step("restora", "", "restora.noise"), Step("telea", ""), Step("bicubic", "")
    assert strengths_of(Plan((noise,), "")) == ["light", "normal", "strong"] and blends(Plan((noise,), ""))
    assert strengths_of(Plan((fill, noise), "")) == ["light", "normal", "strong"] and not blends(
        Plan((fill, noise), "")
    )
    assert strengths_of(Plan((fill,), "")) == strengths_of(Plan((size,), "")) == strengths_of(Plan((), "")) == []
    assert strengths_of(Plan((Step("levels", ""),), "")) == ["light", "normal"]


def test_facts_are_no_html(client, noisy):
    odd = noisy.with_name("<b>'\"&.png")
    noisy.rename(odd)
    told = facts([Item(odd.name, client.app.state.views.of(odd, odd.name))])
    assert "<b>" not in told and told.count('"') == 2 and facts([]) == ""


def test_the_time_left_is_that_of_all_pictures(monkeypatch):
    clock = iter([0.0, 10.0, 20.0, 30.0])
    monkeypatch.setattr("restora.app.page_progress.time.monotonic", lambda: next(clock))
    remaining = Remaining(Pace(), [(1000, MEDIAN), (3000, MEDIAN)])
    job = Job("", "running", 0, 0, 0, 5, "", "png", "")
    assert remaining.seconds(0, job) is None
    assert remaining.seconds(0, replace(job, done=2)) == pytest.approx(10 / 400 * (600 + 3000))
    remaining.next()
    assert remaining.seconds(1, replace(job, state="queued")) == pytest.approx(10 / 400 * 3000)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, ""), (3, "a few seconds"), (34, "about 30 seconds"), (55, "about 1 minute left"), (200, "about 3 minutes")],
)
def test_the_time_left_is_rough(seconds, words):
    assert words in time_left(seconds)
