import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients, normal
from workers.nn.layers import im2col
from workers.nn.layers.conv2d import Conv2D
from workers.nn.layers.im2col import Padding

CASES = {
    # height x width, kernel, stride, padding, and the resulting zeros: left, right, above, below
    "same": ((6, 5), (3, 3), 1, "same", (1, 1, 1, 1)),
    "same, even kernel": ((6, 5), (4, 2), 1, "same", (0, 1, 1, 2)),
    "same, stride 2": ((6, 5), (3, 3), 2, "same", (1, 1, 0, 1)),
    "same, stride 3, kernel 2": ((6, 8), (2, 2), 3, "same", (0, 0, 0, 0)),
    "same, kernel beyond the image": ((2, 1), (5, 3), 1, "same", (1, 1, 2, 2)),
    "valid": ((6, 5), (3, 3), 1, "valid", (0, 0, 0, 0)),
    "valid, stride 2, an unused row": ((6, 5), (3, 2), 2, "valid", (0, 0, 0, 0)),
    "valid, the whole image": ((6, 5), (6, 5), 1, "valid", (0, 0, 0, 0)),
    "one pixel": ((6, 5), (1, 1), 1, "same", (0, 0, 0, 0)),
}


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize(("size", "kernel", "stride", "padding", "zeros"), CASES.values(), ids=CASES.keys())
def test_convolution_and_gradients_are_those_of_torch(
    size: tuple[int, int],
    kernel: tuple[int, int],
    stride: int,
    padding: Padding,
    zeros: tuple[int, ...],
    bias: bool,
) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    functional = torch.nn.functional
    layer = Conv2D(2, 3, initializer=normal, kernel=kernel, stride=stride, padding=padding, bias=bias)
    bound(layer)
    generator = np.random.default_rng(0)
    x = generator.normal(size=(4, *size, 2))
    dy = generator.normal(size=(4, *layer.output_shape((*size, 2))))
    y, dx, found = gradients(layer, x, dy)

    x_torch = torch.from_numpy(x).permute(0, 3, 1, 2).requires_grad_()
    weight = torch.from_numpy(layer.values["weight"]).permute(3, 2, 0, 1).requires_grad_()
    shift = torch.tensor(layer.values["bias"] if bias else np.zeros(3), requires_grad=True)
    y_torch = functional.conv2d(functional.pad(x_torch, zeros), weight, shift, stride=stride)
    dy_torch = torch.from_numpy(dy).permute(0, 3, 1, 2)
    dx_torch, dweight, dshift = torch.autograd.grad(y_torch, [x_torch, weight, shift], dy_torch)
    np.testing.assert_allclose(y, y_torch.permute(0, 2, 3, 1).detach(), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(dx, dx_torch.permute(0, 2, 3, 1), rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found["weight"], dweight.permute(2, 3, 1, 0), rtol=1e-10, atol=1e-12)
    if bias:
        np.testing.assert_allclose(found["bias"], dshift, rtol=1e-10)


@pytest.mark.parametrize("block", [1, 300, 2**18])
def test_the_size_of_the_blocks_does_not_matter(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(7, 6, 5, 2))
    dy = np.random.default_rng(1).normal(size=(7, 6, 5, 3))
    whole, blocked = Conv2D(2, 3, initializer=normal), Conv2D(2, 3, initializer=normal)
    bound(whole)
    bound(blocked)
    y, dx, expected = gradients(whole, x, dy)
    monkeypatch.setattr(im2col, "BLOCK_ELEMENTS", block)
    y_blocked, dx_blocked, found = gradients(blocked, x, dy)
    np.testing.assert_allclose(y_blocked, y, rtol=1e-12)
    np.testing.assert_allclose(dx_blocked, dx, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found["weight"], expected["weight"], rtol=1e-10)


def test_the_border_stays_zero_when_buffers_are_used_again() -> None:
    layer = Conv2D(1, 1, initializer=normal)
    bound(layer)
    first = layer.forward(np.ones((2, 4, 4, 1)), training=True)[0].copy()
    layer.forward(np.full((3, 6, 6, 1), 9.0), training=True)
    layer.forward(np.full((2, 4, 4, 1), 9.0), training=True)
    np.testing.assert_array_equal(layer.forward(np.ones((2, 4, 4, 1)), training=True)[0], first)
