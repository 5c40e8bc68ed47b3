"""Corruptions of images (n, height, width, channels) with values in [0, 1]; results are clipped to [0, 1].

Lengths are those of images of 28 x 28 pixels, and grow with the longer side: a severity moves the same share of an
image. Source: Mu & Gilmer 2019, MNIST-C: a robustness benchmark for computer vision; Hendrycks & Dietterich 2019.
"""

import numpy as np
from numpy.typing import NDArray

from workers.corruptions.corruption import Corruption, Floats
from workers.corruptions.warps import rotation, warp_in_groups

SIDE = 28
"""Of the images that lengths are given for."""
NO_SHIFT = (0.0, 0.0)
IDENTITY = np.eye(2)


def gaussian_noise(images: Floats, sd: float, stream: np.random.Generator) -> Floats:
    """x + sd N(0, 1), for each value."""
    return _clipped(images + sd * stream.standard_normal(images.shape, np.float32))


def shot_noise(images: Floats, photons: float, stream: np.random.Generator) -> Floats:
    """Poisson(x c) / c: so many photons c are counted where an image is white."""
    return _clipped(stream.poisson(images * photons).astype(np.float32) / photons)


def impulse_noise(images: Floats, share: float, stream: np.random.Generator) -> Floats:
    """Salt and pepper: this share of the values is replaced, half of them by 0 and half by 1."""
    drawn = stream.random(images.shape, np.float32)
    return np.where(drawn < share, (drawn < share / 2).astype(np.float32), images)


def blur(images: Floats, sd: float, _stream: np.random.Generator) -> Floats:
    """A Gaussian filter with this standard deviation; at the edge, the image is continued as in a mirror.

    Oracle: scipy.ndimage.gaussian_filter(truncate=4).
    """
    sd *= _scale(images)
    down, across = (_blur_matrix(length, sd) for length in images.shape[1:3])
    blurred: Floats = np.einsum("ij,njkc,lk->nilc", down, images, across, optimize=True)
    return blurred


def contrast(images: Floats, factor: float, _stream: np.random.Generator) -> Floats:
    """(x - m) c + m, m the mean of the image."""
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    return _clipped((images - mean) * factor + mean)


def brightness(images: Floats, added: float, _stream: np.random.Generator) -> Floats:
    """x + b."""
    return _clipped(images + added)


def translate(images: Floats, pixels: float, stream: np.random.Generator) -> Floats:
    """Moved up, down, left or right, each image at random; what comes in is 0."""
    length = pixels * _scale(images)
    ways = [(length, 0.0), (-length, 0.0), (0.0, length), (0.0, -length)]
    return warp_in_groups(images, [(IDENTITY, way) for way in ways], stream)


def rotate(images: Floats, degrees: float, stream: np.random.Generator) -> Floats:
    """Turned about the middle, each image one way or the other at random."""
    return warp_in_groups(images, [(rotation(way * degrees), NO_SHIFT) for way in (1, -1)], stream)


def shear(images: Floats, slope: float, stream: np.random.Generator) -> Floats:
    """Each row moved by its distance from the middle times the slope, to one side or the other at random."""
    slanted = [np.array([[1.0, 0.0], [way * slope, 1.0]]) for way in (1, -1)]
    return warp_in_groups(images, [(each, NO_SHIFT) for each in slanted], stream)


def shrink(images: Floats, factor: float, stream: np.random.Generator) -> Floats:
    """Made smaller by this factor, in the middle of a black frame."""
    return warp_in_groups(images, [(IDENTITY / factor, NO_SHIFT)], stream)


def occlusion(images: Floats, share: float, stream: np.random.Generator) -> Floats:
    """A black rectangle at a random place, whose sides are this share of those of the image."""
    n, height, width, _ = images.shape
    rows, columns = (
        _within(np.asarray(stream.random(n)), max(1, round(share * length)), length)
        for length in (height, width)
    )
    hidden = rows[:, :, None] & columns[:, None, :]
    return np.where(hidden[..., None], np.float32(0), images)


def quantize(images: Floats, bits: float, _stream: np.random.Generator) -> Floats:
    """Rounded to 2^bits levels, from 0 to 1."""
    steps = np.float32(2**bits - 1)
    return np.asarray(np.rint(images * steps) / steps)


IMAGE_CORRUPTIONS: tuple[Corruption[Floats], ...] = (
    Corruption("gaussian_noise", (0.08, 0.12, 0.18, 0.26, 0.38), gaussian_noise),
    Corruption("shot_noise", (60, 25, 12, 5, 3), shot_noise),
    Corruption("impulse_noise", (0.03, 0.06, 0.09, 0.17, 0.27), impulse_noise),
    Corruption("blur", (0.5, 1, 1.5, 2, 2.5), blur),
    Corruption("contrast", (0.4, 0.3, 0.2, 0.1, 0.05), contrast),
    Corruption("brightness", (0.1, 0.2, 0.3, 0.4, 0.5), brightness),
    Corruption("translate", (1, 2, 3, 4, 5), translate),
    Corruption("rotate", (5, 10, 20, 30, 40), rotate),
    Corruption("shear", (0.1, 0.2, 0.3, 0.4, 0.5), shear),
    Corruption("shrink", (0.9, 0.8, 0.7, 0.6, 0.5), shrink),
    Corruption("occlusion", (0.15, 0.25, 0.35, 0.45, 0.55), occlusion),
    Corruption("quantize", (5, 4, 3, 2, 1), quantize),
)


def _clipped(images: Floats) -> Floats:
    return np.clip(images, 0, 1, out=images)


def _scale(images: Floats) -> float:
    return float(max(images.shape[1:3])) / SIDE


def _blur_matrix(length: int, sd: float) -> Floats:
    """The filter along one side as a matrix (length, length): each row has the weights of a pixel's neighbours."""
    reach = int(4 * sd + 0.5)
    offsets = np.arange(-reach, reach + 1)
    weights = np.exp(-(offsets**2) / (2 * sd**2))
    weights /= weights.sum()
    matrix = np.zeros((length, length))
    for offset, weight in zip(offsets, weights, strict=True):
        mirrored = (np.arange(length) + offset) % (2 * length)
        matrix[np.arange(length), np.minimum(mirrored, 2 * length - 1 - mirrored)] += weight
    return matrix.astype(np.float32)


def _within(place: NDArray[np.float64], size: int, length: int) -> NDArray[np.bool_]:
    """Which pixels (n, length) along a side lie in a section of this size. place: in [0, 1), from one end."""
    start = np.floor(place * (length - size + 1))[:, None]
    pixels = np.arange(length)[None]
    inside: NDArray[np.bool_] = (pixels >= start) & (pixels < start + size)
    return inside
