"""Encoders turn a sequence of vectors into one state per step; each sees another part of the past.

All share one interface: ``params``, ``forward(x, h_0=None) -> (h, cache)``,
``backward(dh, cache, truncation=None) -> (dx, dh_0, grads)``, shapes x (B, T, D), h (B, T, H).
"""

import numpy as np

from rnn_course._validate import require_shape
from rnn_course.activations import nonlinearity_pair
from rnn_course.layers import init_linear, linear_backward, linear_forward
from rnn_course.rnn import init_rnn, rnn_backward, rnn_forward


class RNNEncoder:
    """Vanilla RNN (eq-rnn-hidden): the state after step t depends on all of x_0 ... x_t."""

    def __init__(self, input_size, hidden_size, rng, nonlinearity="tanh", dtype=np.float64):
        self.hidden_size = hidden_size
        self.nonlinearity = nonlinearity
        self.params = init_rnn(input_size, hidden_size, rng, dtype)

    def forward(self, x, h_0=None):
        """States (B, T, H) of inputs (B, T, D), from h_0 (B, H) or zeros."""
        return rnn_forward(x, h_0, **self.params, nonlinearity=self.nonlinearity)

    def backward(self, dh, cache, truncation=None):
        """dx (B, T, D), dh_0 (B, H) and grads for dh (B, T, H)."""
        return rnn_backward(dh, cache, truncation)


class _FeedforwardEncoder:
    """A hidden layer tanh(W v_t + b) on a fixed function v_t of the inputs; it keeps no state."""

    def __init__(self, input_size, feature_size, hidden_size, rng, nonlinearity, dtype):
        self.input_size, self.hidden_size = input_size, hidden_size
        self.activation, self.activation_backward = nonlinearity_pair(nonlinearity)
        self.params = init_linear(feature_size, hidden_size, rng, dtype)

    def forward(self, x, h_0=None):
        """States (B, T, H) of inputs (B, T, D); an initial state has nowhere to go."""
        if h_0 is not None:
            raise ValueError(f"{type(self).__name__} keeps no state, so h_0 must be None")
        require_shape("x", x, (None, None, self.input_size), f"{type(self).__name__} of this size")
        a, cache = linear_forward(self._features(x), **self.params)  # (B, T, H)
        h = self.activation(a)  # (B, T, H)
        return h, (h, cache)

    def backward(self, dh, cache, truncation=None):
        """dx (B, T, D), None for the absent initial state, and grads for dh (B, T, H)."""
        h, linear_cache = cache
        require_shape("dh", dh, h.shape, f"h {h.shape}")
        dv, grads = linear_backward(self.activation_backward(dh, h), linear_cache)
        return self._features_backward(dv), None, grads


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

    def _features(self, x):
        B, T, D = x.shape
        before = np.zeros((B, self.window - 1, D), dtype=x.dtype)  # (B, window - 1, D)
        padded = np.concatenate([before, x], axis=1)  # (B, T + window - 1, D)
        return np.concatenate([padded[:, k : k + T] for k in range(self.window)], axis=2)

    def _features_backward(self, dv):
        B, T, _ = dv.shape
        dv = dv.reshape(B, T, self.window, -1)  # (B, T, window, D)
        dx = np.zeros((B, T + self.window - 1, dv.shape[3]), dtype=dv.dtype)
        for k in range(self.window):
            dx[:, k : k + T] += dv[:, :, k]
        return dx[:, self.window - 1 :]  # (B, T, D)


class BagEncoder(_FeedforwardEncoder):
    """Feedforward network on the mean of x_0 ... x_t: it sees which items came, not their order."""

    def __init__(self, input_size, hidden_size, rng, nonlinearity="tanh", dtype=np.float64):
        super().__init__(input_size, input_size, hidden_size, rng, nonlinearity, dtype)

    @staticmethod
    def _step_counts(x):
        return np.arange(1, x.shape[1] + 1, dtype=x.dtype)[:, None]  # (T, 1)

    def _features(self, x):
        return np.cumsum(x, axis=1) / self._step_counts(x)  # (B, T, D)

    def _features_backward(self, dv):
        dv = dv / self._step_counts(dv)  # (B, T, D)
        return np.cumsum(dv[:, ::-1], axis=1)[:, ::-1]  # step t feeds the means at t and after
