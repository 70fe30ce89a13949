import os
import subprocess
import sys
from pathlib import Path

NO_TORCH = """
import socket, sys
class Absent:  # SciPy looks into sys.modules, where an entry None would not be what it expects
    def find_spec(name, path=None, target=None):
        if name.partition(".")[0] == "torch":
            raise ModuleNotFoundError("No module named 'torch'", name="torch")
sys.meta_path.insert(0, Absent)
calls = []
socket.socket.connect = socket.socket.connect_ex = lambda *call: calls.append(call)
socket.getaddrinfo = lambda *call: calls.append(call)
from restora.app.cli import main
sys.argv = ["restora", "fix", "noisy.png", "-o", "out.png"]
try:
    main()
finally:
    print(calls)
"""


def test_a_picture_is_restored_without_torch_and_without_calling_anyone(folder, restora):
    restora("degrade", "clean.png", "noise(sigma=0.098)", "-o", "noisy.png")
    home = {key: value for key, value in os.environ.items() if key != "CI"} | {"HOME": str(folder)}
    done = subprocess.run([sys.executable, "-c", NO_TORCH], capture_output=True, text=True, check=True, env=home)
    assert done.stdout.splitlines()[-1] == "[]" and Path("out.png").exists()
    assert not Path("intel").exists()  # where OpenVINO's telemetry would keep its number


def test_what_needs_torch_says_how_to_get_it(folder):
    code = NO_TORCH.replace('"fix", "noisy.png"', '"denoise", "clean.png", "--engine", "torch"')
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2 and "pip install 'restora[lab]'" in done.stderr and done.stderr.count("\n") == 1
