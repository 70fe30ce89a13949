"""The house rules that a machine can hold."""

import ast
import inspect
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import restora
from restora.app.cli import app

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "restora").rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "factory"}


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_go_down_the_floors():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


WRONG = (
    ("core.plan", "restora.files.save"),
    ("files.save", "restora.damage.words"),
    ("methods.median", "restora.methods.gaussian"),
    ("core.names", "torch"),
    ("methods.table", "torch"),
)


def test_every_wrong_import_is_caught(tmp_path):
    shutil.copytree(ROOT / "restora", tmp_path / "restora", ignore=shutil.ignore_patterns("weights", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for module, imported in WRONG:
        path = tmp_path / "restora" / f"{module.replace('.', '/')}.py"
        path.write_text(f"{path.read_text()}\nimport {imported}\n")
    done = lint_imports(tmp_path)
    assert done.returncode == 1
    for module, imported in WRONG:
        assert f"restora.{module} -> {imported} " in done.stdout


def commands():
    """(file, name) of each function whose parameters are options: of the command line, or of the Python API."""
    callbacks = [command.callback for command in app.registered_commands]
    for group in app.registered_groups:
        callbacks += [command.callback for command in group.typer_instance.registered_commands]
    named = [value for name in restora.__all__ if inspect.isfunction(value := getattr(restora, name))]
    return {(Path(inspect.getsourcefile(inspect.unwrap(each))), each.__name__) for each in callbacks + named}


COMMANDS = commands()


def too_large(path, text):
    """What breaks the rules of size in the text of a file, in words."""
    if len(text.splitlines()) > 400:
        yield "more than 400 lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            if node.end_lineno - node.lineno + 1 > 50:
                yield f"{node.name} has more than 50 lines"
            given = node.args.posonlyargs + node.args.args + node.args.kwonlyargs
            if len(given) > 8 and (path, node.name) not in COMMANDS:
                yield f"{node.name} has more than 8 parameters"
            if node.args.kwarg and path.name != "run.py":  # which states the signature of what it makes
                yield f"{node.name} passes **{node.args.kwarg.arg} through"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert path.stem not in EMPTY_NAMES and list(too_large(path, text)) == []
    assert not re.search(r"noqa: (PLR091\d|C901)", text)


@pytest.mark.parametrize("word", ["def", "async def"])
def test_what_is_too_large_is_caught(word):
    def found(text):
        return list(too_large(ROOT / "restora/any.py", text))

    assert found(f"{word} f():\n" + "    pass\n" * 49) == []
    assert found(f"{word} f():\n" + "    pass\n" * 50) == ["f has more than 50 lines"]
    assert found(f"{word} f(a, b, c, d, *e, f, g, h, i):\n    pass\n") == []
    assert found(f"{word} f(a, b, c, d, *, e, f, g, h, i):\n    pass\n") == ["f has more than 8 parameters"]
    assert found(f"{word} f(**options):\n    pass\n") == ["f passes **options through"]
    assert found("\n" * 401) == ["more than 400 lines"]


def test_torch_is_imported_only_where_it_may_be():
    allowed = re.compile(
        r"restora/(nets|learn)/|restora/lab\.py|restora/engines/torch_\.py|restora/methods/(?!table)\w+\.py|restora/work/(train|material|provenance|adapt|ceiling|speed)\.py|restora/work/campaign/(job|collect|pack)\.py"
    )
    for path in SOURCES:
        if re.search(r"^\s*(import|from) torch", path.read_text(), re.MULTILINE):
            assert allowed.search(path.as_posix()), path


def test_the_readme_shows_what_the_results_say():
    done = subprocess.run(
        [sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
