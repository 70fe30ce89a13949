"""What the page's own addresses let nobody do, and what it says."""

import base64
import json
import os
import re
import time
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from fastapi.testclient import TestClient

from restora.app import phrases
from restora.app.guard import Bounds
from restora.app.marks import Painting, mask_of, red_png, strokes_of
from restora.app.page_items import Item, cards
from restora.app.page_jobs import preview
from restora.app.plan_form import Draft, has_work, read_form
from restora.app.review import Edit, as_shown, edited, look, plan_as_found
from restora.app.samples import samples
from restora.app.server import make_app
from restora.app.views import RED, Views
from restora.core.errors import BadPlan
from restora.core.image import Image, Meta
from restora.core.plan import Plan, Step
from restora.files.picture import open_picture, read
from restora.files.save import write
from restora.work.jobs import Jobs
from restora.work.plan import plan_of_method
from restora.work.restore import Limits


def client_of(tmp_path, bounds=None, **options):
    jobs = Jobs(tmp_path / "jobs", Limits(pixels=10**6, minutes=1), **options)
    return TestClient(make_app(jobs, bounds or Bounds()), base_url="http://localhost")


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


def test_strokes_become_a_mask_of_the_pictures_size(tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits())
    strokes = [{"width": 0.1, "points": [[0.25, 0.5], [0.75, 0.5]]}, {"width": 0.01, "points": [[0.5, 0.9]]}]
    mask = read(mask_of(json.dumps(strokes), (100, 200, 3), jobs)).pixels[:, :, 0]
    assert mask.shape == (100, 200) and mask[50, 60:140].all() and mask[45, 100] and mask[90, 100]
    assert not mask[:35].any() and not mask[:, :35].any() and set(np.unique(mask)) == {0, 1}


def test_strokes_over_a_mask_add_and_erase(tmp_path):
    jobs = Jobs(tmp_path / "jobs", Limits())
    white = np.random.default_rng(0).random((100, 200, 1)) > 0.5
    write(Image(white.astype(np.float32)), tmp_path / "base.png")
    same = mask_of("[]", (100, 200, 3), jobs, tmp_path / "base.png")
    assert same.read_bytes() == (tmp_path / "base.png").read_bytes()
    line = {"width": 0.05, "points": [[0, 0.5], [1, 0.5]]}
    more = read(mask_of(json.dumps([line]), (100, 200, 3), jobs, tmp_path / "base.png")).pixels
    less = read(mask_of(json.dumps([{**line, "erase": True}]), (100, 200, 3), jobs, tmp_path / "base.png")).pixels
    assert more[47:53].all() and not less[47:53].any()
    assert np.array_equal(more[:40], white[:40]) and np.array_equal(less[60:], white[60:])
    anew = read(mask_of(json.dumps([{"clear": True}, line]), (100, 200, 3), jobs, tmp_path / "base.png")).pixels
    assert anew[50].all() and not anew[:40].any()


def test_strokes_of_another_painting_are_not_used():
    one, other = Painting(), Painting()
    text = json.dumps({"painting": one.key, "strokes": [{"clear": True}]})
    assert strokes_of(text, one) == '[{"clear": true}]' and strokes_of(text, other) == strokes_of(text, None) == "[]"
    for bad in ("{", "7", "[]", json.dumps({"painting": one.key}), "[" * 100_000):
        with pytest.raises(BadPlan, match="not strokes of the brush"):
            strokes_of(bad, one)


def test_marks_to_edit_are_red_and_transparent_elsewhere(tmp_path):
    white = np.zeros((256, 304, 1), np.float32)
    white[100:140, 50:90] = 1
    write(Image(white), tmp_path / "mask.png")
    inside = np.zeros((128, 152), bool)
    inside[50:70, 25:45] = True
    data = np.frombuffer(base64.b64decode(red_png(tmp_path / "mask.png", 2)), np.uint8)
    pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert np.array_equal(pixels[:, :, 3] == 255, inside) and (pixels[inside][:, :3] == RED[::-1]).all()


