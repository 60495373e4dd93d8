"""Encoders without recurrence, which see a bag of the past or a window of it.

They share the interface of rnn_course.encoders. Their state is what the features of later steps
need of earlier ones, so they too can go on step by step; it carries no gradient.
"""

import numpy as np

from rnn_course._validate import require_lengths, require_shape
from rnn_course.activations import nonlinearity_pair
from rnn_course.layers import init_linear, linear_backward, linear_forward


def _require_state(state, shapes, because):
    """The arrays of a state, which is a list of one tuple; raise ValueError for other shapes."""
    if len(state) != 1 or len(state[0]) != len(shapes):
        raise ValueError(f"state must be a list of one tuple of arrays {shapes}, {because}")
    for array, shape in zip(*state, shapes, strict=True):
        require_shape("state", array, shape, because)
    return state[0]


class _FeedforwardEncoder:
    """A hidden layer tanh(W v_t + b) on a fixed function v_t of the inputs up to step t."""

    def __init__(self, input_size, feature_size, hidden_size, rng, nonlinearity, dtype):
        self.input_size, self.hidden_size = input_size, hidden_size
        self.output_size = hidden_size
        self.activation, self.activation_backward = nonlinearity_pair(nonlinearity)
        self.params = init_linear(feature_size, hidden_size, rng, dtype)

    def forward(self, x, state=None, lengths=None, rng=None):
        """States (B, T, H) of inputs (B, T, D) and what later steps need; there is no dropout."""
        require_shape("x", x, (None, None, self.input_size), f"{type(self).__name__} of this size")
        B, T, _ = x.shape
        steps, real = np.full(B, T), None  # (B,)
        if lengths is not None:
            steps = require_lengths("lengths", lengths, B, T)  # (B,)
            real = (np.arange(T) < steps[:, None])[..., None]  # (B, T, 1)
            x = np.where(real, x, 0)  # (B, T, D)
        features, state, given = self._features(x, state, steps)
        a, cache = linear_forward(features, **self.params)  # (B, T, H)
        h = self.activation(a)  # (B, T, H)
        if real is not None:
            h = np.where(real, h, 0)  # (B, T, H)
        return (h.copy(), state), (h, cache, real, given)  # a copy: its owner may change it

    def backward(self, dh, cache, dstate=None, truncation=None):
        """dx (B, T, D), None for the state, and grads for dh (B, T, H).

        Raises:
            ValueError: dh does not have the shape of h, or dstate is given.
        """
        h, linear_cache, real, given = cache
        require_shape("dh", dh, h.shape, f"h {h.shape}")
        if dstate is not None:
            raise ValueError(f"{type(self).__name__} carries no gradient through its state")
        if real is not None:
            dh = np.where(real, dh, 0)  # (B, T, H)
        dv, grads = linear_backward(self.activation_backward(dh, h), linear_cache)
        dx = self._features_backward(dv, given)  # (B, T, D)
        return dx if real is None else np.where(real, dx, 0), None, grads


class WindowEncoder(_FeedforwardEncoder):
    """Feedforward network on the last ``window`` inputs x_{t-window+1} ... x_t, laid end to end.

    Places before the start of the sequence are zeros. A window of 1 sees one item at a time. Each
    place in the window has its own weights, so the parameters grow with the window.
    """

    def __init__(self, input_size, hidden_size, window, rng, nonlinearity="tanh", dtype=np.float64):
        if window < 1:
            raise ValueError(f"window is {window}; expected at least 1")
        self.window = window
        super().__init__(input_size, window * input_size, hidden_size, rng, nonlinearity, dtype)

    def _features(self, x, state, steps):
        B, T, D = x.shape
        shape = (B, self.window - 1, D)
        before = np.zeros(shape, dtype=x.dtype)  # (B, window - 1, D)
        if state is not None:
            because = f"x {x.shape} in a window of {self.window}"
            (before,) = _require_state(state, [shape], because)
        seen = np.concatenate([before, x], axis=1)  # (B, window - 1 + T, D)
        features = np.concatenate([seen[:, k : k + T] for k in range(self.window)], axis=2)
        ends = steps[:, None] + np.arange(self.window - 1)  # (B, window - 1), places in seen
        return features, [(seen[np.arange(B)[:, None], ends],)], None

    def _features_backward(self, dv, given):
        B, T, _ = dv.shape
        dv = dv.reshape(B, T, self.window, self.input_size)  # (B, T, window, D)
        dx = np.zeros((B, T + self.window - 1, self.input_size), dtype=dv.dtype)
        for k in range(self.window):
            dx[:, k : k + T] += dv[:, :, k]
        return dx[:, self.window - 1 :]  # (B, T, D)


class BagEncoder(_FeedforwardEncoder):
    """Feedforward network on the mean of x_0 ... x_t: it sees which items came, not their order."""

    def __init__(self, input_size, hidden_size, rng, nonlinearity="tanh", dtype=np.float64):
        super().__init__(input_size, input_size, hidden_size, rng, nonlinearity, dtype)

    def _features(self, x, state, steps):
        B, T, D = x.shape
        total, seen = np.zeros((B, D), dtype=x.dtype), np.zeros(B, dtype=np.int64)
        if state is not None:
            total, seen = _require_state(state, [(B, D), (B,)], f"x {x.shape}")
        counts = (seen[:, None] + np.arange(1, T + 1))[..., None].astype(x.dtype)  # (B, T, 1)
        totals = total[:, None] + np.cumsum(x, axis=1)  # (B, T, D)
        end = np.concatenate([total[:, None], totals], axis=1)[np.arange(B), steps]  # (B, D)
        return totals / counts, [(end, seen + steps)], counts

    def _features_backward(self, dv, counts):
        return np.cumsum((dv / counts)[:, ::-1], axis=1)[:, ::-1]  # t feeds the means from t on
