"""The names of the results of many pictures, so that no two results share a file, on any file system."""

import os
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, count
from pathlib import Path

from restora.core.errors import BadImage
from restora.core.names import nearest
from restora.files.container import container_of
from restora.files.listing import Found
from restora.files.save import FORMATS, default_output
from restora.work.clips import ClipOptions, target_for


def ending_of(form: str) -> str:
    """The ending of a format of results, such as .jpg. Raises BadImage for an unknown one."""
    name = {"jpeg": "jpg", "tiff": "tif"}.get(form.lower().removeprefix("."), form.lower().removeprefix("."))
    if name not in FORMATS:
        raise BadImage(f"no format is called {form!r}; {nearest(form, FORMATS)}")
    return FORMATS[name]


def result_of(source: Path, how: ClipOptions, form: str | None = None) -> Path:
    """The default result of a picture or a clip, beside it; form: the format of pictures, by default as given."""
    if container_of(source):
        return target_for(source, None, how)
    return source.with_name(f"{source.stem}.restored{ending_of(form)}") if form else default_output(source)


class Names:
    """Gives each file of a list the name of its result; names that differ only in case count as the same.

    The first file in the list that wants a name has it. Another one gets its own ending into the name, as
    photo.png.restored.jpg, or a number. No result has the name of a file of the list.
    """

    def __init__(
        self,
        files: Iterable[Found],
        out: Path | None,
        how: ClipOptions,
        form: str | None = None,
        earlier: Mapping[Path, Path] | None = None,
    ) -> None:
        """out: the folder of the results; None: beside the files. earlier: results of earlier runs by their files, as
        absolute paths; such files keep the names of their results."""  # fmt: skip
        self._out, self._how, self._form, self._earlier = out, how, form, earlier or {}
        self._taken = {_key(each.path) for each in files}
        self._kept = {_key(result): source for source, result in self._earlier.items()}

    def of(self, found: Found) -> Path:
        """The result of a file of the list. Raises BadImage for a clip that cannot be opened."""
        wanted = result_of(found.path, self._how, self._form)
        if self._out is not None:
            wanted = self._out / found.path.parent.relative_to(found.root) / wanted.name
        source, names = _absolute(found.path), _names(wanted, found.path)
        before = self._earlier.get(source)
        if before and (before.parent, before.suffix) == (_absolute(wanted).parent, wanted.suffix):
            names = chain([wanted.with_name(before.name)], names)
        free = next(name for name in names if self._is_free(_key(name), source))
        self._taken.add(_key(free))
        return free

    def _is_free(self, key: str, source: Path) -> bool:
        return key not in self._taken and self._kept.get(key, source) == source


def _names(wanted: Path, source: Path) -> Iterator[Path]:
    yield wanted
    rest = wanted.name[len(source.stem) :]
    yield wanted.with_name(f"{source.name}{rest}")
    for number in count(2):
        yield wanted.with_name(f"{source.name}.{number}{rest}")


def _key(path: Path) -> str:
    """The same for all names that some file system takes for one."""
    return unicodedata.normalize("NFC", str(_absolute(path))).casefold()


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100