@pytest.mark.parametrize(
    "strokes",
    ["", "[", "7", '[{"width": 1}]', '[{"width": "x", "points": [[0, 0]]}]', '[{"width": 1, "points": [[1e999, 0]]}]',
     '[{"width": NaN, "points": [[0, 0]]}]', '[{"width": 1, "points": [[NaN, 0]]}]', '[{"width": 1, "points": []}]',
     '[{"width": 1, "points": [[0, 0, 0]]}]', "[]", '[{"width": 0.1, "points": [[-1, -1]]}]'],
)  # fmt: skip
def test_what_is_no_stroke_is_one_sentence(tmp_path, strokes):
    with pytest.raises(BadPlan, match="not strokes of the brush|nothing is painted"):
        mask_of(strokes, (100, 200, 3), Jobs(tmp_path / "jobs", Limits()))


@pytest.fixture
def sight(photo, tmp_path):
    y = photo[:64, :80] + 0.1 * np.random.default_rng(0).standard_normal((64, 80, 3), np.float32)
    write(Image(y), tmp_path / "<b>noisy.png")
    return look(tmp_path / "<b>noisy.png", Limits(), "noisy.png")


def sent(client, name="a.png", body=b"x"):
    """Where the page's own upload put a file."""
    return client.post("/gradio_api/upload", files={"files": (name, body)}).json()[0]


def looked(client, path):
    """All that the page's first event answers when it is given a path."""
    config = client.get("/config").json()
    drop = next(part["id"] for part in config["components"] if part["props"].get("elem_id") == "drop")
    event = next(one["id"] for one in config["dependencies"] if [drop, "upload"] in map(list, one["targets"]))
    file = {"path": str(path), "orig_name": "a.png", "meta": {"_type": "gradio.FileData"}}
    body = {"data": [[file]], "fn_index": event, "session_hash": "visit"}
    joined = client.post("/gradio_api/queue/join", json=body)
    if joined.status_code != 200:
        return joined.text
    return client.get("/gradio_api/queue/data", params={"session_hash": "visit"}).text


def test_the_page_and_its_addresses_demand_the_token(tmp_path):
    with client_of(tmp_path, Bounds(token="secret")) as client:
        basic = {"Authorization": "Basic " + base64.b64encode(b"anyone:secret").decode()}
        wrong = {"Authorization": "Basic " + base64.b64encode(b"anyone:other").decode()}
        for path in ("/", "/config", "/docs", "/openapi.json", "/theme.css", "/gradio_api/startup-events"):
            refused = client.get(path)
            assert refused.status_code == 401 and "Basic" in refused.headers["WWW-Authenticate"], path
            assert client.get(path, headers=wrong).status_code == 401
            assert client.get(path, headers=basic).status_code == 200, path
        for path in ("/gradio_api/upload", "/gradio_api/queue/join"):
            assert client.post(path, files={"files": b"x"}).status_code == 401
        # A browser sends a password by itself, also for pages of other sites.
        elsewhere = basic | {"Origin": "http://evil.example"}
        assert client.post("/v1/jobs", content=b"x", headers=elsewhere).status_code == 403
        assert client.get("/", headers={"Authorization": "Basic ???"}).status_code == 401


def test_nothing_of_gradio_is_there_but_what_the_page_needs(client):
    assert client.get("/").status_code == 200
    for path in ("info", "openapi.json", "proxy=http://127.0.0.1", "runs", "deep_link", "vibe-code", "token", "user"):
        assert client.get(f"/gradio_api/{path}").json() == {"error": "Not Found"}, path
    for path in ("call/look", "run/look", "vibe-edit", "process_recording", "component_server"):
        assert client.post(f"/gradio_api/{path}", json={}).status_code == 404, path
    assert client.get("/v1/restore").status_code == 405


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "../jobs.sqlite", "..%2f..%2fetc/passwd", "%2fetc%2fpasswd", "http://127.0.0.1:1/", "page.py"],
)
def test_no_file_of_this_machine_is_served(client, tmp_path, path):
    answer = client.get(f"/gradio_api/file={path}")
    assert answer.status_code in (403, 404) and "root:" not in answer.text
    own = sent(client)
    assert client.get(f"/gradio_api/file={own}").content == b"x"
    table = tmp_path / "jobs" / "jobs.sqlite"
    assert table.exists()
    for other in (table, f"{own}/../../../jobs.sqlite", f"{Path(own).parent}/..%2f../jobs.sqlite"):
        assert client.get(f"/gradio_api/file={other}").status_code in (403, 404)
    assert client.get(f"/assets/{path}").status_code in (403, 404)


