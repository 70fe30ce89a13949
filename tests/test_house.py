"""The house rules that a machine can hold."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "restora").rglob("*.py"))
EMPTY_NAMES = {"utils", "util", "helpers", "helper", "common", "misc", "base", "manager", "factory"}


def lint_imports(folder):
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_imports_go_down_the_floors():
    done = lint_imports(ROOT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/plan.py", "from restora.files import save"),
        ("files/save.py", "from restora.damage import words"),
        ("methods/median.py", "from restora.methods import gaussian"),
        ("core/names.py", "import torch"),
        ("methods/table.py", "import torch"),
    ],
)
def test_a_wrong_import_is_caught(tmp_path, file, line):
    for name in ("restora", "pyproject.toml"):
        subprocess.run(["cp", "-r", str(ROOT / name), str(tmp_path)], check=True)
    path = tmp_path / "restora" / file
    path.write_text(f"{path.read_text()}\n{line}\n")
    assert lint_imports(tmp_path).returncode == 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_and_functions_stay_small(path):
    text = path.read_text()
    assert len(text.splitlines()) <= 400 and path.stem not in EMPTY_NAMES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 75, node.name
            if path.name != "run.py":  # which states the signature of what it makes
                assert node.args.kwarg is None, (
                    f"{node.name} passes **{node.args.kwarg and node.args.kwarg.arg} through"
                )


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
