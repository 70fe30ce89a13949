"""Files of weights and cards that somebody made to do harm: one sentence, bounded memory, and nothing runs."""

import io
import json
import pickle
import random
import struct
import warnings
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save

from restora.core.errors import BadWeights, NoWeights, RestoraError
from restora.learn import foreign_file
from restora.learn.foreign_file import check_arrays, read_arrays
from restora.learn.limit import more_memory
from restora.learn.weights import find, packed, store, verify
from tests.cards import CARD

RRDB = {"conv_first.weight": torch.zeros(8, 3, 3, 3), "body.0.rdb1.conv1.weight": torch.zeros(4, 8, 3, 3)}


def safetensors(header, data=b""):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def pth(value, old=False, protocol=2):
    file = io.BytesIO()
    torch.save(value, file, _use_new_zipfile_serialization=not old, pickle_protocol=protocol)
    return file.getvalue()


def repacked(data, change, compression=zipfile.ZIP_STORED):
    """A .pth file with other entries: what `change` makes of each name and its bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w", compression) as new:
        for entry in old.infolist():
            new.writestr(entry.filename, change(entry.filename, old.read(entry)))
    return file.getvalue()


def asking(module, name, *arguments):
    """A pickle that calls something with some numbers."""
    counts = b"".join(b"\x8a\x08" + struct.pack("<q", each) for each in arguments)  # LONG1
    return b"\x80\x02c" + f"{module}\n{name}\n".encode() + b"(" + counts + b"tR."


def in_zip(pickled):
    return repacked(pth(RRDB), lambda name, data: pickled if name.endswith("data.pkl") else data)


def entry(shape, kind="F32", offsets=(0, 0)):
    return {"dtype": kind, "shape": shape, "data_offsets": list(offsets)}


def refused(path, data):
    """The sentence with which a file is refused, with little memory to read it."""
    path.write_bytes(data)
    with more_memory(2 * 10**9), pytest.raises(BadWeights) as caught:
        check_arrays(path, read_arrays(path))
    text = str(caught.value)
    assert len(text.splitlines()) == 1 and len(text) < 500 and "weights_only" not in text and "Exception" not in text
    return text


@pytest.mark.parametrize(
    ("ending", "make"),
    [
        ("safetensors", lambda: b""),
        ("safetensors", lambda: save(RRDB)[:-7]),
        ("safetensors", lambda: save(RRDB) + b"more"),
        ("safetensors", lambda: struct.pack("<Q", 2**63) + b"{}"),
        ("safetensors", lambda: safetensors({"w": entry([10**6, 10**6], offsets=(0, 4 * 10**12))})),
        ("safetensors", lambda: safetensors({"w": entry([2**62, 4], offsets=(0, 16))}, bytes(16))),
        ("safetensors", lambda: safetensors({"w": entry([4], "F33", (0, 16))}, bytes(16))),
        ("safetensors", lambda: safetensors({"w": entry([-4], offsets=(0, 16))}, bytes(16))),
        ("safetensors", lambda: safetensors(b"[" * 50_000)),
        ("pth", lambda: b""),
        ("pth", lambda: pth(RRDB)[:-300]),
        ("pth", lambda: pth(RRDB, old=True)[:-9]),
        ("pth", lambda: pth([1, 2])),
        ("pth", lambda: pth({"w": 5})),
        ("pth", lambda: repacked(pth(RRDB), lambda name, data: data, zipfile.ZIP_DEFLATED)),
        ("pth", lambda: repacked(pth(RRDB), lambda name, data: data[: len(data) // 2])),
        ("pth", lambda: in_zip(asking("__builtin__", "bytearray", 10**11))),
        ("pth", lambda: asking("__builtin__", "bytearray", 10**11)),
        ("pth", lambda: in_zip(asking("torch", "FloatStorage", 10**11))),
        ("pth", lambda: in_zip(asking("torch", "Tensor", 10**5, 10**6))),
        ("pth", lambda: in_zip(b"\x80\x02" + b"]" * 200_000 + b".")),
        ("pth", lambda: in_zip(pickle.dumps({"w": np.float64(1)}, 4))),
        ("pth", lambda: b"PK\x03\x04" + bytes(100)),
    ],
)
def test_a_file_that_lies_is_refused(tmp_path, ending, make):
    refused(tmp_path / f"net.{ending}", make())


def test_an_archive_that_unpacks_to_much_more_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(foreign_file, "MOST_BYTES", 10**6)
    bomb = repacked(pth(RRDB), lambda name, data: bytes(2 * 10**6), zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10**5 and "unpacks to more than" in refused(tmp_path / "net.pth", bomb)
    assert "is larger than" in refused(tmp_path / "net.safetensors", bytes(10**6 + 1))


def test_an_array_that_repeats_a_few_numbers_is_counted_in_full(tmp_path):
    large = torch.zeros(1).expand(10**6, 10**6)
    assert "1000000000000 numbers" in refused(tmp_path / "net.pth", pth({"w": large}))


@pytest.mark.parametrize("index", ["99999999", "65", "9" * 5000])
def test_a_name_of_a_net_that_is_far_deeper_than_its_arrays_are_many_is_refused(tmp_path, index):
    deep = RRDB | {f"body.{index}.rdb1.conv1.weight": torch.zeros(4, 8, 3, 3)}
    assert "belongs to a net with far more" in refused(tmp_path / "net.safetensors", save(deep))


def test_nets_are_read_whose_names_skip_numbers(tmp_path):
    net = torch.nn.Sequential(*[layer for _ in range(30) for layer in (torch.nn.Conv2d(1, 1, 1), torch.nn.ReLU())])
    names = net.state_dict() | {"fuse.512.weight": torch.zeros(1)} | {f"more.{n}": torch.zeros(1) for n in range(70)}
    (tmp_path / "net.safetensors").write_bytes(save(names))
    check_arrays(tmp_path / "net.safetensors", read_arrays(tmp_path / "net.safetensors"))


@pytest.mark.parametrize("kind", [torch.float32, torch.float16, torch.bfloat16, torch.float8_e5m2, torch.float64])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_and_named(tmp_path, kind, value):
    spoilt = torch.ones(4, 8, 3, 3)
    spoilt[2, 3, 1, 1] = value
    arrays = RRDB | {"body.0.rdb1.conv1.weight": spoilt.to(kind)}
    says = refused(tmp_path / "net.safetensors", save(arrays))
    assert says.endswith("body.0.rdb1.conv1.weight holds NaN or infinity")


def test_numbers_too_large_for_the_net_are_refused(tmp_path):
    arrays = {"w": torch.full((2,), 1e300, dtype=torch.float64)}
    assert "w holds NaN or infinity" in refused(tmp_path / "net.safetensors", save(arrays))
    assert "not an array of real" in refused(tmp_path / "net.safetensors", save({"w": torch.zeros(1) * 1j}))


@pytest.mark.parametrize("value", [np.nan, np.inf, 70_000.0])
def test_nothing_is_stored_that_is_not_finite(tmp_path, value):
    """However it came about: by training, on another machine, or by rounding to float16."""
    arrays = {"good": np.ones(3, np.float32), "bad": np.array([1, value], np.float32)}
    with pytest.raises(BadWeights, match="^bad holds NaN, infinity or a number too large for float16"):
        store("net", tmp_path, arrays, None, CARD)
    assert not list(tmp_path.iterdir())
    if value == 70_000:
        assert packed(arrays, "float32")


def test_memory_is_limited_and_the_limit_goes():
    with pytest.raises((MemoryError, RuntimeError)), more_memory(10**8):  # numpy's error, or torch's
        torch.empty(10**9)
    assert torch.empty(10**8).numel() == 10**8


def mutated(data, rng):
    """A file with a few bytes changed, cut out, doubled or appended."""
    data = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data))
        match rng.randrange(4):
            case 0:
                data[at] ^= 1 << rng.randrange(8)
            case 1:
                del data[at : at + rng.randrange(1, 50)]
            case 2:
                data[at:at] = data[at : at + rng.randrange(1, 50)]
            case _:
                data[at : at + 8] = struct.pack("<Q", rng.choice([0, 1, 2**31, 2**40, 2**63, 2**64 - 1]))
    return bytes(data)


def fuzz(path, seeds, rounds, seed):
    """Read mutated files; each is read or refused. Gives how many were refused."""
    rng, refusals = random.Random(seed), 0
    for _ in range(rounds):
        path.write_bytes(mutated(rng.choice(seeds), rng) or b"?")
        try:
            check_arrays(path, read_arrays(path))
        except RestoraError as error:
            assert len(str(error).splitlines()) == 1 and len(str(error)) < 600
            refusals += 1
    return refusals


SEEDS = {
    "pth": [pth(RRDB), pth({"params": RRDB}), pth(RRDB, old=True), pth(RRDB | {"epoch": 3, "step": [1.5, None]})],
    "safetensors": [save(RRDB), save(RRDB, {"author": "somebody"})],
}


@pytest.mark.parametrize("ending", SEEDS)
def test_changed_files_are_read_or_refused(tmp_path, ending):
    with more_memory(2 * 10**9):
        assert fuzz(tmp_path / f"net.{ending}", SEEDS[ending], 60, 0) > 5


@pytest.mark.exhaustive
@pytest.mark.parametrize("ending", SEEDS)
def test_many_changed_files_are_read_or_refused(tmp_path, ending):
    with more_memory(2 * 10**9):
        assert fuzz(tmp_path / f"net.{ending}", SEEDS[ending], 5000, 1) > 1000


# Cards.

WRONG = {
    "name": [5, None],
    "method": [[], 1.5],
    "channels": [0, 2, True, "3", None],
    "multiple": [0, -8, 10**9, 1.0, "8", None, True],
    "halo": [-1, 10**12, "all"],
    "parameters": ["many", -1, 1e6, None],
    "terms": [None, {}],
    "inputs": [
        *[None, "y", [], {}, {"x": {"image": 1}}, {"y": {}}, {"y": 1}, {"y": {"sigma": 1}}, {"y": {"image": 0}}],
        *[{"y": {"image": True}}, {"y": {"image": 10**9}}, {"y": {"image": 1}, "m": {"mask": "1"}}],
        {"y": {"image": 1}} | {f"m{index}": {"mask": 1} for index in range(100)},
    ],
    "outputs": [None, {}, {"y": {"image": 1}}, {"x_hat": {"level": 1}}, {"x_hat": {"image": 1.0}}],
    "task": [None, "", "magic", ["denoise"], {}],
    "scale": [0, 1000, "2", None],
    "scales": [2, ["2"], [0]],
    "memory": [0, "1GB", 10**30],
    "stored_as": ["int8", None],
    "bf16_loss_db": ["0.1", [], float("nan")],
    "int8": [True, []],
    "int8.passed": [1, "yes"],
    "int8.mean_loss": ["0.01", float("inf")],
    "int8.objections": ["none", [5]],
    "recipe": [5, [], "recipe.toml", None],
    "recipe.knobs": [5, []],
    "recipe.knobs.told": ["1", 7, None],
    "trained": [5],
    "start": ["restora.noise"],
    "scores": [{}, [5]],
}


def put(folder, text):
    """Weights whose card has been written by hand, and is listed as it is."""
    import hashlib

    made = store("net", folder, {"w": np.zeros(1, np.float32)}, b"model", CARD)
    (folder / "net.json").write_bytes(text)
    listing = folder / "index.toml"
    listing.write_text(listing.read_text().replace(made.sums["json"], hashlib.sha256(text).hexdigest()))


def with_entry(key, value):
    card = json.loads(json.dumps(CARD))
    *tables, last = key.split(".")
    table = card
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = value
    return json.dumps(card).encode()


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_entry_of_a_card_is_named(tmp_path, key):
    for value in WRONG[key]:
        put(tmp_path, with_entry(key, value))
        with pytest.raises(NoWeights, match=rf"net\.json: {key} must be .*, not ") as caught:
            verify("net", tmp_path)
        assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("text", [b"", b"not JSON", b"\xff\xfe", b"[" * 10**5, b'{"a": ' + b"9" * 5000 + b"}"])
def test_a_card_that_is_not_json_is_refused(tmp_path, text):
    put(tmp_path, text)
    with pytest.raises(NoWeights, match=r"net.json is not a card of weights: it is not JSON"):
        verify("net", tmp_path)


def test_a_card_that_lacks_something_is_refused(tmp_path):
    for key in CARD:
        put(tmp_path, json.dumps({k: v for k, v in CARD.items() if k != key}).encode())
        with pytest.raises(NoWeights, match=f"it lacks {key}"):
            verify("net", tmp_path)
    for text in (b"5", b"[]", b"null"):
        put(tmp_path, text)
        with pytest.raises(NoWeights, match="must be a table"):
            verify("net", tmp_path)
    with pytest.raises(NoWeights, match="the card of net is not a card of weights: it lacks name"):
        store("net", tmp_path, {}, None, {})


def test_weights_whose_model_hides_nan_are_to_be_added_again(tmp_path):
    put(tmp_path, with_entry("method", "foreign"))
    with pytest.raises(NoWeights, match="from an earlier version of Restora; add the weights again"):
        verify("net", tmp_path)


@pytest.mark.parametrize("text", ["net = 5\n", "[net]\nsafetensors = 5\n", "[net", "a = [" + "[" * 5000])
def test_a_wrong_index_is_refused(tmp_path, monkeypatch, text):
    (tmp_path / "index.toml").write_text(text)
    monkeypatch.setenv("RESTORA_WEIGHTS", str(tmp_path))
    with pytest.raises(NoWeights, match="index.toml (is not TOML|does not list the checksums)"):
        find("net")


@pytest.mark.parametrize("old", [False, True])
def test_what_training_leaves_beside_the_arrays_is_read(tmp_path, old):
    state = {"params": RRDB, "params_ema": dict(RRDB), "iter": 5, "size": torch.Size([1, 2])}
    (tmp_path / "net.pth").write_bytes(pth(state, old))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert read_arrays(tmp_path / "net.pth")["params"].keys() == RRDB.keys()
