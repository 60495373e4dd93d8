"""Encoders turn a sequence of vectors into one state per step; each sees another part of it.

All share one interface:

``(h, state), cache = encoder.forward(x, state=None, lengths=None, rng=None)``: h (B, T, H) or, in
both directions, (B, T, 2H), from x (B, T, D). ``lengths`` (B,) counts the real steps of
right-padded sequences, and h is zero at padded ones. ``state`` holds a tuple of arrays (B, ...) for
each layer and direction, taken at each sequence's own end: given to the next call, the sequence
goes on as if it had never been cut. With an ``rng`` there is dropout.

``dx, dstate_0, grads = encoder.backward(dh, cache, dstate=None, truncation=None)``: ``dstate`` is
the gradient with respect to the returned state, ``dstate_0`` to the given one.
"""

import numpy as np

from rnn_course._validate import require_lengths, require_rate, require_shape
from rnn_course.gru import gru_backward, gru_forward, init_gru
from rnn_course.layers import dropout_backward, dropout_forward, reverse_padded
from rnn_course.lstm import init_lstm, lstm_backward, lstm_forward
from rnn_course.mingru import init_mingru, mingru_backward, mingru_forward
from rnn_course.minlstm import init_minlstm, minlstm_backward, minlstm_forward
from rnn_course.rnn import init_rnn, rnn_backward, rnn_forward


