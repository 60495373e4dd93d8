"""What the experiments of chapter 6 share: sizes that match, dropout around a layer, a blank."""

import numpy as np

from rnn_course.layers import dropout_backward, dropout_forward


def matched_size(count_of, wanted):
    """The hidden size whose number of parameters, count_of(size), comes closest to wanted."""
    return min(range(2, 200), key=lambda size: abs(count_of(size) - wanted))


class _Around:
    """An encoder that does something to what another reads or gives."""

    def __init__(self, encoder):
        self.encoder, self.params = encoder, encoder.params
        self.input_size, self.hidden_size = encoder.input_size, encoder.hidden_size
        self.output_size = encoder.output_size


class Dropped(_Around):
    """Dropout on an encoder's inputs and states, and so on no connection from step to step."""

    def __init__(self, encoder, rate):
        super().__init__(encoder)
        self.rate = rate

    def forward(self, x, state=None, lengths=None, rng=None):
        """As the encoder's."""
        x, x_cache = dropout_forward(x, self.rate, rng)
        (h, state), cache = self.encoder.forward(x, state, lengths)
        h, h_cache = dropout_forward(h, self.rate, rng)
        return (h, state), (x_cache, cache, h_cache)

    def backward(self, dh, cache, dstate=None, truncation=None):
        """As the encoder's."""
        x_cache, cache, h_cache = cache
        dh = dropout_backward(dh, h_cache)
        dx, dstate_0, grads = self.encoder.backward(dh, cache, dstate, truncation)
        return dropout_backward(dx, x_cache), dstate_0, grads


class Blank(_Around):
    """Both directions up to step t and none of them including it: [h_{t-1}; h_{t+1} reverse].

    The encoder has one layer; a second would carry x_t around the gap.
    """

    def forward(self, x, state=None, lengths=None, rng=None):
        """As the encoder's, with zeros where a direction has read nothing yet."""
        (h, state), cache = self.encoder.forward(x, state, lengths, rng)
        H, around = self.hidden_size, np.zeros_like(h)  # (B, T, 2H)
        around[:, 1:, :H], around[:, :-1, H:] = h[:, :-1, :H], h[:, 1:, H:]
        return (around, state), cache

    def backward(self, d_around, cache, dstate=None, truncation=None):
        """As the encoder's."""
        H, dh = self.hidden_size, np.zeros_like(d_around)  # (B, T, 2H)
        dh[:, :-1, :H], dh[:, 1:, H:] = d_around[:, 1:, :H], d_around[:, :-1, H:]
        return self.encoder.backward(dh, cache, dstate, truncation)
