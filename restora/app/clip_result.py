"""The result of a restored clip in the Python API."""

from dataclasses import dataclass
from html import escape
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from restora.app.result import Result
from restora.core.errors import BadImage


@dataclass(frozen=True, eq=False, repr=False)
class ClipResult(Result):
    """A restored clip, and how it was made.

    path: the file, or the folder of frames, that holds it. image: None, as its frames are in no array.
    `report.clip` has the number of frames and seconds, and how it is stored. Other fields are those of `Result`.
    """

    path: Path = Path()

    def save(self, path: str | PathLike[str], *, quality: int = 95, force: bool = False) -> list[str]:
        """Raise BadImage: the clip is already in a file."""
        raise BadImage(f"the clip is already in {self.path}; copy that file")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        raise BadImage(f"the frames of a clip are in the file {self.path}, not in an array")

    def __repr__(self) -> str:
        facts = self.report.clip
        frames = f"{facts['frames']} frames" if facts else "copied"
        return f"ClipResult({self.path}, {frames}: {self._steps()}; {self.plan.because})"

    def _repr_png_(self) -> None:  # type: ignore[override]
        """Nothing to show as a picture."""

    def _repr_html_(self) -> str:
        """What was done, for a notebook."""
        return f"<p>{escape(repr(self))}</p>"
