"""Results as one ZIP file that is made while it is sent, so that it needs neither memory nor disk space."""

import zipfile
from collections.abc import Iterator, Sequence
from io import RawIOBase
from typing import Any

from restora.app.page_jobs import Outcome

BLOCK = 1 << 20
"""Bytes of a file that are sent at a time."""


class _Parts(RawIOBase):
    """Collects what is written, to be taken away piece by piece."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.parts.append(bytes(data))
        return len(self.parts[-1])

    def take(self) -> bytes:
        taken, self.parts = b"".join(self.parts), []
        return taken


def zip_stream(outcomes: Sequence[Outcome]) -> Iterator[bytes]:
    """All pictures, products and reports as one ZIP file, piece by piece; numbered, as two may have the same name."""
    parts = _Parts()
    with zipfile.ZipFile(parts, "w") as file:
        for number, outcome in enumerate(outcomes, 1):
            for path in (outcome.picture, outcome.report, *outcome.products.values()):
                entry = zipfile.ZipInfo.from_file(path, f"{number:02} {path.name}")
                with path.open("rb") as source, file.open(entry, "w") as target:
                    while block := source.read(BLOCK):
                        target.write(block)
                        yield parts.take()
    yield parts.take()
