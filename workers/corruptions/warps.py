"""Affine warps of images: each pixel of the result is read from its place in the original, between four pixels."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from workers.corruptions.corruption import Floats

Matrix = NDArray[np.float64]


def rotation(degrees: float) -> Matrix:
    """Of the image about its middle, clockwise."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return np.array([[cos, -sin], [sin, cos]])


def warp(images: Floats, linear: Matrix, shift: tuple[float, float] = (0.0, 0.0)) -> Floats:
    """Images (n, h, w, c) whose pixel p shows what was at linear (p - m) + m - shift; m is the middle, outside is 0.

    Oracle: scipy.ndimage.affine_transform(order=1, mode="grid-constant").
    """
    n, height, width, channels = images.shape
    middle = np.array([(height - 1) / 2, (width - 1) / 2])
    places = np.stack(np.meshgrid(np.arange(height), np.arange(width), indexing="ij"), axis=-1).reshape(-1, 2)
    source = (places - middle) @ linear.T + middle - np.array(shift)
    corner = np.floor(source)
    beyond = source - corner
    flat = images.reshape(n, height * width, channels)
    found = np.zeros_like(flat)
    for down in (0, 1):
        for right in (0, 1):
            row, column = corner[:, 0] + down, corner[:, 1] + right
            share = np.abs(1 - down - beyond[:, 0]) * np.abs(1 - right - beyond[:, 1])
            inside = (row >= 0) & (row < height) & (column >= 0) & (column < width) & (share > 0)
            index = (row[inside] * width + column[inside]).astype(np.int64)
            found[:, inside] += flat[:, index] * share[inside].astype(np.float32)[:, None]
    return found.reshape(images.shape)


def warp_in_groups(
    images: Floats, warps: Sequence[tuple[Matrix, tuple[float, float]]], stream: np.random.Generator
) -> Floats:
    """Warp each image by one of the warps, at random."""
    found = np.empty_like(images)
    chosen = stream.integers(len(warps), size=len(images))
    for index, (linear, shift) in enumerate(warps):
        mine = chosen == index
        found[mine] = warp(images[mine], linear, shift)
    return found
