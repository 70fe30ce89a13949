"""Whatever is sent, the answer is the sender's fault, or that there is no room now; and the server goes on."""

import asyncio
import base64
import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext

import pytest
from fastapi.testclient import TestClient

from restora.app.gradio_mount import Shielded
from restora.app.guard import Bounds
from restora.app.server import make_app
from restora.app.upload import Space
from restora.work.jobs import Jobs
from restora.work.restore import Limits
from tests.app.live import FORM, MEDIAN, PART, asked, client_of, serving, told

GOOD = {"Host": "localhost"}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    with client_of(tmp_path_factory.mktemp("hostile")) as one:
        yield one


HOSTS = ["a{b}.evil.example", 'a"b', "a`b", "local host", "localhost:", "localhost:x", "[::1", "::1", "",
         "user@localhost", "localhost/", "localhost#", "localhost\\", "a,localhost", "\xff", "[]", "[::1]:99999999",
         "%6cocalhost"]  # fmt: skip


@pytest.mark.parametrize("token", ["", "secret"])
def test_a_host_that_is_none_is_refused(tmp_path, token):
    client = TestClient(make_app(Jobs(tmp_path / "jobs", Limits()), Bounds(token=token)), base_url="http://localhost")
    allowed = {"Authorization": "Bearer secret"} if token else {}
    for host in HOSTS:
        assert client.get("/healthz", headers=allowed | {"Host": host.encode("latin-1")}).status_code == 400, host
    for host in ("localhost", "LocalHost:80", "127.0.0.1:8765", "[::1]:8765"):
        assert client.get("/healthz", headers=allowed | {"Host": host}).status_code == 200, host


def test_an_origin_that_is_none_is_refused(client):
    for origin in (
        b"http://[",
        b"http://",
        b"//localhost",
        b"localhost",
        b"http://localhost/",
        b"http://a@b",
        b"",
        b"\xff",
    ):
        assert client.get("/healthz", headers={"Origin": origin}).status_code == 400, origin


def test_an_origin_is_that_of_the_page(client):
    for origin, status in (("http://LOCALHOST", 200), ("null", 403), ("http://localhost:99", 403)):
        assert client.get("/healthz", headers={"Origin": origin}).status_code == status


@pytest.mark.parametrize("token", ["secret", "pässword", "a b:c"])
def test_a_token_is_bytes_and_its_scheme_has_no_case(tmp_path, token):
    client = TestClient(make_app(Jobs(tmp_path / "jobs", Limits()), Bounds(token=token)), base_url="http://localhost")
    raw = token.encode()
    for scheme in (b"Bearer ", b"bearer ", b"BEARER  "):
        assert client.get("/healthz", headers={"Authorization": scheme + raw}).status_code == 200
    for scheme in (b"Basic ", b"basic "):
        given = scheme + base64.b64encode(b"anyone:" + raw)
        assert client.get("/healthz", headers={"Authorization": given}).status_code == 200
    for wrong in (
        b"Basic \xff\xfe",
        b"Bearer \xff",
        b"Bearer",
        b"Basic " + base64.b64encode(b"\xff\xfe:\xff"),
        b"\xff",
    ):
        assert client.get("/healthz", headers={"Authorization": wrong}).status_code == 401


@pytest.mark.parametrize("token", ["", "  ", "\t", " secret", "sec\nret"])
def test_a_blank_token_is_refused_at_the_start(restora, monkeypatch, token):
    monkeypatch.setenv("RESTORA_TOKEN", token)
    status, _, err = restora("serve", "--port", "0")
    assert status == 2 and "RESTORA_TOKEN must be printable" in err


MESSAGES = [
    {"data": [], "fn_index": -1, "session_hash": "a"},
    {"data": [], "fn_index": 99999, "session_hash": "a"},
    {"data": [], "fn_index": 10**400, "session_hash": "a"},
    {"data": [{"path": "a\0b"}], "fn_index": 0, "session_hash": "a"},
    {"data": [{"path": "\ud800"}], "fn_index": 0, "session_hash": "a"},
    {"data": [{"path": "a" * 100_000}], "fn_index": 0, "session_hash": "a"},
    {"data": ["\ud800"], "fn_index": 0, "session_hash": "\0"},
    {"\ud800": []},
    [],
]


