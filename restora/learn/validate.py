"""Scores of a net on held-out pictures, to follow a training run and to judge its weights."""

from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import nn

from restora.damage.regions import CLASSES
from restora.learn.device import Device
from restora.learn.held_out import KIND, OVERLAP, PRECISION, PSNR, judged_by
from restora.learn.recipe import Recipe
from restora.metrics.detection import mean_average_precision
from restora.metrics.distribution import kernel_distance
from restora.metrics.protocol import PROTOCOLS
from restora.metrics.scores import psnr as decibels
from restora.nets.features import Features

Samples = Sequence[tuple[np.ndarray, np.ndarray]]
"""Pairs y (planes, H, W), x (H, W, C); for nets that find regions, those (n, 5) instead of x."""


def scorer(recipe: Recipe, samples: Samples, device: Device) -> Callable[[nn.Module], float]:
    """A function that scores a net on the device with the score of the recipe."""
    if judged_by(recipe) == PSNR:
        return lambda net: psnr(net, samples, device)
    if judged_by(recipe) == OVERLAP:
        return lambda net: overlap(net, samples, device)
    if judged_by(recipe) == PRECISION:
        return lambda net: precision(net, samples, device)
    features = device.place(Features())
    if judged_by(recipe) == KIND:
        return lambda net: kind(net, samples, device, features)  # type: ignore[arg-type]
    return lambda net: likeness(net, samples, device, features)  # type: ignore[arg-type]


@torch.no_grad()
def psnr(net: nn.Module, samples: Samples, device: Device) -> float:
    """The mean PSNR in dB by the protocol "denoise": all channels, clipped and rounded to 8 bits."""
    scores = []
    for y, x in samples:
        x_hat = net(device.batch({"y": y[None]})["y"])[0].float().cpu().numpy().transpose(1, 2, 0)
        scores.append(decibels(*(PROTOCOLS["denoise"].prepare(side, 1) for side in (x_hat, x))))
    return float(np.mean(scores))


@torch.no_grad()
def overlap(net: nn.Module, samples: Samples, device: Device) -> float:
    """The F1 score of all pixels together: twice the marked ones that were found, by the marked and the found ones."""
    both, either = 0, 0
    for y, x in samples:
        found = net(device.batch({"y": y[None]})["y"])[0, 0].float().cpu().numpy() >= 0.5
        both += int((found & (x[:, :, 0] >= 0.5)).sum())
        either += int(found.sum() + (x >= 0.5).sum())
    return 2 * both / max(1, either)


@torch.no_grad()
def likeness(net: nn.Module, samples: Samples, device: Device, features: Features) -> float:
    """Minus the mean perceptual distance (nets.features)."""
    distances = []
    for y, x in samples:
        given = device.batch({"y": y[None], "x": np.ascontiguousarray(x.transpose(2, 0, 1)[None])})
        x_hat = net(given["y"]).float().clamp(0, 1)
        distances.append(float(features.distance(x_hat, given["x"])))
    return -float(np.mean(distances))


@torch.no_grad()
def kind(net: nn.Module, samples: Samples, device: Device, features: Features) -> float:
    """Minus the kernel distance of the features of results from those of the x, which show other scenes."""
    pooled: list[list[np.ndarray]] = [[], []]
    for y, x in samples:
        given = device.batch({"y": y[None], "x": np.ascontiguousarray(x.transpose(2, 0, 1)[None])})
        for side, picture in zip(pooled, (net(given["y"]).float().clamp(0, 1), given["x"]), strict=True):
            side.append(features.pooled(picture)[0].float().cpu().numpy())
    return -kernel_distance(*(np.stack(side) for side in pooled))


@torch.no_grad()
def cycle_error(there: nn.Module, back: nn.Module, samples: Samples, device: Device) -> float:
    """The mean absolute difference between y and what two nets in sequence make of it."""
    differences = []
    for y, _ in samples:
        given = device.batch({"y": y[None]})["y"]
        differences.append(float((back(there(given)) - given).abs().mean()))
    return float(np.mean(differences))


@torch.no_grad()
def precision(net: nn.Module, samples: Samples, device: Device) -> float:
    """The mean average precision of the regions that a net finds, at an intersection over union of 0.5."""
    found = [net(device.batch({"y": y[None]})["y"]).float().cpu().numpy() for y, _ in samples]
    return mean_average_precision(found, [regions for _, regions in samples], len(CLASSES))
