import numpy as np
import pytest

from tests.workers.nn.layers.binding import bound, gradients
from workers.nn.layers.max_pool import MaxPool2D


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("image", [(6, 6), (7, 5), (3, 4)])
def test_pooling_is_that_of_torch_ties_included(size: int, image: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is the oracle")
    generator = np.random.default_rng(0)
    layer = MaxPool2D(size)
    bound(layer)
    x = generator.integers(-2, 3, size=(5, *image, 2)).astype(float)  # most squares have several maxima
    dy = generator.normal(size=(5, *layer.output_shape((*image, 2))))
    y, dx, _ = gradients(layer, x, dy)
    x_torch = torch.from_numpy(x).permute(0, 3, 1, 2).contiguous().requires_grad_()
    y_torch = torch.nn.functional.max_pool2d(x_torch, size)
    (dx_torch,) = torch.autograd.grad(y_torch, [x_torch], torch.from_numpy(dy).permute(0, 3, 1, 2))
    np.testing.assert_array_equal(y, y_torch.permute(0, 2, 3, 1).detach())
    np.testing.assert_array_equal(dx, dx_torch.permute(0, 2, 3, 1))


def test_the_gradient_goes_to_the_first_maximum_alone() -> None:
    layer = MaxPool2D(2)
    bound(layer)
    _, dx, _ = gradients(layer, np.zeros((1, 2, 2, 1)), np.ones((1, 1, 1, 1)))
    np.testing.assert_array_equal(dx[0, :, :, 0], [[1, 0], [0, 0]])
