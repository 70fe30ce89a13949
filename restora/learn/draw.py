"""A picture of a training run: its curves, and results of the net on held-out photographs."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from matplotlib.figure import Figure
from torch import nn

from restora.learn.device import Device
from restora.learn.held_out import KIND, LIKENESS, OVERLAP, PRECISION, PSNR, judged_by
from restora.learn.recipe import Recipe

SCORES = {PSNR: "PSNR (dB)", LIKENESS: "minus the perceptual distance"} | {
    OVERLAP: "F1 score of the mask",
    PRECISION: "mean average precision",
    KIND: "minus the kernel distance",
}


def draw_run(
    path: Path,
    recipe: Recipe,
    rows: Sequence[dict[str, float]],
    net: nn.Module,
    samples: Sequence[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Write a PNG: loss and score on held-out pictures over steps, then samples: damaged y, restored, clean x.

    samples: y (planes, H, W), of any size, and x (H, W, C); none of nets that find regions.
    The net is on the CPU.
    """
    columns, height = (len(samples), 16) if samples else (2, 4)
    figure = Figure(figsize=(4 * columns, height), layout="constrained")
    grid = figure.add_gridspec(4 if samples else 1, columns, height_ratios=[0.8, 1, 1, 1] if samples else None)
    half = max(1, columns // 2)
    steps = [row["step"] for row in rows]
    score = SCORES[judged_by(recipe)]
    for place, key, label in ((grid[0, :half], "loss", "loss"), (grid[0, half:], "score", score)):
        axes = figure.add_subplot(place)
        axes.plot(steps, [row[key] for row in rows])
        axes.set(xlabel="step", ylabel=label, title=f"{recipe.name}: {label}")
        axes.grid(alpha=0.3)
    for column, (y, x) in enumerate(samples):
        with torch.no_grad():
            x_hat = net(torch.from_numpy(y[None]))[0].numpy().transpose(1, 2, 0)
        damaged = y[: x.shape[2]].transpose(1, 2, 0)
        for row, (title, pixels) in enumerate((("damaged", damaged), ("restored", x_hat), ("clean", x)), 1):
            axes = figure.add_subplot(grid[row, column])
            axes.imshow(np.clip(pixels, 0, 1).squeeze(), cmap="gray", vmin=0, vmax=1)
            axes.set_title(title)
            axes.axis("off")
    figure.savefig(path, dpi=70)


@torch.no_grad()
def grid_of(net: nn.Module, samples: Sequence[tuple[np.ndarray, np.ndarray]], device: Device) -> np.ndarray:
    """(H, W, 3) uint8: a row for each sample, the given y, the result and x; smaller samples are padded with white.

    samples: y (planes, H, W) and x (H, W, C), as large as y times the scale.
    """
    rows = []
    for y, x in samples:
        x_hat = net(device.batch({"y": y[None]})["y"])[0].float().cpu().numpy().transpose(1, 2, 0)
        rows.append([y[: x.shape[2]].transpose(1, 2, 0), x_hat, x])
    height, width = (max(side.shape[axis] for row in rows for side in row) for axis in (0, 1))

    def cell(side: np.ndarray) -> np.ndarray:
        eight_bit = np.rint(side.clip(0, 1) * 255).astype(np.uint8)
        white = np.full((height, width, 3), 255, np.uint8)
        white[: side.shape[0], : side.shape[1]] = eight_bit
        return white

    return np.vstack([np.hstack([cell(side) for side in row]) for row in rows])


def write_grid(path: Path, grid: np.ndarray) -> None:
    """Write a grid (H, W, 3) uint8 as PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(".png", cv2.cvtColor(grid, cv2.COLOR_RGB2BGR))[1].tobytes())
