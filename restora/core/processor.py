"""The processor of this computer."""

import os
import platform
from functools import lru_cache
from pathlib import Path

TELLING = ("amx_int8", "avx512_bf16", "avx512_vnni", "avx_vnni", "avx512f", "avx2")
"""Instruction sets that determine the speed of nets."""
INT8 = {"amx_int8", "avx512_vnni", "avx_vnni"}
"""Those that multiply 8-bit integers and add the products in one instruction."""


def processor() -> str:
    """The processor's name, as reported by the system."""
    return _facts().get("model name") or platform.processor() or platform.machine()


def machine() -> str:
    """Processor, usable cores, and its relevant instruction sets, in a line."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    has = set(_facts().get("flags", "").split())
    return ", ".join([processor(), f"{cores} cores", *(name for name in TELLING if name in has)])


def gains_from_int8() -> bool:
    """Whether this processor multiplies 8-bit integers faster than floats: with VNNI or AMX instructions.

    Without them int8 is as slow as f32 (measured with AVX2), and only loses accuracy.
    """
    return not INT8.isdisjoint(_facts().get("flags", "").split())


def has_avx512() -> bool:
    """Whether this processor has AVX-512."""
    return "avx512f" in _facts().get("flags", "").split()


@lru_cache(maxsize=1)
def _facts() -> dict[str, str]:
    """Facts of Linux about the first processor; empty on other systems."""
    path = Path("/proc/cpuinfo")
    lines = path.read_text().partition("\n\n")[0].splitlines() if path.exists() else []
    return {key.strip(): value.strip() for key, _, value in (line.partition(":") for line in lines)}
