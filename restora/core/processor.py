"""What this computer computes with."""

import os
import platform
from functools import lru_cache
from pathlib import Path

TELLING = ("amx_int8", "avx512_bf16", "avx512_vnni", "avx_vnni", "avx512f", "avx2")
"""Instructions that decide how fast a net runs."""
INT8 = {"amx_int8", "avx512_vnni", "avx_vnni"}
"""Those that multiply 8-bit integers and add up the products at once."""


def processor() -> str:
    """The processor's name, as the system tells it."""
    return _facts().get("model name") or platform.processor() or platform.machine()


def machine() -> str:
    """Processor, cores that may be used, and the best of its instructions, in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    has = set(_facts().get("flags", "").split())
    return ", ".join([processor(), f"{cores} cores", *(name for name in TELLING if name in has)])


def gains_from_int8() -> bool:
    """Whether this processor multiplies 8-bit integers faster than floats: with VNNI or AMX instructions.

    Without them int8 takes as long as f32 (measured with AVX2), and only loses.
    """
    return not INT8.isdisjoint(_facts().get("flags", "").split())


@lru_cache(maxsize=1)
def _facts() -> dict[str, str]:
    """What Linux tells of the first processor; empty elsewhere."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().partition("\n\n")[0].splitlines() if path.exists() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
