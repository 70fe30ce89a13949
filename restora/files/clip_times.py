"""The times of all frames of a clip, from its packets."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

MOST_WAITING = 64
"""Packets that are sorted by time; more than a decoder can hold."""


@dataclass(frozen=True)
class Times:
    """The times of a clip, in whole ticks.

    frames: how many packets of the picture there are. alike: the longest run of equal times. last: of the last frame;
    end: after it.
    """

    tick: Fraction
    frames: int
    first: int
    last: int
    end: int
    step: int  # of most frames
    alike: int = 1
    declared: int = 0  # frames that the container declares; 0: it does not


def times_of(packets: Iterator[Any], container: Any, stream: Any, origin: int) -> Times:
    """The times of all packets of a stream, without decoding them; they are sorted as they come, so few are in memory.

    origin: the time, in units of the stream, from which times count.
    """
    tick = Fraction(1, stream.time_base.denominator)
    scale, seen = stream.time_base.numerator, _Seen()
    for packet in packets:
        stamp = packet.dts if packet.pts is None else packet.pts
        if packet.size == 0 and stamp is None:  # the packet that ends a stream
            continue
        seen.add(None if stamp is None else (stamp - origin) * scale, (packet.duration or 0) * scale, packet.is_discard)
    usual = max(1, round(1 / ((stream.average_rate or stream.guessed_rate or 25) * tick)))
    times = seen.times(tick, usual, stream.frames)
    if stream.duration and container.format.name.startswith("mov"):  # what packets say there is of the decoding order
        end = ((stream.start_time or 0) - origin + stream.duration) * scale
        if times.last < end <= times.last + 100 * usual:
            return replace(times, end=end)
    return times


@dataclass
class _Seen:
    """What was seen of the times of packets, which come in the order of decoding."""

    waiting: list[int] = field(default_factory=list)
    count: int = 0
    dropped: int = 0  # packets that are decoded but not shown
    first: int | None = None
    last: int | None = None
    end: int = 0
    run: int = 1
    alike: int = 1

    def add(self, at: int | None, duration: int, dropped: bool) -> None:
        """The next packet."""
        if dropped:
            self.dropped += 1
            return
        self.count += 1
        if at is None:
            return
        self.end = max(self.end, at + duration)
        heapq.heappush(self.waiting, at)
        if len(self.waiting) > MOST_WAITING:
            self._sorted()

    def _sorted(self) -> None:
        at = heapq.heappop(self.waiting)
        self.first = at if self.first is None else self.first
        self.run = self.run + 1 if self.last is not None and at <= self.last else 1
        self.alike, self.last = max(self.alike, self.run), at

    def times(self, tick: Fraction, step: int, declared: int) -> Times:
        """After the last packet."""
        while self.waiting:
            self._sorted()
        first = self.first or 0
        end = max(self.end, first + 1 if self.last is None else self.last + 1)
        if self.last is None:
            self.last, end = first + step * (self.count - 1), first + step * self.count
        return Times(tick, self.count, first, self.last, end, step, self.alike, max(0, declared - self.dropped))
