"""Products over HTTP: kept beside the result of a job, listed, fetched by name, and removed with the job."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pytest

import restora
from restora.app.guard import Bounds
from restora.core.checksum import sha256
from restora.core.image import Image
from restora.core.plan import Plan, Step, plan_from_json
from restora.damage.blur import KernelBlur
from restora.files.picture import read
from restora.files.save import write
from restora.methods.table import METHODS
from restora.work.plan import finders, method_to_deblur
from restora.work.restore import ALL, Options, restore_file
from tests.app.live import client_of
from tests.app.made_up import BOXES, FINDER, KERNEL
from tests.app.test_server import header, wait_for

FIND = Plan((Step("finder", ""),), "")
MADE = ["faces", "kernel", "where"]


@pytest.fixture(autouse=True)
def finder(monkeypatch):
    monkeypatch.setitem(METHODS, "finder", FINDER)


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


@pytest.fixture
def picture(photo, tmp_path):
    write(Image(photo[:40, :50]), tmp_path / "y.png")
    return tmp_path / "y.png"


@pytest.fixture
def key(client, picture):
    """A job that is done."""
    key = client.post("/v1/jobs", content=picture.read_bytes(), headers=header(FIND)).json()["id"]
    assert wait_for(client, key)["state"] == "done"
    return key


def test_products_are_listed_with_links_and_fetched(client, key, tmp_path, photo):
    told = client.get(f"/v1/jobs/{key}").json()["products"]
    assert sorted(told) == MADE and told["kernel"]["description"] == "the kernel that was found"
    got = {name: client.get(facts["link"]) for name, facts in told.items()}
    assert [got[name].headers["content-type"] for name in MADE] == ["application/json", "image/png", "image/png"]
    assert got["faces"].json() == BOXES and 'filename="kernel.png"' in got["kernel"].headers["content-disposition"]
    for name in ("kernel", "where"):
        (tmp_path / f"{name}.png").write_bytes(got[name].content)
    assert sha256(tmp_path / "kernel.png") == told["kernel"]["sha256"]
    # A kernel that was fetched can be given back.
    assert np.allclose(KernelBlur(str(tmp_path / "kernel.png")).kernel(), KERNEL, atol=1e-4)
    assert np.array_equal(read(tmp_path / "where.png").pixels[:, :, 0], photo[:40, :50, 0] > 0.5)


def test_products_are_those_of_the_command_line_and_the_report_names_no_path(client, key, picture, tmp_path):
    restore_file(picture, tmp_path / "x.png", FIND, Options(keep=("kernel",)))
    assert client.get(f"/v1/jobs/{key}/products/kernel").content == (tmp_path / "x.png.kernel.png").read_bytes()
    result = client.get(f"/v1/jobs/{key}/result").headers["restora-report"]
    report = json.loads(result)
    assert {name: facts["file"] for name, facts in report["products"].items()} == {
        "faces": "faces.json", "kernel": "kernel.png", "where": "where.png"
    }  # fmt: skip
    assert str(tmp_path) not in result and str(tmp_path) not in client.get(f"/v1/jobs/{key}").text


@pytest.mark.parametrize("name", ["never", "Kernel", "kernel.png", "..%2fjobs.sqlite", "%2e%2e", "x%00"])
def test_an_unknown_product_is_404_in_one_sentence(client, key, name):
    answer = client.get(f"/v1/jobs/{key}/products/{name}")
    assert answer.status_code == 404 and (answer.json()["error"] == "Not Found" or "it has" in answer.json()["error"])
    if name == "never":
        assert answer.json()["error"] == "the job has no product 'never'; it has kernel, where, faces"


def test_products_go_with_their_job(client, key, tmp_path):
    folder = tmp_path / "jobs" / key
    assert (folder / "output.png.kernel.png").exists()
    assert client.delete(f"/v1/jobs/{key}").status_code == 204 and not folder.exists()
    answer = client.get(f"/v1/jobs/{key}/products/kernel")
    assert answer.status_code == 404 and "no such job" in answer.json()["error"]


def test_a_job_that_is_not_done_or_failed_has_no_products_yet(client, picture):
    bad = Plan((Step("finder", "", knobs={"gain": 9}),), "")
    key = client.post("/v1/jobs", content=picture.read_bytes(), headers=header(bad)).json()["id"]
    assert "products" not in wait_for(client, key)
    answer = client.get(f"/v1/jobs/{key}/products/kernel")
    assert answer.status_code == 409 and "the job is failed" in answer.json()["error"]


def test_products_count_as_disk_space_and_expire(tmp_path, picture):
    with client_of(tmp_path, keep_seconds=0.5) as client:
        key = client.post("/v1/jobs", content=picture.read_bytes(), headers=header(FIND)).json()["id"]
        wait_for(client, key)
        jobs = client.app.state.jobs
        files = [path.stat().st_size for path in (tmp_path / "jobs" / key).iterdir()]
        assert len(files) == 6 and jobs.bytes() >= sum(files)
        time.sleep(0.6)
        jobs.forget()
        assert not (tmp_path / "jobs" / key).exists()


def test_python_sharpens_without_a_kernel(photo):
    result = restora.deblur(photo[:40, :50], method="finder")
    assert np.array_equal(result.products["kernel"], KERNEL) and result.plan.steps[0].inputs == {}
    assert method_to_deblur(known=False) == finders()[0] and method_to_deblur(known=True) == "plug-and-play"
    assert [step.weights for step in restora.deblur(photo[:80, :90]).plan.steps] == ["restora.sharp"]  # no blur there


def test_the_plan_of_the_documentation_sharpens(client, picture, tmp_path):
    text = (Path(__file__).parent.parent.parent / "docs" / "web.md").read_text()
    plan = json.loads(re.search(r'^    (\{"because".*?)\n\n', text, re.S | re.M)[1])
    answer = client.post("/v1/restore", content=picture.read_bytes(), headers={"Restora-Plan": json.dumps(plan)})
    restore_file(picture, tmp_path / "x.png", plan_from_json(json.dumps(plan)))
    assert answer.content == (tmp_path / "x.png").read_bytes()


def test_the_token_protects_products(tmp_path):
    with client_of(tmp_path, Bounds(token="secret")) as client:
        assert client.get("/v1/jobs/0/products/kernel").status_code == 401


def test_a_product_that_was_asked_for_and_not_made_is_told(picture, tmp_path):
    report = restore_file(picture, tmp_path / "x.png", FIND, Options(keep=("never",)))
    assert "no step made the product never for this picture" in report.warnings
    report = restore_file(picture, tmp_path / "z.png", FIND, Options(keep=ALL))
    assert sorted(path.name for path in tmp_path.glob("z.png.*")) == [
        "z.png.faces.json", "z.png.kernel.png", "z.png.where.png"
    ]  # fmt: skip
    assert not report.warnings
