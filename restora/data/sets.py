"""Named test sets: their pictures, with a checksum."""

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from restora.core.checksum import sha256
from restora.core.errors import RestoraError
from restora.core.names import nearest
from restora.data.photographs import locate, pictures

FOLDERS = {
    "Set5": "eval/Set5",
    "Set12": "eval/Set12",
    "Set14": "eval/Set14",
    "BSD68": "eval/BSD68",
    "BSD100": "eval/BSD100",
    "CBSD68": "eval/BSD100",
    "CC15": "noise/cc15",
    "GoPro3": "blur/gopro/blur",
    "Classic5": "eval/classic5",
    "LIVE1": "eval/LIVE1",
    "LDM8": "inpaint/ldm",
}
"""Folders in the data root. LIVE1 is ten of its 29 pictures, GoPro3 three of 1111; averages are not those of all."""
PAIRS = {"CC15": ("_real.", "_mean."), "GoPro3": ("/blur/", "/sharp/")}
"""Sets of real photographs: parts of the paths of the damaged and of the clean file of a pair."""


@dataclass(frozen=True)
class TestSet:
    """Clean pictures in order. sha256 is that of their checksums in sequence.

    noisy: the damaged photographs of a set of PAIRS; otherwise empty, and the damage is applied.
    """

    name: str
    paths: tuple[Path, ...]
    sha256: str
    noisy: tuple[Path, ...] = ()

    def first(self, count: int | None) -> "TestSet":
        """Its first pictures, under a name that says so; all of them for None."""
        if count is None or count >= len(self.paths):
            return self
        return _set_of(f"{self.name}[:{count}]", self.paths[:count], self.noisy[:count])


def test_set(name: str) -> TestSet:
    """A test set by name. Raises RestoraError if it is unknown or not on this disk."""
    if name not in FOLDERS:
        raise RestoraError(f"{name!r} is not a test set; {nearest(name, FOLDERS)}")
    folder = locate(FOLDERS[name])
    paths = pictures(folder)
    if name == "CBSD68":  # the colour versions of BSD68 among BSD100, in its order
        paths = [folder / line for line in (folder.parent / "cbsd68.txt").read_text().split()]
    if name == "LDM8":
        paths = [path for path in paths if not path.stem.endswith("_mask")]
    if name in PAIRS:
        real, clean = PAIRS[name]
        noisy = [path for path in paths if real in path.as_posix()]
        return _set_of(name, [Path(clean.join(path.as_posix().rsplit(real, 1))) for path in noisy], noisy)
    return _set_of(name, paths)


def published(score: str = "psnr") -> dict[tuple[str, str, str], float]:
    """The published numbers for (set, damage words, method), from published.csv.

    score: "psnr" (dB), "ssim" or "psnr_b" (dB); the latter two exist only where our tables quote them.
    """
    with (Path(__file__).parent / "published.csv").open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row[score]]
    return {(row["set"], row["damage"], row["method"]): float(row[score]) for row in rows}


def _set_of(name: str, paths: Sequence[Path], noisy: Sequence[Path] = ()) -> TestSet:
    digest = hashlib.sha256("".join(map(sha256, [*paths, *noisy])).encode()).hexdigest()
    return TestSet(name, tuple(paths), digest, tuple(noisy))
