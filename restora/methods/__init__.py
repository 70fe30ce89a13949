"""The table of methods, and one file per method. The package can be called: `restora.methods()` lists the table."""

import sys
from types import ModuleType
from typing import Any


class _Methods(ModuleType):
    """A package whose name is also that of a function of the Python API."""

    def __call__(self) -> list[dict[str, Any]]:
        """All methods, each as `restora.show` gives it."""
        from restora.methods.table import METHODS

        return [method.as_dict() for method in METHODS.values()]


sys.modules[__name__].__class__ = _Methods
