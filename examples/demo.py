"""Make a photograph noisy, let `restora fix` mend it, and put before and after side by side in demo/."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import skimage.data

from restora.core.image import Image
from restora.files.picture import read
from restora.files.save import write
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import measure

DEMO = Path("demo")


def restora(*words: str) -> None:
    """Run a command as a user would, and show it."""
    print("$ restora", *words, flush=True)
    subprocess.run([sys.executable, "-m", "restora", *words], check=True)


def main() -> None:
    """Write demo/clean.png, noisy.png, restored.png and before-after.png."""
    DEMO.mkdir(exist_ok=True)
    write(Image(skimage.data.chelsea().astype(np.float32) / 255), DEMO / "clean.png", force=True)
    restora("degrade", "demo/clean.png", "noise(sigma=0.098)", "-o", "demo/noisy.png", "--seed", "1", "--force")
    restora("fix", "demo/noisy.png", "-o", "demo/restored.png", "--force")
    clean, noisy, restored = (read(DEMO / f"{name}.png").pixels for name in ("clean", "noisy", "restored"))
    gap = np.ones((clean.shape[0], 6, 3), np.float32)
    write(Image(np.hstack([noisy, gap, restored])), DEMO / "before-after.png", force=True)
    before, after = (measure(side, clean, PROTOCOLS["denoise"]).psnr for side in (noisy, restored))
    print(f"PSNR against the clean photograph: {before:.2f} dB noisy, {after:.2f} dB restored")
    print(f"Before and after: {(DEMO / 'before-after.png').resolve()}")


if __name__ == "__main__":
    main()