def test_a_message_that_the_page_never_sends_is_refused(client):
    for message in MESSAGES:
        said = {"content": json.dumps(message).encode(), "headers": {"Content-Type": "application/json"}}
        assert client.post("/gradio_api/queue/join", **said).status_code == 422, message


@pytest.mark.parametrize("kind", ["text/event-stream", "image/png"])
def test_a_stream_of_events_that_fails_ends_and_a_file_does_not_look_whole(tmp_path, kind):
    start, sent = {"type": "http.response.start", "status": 200, "headers": [(b"content-type", kind.encode())]}, []

    async def fails(scope, receive, send):
        await send(start)
        raise KeyError("a")

    async def send(message):
        sent.append(message)

    jobs = Jobs(tmp_path / "jobs", Limits())
    answering = Shielded(fails, jobs, Space(jobs), None)({"type": "http", "path": "/"}, None, send)
    with nullcontext() if "event" in kind else pytest.raises(KeyError):
        asyncio.run(answering)
    assert sent == [start]


@pytest.mark.parametrize("leaves", [True, False])
def test_what_a_visitor_asked_for_is_taken_back_when_he_leaves_at_any_moment(tmp_path, leaves):
    taken_back = []

    class Queue:
        async def clean_events(self, session_hash):
            taken_back.append(session_hash)

    async def streams(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        assert (await receive())["type"] == ("http.disconnect" if leaves else "http.request")
        await send({"type": "http.response.body", "more_body": leaves})

    async def receive():
        return {"type": "http.disconnect" if leaves else "http.request"}

    async def send(message):
        pass

    jobs = Jobs(tmp_path / "jobs", Limits())
    scope = {"type": "http", "path": "/gradio_api/queue/data", "query_string": b"session_hash=visit"}
    asyncio.run(Shielded(streams, jobs, Space(jobs), Queue())(scope, receive, send))
    assert taken_back == (["visit"] if leaves else [])


def test_a_path_that_no_file_can_have_is_refused(client):
    for path in ("/gradio_api/file=%00", "/assets/%00", "/static/%00", "/docs-assets/%00", "/v1/jobs/%00"):
        assert 400 <= client.get(path).status_code < 500, path


def test_a_form_that_is_none_is_refused(client):
    for kind in (
        f"{FORM}; charset=undefined",
        f"{FORM}; charset=idna",
        FORM,
        "multipart/form-data",
        "multipart/form-data;",
    ):
        for body in (b"--x", b"", PART, b"--x\r\n\r\n\r\n--x--", b"--y--", PART.replace(b'"a"', b'"\xff.\xff"')):
            answer = client.post("/v1/diagnose", content=body, headers={"Content-Type": kind})
            assert answer.status_code in (400, 422) and "error" in answer.json(), (kind, body)


def test_half_a_character_in_a_plan_is_a_sentence(client):
    plan = '{"steps": [{"method": "\\ud800", "because": ""}], "because": ""}'
    answer = client.post("/v1/restore", content=b"x", headers={"Restora-Plan": plan})
    assert answer.status_code == 422
    assert client.app.state.jobs.public("\ud800 /home/me") == "\\ud800 the server's files"


@pytest.mark.parametrize("place", ["/var/tmp", "/home/me/my-files/a.png", "{folder}/abc/input.png"])
def test_no_sentence_names_a_place_of_the_server(tmp_path, place):
    jobs = Jobs(tmp_path / "jo bs", Limits())
    place = place.format(folder=jobs.folder)
    said = jobs.public(f"it needs 5 MB on the disk of {place} at once, and n/a is 1/2 of '{place}'")
    assert said == "it needs 5 MB on the disk of the server's files at once, and n/a is 1/2 of 'the server's files'"


# Anything at all

NASTY = [b"\0", b"\xff", b"\r", b"\n", b"\r\n", b"{", b"}", b'"', b"`", b"[", b"]", b":", b"@", b"%00", b"%ff",
         b"..", b"/", b"a" * 5000, b"-1", b"99999999999999999999", b"\\ud800", b"\\u0000", b"null", b"NaN", b"[" * 2000,
         b" ", b"\t", b"\xc2\xb2"]  # fmt: skip
PATHS = [b"/", b"/healthz", b"/config", b"/v1/diagnose", b"/v1/restore?scale=2", b"/v1/jobs", b"/v1/jobs/x/result",
         b"/gradio_api/upload", b"/gradio_api/queue/join", b"/gradio_api/queue/data?session_hash=a",
         b"/gradio_api/file=a", b"/gradio_api/cancel", b"/gradio_api/reset", b"/assets/a", b"/docs", b"/metrics",
         b"/gradio_api/upload_progress?upload_id=a", b"/gradio_api/startup-events"]  # fmt: skip
MESSAGE = b'{"data": [[{"path": "a", "meta": {"_type": "gradio.FileData"}}]], "fn_index": 3, "session_hash": "a"}'
BODIES = [
    b"",
    MESSAGE,
    PART + b"x\r\n--x--\r\n",
    b"\x89PNG\r\n\x1a\n" + bytes(50),
    b"GIF89a" + bytes(20),
    b"{}",
    b"[[]]",
]
PLAN = MEDIAN["Restora-Plan"].encode()


def mutated(rng, data, often=0.3):
    while rng.random() < often:
        at, to = sorted(rng.choices(range(len(data) + 1), k=2))
        data = data[:at] + rng.choice(NASTY) + data[rng.choice((at, min(to, at + 3))) :]
    return data


def a_request(rng):
    body = mutated(rng, rng.choice(BODIES))
    lines = [
        rng.choice([b"GET", b"POST", b"POST", b"HEAD", b"PUT", b"DELETE", b"OPTIONS"]) + b" "
        + mutated(rng, rng.choice(PATHS), 0.2) + b" HTTP/1." + (b"1" if rng.random() < 0.9 else b"0"),
        b"Host: " + mutated(rng, rng.choice([b"localhost", b"127.0.0.1:80", b"[::1]"]), 0.1),
        b"Content-Length: %d" % len(body) if rng.random() < 0.9 else b"Transfer-Encoding: chunked",
        b"Connection: close",
    ]  # fmt: skip
    lines += [
        name + b": " + mutated(rng, value)
        for name, value in [
            (b"Origin", b"http://localhost"), (b"Authorization", b"Bearer secret"), (b"Authorization", b"Basic YTpi"),
            (b"Content-Type", FORM.encode()), (b"Content-Type", b"application/json"), (b"Restora-Plan", PLAN),
            (b"Range", b"bytes=0-1"), (b"If-None-Match", b"x"), (b"Expect", b"100-continue"),
            (b"Upgrade", b"websocket"),
        ]
        if rng.random() < 0.25
    ]  # fmt: skip
    return mutated(rng, b"\r\n".join(lines), 0.1) + b"\r\n\r\n" + body


def survives(tmp_path, caplog, seeds):
    app = make_app(Jobs(tmp_path / "jobs", Limits(pixels=10**5, minutes=0.01)), Bounds(bytes=10_000))
    with serving(app, patience=1.0) as port:

        def tried(seed):
            data = a_request(random.Random(seed))
            status, said = told(port, data, timeout=1)
            assert status is None or status < 500 or status == 503, (seed, data, said)
            return status

        with ThreadPoolExecutor(16) as clients:
            statuses = list(clients.map(tried, seeds))
        assert sum(status is None for status in statuses) < len(statuses) / 2
        assert asked(port, "/healthz")[0] == 200
    faults = [record for record in caplog.records if record.exc_info and record.name != "restora.page"]
    assert not faults, faults


def test_whatever_is_sent_the_server_goes_on(tmp_path, caplog):
    survives(tmp_path, caplog, range(150))


@pytest.mark.exhaustive
def test_whatever_is_sent_the_server_goes_on_at_length(tmp_path, caplog):
    survives(tmp_path, caplog, range(1000, 11000))
