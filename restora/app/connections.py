"""Connections of the server: a limit on their number, and on how long a client may keep one waiting.

uvicorn limits neither: a client that sends half a head, or reads no response, would hold a file descriptor forever.
"""

import asyncio
import logging
import resource
import time
from functools import partial
from typing import Any, cast

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

PATIENCE = 20.0
"""Time limit in seconds for a head, for each part of a body, and for the client to read the response."""
SLOWEST = 1000
"""Minimum rate of a body in bytes per second."""
BACKLOG = 64
"""Backlog of the listening socket; all of it is accepted at once, and then needs file descriptors."""
DESCRIPTORS = 4
"""File descriptors for each connection: its own, and those of the files that a request opens."""
LOGS = ("uvicorn.error", "asyncio", "restora", "restora.page")
"""Loggers that a client can trigger again and again with the same message."""


class Connection(H11Protocol):
    """A connection that is closed if its client keeps it waiting, or if it is idle and another needs its place."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,  # argument of uvicorn
        *,
        most: int,
        patience: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.most, self.patience = most, patience
        self.since = self.loop.time()  # time at which it began to wait for a head
        self.came = 0  # bytes since the last check
        self.stuck_since = float("inf")  # time at which the client stopped reading
        self.ending = False  # input is ignored

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Accept it if there is a place, or if one that waits for a head can be closed; otherwise respond with 503."""
        super().connection_made(transport)
        self.look = self.loop.call_later(self.patience / 2, self._look)
        everybody = cast(set[Connection], self.connections)
        others = [other for other in everybody if other is not self and not other.ending]
        if len(others) < self.most:
            return
        idle = [other for other in others if other.waits_for_head]
        if idle:
            min(idle, key=lambda other: other.since)._abort()
        elif len(everybody) < 2 * self.most:
            self._refuse(b"503 Service Unavailable\r\nretry-after: 5")
        else:
            self._abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop all checks."""
        self.look.cancel()
        super().connection_lost(exc)

    @property
    def waits_for_head(self) -> bool:
        """Whether no request is being processed."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Count received bytes."""
        self.came += len(data)
        if not self.ending:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """Input that cannot be parsed; uvicorn's own response fails if another one has started."""
        self._refuse(b"400 Bad Request")

    def on_response_complete(self) -> None:
        """Wait for the next head from now on."""
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client has stopped reading."""
        self.stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """The client reads again."""
        self.stuck_since = float("inf")
        super().resume_writing()

    def _look(self) -> None:
        """Close it if its client keeps it waiting; otherwise check again later."""
        now, came, self.came = self.loop.time(), self.came, 0
        self.look = self.loop.call_later(self.patience / 2, self._look)
        if self.ending or self.transport.is_closing() or now - self.stuck_since > self.patience:
            self._abort()  # the client does not read the response
        elif self.waits_for_head:
            if now - self.since > self.patience:
                self._refuse(b"408 Request Timeout")
        elif self._waits_for_body and came < SLOWEST * self.patience / 2:
            self._refuse(b"408 Request Timeout")

    @property
    def _waits_for_body(self) -> bool:
        asked = self.cycle.more_body and not self.cycle.waiting_for_100_continue
        return asked and not self.flow.read_paused and self.conn.their_state is h11.SEND_BODY

    def _refuse(self, status: bytes) -> None:
        """Send the reason, and close once the client has closed: closing while it sends would discard the response."""
        self.ending = True
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self._abort()
            return
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        try:
            self.transport.write_eof()
        except OSError:  # the client has disconnected
            self._abort()
            return
        self.flow.resume_reading()
        if self.cycle is not None:  # whatever waits for its body stops waiting
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _abort(self) -> None:
        self.ending = True
        self.transport.abort()


class Quiet(logging.Filter):
    """Passes a message at most once a minute, so that clients cannot fill the disk with log lines."""

    def __init__(self, seconds: float = 60) -> None:
        super().__init__()
        self.seconds = seconds
        self.last: dict[Any, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it was not logged recently; errors raised at the same line count as the same."""
        kind, _, trace = record.exc_info or (None, None, None)
        while trace and trace.tb_next:
            trace = trace.tb_next
        key = record.name, str(record.msg)[:40], kind, trace and (trace.tb_frame.f_code, trace.tb_lineno)
        now, before = time.monotonic(), self.last.get(key)
        if before is not None and now - before < self.seconds:
            return False
        if len(self.last) > 1000:
            self.last.clear()
        self.last[key] = now
        return True


def most_connections(wanted: int) -> int:
    """The requested number, limited by the file descriptors of the process."""
    return max(1, min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // DESCRIPTORS))


def server_of(app: Any, connections: int, patience: float = PATIENCE) -> uvicorn.Server:
    """A server with a limited number of connections and a limited log."""
    protocol = partial(Connection, most=connections, patience=patience)
    config = uvicorn.Config(
        app,
        http=cast(type[asyncio.Protocol], protocol),
        ws="none",
        backlog=BACKLOG,
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=3,
    )
    for name in LOGS:
        log = logging.getLogger(name)
        if not any(isinstance(one, Quiet) for one in log.filters):
            log.addFilter(Quiet())
    return uvicorn.Server(config)
