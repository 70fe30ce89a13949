"""The table of methods: facts only, by task. Reading it imports no method, so that listing stays fast."""

from restora.core.errors import RestoraError
from restora.core.method import Method
from restora.core.names import nearest
from restora.methods.rows import denoise, enlarge, fill, jpeg

METHODS: dict[str, Method] = {method.name: method for task in (denoise, jpeg, enlarge, fill) for method in task.ROWS}


def method_named(name: str) -> Method:
    """The row of a method. Raises RestoraError with the nearest name."""
    if name not in METHODS:
        raise RestoraError(f"no method is called {name!r}; {nearest(name, METHODS)}")
    return METHODS[name]