@pytest.mark.parametrize("behind", [False, True])
def test_a_path_that_a_client_names_is_not_opened(client, tmp_path, photo, monkeypatch, behind):
    if behind:  # what Gradio itself does with what gets past the guard
        monkeypatch.setattr("restora.app.server.names_elsewhere", lambda body, folder: False)
    write(Image(photo[:32, :32]), tmp_path / "private.png")
    page = tmp_path / "jobs" / "page"
    for path in (tmp_path / "private.png", "/etc/passwd", "http://127.0.0.1:1/x.png", page / "../../private.png"):
        answer = looked(client, path)
        assert '"success":false' in answer if behind else "must be an uploaded file" in answer, path
    assert not list(page.rglob("*private*")) and not list(page.rglob("passwd"))


def test_what_is_sent_is_bounded_and_must_be_a_picture(tmp_path):
    with client_of(tmp_path, Bounds(bytes=1000), most_bytes=100_000) as client:
        assert client.post("/gradio_api/upload", files={"files": bytes(2000)}).status_code == 413
        assert client.post("/gradio_api/upload", files={"files": bytes(200_000)}).status_code == 503
        assert client.post("/gradio_api/upload", content=(bytes(9) for _ in range(3))).status_code == 411
        assert client.post("/gradio_api/queue/join", content=b" " * 1_000_001).status_code == 413
        answer = looked(client, sent(client, "<img src=x>.png", b"no picture"))
        assert "is not a picture that can be read" in answer and "<img" not in answer


def test_what_came_does_not_stay(tmp_path):
    with client_of(tmp_path, keep_seconds=0.5) as client:
        sent(client)
        for _ in range(100):
            if not list((tmp_path / "jobs" / "page").rglob("*")):
                break
            time.sleep(0.1)
        assert not list((tmp_path / "jobs" / "page").rglob("*"))
        sent(client)
    assert not (tmp_path / "jobs" / "page").exists()


def test_pages_of_other_sites_may_show_and_fetch_nothing(client):
    policy = client.get("/").headers["content-security-policy"]
    assert "default-src 'self'" in policy and "frame-ancestors 'none'" in policy and "http" not in policy


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_loads_nothing_from_elsewhere(client, path):
    loaded = re.findall(
        r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)\s*=\s*[\"']([^\"']+)", client.get(path).text
    )
    assert loaded and not [address for address in loaded if re.match(r"\w+:|//", address)]


def test_names_are_never_html(sight, tmp_path):
    view = Views(Jobs(tmp_path / "jobs", Limits())).of(sight.path, sight.path.name)
    both = cards([Item(sight.path.name, view, sight)] * 2)
    for text in (phrases.findings(sight), both, phrases.trouble("<b>noisy.png")):
        assert "<b>noisy" not in text and "&lt;b&gt;noisy" in text


def test_an_untouched_form_gives_the_plan_itself(sight):
    plan = plan_as_found(sight, 2)
    assert [step.method for step in plan.steps] == ["restora", "edsr"]
    shown = as_shown(plan.steps[0])
    assert read_form(Draft(plan), ["restora", True, 1, *shown.knobs.values()], sight) is plan


@pytest.fixture
def clean_sight(photo, tmp_path):
    write(Image(photo), tmp_path / "clean.png")
    return look(tmp_path / "clean.png", Limits(), "clean.png")


def test_a_clean_picture_is_never_said_to_have_nothing_wrong(clean_sight):
    """Not everything is looked for: what was not is said, and what can be done all the same."""
    said = phrases.findings(clean_sight)
    assert "I found no damage" in said and "nothing wrong" not in said.lower()
    for word in ("black and white dots", "noise", "JPEG blocks", "Not looked for yet: missing parts"):
        assert word in said
    plan = Draft(plan_as_found(clean_sight))
    assert not has_work(plan, [clean_sight]) and "You can still remove noise" in phrases.NO_STEPS
    assert has_work(plan, [replace(clean_sight, salvage=True)])


