"""A new method, a new method with an input and a product, and a new sign are one file and one row each."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
METHOD = '''
"""Brighten: each pixel a little brighter."""
import numpy as np

def brighten(y: np.ndarray, gain: float) -> np.ndarray:
    """y (H, W, C) times a gain."""
    return (gain * y).astype(np.float32)
'''
WITH_KERNEL = '''
"""Smear: the picture under a kernel, and the kernel that was used."""
import cv2
import numpy as np
from restora.core.method import Made

def smear(y: np.ndarray, kernel: np.ndarray) -> Made:
    """y (H, W, C) correlated with a kernel (kh, kw)."""
    x_hat = cv2.filter2D(y, -1, kernel, borderType=cv2.BORDER_REFLECT)
    return Made(x_hat.reshape(y.shape), {"used": kernel})
'''
SIGN = '''
"""Darkness: the mean of the picture is low."""
import numpy as np
from restora.core.diagnosis import Finding

def darkness(crops):
    """Whether crops (h, w, C) are dark on the mean."""
    mean = float(np.mean([crop.mean() for crop in crops]))
    return Finding("darkness", mean, "0..1", 0.9, mean < 0.2, f"mean brightness {mean:.2f}", plain="a dark picture")
'''
ROWS = """
from restora.core.inputs import Input, Product

ROWS += (
    Method("brighten", "restora.methods.brighten:brighten", "local", "brighter", ("gaussian",), "none",
        knobs=(Knob("gain", float, 1.5, 0, 9, "times", "brightness"),)),
    Method("smear", "restora.methods.smear:smear", "whole", "smeared", ("gaussian",), "none",
        inputs=(Input("kernel", "kernel", "the weights"),), products=(Product("used", "kernel", "the weights"),)),
)
"""
SIGN_ROW = '        Sign("darkness", "darkness", darkness),\n'
TRY = """
import json
import numpy as np
import restora
from restora.app.server import make_app
from restora.work.jobs import Jobs
from restora.work.restore import Limits
from pathlib import Path

y = np.full((40, 50, 3), 0.1, np.float32)
y[20, 25] = 0.9
same = restora.denoise("y.png", method="smear", inputs={"kernel": "disk(radius=2)"})
array = restora.denoise(y, method="smear", inputs={"kernel": np.ones((3, 3)) / 9})
schema = make_app(Jobs(Path("jobs"), Limits())).openapi()
form = schema["paths"]["/v1/restore"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
print(json.dumps({
    "bright": float(restora.denoise(y, method="brighten", knobs={"gain": 2}).image[0, 0, 0]),
    "kernel": list(same.products["used"].shape),
    "centre": float(array.image[20, 25, 0]),
    "form": sorted(form["properties"]),
    "inputs": list(restora.show("smear")["inputs"]),
    "signs": list(restora.diagnose(y).present),
}))
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the package with a method, one with an input, and a sign more; the rows stand in the tables."""
    folder = tmp_path_factory.mktemp("extended")
    ignored = shutil.ignore_patterns("weights", "__pycache__")
    shutil.copytree(ROOT / "restora", folder / "restora", ignore=ignored)
    (folder / "restora" / "weights").symlink_to(ROOT / "restora" / "weights")
    (folder / "restora" / "methods" / "brighten.py").write_text(METHOD)
    (folder / "restora" / "methods" / "smear.py").write_text(WITH_KERNEL)
    (folder / "restora" / "signs" / "darkness.py").write_text(SIGN)
    rows, signs = folder / "restora" / "methods" / "rows" / "denoise.py", folder / "restora" / "signs" / "table.py"
    rows.write_text(rows.read_text() + ROWS)
    first = '        Sign("impulse"'
    text = "from restora.signs.darkness import darkness\n" + signs.read_text().replace(first, SIGN_ROW + first)
    signs.write_text(text)
    return folder


def run(folder, *words):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *words], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_they_run_in_the_command_line_the_api_and_python(extended):
    command = ["-m", "restora"]
    script = "import numpy as np; from restora.files.save import write; from restora.core.image import Image;"
    run(
        extended,
        "-c",
        script + "write(Image(np.full((40, 50, 3), 0.1, np.float32)), __import__('pathlib').Path('y.png'))",
    )
    report = json.loads(
        run(extended, *command, "denoise", "y.png", "--method", "smear", "--kernel", "disk(radius=2)",
            "--keep", "used", "-o", "x.png", "--json")
    )  # fmt: skip
    assert report["plan"]["steps"][0]["inputs"] == {"kernel": {"value": "disk(radius=2)"}}
    assert report["products"]["used"]["file"] == "x.png.used.png" and (extended / "x.png.used.png").exists()
    # What was kept can be given back.
    run(extended, *command, "denoise", "y.png", "--method", "smear", "--kernel", "x.png.used.png", "-o", "z.png")
    run(extended, *command, "denoise", "y.png", "--method", "brighten", "--set", "gain=3", "-o", "b.png")
    assert "--kernel" in run(extended, *command, "denoise", "--help")
    assert "a dark picture" in run(extended, *command, "diagnose", "y.png")
    told = json.loads(run(extended, "-c", TRY))
    assert told["bright"] == pytest.approx(0.2) and told["centre"] == pytest.approx(0.1 + 0.8 / 9, abs=1e-3)
    assert told["kernel"] == [5, 5] and told["form"] == [
        "box",
        "boxes",
        "kernel",
        "mask",
        "picture",
        "reference",
        "sigma_map",
    ]
    assert told["inputs"] == ["kernel"] and "darkness" in told["signs"]
