"""Corruptions of images against SciPy, independent formulas, and the moments of their noise."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from workers.corruptions import images as corruptions
from workers.corruptions.corruption import SEVERITIES, Floats
from workers.corruptions.images import IMAGE_CORRUPTIONS
from workers.corruptions.warps import rotation, warp

BY_NAME = {each.name: each for each in IMAGE_CORRUPTIONS}


def stream() -> np.random.Generator:
    return np.random.default_rng(3)


@pytest.fixture
def images() -> Floats:
    """Six smooth images with two channels, higher than wide."""
    raw = np.random.default_rng(1).random((6, 20, 16, 2)).astype(np.float32)
    smooth: Floats = ndimage.gaussian_filter(raw, (0, 1, 1, 0))
    return smooth


@pytest.mark.parametrize("corruption", IMAGE_CORRUPTIONS, ids=lambda each: each.name)
def test_images_stay_images_and_change_with_each_severity(corruption: Any, images: Floats) -> None:
    before = images.copy()
    found = [corruption(images, severity, stream()) for severity in SEVERITIES]
    assert np.array_equal(images, before), "the rows themselves were changed"
    for each in found:
        assert each.shape == images.shape
        assert each.dtype == np.float32
        assert each.min() >= -1e-6
        assert each.max() <= 1 + 1e-6
    assert np.array_equal(found[2], corruption(images, 3, stream())), "the same stream gives other rows"
    distances = [float(np.abs(each - images).mean()) for each in found]
    assert distances == sorted(distances), distances


def test_noise_has_the_declared_deviation() -> None:
    grey = np.full((40, 28, 28, 1), 0.5, np.float32)
    for severity, sd in zip((1, 3), (0.08, 0.18), strict=True):
        found = BY_NAME["gaussian_noise"](grey, severity, stream())
        inside = found[(found > 0) & (found < 1)] - 0.5
        assert found.mean() == pytest.approx(0.5, abs=0.005)
        assert inside.std() == pytest.approx(sd, rel=0.03)


def test_shot_noise_is_poisson() -> None:
    grey = np.full((40, 28, 28, 1), 0.3, np.float32)
    counts = BY_NAME["shot_noise"](grey, 2, stream()) * 25
    assert np.allclose(counts, np.rint(counts), atol=1e-4)
    assert counts.mean() == pytest.approx(0.3 * 25, rel=0.01)
    assert counts.var() == pytest.approx(0.3 * 25, rel=0.03)


def test_impulse_noise_replaces_its_share_by_black_and_white() -> None:
    grey = np.full((40, 28, 28, 1), 0.5, np.float32)
    found = BY_NAME["impulse_noise"](grey, 4, stream())
    assert (found == 0).mean() == pytest.approx(0.085, abs=0.006)
    assert (found == 1).mean() == pytest.approx(0.085, abs=0.006)


@pytest.mark.parametrize("sd", [0.5, 1.5, 2.5])
def test_blur_is_a_gaussian_filter(images: Floats, sd: float) -> None:
    scaled = sd * 20 / 28
    wanted = ndimage.gaussian_filter(images.astype(np.float64), (0, scaled, scaled, 0), truncate=4)
    assert np.allclose(corruptions.blur(images, sd, stream()), wanted, atol=1e-5)


def test_contrast_and_brightness(images: Floats) -> None:
    found = corruptions.contrast(images, 0.3, stream())
    for image, after in zip(images, found, strict=True):
        assert after.mean() == pytest.approx(image.mean(), abs=1e-5)
        assert after.std() == pytest.approx(0.3 * image.std(), rel=1e-4)
    brighter = corruptions.brightness(images, 0.2, stream())
    assert np.allclose(brighter, np.minimum(images + np.float32(0.2), 1), atol=1e-6)


@pytest.mark.parametrize(
    ("linear", "shift"),
    [(rotation(20), (0.0, 0.0)), (np.array([[1, 0], [0.3, 1]]), (0.0, 0.0)), (np.eye(2) / 0.7, (1.0, -2.5))],
)
def test_a_warp_is_scipys(images: Floats, linear: Any, shift: tuple[float, float]) -> None:
    middle = np.array([(20 - 1) / 2, (16 - 1) / 2])
    offset = middle - linear @ middle - np.array(shift)
    for image, after in zip(images, warp(images, linear, shift), strict=True):
        for channel in range(2):
            wanted = ndimage.affine_transform(
                image[..., channel].astype(np.float64), linear, offset, order=1, mode="grid-constant"
            )
            assert np.allclose(after[..., channel], wanted, atol=1e-5)


def test_translation_moves_whole_pixels_of_an_image_of_28() -> None:
    image = np.zeros((200, 28, 28, 1), np.float32)
    image[:, 10, 10] = 1
    found = corruptions.translate(image, 3, stream())
    places = {tuple(int(axis[0]) for axis in np.nonzero(each[..., 0])) for each in found}
    assert places == {(13, 10), (7, 10), (10, 13), (10, 7)}
    assert np.all(found.sum(axis=(1, 2, 3)) == 1)


def test_a_turn_by_90_degrees_is_numpys(images: Floats) -> None:
    square = images[:, :16]
    assert np.allclose(warp(square, rotation(90)), np.rot90(square, -1, axes=(1, 2)), atol=1e-5)


def test_shrunk_images_have_the_area_that_is_left() -> None:
    white = np.ones((1, 28, 28, 1), np.float32)
    assert corruptions.shrink(white, 0.5, stream()).mean() == pytest.approx(0.25, abs=0.02)


def test_occlusion_hides_a_rectangle_inside_each_image() -> None:
    white = np.ones((300, 20, 16, 1), np.float32)
    found = corruptions.occlusion(white, 0.35, stream())
    for each in found[..., 0]:
        rows, columns = np.nonzero(each == 0)
        assert np.ptp(rows) + 1 == 7
        assert np.ptp(columns) + 1 == round(0.35 * 16)
        assert len(rows) == 7 * round(0.35 * 16)
    hidden = (found == 0).mean(axis=0)
    assert hidden[0, 0] > 0, "no rectangle reaches the corner"


@pytest.mark.parametrize("bits", [1, 3, 5])
def test_quantized_images_have_so_many_levels(images: Floats, bits: int) -> None:
    found = corruptions.quantize(images, bits, stream())
    assert len(np.unique(found)) <= 2**bits
    assert np.abs(found - images).max() <= 0.5 / (2**bits - 1) + 1e-6
    assert math.isclose(
        float(corruptions.quantize(np.ones((1, 2, 2, 1), np.float32), bits, stream()).max()), 1
    )
