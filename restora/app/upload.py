"""Store the body of a request, or the files of a form, in a folder of the server; bytes are counted as they arrive."""

import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path

from fastapi import Request
from starlette.datastructures import Headers, UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.types import Message, Receive

from restora.app.guard import TooLarge, declared
from restora.core.errors import BadImage
from restora.methods.table import INPUTS
from restora.work.jobs import Jobs
from restora.work.told import Full


class Space:
    """Disk space for uploads, shared by all requests. For use in one thread, as counting has no lock."""

    def __init__(self, jobs: Jobs) -> None:
        self.jobs = jobs
        self.left = 0  # bytes, at the last check
        self.known_until = 0.0

    def check(self, size: int) -> None:
        """Raise Full if there is no space for that many bytes."""
        if size > self.left or time.monotonic() > self.known_until:
            self.left = self.jobs.most_bytes - self.jobs.bytes()
            self.known_until = time.monotonic() + 1
        if size > self.left:
            raise Full("the disk space for pictures is used up; try again later")

    def counted(self, receive: Receive) -> Receive:
        """The receiver of a body; it raises Full as soon as there is no space for it."""

        async def checked() -> Message:
            message = await receive()
            size = len(message.get("body", b""))
            if size:
                self.check(size)
                self.left -= size
            return message

        return checked


class Form(MultiPartParser):
    """A parser for a form with a picture and inputs, which writes files to a folder and counts their bytes."""

    def __init__(self, folder: Path, headers: Headers, stream: AsyncGenerator[bytes, None], opened: ExitStack) -> None:
        super().__init__(headers, stream, max_files=1 + len(INPUTS), max_fields=0)
        self.folder, self.opened = folder, opened

    def on_headers_finished(self) -> None:
        """Create the next file in the folder, under a name chosen by the server."""
        super().on_headers_finished()
        if upload := self._current_part.file:
            upload.file.close()
            upload.file = self.opened.enter_context((self.folder / f"{self._current_files}").open("w+b"))


@asynccontextmanager
async def received(request: Request) -> AsyncIterator[tuple[Path, dict[str, Path]]]:
    """The picture of a request and inputs of methods by name, from the body or a form; removed at the end.

    Raises TooLarge as soon as the limit is exceeded, whatever length was declared, and Full if there is no space.
    """
    most, space, size = request.app.state.bounds.bytes, request.app.state.space, 0
    too_large = TooLarge(f"the body is larger than the limit of {most / 1e6:g} MB")
    if (length := declared(request) or 0) > most:
        raise too_large
    space.check(length)
    counted = space.counted(request.receive)

    async def bounded() -> Message:
        nonlocal size
        message = await counted()
        size += len(message.get("body", b""))
        if size > most:
            raise too_large
        return message

    stream = Request(request.scope, bounded).stream()
    with tempfile.TemporaryDirectory(prefix="received-", dir=request.app.state.jobs.folder) as name:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            yield await _files(Path(name), request.headers, stream)
            return
        path = Path(name) / "body"
        with path.open("wb") as file:
            async for part in stream:
                file.write(part)
        yield path, {}


async def _files(folder: Path, headers: Headers, stream: AsyncGenerator[bytes, None]) -> tuple[Path, dict[str, Path]]:
    """The picture and the inputs of a form. Raises BadImage for other files, HTTPException for an invalid form."""
    with ExitStack() as opened:
        try:
            form = await Form(folder, headers, stream, opened).parse()
        except (MultiPartException, ValueError) as error:  # ValueError: an unknown charset
            raise HTTPException(400, f"the form cannot be read: {error}") from error
        files = {name: Path(str(part.file.name)) for name, part in form.items() if isinstance(part, UploadFile)}
    inputs = {name: files.pop(name) for name in INPUTS if name in files}
    if len(files) != 1:
        raise BadImage(f"the form must have one picture; other files must be named {', '.join(INPUTS)}")
    return next(iter(files.values())), inputs