class _RecurrentEncoder:
    """Recurrent layers on top of each other, each in one direction or in both.

    The first layer's parameters have their own names, such as W_xh; those of layer 1 and above
    end in _l1, _l2, ..., those of the direction from the last real step to the first in _reverse.

    Args:
        input_size, hidden_size: D and H, the latter for each layer and direction.
        rng: np.random.Generator for the parameters.
        num_layers: how many layers; each reads all states of the one below.
        bidirectional: whether each layer has a second direction; h then holds both, side by side.
        dropout: share of entries set to zero between two layers when forward gets an rng.
        dtype: of the parameters. init_options, forward_options: see the layer's functions.
    """

    def __init__(
        self,
        input_size,
        hidden_size,
        rng,
        num_layers=1,
        bidirectional=False,
        dropout=0.0,
        dtype=np.float64,
        forward_options=None,
        **init_options,
    ):
        if num_layers < 1:
            raise ValueError(f"num_layers is {num_layers}; expected at least 1")
        require_rate("dropout", dropout)
        self.input_size, self.hidden_size, self.num_layers = input_size, hidden_size, num_layers
        self.directions = ("", "_reverse") if bidirectional else ("",)
        self.output_size = hidden_size * len(self.directions)
        self.dropout, self.params = dropout, {}
        self._forward_options = forward_options or {}
        for layer in range(num_layers):
            size = input_size if layer == 0 else self.output_size
            for direction in self.directions:
                params = self._init(size, hidden_size, rng, dtype=dtype, **init_options)
                self.params |= self._named(params, layer, direction)
        self._names = list(params)
        self.forward(np.zeros((0, 0, input_size)))  # an unknown option raises now

    @staticmethod
    def _suffix(layer, direction):
        return (f"_l{layer}" if layer else "") + direction

    def _named(self, arrays, layer, direction):
        return {name + self._suffix(layer, direction): array for name, array in arrays.items()}

    def layer_params(self, layer, direction=""):
        """Parameters of one layer and direction ("" or "_reverse") under the layer's own names."""
        suffix = self._suffix(layer, direction)
        return {name: self.params[name + suffix] for name in self._names}

    def forward(self, x, state=None, lengths=None, rng=None):
        """States of every step, and the state after each sequence's last one.

        Args:
            x: (B, T, D). state: list with a tuple for each layer and direction, the layers in
                order, each forward and then reverse: (h_t,) or, for an LSTM, (h_t, c_t), (B, H)
                each; None for zeros. lengths: (B,) real steps, 0 to T, or None for T each.
            rng: np.random.Generator for dropout, or None for none.

        Returns:
            (h, state): (B, T, output_size), and like ``state``. cache: opaque.

        Raises:
            ValueError: a size disagrees with the parameters.
        """
        require_shape("x", x, (None, None, self.input_size), f"{type(self).__name__} of this size")
        if lengths is not None:
            lengths = require_lengths("lengths", lengths, *x.shape[:2])
        starts = self._complete("state", state, len(x), f"x {x.shape}")
        h, ends, caches = x, [], []
        for layer in range(self.num_layers):
            h, dropout_cache = dropout_forward(h, self.dropout if layer else 0, rng)
            runs = [
                self._run(layer, direction, h, start, lengths)
                for direction, start in zip(self.directions, starts[layer], strict=True)
            ]
            hs = [run[0] for run in runs]  # (B, T, H) each
            h = hs[0] if len(hs) == 1 else np.concatenate(hs, axis=2)  # (B, T, H or 2H)
            ends += [run[1] for run in runs]
            caches.append(([run[2] for run in runs], dropout_cache))
        return (h, ends), (caches, h.shape, lengths)

    def backward(self, dh, cache, dstate=None, truncation=None):
        """Gradients of forward.

        Args:
            dh: (B, T, output_size), not looked at where padded. cache: from forward.
            dstate: like state, or None for zeros. truncation: None for the full gradient, or
                k >= 1: in every layer none flows back over the cuts between pieces of k steps,
                counted from where its direction starts.

        Returns:
            dx: (B, T, D). dstate_0: like state. grads: keyed like ``params``.

        Raises:
            ValueError: dh or dstate does not fit.
        """
        caches, shape, lengths = cache
        require_shape("dh", dh, shape, f"h {shape}")
        d_ends, d_starts, grads = self._complete("dstate", dstate, len(dh), f"h {shape}"), [], {}
        for layer in reversed(range(self.num_layers)):
            layer_caches, dropout_cache = caches[layer]
            d_directions = np.split(dh, len(self.directions), axis=2)  # (B, T, H) each
            runs = [
                self._run_backward(layer, direction, *given, lengths, truncation)
                for direction, *given in zip(
                    self.directions, d_directions, d_ends[layer], layer_caches, strict=True
                )
            ]
            dh = dropout_backward(sum(run[0] for run in runs), dropout_cache)  # (B, T, ·)
            d_starts = [run[1] for run in runs] + d_starts
            for *_, run_grads in runs:
                grads |= run_grads
        return dh, d_starts, {name: grads[name] for name in self.params}

    def _complete(self, name, state, B, because):
        """The state as a list of layers, each a list of directions; None where none is given."""
        count, each = self.num_layers * len(self.directions), len(self.directions)
        state = [(None,) * self.num_states] * count if state is None else state
        if len(state) != count:
            raise ValueError(
                f"{name} has {len(state)} entries; expected {count}, one a layer and direction"
            )
        for k, arrays in enumerate(state):
            if not isinstance(arrays, tuple | list) or len(arrays) != self.num_states:
                raise ValueError(
                    f"{name}[{k}] must be a tuple with an array (B, H) for each of the layer's "
                    f"states, of which there are {self.num_states}"
                )
            for array in arrays:
                if array is not None:
                    require_shape(f"{name}[{k}]", array, (B, self.hidden_size), because)
        return [state[k : k + each] for k in range(0, count, each)]

    def _run(self, layer, direction, x, start, lengths):
        """One layer in one direction: h (B, T, H), the state at each end, cache."""
        x = reverse_padded(x, lengths) if direction else x  # (B, T, ·)
        params = self.layer_params(layer, direction)
        h, cache = self._forward(x, *start, lengths=lengths, **self._forward_options, **params)
        histories = h if self.num_states > 1 else (h,)  # (B, T, H) each
        steps = _steps(lengths, *x.shape[:2])  # (B,)
        ends = [_at_end(h, h_0, steps) for h, h_0 in zip(histories, start, strict=True)]
        h = reverse_padded(histories[0], lengths) if direction else histories[0]  # (B, T, H)
        return h, tuple(ends), cache

    def _run_backward(self, layer, direction, dh, d_end, cache, lengths, truncation):
        dh = reverse_padded(dh, lengths) if direction else dh  # (B, T, H)
        none = [None] * (self.num_states - 1)
        steps = _steps(lengths, *dh.shape[:2])  # (B,)
        d_histories = [
            _plus_at_end(d, d_last, dh.shape, steps)
            for d, d_last in zip([dh, *none], d_end, strict=True)
        ]
        dx, *d_start, grads = self._backward(*d_histories, cache, truncation)
        dx = reverse_padded(dx, lengths) if direction else dx  # (B, T, ·)
        for d, d_last in zip(d_start, d_end, strict=True):
            if d_last is not None:  # a sequence without steps hands its state on as it is
                d[steps == 0] += d_last[steps == 0]
        return dx, tuple(d_start), self._named(grads, layer, direction)


