"""Files that are found among pictures and are none."""

from io import BytesIO

import numpy as np
from PIL import Image

_made = BytesIO()
Image.fromarray(np.full((8, 8, 3), 128, np.uint8)).save(_made, "JPEG")
JPEG = _made.getvalue()
"""A small picture."""
BAD = ("zero.jpg", "text.png", "cut.jpg", "loop.jpg", "gone.jpg")
"""Names, with a number before them, of rubbish that pretends to be a picture."""
OTHER = ("desktop.ini", "Thumbs.db", "notes.txt")
"""Names of rubbish that does not; and there are folders named NUMBER-folder.jpg, and hidden files."""


def rubbish_in(folder, rounds):
    """Fill a folder with so many of each kind."""
    for number in range(rounds):
        for name, data in (
            ("zero.jpg", b""), ("text.png", b"no picture"), ("cut.jpg", JPEG[: len(JPEG) // 2]),
            ("desktop.ini", b"[.ShellClassInfo]"), ("Thumbs.db", bytes(9)), ("notes.txt", b""),
        ):  # fmt: skip
            (folder / f"{number}-{name}").write_bytes(data)
        (folder / f"{number}-loop.jpg").symlink_to(folder / f"{number}-loop.jpg")
        (folder / f"{number}-gone.jpg").symlink_to(folder / "absent.jpg")
        (folder / f"{number}-folder.jpg").mkdir()
        (folder / f"._{number}.jpg").write_bytes(bytes(100))
