"""Connections of the server: how many there may be, and how long a client may keep one waiting.

uvicorn bounds neither: whoever sends half a head, or takes no answer, would hold a file descriptor for ever.
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
"""Seconds in which a head must be there, a body must go on, and what is sent must be taken."""
SLOWEST = 1000
"""Bytes a second that a body must bring."""
BACKLOG = 64
"""Connections that the system keeps until they are accepted; they are accepted in one go, and need descriptors then."""
DESCRIPTORS = 4
"""File descriptors for each connection: of the connection, and of the files that a request opens."""
LOGS = ("uvicorn.error", "asyncio", "restora", "restora.page")
"""Logs in which clients can bring the same message up again and again."""


class Connection(H11Protocol):
    """A connection that ends if its client keeps it waiting, and gives way to others while nothing was asked on it."""

    def __init__(
        self,
        config: uvicorn.Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,  # as uvicorn calls it
        *,
        most: int,
        patience: float,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.most, self.patience = most, patience
        self.since = self.loop.time()  # when it began to wait for a head
        self.came = 0  # bytes since it was looked at
        self.stuck_since = float("inf")  # when the client stopped taking what is sent
        self.ending = False  # nothing is heard on it any more

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Let it in if there is a place, or another that waits for a head gives way; else say that there is none."""
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
        """Nothing is to be looked at any more."""
        self.look.cancel()
        super().connection_lost(exc)

    @property
    def waits_for_head(self) -> bool:
        """Whether no request is being answered."""
        return self.cycle is None or self.cycle.response_complete

    def data_received(self, data: bytes) -> None:
        """Count what comes."""
        self.came += len(data)
        if not self.ending:
            super().data_received(data)

    def send_400_response(self, msg: str) -> None:
        """What comes cannot be read; uvicorn's own answer fails where another has begun."""
        self._refuse(b"400 Bad Request")

    def on_response_complete(self) -> None:
        """From now on it waits for the next head."""
        self.since = self.loop.time()
        super().on_response_complete()

    def pause_writing(self) -> None:
        """The client does not take what is sent."""
        self.stuck_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It has taken it."""
        self.stuck_since = float("inf")
        super().resume_writing()

    def _look(self) -> None:
        """End it if its client keeps it waiting; else look again later."""
        now, came, self.came = self.loop.time(), self.came, 0
        self.look = self.loop.call_later(self.patience / 2, self._look)
        if self.ending or self.transport.is_closing() or now - self.stuck_since > self.patience:
            self._abort()  # what was to be sent is not taken
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
        """Say why it ends, and end it once the client has: what it still sends would take the answer away from it."""
        self.ending = True
        if self.cycle is not None and self.cycle.response_started and not self.cycle.response_complete:
            self._abort()
            return
        self.transport.write(b"HTTP/1.1 " + status + b"\r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
        try:
            self.transport.write_eof()
        except OSError:  # the client has gone
            self._abort()
            return
        self.flow.resume_reading()
        if self.cycle is not None:  # whoever waits for its body waits no longer
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _abort(self) -> None:
        self.ending = True
        self.transport.abort()


class Quiet(logging.Filter):
    """Lets a message pass once a minute: what clients do wrong must not fill the disk."""

    def __init__(self, seconds: float = 60) -> None:
        super().__init__()
        self.seconds = seconds
        self.last: dict[Any, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether it has not been said for a while; an error is the same if it comes from the same line."""
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
    """As many as wanted, or as the process has file descriptors for."""
    return max(1, min(wanted, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // DESCRIPTORS))


def server_of(app: Any, connections: int, patience: float = PATIENCE) -> uvicorn.Server:
    """A server with so many connections at a time, and a quiet log."""
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