def _steps(lengths, B, T):
    """How many steps each sequence has, (B,)."""
    return np.full(B, T) if lengths is None else lengths


def _at_end(h, h_0, steps):
    """The state (B, H) after each sequence's last step in h (B, T, H); h_0 where it has none."""
    end = np.zeros((len(h), h.shape[2]), dtype=h.dtype)  # (B, H)
    if h_0 is not None:
        end[:] = h_0
    some = np.flatnonzero(steps)
    end[some] = h[some, steps[some] - 1]
    return end


def _plus_at_end(dh, d_end, shape, steps):
    """dh (B, T, H), or zeros for None, plus d_end (B, H) at each sequence's last step."""
    if d_end is None:
        return dh
    dh = np.zeros(shape, dtype=d_end.dtype) if dh is None else dh.copy()  # (B, T, H)
    some = np.flatnonzero(steps)
    dh[some, steps[some] - 1] += d_end[some]
    return dh


class RNNEncoder(_RecurrentEncoder):
    """Vanilla RNN (eq-rnn-hidden): the state after step t depends on all of x_0 ... x_t."""

    num_states = 1
    _init = staticmethod(init_rnn)
    _forward = staticmethod(rnn_forward)
    _backward = staticmethod(rnn_backward)

    def __init__(self, input_size, hidden_size, rng, nonlinearity="tanh", **stack):
        options = {"nonlinearity": nonlinearity}
        super().__init__(input_size, hidden_size, rng, forward_options=options, **stack)


class LSTMEncoder(_RecurrentEncoder):
    """LSTM (eq-lstm-gates to eq-lstm-hidden); option ``forget_bias``, see init_lstm."""

    num_states = 2
    _init = staticmethod(init_lstm)
    _forward = staticmethod(lstm_forward)
    _backward = staticmethod(lstm_backward)


class GRUEncoder(_RecurrentEncoder):
    """GRU (eq-gru-gates to eq-gru-hidden), with reset "after" the product or "before" it."""

    num_states = 1
    _init = staticmethod(init_gru)
    _forward = staticmethod(gru_forward)
    _backward = staticmethod(gru_backward)

    def __init__(self, input_size, hidden_size, rng, reset="after", **stack):
        options = {"reset": reset}
        super().__init__(input_size, hidden_size, rng, forward_options=options, **stack)


class MinGRUEncoder(_RecurrentEncoder):
    """minGRU (eq-mingru-gates, eq-mingru-hidden), with candidate "linear" or "positive"."""

    num_states = 1
    _init = staticmethod(init_mingru)
    _forward = staticmethod(mingru_forward)
    _backward = staticmethod(mingru_backward)

    def __init__(self, input_size, hidden_size, rng, candidate="linear", **stack):
        options = {"candidate": candidate}
        super().__init__(input_size, hidden_size, rng, forward_options=options, **stack)


class MinLSTMEncoder(_RecurrentEncoder):
    """minLSTM (eq-minlstm-gates to eq-minlstm-hidden), with candidate "linear" or "positive"."""

    num_states = 1
    _init = staticmethod(init_minlstm)
    _forward = staticmethod(minlstm_forward)
    _backward = staticmethod(minlstm_backward)

    def __init__(self, input_size, hidden_size, rng, candidate="linear", **stack):
        options = {"candidate": candidate}
        super().__init__(input_size, hidden_size, rng, forward_options=options, **stack)