def test_findings_are_plain_words_with_the_figures_under_details(sight):
    before, details = phrases.findings(sight).split("<details", 1)
    assert "Strong noise" in before and "of 255" not in before and "of 255" in details
    assert has_work(Draft(plan_as_found(sight)), [sight]) and has_work(None, [sight, sight])


def test_a_form_has_no_knob_that_the_weights_cannot_follow(sight):
    plan = plan_of_method("restora", {}, None, weights="restora.blind-small")
    assert "sigma" not in as_shown(plan.steps[0]).knobs
    assert read_form(Draft(plan), ["restora", True, 1], sight) is plan
    told = plan_of_method("restora", {}, None, weights="restora.noise")
    assert read_form(Draft(told), ["restora", True, 1, 0.1], sight).steps[0].knobs == {"sigma": 0.1}


def test_a_form_changes_what_was_changed(sight):
    plan = plan_of_method("restora", {}, None, weights="restora.noise")
    weaker = read_form(Draft(plan), ["restora", True, 0.5, 0.1], sight).steps[0]
    assert (weaker.strength, weaker.knobs, weaker.weights) == (0.5, {"sigma": 0.1}, plan.steps[0].weights)
    assert weaker.because == plan.steps[0].because
    other = read_form(Draft(plan), ["nlm", True, 1, 0.0], sight).steps[0]
    assert other.method == "nlm" and 0.05 < other.knobs["sigma"] < 0.12 and other.weights is None
    assert read_form(Draft(plan), ["restora", False, 1, 0.0], sight).steps == ()


def test_knobs_out_of_range_are_refused(sight):
    plan = Plan((Step("median", "", knobs={"radius": 1}),), "")
    with pytest.raises(Exception, match="radius must be a whole number from 1 to 50"):
        edited(plan, [Edit("median", 1, {"radius": 10**9})], sight.diagnosis)


def test_a_preview_is_the_picture_or_its_means(photo, tmp_path):
    write(Image(photo, meta=Meta(bits=16, icc=None)), tmp_path / "x.png")
    assert preview(open_picture(tmp_path / "x.png"), tmp_path / "same.png") == 1
    assert np.array_equal(np.rint(read(tmp_path / "same.png").pixels * 255), np.rint(photo * 255))
    assert preview(open_picture(tmp_path / "x.png"), tmp_path / "small.png", photo.size // 12) == 2
    means = photo.reshape(128, 2, 152, 2, 3).mean((1, 3))
    assert np.abs(read(tmp_path / "small.png").pixels - means).max() < 0.51 / 255


def test_a_smaller_preview_does_not_show_what_is_hidden(tmp_path):
    y, alpha = np.zeros((64, 64, 3), np.float32), np.zeros((64, 64), np.float32)
    y[:, :33], y[:, 33:], alpha[:, :33] = (1, 0, 0), (0, 1, 0), 1
    write(Image(y, alpha), tmp_path / "x.png")
    assert preview(open_picture(tmp_path / "x.png"), tmp_path / "small.png", 64 * 64 // 4) == 2
    small = read(tmp_path / "small.png")
    assert small.shape == (32, 32, 3) and not small.pixels[:, :, 1].any() and not small.alpha[:, 17:].any()
    assert np.abs(small.alpha[:, 16] - 0.5).max() < 0.01 and (small.pixels[:, :17, 0] == 1).all()


def test_samples_are_made_once(tmp_path):
    first = samples(tmp_path / "samples")
    made = [os.stat(sample.damaged).st_mtime_ns for sample in first]
    assert len(first) == 3 and made == [os.stat(sample.damaged).st_mtime_ns for sample in samples(tmp_path / "samples")]


def test_diagnose_also_plans_for_another_size(client, sight):
    body = sight.path.read_bytes()
    plan = client.post("/v1/diagnose?scale=2", content=body).json()["plan"]
    assert plan["id"] == plan_as_found(sight, 2).id and plan["steps"][-1]["method"] == "edsr"
    assert client.post("/v1/diagnose?scale=9", content=body).status_code == 422
