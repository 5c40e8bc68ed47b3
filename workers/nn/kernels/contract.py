"""The interface of the kernels: what each implementation computes, for C-contiguous arrays of one float type.

Kernels write their results to arrays of the caller. A rectifier is f(z) = z if z > 0, else slope z: relu (slope 0),
leaky relu, and the identity (slope 1). NaN stays NaN in every kernel, so that divergence is noticed. Rounding is to
bfloat16, to the nearest number, and of two equally near ones to the even one.
"""

from typing import Protocol

from workers.nn.arrays import Array, Bits, Integers


class Kernels(Protocol):
    """A module with these functions."""

    NAME: str

    def gather(
        self,
        features: Array | Integers,
        labels: Integers,
        rows: Integers,
        offset: Array,
        factor: Array,
        x: Array,
        y: Integers,
    ) -> None:
        """x (m, d) = (features[rows] - offset) factor, y (m,) = labels[rows]; features (n, d), float32 offset."""

    def scale(self, features: Array | Integers, offset: Array, factor: Array, x: Array) -> None:
        """x (m, d) = (features - offset) factor: like gather, for all rows and without labels."""

    def mix(
        self,
        features: Array | Integers,
        rows: Integers,
        mixing: Array,
        offset: Array,
        factor: Array,
        x: Array,
    ) -> None:
        """x += u (x' - x) for scaled x (m, d), with x' the scaled `rows` and u = mixing (m,)."""

    def encode(
        self,
        features: Array | Integers,
        rows: Integers,
        starts: Integers,
        fills: Array,
        indicators: Integers,
        tables: Integers,
        places: Integers,
        values: Array,
        offset: Array,
        factor: Array,
        x: Array,
    ) -> None:
        """x (m, D) = (e - offset) factor, with e the encoded `rows` of features (n, d).

        workers/data/preprocessing/layout.py has the meaning of starts, fills, indicators (d,), tables (d + 1,),
        places and values (T,).
        """

    def dense(self, x: Array, weight: Array, bias: Array, slope: float, y: Array) -> None:
        """y (m, f) = f(x W + bias), for x (m, d), W (d, f), f the rectifier of `slope`."""

    def dense_backward(
        self,
        dy: Array,
        y: Array,
        slope: float,
        x: Array,
        weight: Array,
        dweight: Array,
        dbias: Array,
        dx: Array,
    ) -> None:
        """dy (m, f) *= f'(y), dbias (f,) = the sum of its rows, dW = x^T dy; y = f(x W + bias) may be overwritten.

        dx (m, d) = dy W^T, unless dx has no rows.
        """

    def dense_steps(
        self,
        features: Array | Integers,
        labels: Integers,
        rows: Integers,
        starts: Integers,
        offset: Array,
        factor: Array,
        layers: Integers,
        slopes: Array,
        offsets: Array,
        weights: Array,
        smoothing: float,
        x: Array,
        y: Integers,
        outputs: Array,
        gradients: Array,
        losses: Array,
        parameters: Array,
        gradient: Array,
        first: Array,
        second: Array,
        beta1: float,
        beta2: float,
        step_sizes: Array,
        epsilons: Array,
    ) -> int:
        """S training steps with the mean of `cross_entropy`, of up to m rows: for each step gather, dense for each
        layer, cross_entropy, dense_backward for each layer, adam; the same bits as these kernels.

        rows: those of step s from starts[s] to starts[s + 1]; starts (S + 1,). layers (L, 5): of each layer the start
        of its weights and of its bias in `parameters`, its inputs and units, and the start of its output (m, units)
        in `outputs`, and of dL/doutput in `gradients`; slopes (L,). x (m, d), y (m,) and losses (m,) are for one
        step. step_sizes, epsilons: (S,). gradient: at the end, that of the last step. Returns how many steps were
        taken: a loss that is not finite ends them.
        """

    def sparse_dense(
        self,
        x: Array,
        weight: Array,
        bias: Array,
        slope: float,
        places: Integers,
        counts: Integers,
        y: Array,
    ) -> None:
        """Like dense, for x of which most elements are 0: 0 times infinity or NaN may count as 0.

        places (m, d) and counts (m,) are for sparse_dense_backward: the columns that are not 0 in each row.
        """

    def sparse_dense_backward(
        self,
        dy: Array,
        y: Array,
        slope: float,
        x: Array,
        places: Integers,
        counts: Integers,
        dweight: Array,
        dbias: Array,
    ) -> None:
        """Like dense_backward without dx, after sparse_dense has written places and counts."""

    def add_bias(self, z: Array, bias: Array, slope: float) -> None:
        """z (m, f) = f(z + bias), f the rectifier of `slope`."""

    def add_bias_backward(self, dy: Array, y: Array, slope: float, dbias: Array) -> None:
        """dy (m, f) *= f'(y), dbias (f,) = the sum of its rows; y = f(z) may be overwritten."""

    def add_bias_rounded(self, z: Array, bias: Array, slope: float, y: Bits) -> None:
        """y (m, f) = f(z + bias), rounded, f the rectifier of `slope`. z (m, f) may be overwritten."""

    def add_bias_backward_rounded(
        self, dy: Array, y: Array | Integers, slope: float, dbias: Array, dz: Bits
    ) -> None:
        """dbias (f,) = the sum of the rows of dy f'(y), and dz (m, f) these, rounded. dy (m, f) may be overwritten.

        y (m, f): f(z), or its bits as signed integers: they have its sign.
        """

    def round_to_bfloat16(self, x: Array, y: Bits) -> None:
        """y (r,) = the first r elements of x (n,), r <= n, rounded."""

    def sum_rows(self, x: Array, total: Array) -> None:
        """total (f,) = the sum over the rows of x (m, f)."""

    def batch_norm(
        self,
        x: Array,
        gamma: Array,
        beta: Array,
        running_mean: Array,
        running_variance: Array,
        momentum: float,
        epsilon: float,
        slope: float,
        normalised: Array,
        deviation: Array,
        y: Array,
    ) -> None:
        """normalised = (x - mean) / deviation and y = f(gamma normalised + beta), all (m, f), per column.

        deviation (f,) = sqrt(variance + epsilon). Updates the running mean and variance, with the unbiased variance.
        """

    def batch_norm_backward(
        self,
        dy: Array,
        y: Array,
        normalised: Array,
        deviation: Array,
        gamma: Array,
        slope: float,
        dgamma: Array,
        dbeta: Array,
    ) -> None:
        """dy (m, f) becomes dL/dx; also sets dgamma and dbeta (f,). y and normalised may be overwritten."""

    def dropout(self, x: Array, key: Integers, rate: float, y: Array) -> None:
        """y = x mask / (1 - rate), for x and y (n,), which may be the same array. `key` (1,) determines the mask.

        The bits come from SplitMix64, seeded with the key. The lower half of its i-th output decides on element i,
        and the upper half on element i + ceil(n / 2): a half below rate 2^32 drops its element. The same key gives
        the same mask, in the backward pass too. Source: Steele, Lea & Flood 2014.
        """

    def cross_entropy(
        self,
        logits: Array,
        labels: Integers,
        offsets: Array,
        weights: Array,
        smoothing: float,
        scale: float,
        losses: Array,
        gradient: Array,
    ) -> float:
        """Set losses (m,) and gradient (m, K) of scale w_y CE(z + offsets, y). Return the sum of the losses.

        Negligible elements of the gradient (arrays.drop_negligible) become 0.

        logits (m, K), offsets and weights (K,). losses.CrossEntropy has the formula.
        """

    def focal(
        self,
        logits: Array,
        labels: Integers,
        weights: Array,
        gamma: float,
        scale: float,
        losses: Array,
        gradient: Array,
    ) -> float:
        """Set losses (m,) and gradient (m, K) of scale w_y FL(z, y), see losses.Focal. Return the sum of the losses.

        Negligible elements of the gradient (arrays.drop_negligible) become 0.
        """

    def score(
        self,
        logits: Array,
        labels: Integers,
        predictions: Integers,
        negative_log_p: Array,
        squared_distance: Array,
        confidence: Array,
        odds: Array,
    ) -> None:
        """Score each row of finite logits z (m, K), with p = softmax(z), its label y and Y one-hot. Results are (m,).

        predictions: the argmax, in a tie the first class. negative_log_p: -log p_y. squared_distance:
        sum_k (p_k - Y_k)^2. confidence: max_k p_k. odds (K, m): p / (1 - p), one row per class. They tell
        probabilities apart that round to 1. Infinite if the others are negligible (arrays.drop_negligible) beside the
        largest; 0 if p is.
        """

    def place(self, scores: Array, labels: Integers, places: Integers) -> None:
        """places (m,) = how many classes come before the label by scores (m, K); in a tie the first class does."""

    def areas(
        self,
        labels: Integers,
        starts: Integers,
        order: Integers,
        scores: Array,
        under_roc: Array,
        under_pr: Array,
    ) -> None:
        """Areas (K,) under the curves of each class against the rest, by scores (K, m), for labels (m,): see
        workers/evaluation/ranking.py.

        order: the rows of class k from starts[k] to starts[k + 1]; starts (K + 1,). NaN if the class has no row, or
        all.
        """

    def evaluate(
        self,
        logits: Array,
        labels: Integers,
        starts: Integers,
        order: Integers,
        predictions: Integers,
        negative_log_p: Array,
        squared_distance: Array,
        confidence: Array,
        odds: Array,
        places: Integers,
        confusion: Integers,
        gaps: Array,
        under_roc: Array,
        under_pr: Array,
    ) -> bool:
        """score, then place by the logits and areas by the odds; the same bits as these kernels.

        confusion (K, K): rows true. gaps (B,): over the rows whose confidence is in bin (b / B, (b + 1) / B], the sum
        of whether the prediction is right, minus the confidence; 0 is in the first bin. Returns whether all logits
        and negative_log_p are finite; unless the logits are, it writes nothing.
        """

    def adam(
        self,
        parameters: Array,
        gradient: Array,
        first: Array,
        second: Array,
        beta1: float,
        beta2: float,
        step_size: float,
        epsilon: float,
    ) -> None:
        """m = b1 m + (1-b1) g; v = b2 v + (1-b2) g^2; w -= s m / (sqrt(v) + epsilon), s = step_size.

        g may be overwritten. In this and the other optimizers, running means that are negligible
        (arrays.drop_negligible) may become 0.
        """

    def momentum(
        self,
        parameters: Array,
        gradient: Array,
        velocity: Array,
        momentum: float,
        share: float,
        nesterov: bool,
        step_size: float,
    ) -> None:
        """v = m v + share g; w -= s v, or with nesterov w -= s (share g + m v); s = step_size.

        g may be overwritten.
        """

    def divide_by_rms(
        self,
        gradient: Array,
        square: Array,
        mean: Array,
        centered: bool,
        alpha: float,
        epsilon: float,
    ) -> None:
        """v = a v + (1-a) g^2; g /= sqrt(v) + epsilon. `centered`: u = a u + (1-a) g, sqrt(max(v - u^2, 0)).

        Without `centered`, `mean` is not used.
        """

    def add_scaled(self, x: Array, y: Array, factor: float) -> None:
        """x += factor y, for x and y (P,)."""

    def adam_rounded(
        self,
        parameters: Array,
        gradient: Array,
        first: Array,
        second: Array,
        beta1: float,
        beta2: float,
        step_size: float,
        epsilon: float,
        rounded: Bits,
    ) -> None:
        """As adam, and rounded (R,) = the first R parameters, rounded. So are the next two as those without."""

    def momentum_rounded(
        self,
        parameters: Array,
        gradient: Array,
        velocity: Array,
        momentum_: float,
        share: float,
        nesterov: bool,
        step_size: float,
        rounded: Bits,
    ) -> None: ...

    def add_scaled_rounded(self, x: Array, y: Array, factor: float, rounded: Bits) -> None: ...

    def max_pool(self, x: Array, size: int, y: Array) -> None:
        """y (n, h, w, c) = the maxima of the squares of x (n, >= size h, >= size w, c)."""

    def max_pool_backward(self, dy: Array, x: Array, y: Array, size: int, dx: Array) -> None:
        """dx = dy at the first maximum of each square, row by row, and 0 elsewhere. dy may be overwritten."""

    def copy_windows(self, images: Array | Bits, stride: int, columns: Array | Bits) -> None:
        """columns[n, r, c, i, j] = images[n, s r + i, s c + j], s = stride: windows of images (n, h, w, channels).

        Both may be Bits.
        """
