"""A two-dimensional convolution over images (N, height, width, channels)."""

from collections.abc import Mapping

from workers.nn.activations import Activation, Identity
from workers.nn.arrays import Array, Shape, sum_rows
from workers.nn.layers.layer import Backward, Layer, no_backward
from workers.nn.layers.windows import Axis, Padding, blocks, correlate, windows_of
from workers.nn.parameters import Constant, Initial, Parameter


class Conv2D(Layer):
    """y[n, r, c] = f(sum_ij x[n, s r + i - top, s c + j - left] W[i, j] + b), with zeros outside the image.

    x (N, height, width, channels), W (kernel rows, kernel columns, channels, filters), b (filters,), s the
    stride, f elementwise. Padding "valid": only windows within the image. "same": ceil(height / s) by
    ceil(width / s) windows. Oracle: torch.nn.functional.conv2d.
    """

    def __init__(
        self,
        channels: int,
        filters: int,
        *,
        initial: Initial,
        kernel: tuple[int, int] = (3, 3),
        stride: int = 1,
        padding: Padding = "same",
        activation: Activation | None = None,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.channels, self.filters, self.bias = channels, filters, bias
        self.kernel, self.stride, self.padding = kernel, stride, padding
        self.initial = initial
        self.activation = activation or Identity()

    def parameters(self) -> Mapping[str, Parameter]:
        weight = {"weight": Parameter((*self.kernel, self.channels, self.filters), self.initial, decays=True)}
        return weight | ({"bias": Parameter((self.filters,), Constant(0.0))} if self.bias else {})

    def output_shape(self, input_shape: Shape) -> Shape:
        rows, columns = self._axes(input_shape[0], input_shape[1])
        return rows.count, columns.count, self.filters

    def forward(self, x: Array, *, training: bool) -> tuple[Array, Backward]:
        rows, columns = self._axes(x.shape[1], x.shape[2])
        windows = windows_of(x, rows, columns, self.buffers)
        z = self.buffers("z", (len(x), rows.count, columns.count, self.filters), x.dtype)
        correlate(windows, self.values["weight"], z, self.buffers)
        if self.bias:
            z += self.values["bias"]
        y, activation_backward = self.activation(z)
        if not training:
            return y, no_backward

        def backward(dy: Array) -> Array:
            dz = activation_backward(dy)
            self._write_gradients(windows, dz)  # first: dx may take the buffer that the windows view
            return self._input_gradient(dz, x, rows, columns) if self.needs_input_gradient else dz

        return y, backward

    def _axes(self, height: int, width: int) -> tuple[Axis, Axis]:
        return (
            Axis.of(height, self.kernel[0], self.stride, self.padding),
            Axis.of(width, self.kernel[1], self.stride, self.padding),
        )

    def _write_gradients(self, windows: Array, dz: Array) -> None:
        dweight = self.gradients["weight"].reshape(-1, self.filters)
        dweight.fill(0)
        for block, matrix in blocks(windows, self.buffers):
            dweight += matrix.T @ dz[block].reshape(-1, self.filters)
        if self.bias:
            sum_rows(dz.reshape(-1, self.filters), out=self.gradients["bias"])

    def _input_gradient(self, dz: Array, x: Array, rows: Axis, columns: Axis) -> Array:
        """The correlation of dz, its pixels a stride apart, with the kernel turned by 180 degrees."""
        windows = windows_of(dz, rows.transposed, columns.transposed, self.buffers, spread=self.stride)
        turned = self.values["weight"][::-1, ::-1].swapaxes(2, 3)
        return correlate(windows, turned, self.buffers("dx", x.shape, x.dtype), self.buffers)
