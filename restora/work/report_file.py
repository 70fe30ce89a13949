"""The path of the report beside a result, and which older file it may replace."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from restora.core.errors import BadImage, OutputExists, RestoraError
from restora.core.report import Report

_KEYS = {"plan", "input", "input_sha256", "output", "output_sha256", "versions"}
"""Keys of every Restora report that are unlikely in another JSON file."""
_MOST = 10_000_000
"""Size limit in bytes of a file that may be a report; a larger one is not read."""


@dataclass(frozen=True)
class ReportFile:
    """The path of a report; `old` is the text of an earlier report that it replaces, or None."""

    path: Path
    force: bool
    old: bytes | None = None

    def write(self, report: Report) -> None:
        """Write the report. Raises BadImage, which says that the picture was written, if this fails."""
        from restora.files.save import write_text

        try:
            unchanged = self.old is not None and self.path.is_file() and self.path.read_bytes() == self.old
            write_text(report.to_json(), self.path, force=self.force or unchanged)
        except (RestoraError, OSError) as error:
            raise BadImage(f"{report.output} was written, but not its report: {error}") from error


def report_file(target: Path, force: bool) -> ReportFile:
    """The place of the report on the result `target`: TARGET.json.

    An earlier Restora report on a result of this name may be replaced, even if that result is gone: it describes no
    existing file. Raises OutputExists for any other file, unless `force` is set, and BadImage for something that is
    not an ordinary file, or for a name that the file system does not accept.
    """
    from restora.files.disk import check_name

    path = target.with_name(f"{target.name}.json")
    try:
        check_name(path)
    except BadImage as error:
        raise BadImage(f"the report on {target} cannot be written: {error}") from error
    if force or not os.path.lexists(path):
        return ReportFile(path, force)
    old = _own_report(path, target)
    if old is None:
        raise OutputExists(f"{path} exists and is not a report on {target}; move it away, or overwrite it with --force")
    return ReportFile(path, force, old)


def read_report(target: Path) -> dict[str, Any] | None:
    """The values of the report beside a result; None if there is no Restora report on it."""
    path = target.with_name(f"{target.name}.json")
    text = _own_report(path, target)
    return None if text is None else json.loads(text)


def _own_report(path: Path, target: Path) -> bytes | None:
    """The bytes of a file that is a Restora report on `target`, or on a file that is gone; None for any other file."""
    try:
        if path.stat().st_size > _MOST:
            return None
        text = path.read_bytes()
        values = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(values, dict) or not values.keys() >= _KEYS or not isinstance(values["plan"], dict):
        return None
    names_target = Path(str(values["output"])).name == target.name
    return text if names_target or not os.path.lexists(target) else None
