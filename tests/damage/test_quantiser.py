import cv2
import numpy as np
import pytest

from restora.damage.quantiser import steps


def tables(quality):
    """The quantiser tables that a JPEG file states, as (8, 8), in its own order: luma, chroma."""
    data = cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
    zigzag = sorted(range(64), key=lambda k: (k // 8 + k % 8, k // 8 if (k // 8 + k % 8) % 2 else k % 8))
    found, at = {}, 2
    while data[at + 1] != 0xDA:  # segments up to the start of the scan
        length = int.from_bytes(data[at + 2 : at + 4])
        body = data[at + 4 : at + 2 + length] if data[at + 1] == 0xDB else b""
        for begin in range(0, len(body), 65):
            table = np.empty(64)
            table[zigzag] = list(body[begin + 1 : begin + 65])
            found[body[begin]] = table.reshape(8, 8)
        at += 2 + length
    return found[0], found[1]


@pytest.mark.parametrize("quality", range(1, 101))
def test_the_steps_are_those_that_an_encoder_writes(quality):
    luma, chroma = tables(quality)
    assert np.array_equal(steps(quality), luma) and np.array_equal(steps(quality, chroma=True), chroma)
    assert (quality == 100) == np.array_equal(luma, np.ones((8, 8)))
