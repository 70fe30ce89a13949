"""The report beside a result: where it goes, and which older file may be replaced by it."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

from restora.core.errors import BadImage, OutputExists, RestoraError
from restora.core.report import Report

_KEYS = {"plan", "input", "input_sha256", "output", "output_sha256", "versions"}
"""What every report of ours has, and hardly another JSON file."""
_MOST = 10_000_000
"""Bytes of a file that may be a report; a larger one is not read."""


@dataclass(frozen=True)
class ReportFile:
    """The place of a report; `old` is the text of an earlier report of ours that it replaces, None if there is none."""

    path: Path
    force: bool
    old: bytes | None = None

    def write(self, report: Report) -> None:
        """Write the report. Raises BadImage, which says that the picture is there, if that cannot be."""
        from restora.files.save import write_text

        try:
            unchanged = self.old is not None and self.path.is_file() and self.path.read_bytes() == self.old
            write_text(report.to_json(), self.path, force=self.force or unchanged)
        except (RestoraError, OSError) as error:
            raise BadImage(f"{report.output} is written, but not the report on it: {error}") from error


def report_file(target: Path, force: bool) -> ReportFile:
    """The place of the report on the result `target`: TARGET.json.

    A report that restora wrote on an earlier result of this name may be replaced, also one whose result is gone: it
    says nothing about any file that is there. Raises OutputExists for any other file, unless `force` is set, and
    BadImage for what is no ordinary file, or for a name that the disk does not take.
    """
    from restora.files.disk import check_name

    path = target.with_name(f"{target.name}.json")
    try:
        check_name(path)
    except BadImage as error:
        raise BadImage(f"the report on {target} has no place: {error}") from error
    if force or not os.path.lexists(path):
        return ReportFile(path, force)
    old = _own_report(path, target)
    if old is None:
        raise OutputExists(
            f"{path}, where the report on {target} would go, exists and is not a report on that picture;"
            " move it away, or overwrite it with --force"
        )
    return ReportFile(path, force, old)


def _own_report(path: Path, target: Path) -> bytes | None:
    """The bytes of a file that is a report of ours on `target`, or on whatever was there; None for any other file."""
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
