"""Inputs of methods over HTTP and on the page."""

import cv2
import numpy as np
import pytest

from restora.app.review import alternatives
from restora.core.image import Image
from restora.core.plan import Plan, Step
from restora.files.save import write
from restora.methods.table import METHODS
from tests.app.live import client_of
from tests.app.test_server import header


@pytest.fixture
def client(tmp_path):
    with client_of(tmp_path) as one:
        yield one


@pytest.fixture
def noisy(photo, tmp_path):
    """A file."""
    write(Image(photo[:64, :80]), tmp_path / "noisy.png")
    return tmp_path / "noisy.png"


def test_a_kernel_comes_as_a_file_or_in_words_that_name_no_file(client, noisy):
    """A plan with words is carried out; words with a file name are refused, and so is a huge kernel."""

    def answered(inputs, **files):
        plan = Plan((Step("wiener-deconvolution", "", knobs={"sigma": 0.02}, inputs=inputs),), "")
        sent = {"picture": noisy.read_bytes(), **files}
        return client.post("/v1/restore", files=sent, headers=header(plan))

    def png(*shape):
        return cv2.imencode(".png", np.full(shape, 255, np.uint8))[1].tobytes()

    assert answered({"kernel": {"value": "disk(2)"}}).status_code == 200
    assert answered({}, kernel=png(5, 5)).status_code == 200
    named = answered({"kernel": {"value": 'kernel(file="/etc/hostname")'}})
    assert named.status_code == 422 and "must be a file, or words such as motion" in named.json()["error"]
    assert answered({}, kernel=png(1200, 1200)).status_code == 422
    assert answered({}, kernel=b"no picture").status_code == 422
    assert answered({}).json()["error"].startswith("wiener-deconvolution needs a kernel")


def test_the_page_offers_only_methods_that_need_what_the_step_has():
    """A kernel cannot be given there, and a mask is only for what fills."""
    noise = {method.name for method in alternatives(Step("nlm", ""))}
    holes = {method.name for method in alternatives(Step("biharmonic", "", inputs={"mask": {"value": ""}}))}
    assert {"restora", "median", "nlm"} <= noise and not noise & {"wiener-deconvolution", "biharmonic"}
    assert holes == {name for name, row in METHODS.items() if row.treats == ("hole",) and row.available}
