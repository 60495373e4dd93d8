"""Ways to run an encoder-decoder, right and wrong, for checks/wrong_translators.py.

A translator takes source (B, S), lengths (B,), inputs (B, T) and the parameters of encoder and
decoder, and returns logits (B, T, V).
"""

import numpy as np

from rnn_course import rnn

CELL = ("W_xh", "W_hh", "b_h")


def run(x, h_0, net):
    return rnn.rnn_forward(x, h_0, net["W_xh"], net["W_hh"], net["b_h"])[0]


def read(source, net):
    """(B, S, H) the encoder's state after every word, padding read like words."""
    return run(net["E"][source], None, net)


def at(h, lengths):
    """(B, H) the state after the given number of words."""
    return h[np.arange(len(h)), np.clip(lengths, 1, h.shape[1]) - 1]


def logits(h, net):
    return h @ net["W_hy"].T + net["b_y"]


def write(x, h_0, net):
    return logits(run(x, h_0, net), net)  # (B, T, V)


def translate(source, lengths, inputs, encoder, decoder):
    return write(decoder["E"][inputs], at(read(source, encoder), lengths), decoder)


def read_as(read):
    """The decoder starts from read(source, lengths, encoder)."""
    return lambda source, lengths, inputs, encoder, decoder: write(
        decoder["E"][inputs], read(source, lengths, encoder), decoder
    )


def started(choose):
    """The decoder starts from choose(states (B, S, H), lengths) of the encoder."""
    return read_as(lambda source, lengths, net: choose(read(source, net), lengths))


def fed(change):
    """The decoder is fed change(inputs)."""
    return lambda source, lengths, inputs, *nets: translate(source, lengths, change(inputs), *nets)


def with_nets(change):
    """Both networks replaced: change(encoder, decoder) -> encoder, decoder."""
    return lambda source, lengths, inputs, encoder, decoder: translate(
        source, lengths, inputs, *change(encoder, decoder)
    )


def written(write):
    """Logits by write(x (B, T, D), h_0, decoder)."""
    return lambda source, lengths, inputs, encoder, decoder: write(
        decoder["E"][inputs], at(read(source, encoder), lengths), decoder
    )


def after(change):
    return lambda *given: change(translate(*given))


def own_words(x, h_0, net):
    """The decoder is fed the words that it finds most probable."""
    x_t, h_t, y = x[:, 0], h_0, []
    for _ in range(x.shape[1]):
        h_t = run(x_t[:, None], h_t, net)[:, 0]
        y.append(logits(h_t, net))
        x_t = net["E"][y[-1].argmax(axis=1)]
    return np.stack(y, axis=1)


def each_from(h_0_of):
    """Every step of the decoder by itself, from the state h_0_of(h_0, step)."""
    return written(
        lambda x, h_0, net: logits(
            np.concatenate(
                [run(x[:, t : t + 1], h_0_of(h_0, t), net) for t in range(x.shape[1])], axis=1
            ),
            net,
        )
    )


def late(x, h_0, net):
    h = np.concatenate([h_0[:, None], run(x, h_0, net)[:, :-1]], axis=1)
    return logits(h, net)


def with_zero_words(source, lengths, net):
    """Padding read as words of zeros."""
    real = np.arange(source.shape[1]) < lengths[:, None]
    return run(net["E"][source] * real[:, :, None], None, net)[:, -1]


def by(cell):
    """The states of a network whose every step is cell(x_t, h_prev, net)."""

    def states(x, h_0, net):
        h_t, found = h_0, []
        for t in range(x.shape[1]):
            h_t = cell(x[:, t], h_t, net)
            found.append(h_t)
        return np.stack(found, axis=1)

    return states


def both_by(cell, logits=logits):
    """Both networks with another cell."""

    def translated(source, lengths, inputs, encoder, decoder):
        h_0 = np.zeros((len(source), len(encoder["b_h"])))
        h_0 = at(by(cell)(encoder["E"][source], h_0, encoder), lengths)
        h = by(cell)(decoder["E"][inputs], h_0, decoder)
        return np.stack([logits(h[:, t], decoder) for t in range(h.shape[1])], axis=1)

    return translated


def linear(x_t, h_prev, net):
    return x_t @ net["W_xh"].T + h_prev @ net["W_hh"].T + net["b_h"]


def bias_after(x_t, h_prev, net):
    return np.tanh(x_t @ net["W_xh"].T + h_prev @ net["W_hh"].T) + net["b_h"]


def as_columns(x_t, h_prev, net):
    return np.tanh(net["W_xh"] @ x_t + net["W_hh"] @ h_prev + net["b_h"])


def from_row_to_row(source, lengths, inputs, encoder, decoder, own_end=False):
    """The encoder reads a row from where it, or the decoder, ended with the row before."""
    h, y = np.zeros((1, len(encoder["b_h"]))), []
    for words, n, fed in zip(source, lengths.astype(int), inputs, strict=True):
        h = run(encoder["E"][words[None, :n]], h, encoder)[:, -1]
        states = run(decoder["E"][fed[None]], h, decoder)
        y.append(logits(states, decoder)[0])
        h = states[:, -1] if own_end else h
    return np.stack(y)


def every_length(source, lengths, inputs, encoder, decoder):
    """h[:, lengths - 1], which takes B states of every row."""
    h_0 = read(source, encoder)[:, lengths - 1]
    h = by(lambda *given: np.tanh(linear(*given)))(decoder["E"][inputs], h_0, decoder)
    return logits(h, decoder)


def turned(*names):
    return lambda net: net | {name: net[name].T for name in names if name in net}


def without(name):
    return lambda net: net | {name: 0 * net[name]}


def in_encoder(change):
    return with_nets(lambda encoder, decoder: (change(encoder), decoder))


def in_decoder(change):
    return with_nets(lambda encoder, decoder: (encoder, change(decoder)))


def mean_state(h, lengths):
    real = np.arange(h.shape[1]) < lengths[:, None]
    return (h * real[:, :, None]).sum(axis=1) / lengths[:, None]
