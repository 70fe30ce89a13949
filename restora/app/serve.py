"""The command that runs the web page and the HTTP API."""

import os
import socket
import threading
import time
import webbrowser
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from restora.app.options import Device, MaxMemory, amount
from restora.core.errors import BadKnob, MissingExtra

if TYPE_CHECKING:
    from uvicorn import Server

JOBS = Path.home() / ".cache" / "restora" / "jobs"
TOKEN = "RESTORA_TOKEN"


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on; a token is needed if others can reach it.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port; 0: any free port.")] = 8765,
    folder: Annotated[Path, typer.Option(help="Folder of the jobs.")] = JOBS,
    max_bytes: Annotated[str, typer.Option(help="Largest request body.", metavar="AMOUNT")] = "100MB",
    max_pixels: Annotated[str, typer.Option(help="Largest picture or frame to open.", metavar="AMOUNT")] = "100MP",
    max_memory: MaxMemory = "1GB",
    device: Device = "cpu",
    max_seconds: Annotated[float, typer.Option(min=0, help="Longest clip, in seconds.")] = 600.0,
    max_frames: Annotated[int, typer.Option(min=1, help="Most frames of a clip, or of its result.")] = 20_000,
    max_minutes: Annotated[float, typer.Option(min=0, help="Time limit for fitting a net to one picture.")] = 10.0,
    max_disk: Annotated[str, typer.Option(help="Disk space for all jobs.", metavar="AMOUNT")] = "5GB",
    waiting: Annotated[int, typer.Option(min=1, help="Length of the job queue.")] = 16,
    at_once: Annotated[int, typer.Option(min=1, help="Concurrent requests whose client waits for the result.")] = 4,
    connections: Annotated[int, typer.Option(min=1, help="Open connections, including idle ones.")] = 256,
    keep: Annotated[float, typer.Option(min=0, help="Minutes after which results are deleted.")] = 60.0,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
) -> None:
    """Serve the web page and the HTTP API. $RESTORA_TOKEN sets a token.

    Needs restora[web].

    Example: restora serve --port 8765
    """
    try:
        from restora.app.connections import most_connections, server_of
        from restora.app.guard import LOCAL, Bounds
        from restora.app.server import make_app
        from restora.engines.choice import backend_named
        from restora.work.jobs import Jobs
        from restora.work.restore import Limits
    except ModuleNotFoundError as error:
        raise MissingExtra(f"serving needs {error.name}; install it with: pip install 'restora[web]'") from error
    token = _token()
    if host not in LOCAL and not token:
        raise BadKnob(f"other machines can reach this server at {host}; set a token first, in ${TOKEN}")
    backend_named(device=device)  # report an absent device now, not in each job
    jobs = Jobs(
        folder,
        Limits(amount(max_memory), amount(max_pixels), max_minutes, seconds=max_seconds, frames=max_frames),
        most_waiting=waiting,
        most_bytes=amount(max_disk),
        keep_seconds=60 * keep,
        device=device,
    )
    app = make_app(jobs, Bounds(amount(max_bytes), at_once, token))
    with _listening(host, port) as listening, suppress(KeyboardInterrupt):
        address = f"http://{f'[{host}]' if ':' in host else host}:{listening.getsockname()[1]}"
        typer.echo(f"Restora is at {address}; the API is described at /docs; stop with Ctrl-C", err=True)
        server = server_of(app, most_connections(connections))
        if open_page:
            threading.Thread(target=_show, args=(server, address), daemon=True).start()
        server.run([listening])
        if not server.started:
            raise typer.Exit(3)  # uvicorn has logged the reason


def _show(server: "Server", address: str) -> None:
    """Open the page in the browser as soon as the server answers."""
    while not (server.started or server.should_exit):
        time.sleep(0.05)
    if server.started and not webbrowser.open(address):
        typer.echo(f"no browser was found; open {address} yourself", err=True)


def _token() -> str:
    """The token of the environment; empty if there is none. Raises BadKnob for one that cannot be a header."""
    token = os.environ.get(TOKEN, "")
    if TOKEN in os.environ and (not token or token != token.strip() or not token.isprintable()):
        raise BadKnob(f"${TOKEN} must be printable, not empty, and without blanks at its ends; change it or unset it")
    return token


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises BadKnob if it cannot."""
    try:
        return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as error:
        raise BadKnob(f"cannot listen on {host}:{port}: {error.strerror}") from error
