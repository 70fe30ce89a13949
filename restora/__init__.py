"""Restora restores damaged pictures and clips on the computer you have, and proves what it did.

    import restora

    result = restora.fix("photo.jpg")
    result.save("better.jpg")

docs/python.md describes what is here. Nothing is imported before it is used.
"""

import importlib
from typing import TYPE_CHECKING, Any

__all__ = [
    "Options",
    "Plan",
    "RestoraError",
    "Result",
    "correct",
    "deblur",
    "degrade",
    "denoise",
    "diagnose",
    "fix",
    "inpaint",
    "interpolate",
    "lab",
    "load",
    "measure",
    "methods",
    "plan",
    "remove",
    "repair",
    "restore",
    "show",
    "translate",
    "upscale",
]

if TYPE_CHECKING:
    from restora import lab
    from restora.app.api import (
        correct,
        deblur,
        denoise,
        fix,
        inpaint,
        remove,
        repair,
        restore,
        translate,
        upscale,
    )
    from restora.app.api_between import interpolate
    from restora.app.api_examine import degrade, diagnose, measure, plan, show
    from restora.app.api_nets import load
    from restora.app.python_options import Options
    from restora.app.result import Result
    from restora.core.errors import RestoraError
    from restora.core.plan import Plan

    def methods() -> list[dict[str, Any]]:
        """All methods, each as `show` gives it."""

else:
    _ELSEWHERE = {
        "Options": "app.python_options", "Plan": "core.plan", "RestoraError": "core.errors", "Result": "app.result",
        "interpolate": "app.api_between", "load": "app.api_nets",
    } | dict.fromkeys(("degrade", "diagnose", "measure", "plan", "show"), "app.api_examine")  # fmt: skip
    _MODULES = ("lab", "methods")
    """Names that are modules; `methods` can be called too."""

    def __getattr__(name: str) -> Any:
        """What is used for the first time is imported then."""
        if name not in __all__:
            raise AttributeError(f"module 'restora' has no attribute {name!r}")
        if name in _MODULES:
            return importlib.import_module(f"restora.{name}")
        value = getattr(importlib.import_module(f"restora.{_ELSEWHERE.get(name, 'app.api')}"), name)
        globals()[name] = value
        return value

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
