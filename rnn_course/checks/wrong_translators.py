"""The encoder-decoder, right and wrong in the ways of learners, for checks/translation.py.

Each takes source (B, S), lengths (B,), inputs (B, T) and the parameters of encoder and decoder, and
returns logits (B, T, V).
"""

import numpy as np

from rnn_course import rnn
from rnn_course.activations import log_softmax, softmax


def _run(x, h_0, net):
    return rnn.rnn_forward(x, h_0, net["W_xh"], net["W_hh"], net["b_h"])[0]


def _read(source, net):
    """(B, S, H) the encoder's state after every word, padding read like words."""
    return _run(net["E"][source], None, net)


def _at(h, lengths):
    """(B, H) the state after the given number of words."""
    return h[np.arange(len(h)), np.clip(lengths, 1, h.shape[1]) - 1]


def _logits(h, net):
    return h @ net["W_hy"].T + net["b_y"]


def _write(x, h_0, net):
    return _logits(_run(x, h_0, net), net)  # (B, T, V)


def translate(source, lengths, inputs, encoder, decoder):
    return _write(decoder["E"][inputs], _at(_read(source, encoder), lengths), decoder)


def _read_as(read):
    """The decoder starts from read(source, lengths, encoder)."""
    return lambda source, lengths, inputs, encoder, decoder: _write(
        decoder["E"][inputs], read(source, lengths, encoder), decoder
    )


def _started(choose):
    """The decoder starts from choose(states (B, S, H), lengths) of the encoder."""
    return _read_as(lambda source, lengths, net: choose(_read(source, net), lengths))


def _fed(change):
    """The decoder is fed change(inputs)."""
    return lambda source, lengths, inputs, *nets: translate(source, lengths, change(inputs), *nets)


def _with(change):
    """Both networks replaced: change(encoder, decoder) -> encoder, decoder."""
    return lambda source, lengths, inputs, encoder, decoder: translate(
        source, lengths, inputs, *change(encoder, decoder)
    )


def _written(write):
    """Logits by write(x (B, T, D), h_0, decoder)."""
    return lambda source, lengths, inputs, encoder, decoder: write(
        decoder["E"][inputs], _at(_read(source, encoder), lengths), decoder
    )


def _after(change):
    return lambda *given: change(translate(*given))


def _own_words(x, h_0, net):
    """The decoder is fed the words that it finds most probable."""
    x_t, h_t, y = x[:, 0], h_0, []
    for _ in range(x.shape[1]):
        h_t = _run(x_t[:, None], h_t, net)[:, 0]
        y.append(_logits(h_t, net))
        x_t = net["E"][y[-1].argmax(axis=1)]
    return np.stack(y, axis=1)


def _each_from(h_0_of):
    """Every step of the decoder by itself, from the state h_0_of(h_0, step)."""
    return _written(
        lambda x, h_0, net: _logits(
            np.concatenate(
                [_run(x[:, t : t + 1], h_0_of(h_0, t), net) for t in range(x.shape[1])], axis=1
            ),
            net,
        )
    )


def _late(x, h_0, net):
    h = np.concatenate([h_0[:, None], _run(x, h_0, net)[:, :-1]], axis=1)
    return _logits(h, net)


def _with_zero_words(source, lengths, net):
    """Padding read as words of zeros."""
    real = np.arange(source.shape[1]) < lengths[:, None]
    return _run(net["E"][source] * real[:, :, None], None, net)[:, -1]


def _linear(x, h_0, net):
    """States without tanh."""
    h, states = h_0, []
    for t in range(x.shape[1]):
        h = x[:, t] @ net["W_xh"].T + h @ net["W_hh"].T + net["b_h"]
        states.append(h)
    return np.stack(states, axis=1)


def _turned(name):
    return lambda net: net | {name: net[name].T}


def _without(name):
    return lambda net: net | {name: 0 * net[name]}


def _in_encoder(change):
    return _with(lambda encoder, decoder: (change(encoder), decoder))


def _in_decoder(change):
    return _with(lambda encoder, decoder: (encoder, change(decoder)))


def _mean_state(h, lengths):
    real = np.arange(h.shape[1]) < lengths[:, None]
    return (h * real[:, :, None]).sum(axis=1) / lengths[:, None]


WRONG_STARTS = {
    "places that are not 0 are counted as words. What stands behind a source's last word may be "
    "anything: lengths alone tells where it ends.": lambda source, lengths, *rest: translate(
        source, (source != 0).sum(axis=1), *rest
    ),
    "the decoder starts from the state at the padded end: the padding was read as words. Each "
    "source ends at its own last word.": _started(lambda h, lengths: h[:, -1]),
    "the padding is read as words of zeros, and each of them still changes the state. A source "
    "ends at its own last word.": _read_as(_with_zero_words),
    "the decoder starts from zeros: nothing of the source reaches it. Or is the state set to zero "
    "in the padding? The one after the last word has to stay.": _started(lambda h, n: 0 * h[:, 0]),
    "every source is read as far as the longest one; each has its own length.": _started(
        lambda h, lengths: h[:, lengths.max() - 1]
    ),
    "every source is read as far as the first one; each has its own length.": _started(
        lambda h, lengths: h[:, lengths[0] - 1]
    ),
    "every source is read as far as the shortest one; each has its own length.": _started(
        lambda h, lengths: h[:, lengths.min() - 1]
    ),
    "the last word of every source is not read: with lengths[j] words the last one stands at "
    "lengths[j] - 1.": _started(lambda h, lengths: _at(h, lengths - 1)),
    "one place of padding is read: with lengths[j] words the last one stands at lengths[j] - "
    "1.": _started(lambda h, lengths: _at(h, lengths + 1)),
    "the decoder starts from the state after the first word of the source; the last one "
    "counts.": _started(lambda h, lengths: h[:, 0]),
    "every row of the batch starts from the last row's state; each has its own.": _started(
        lambda h, lengths: 0 * h[:, 0] + _at(h, lengths)[-1]
    ),
    "every row of the batch starts from the first row's state; each has its own.": _started(
        lambda h, lengths: 0 * h[:, 0] + _at(h, lengths)[0]
    ),
    "the decoder starts from the mean of the encoder's states; it starts from the last "
    "one.": _started(_mean_state),
    "the decoder starts from the mean of the encoder's states, padding included; it starts from "
    "the last one of each source.": _started(lambda h, lengths: h.mean(axis=1)),
    "the encoder's state is not carried on: the decoder knows the last word of the source "
    "only.": _in_encoder(_without("W_hh")),
    "the source is read from its end.": lambda source, *rest: translate(source[:, ::-1], *rest),
    "tanh is applied once more to the state that is handed over.": _started(
        lambda h, lengths: np.tanh(_at(h, lengths))
    ),
    "tanh is left out in the encoder.": _read_as(
        lambda source, lengths, net: _at(_linear(net["E"][source], 0 * net["b_h"], net), lengths)
    ),
}
WRONG_NETS = {
    "the decoder runs on the encoder's weights; it has its own.": _with(
        lambda encoder, decoder: (
            encoder,
            decoder | {name: encoder[name] for name in ("W_xh", "W_hh", "b_h")},
        )
    ),
    "the decoder runs on the encoder's weights and embedding; it has its own.": _with(
        lambda encoder, decoder: (encoder, decoder | encoder)
    ),
    "the encoder runs on the decoder's weights; it has its own.": _with(
        lambda encoder, decoder: (
            encoder | {name: decoder[name] for name in ("W_xh", "W_hh", "b_h")},
            decoder,
        )
    ),
    "the encoder runs on the decoder's weights and embedding; it has its own.": _with(
        lambda encoder, decoder: (decoder, decoder)
    ),
    "the inputs' vectors are looked up in the encoder's E; the decoder has one of its own.": _with(
        lambda encoder, decoder: (encoder, decoder | {"E": encoder["E"]})
    ),
    "the source's vectors are looked up in the decoder's E; the encoder has one of its own.": _with(
        lambda encoder, decoder: (encoder | {"E": decoder["E"]}, decoder)
    ),
    "the bias b_h of the encoder is left out.": _in_encoder(_without("b_h")),
    "the bias b_h of the decoder is left out.": _in_decoder(_without("b_h")),
    "both biases b_h are left out.": _with(
        lambda encoder, decoder: (_without("b_h")(encoder), _without("b_h")(decoder))
    ),
    "the bias b_y is left out.": _in_decoder(_without("b_y")),
    "W_hh of the encoder is used the wrong way round.": _in_encoder(_turned("W_hh")),
    "W_hh of the decoder is used the wrong way round.": _in_decoder(_turned("W_hh")),
    "W_hh is used the wrong way round, in both networks.": _with(
        lambda encoder, decoder: (_turned("W_hh")(encoder), _turned("W_hh")(decoder))
    ),
    # The others run only where sizes are equal.
    "W_hy is used the wrong way round. Its shape is (V, H): which axis has to meet the last axis "
    "of the states?": _in_decoder(_turned("W_hy")),
    "W_xh of the encoder is used the wrong way round; its shape is (H, D).": _in_encoder(
        _turned("W_xh")
    ),
    "W_xh of the decoder is used the wrong way round; its shape is (H, D).": _in_decoder(
        _turned("W_xh")
    ),
    "W_xh is used the wrong way round, in both networks; its shape is (H, D).": _with(
        lambda encoder, decoder: (_turned("W_xh")(encoder), _turned("W_xh")(decoder))
    ),
    "a word's vector is a row of E, and a column is taken here.": _with(
        lambda encoder, decoder: (_turned("E")(encoder), _turned("E")(decoder))
    ),
}
WRONG_WRITING = {
    "the decoder is fed its own words. Here it is fed the given inputs at every step, whatever it "
    "would have written.": _written(_own_words),
    "the first input is fed at every step: the time index of inputs does not move.": _fed(
        lambda inputs: 0 * inputs + inputs[:, :1]
    ),
    "nothing is fed after the first step; inputs[:, t] is fed at step t.": _written(
        lambda x, h_0, net: _write(x * (np.arange(x.shape[1]) == 0)[:, None], h_0, net)
    ),
    "nothing is fed to the decoder; inputs[:, t] is fed at step t.": _written(
        lambda x, h_0, net: _write(0 * x, h_0, net)
    ),
    "the inputs are fed one step late. They are shifted already (task 1): inputs[:, t] is fed at "
    "step t.": _fed(lambda inputs: np.concatenate([0 * inputs[:, :1], inputs[:, :-1]], axis=1)),
    "the inputs are fed one step late. They are shifted already (task 1), and the start symbol "
    "stands there once.": _fed(
        lambda inputs: np.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
    ),
    "the decoder is fed the word that it should write: inputs[:, t + 1] at step t.": _fed(
        lambda inputs: np.concatenate([inputs[:, 1:], 0 * inputs[:, :1]], axis=1)
    ),
    "the logits are one step late: those of step t come from the state after inputs[:, t] is "
    "read.": _written(_late),
    "the decoder's state is not carried on: every step starts from the encoder's "
    "state.": _each_from(lambda h_0, t: h_0),
    "the decoder's state is not carried on: every step but the first starts from "
    "zeros.": _each_from(lambda h_0, t: h_0 if t == 0 else 0 * h_0),
    "the inputs are fed from the end.": _fed(lambda inputs: inputs[:, ::-1]),
    "tanh is left out in the decoder.": _written(
        lambda x, h_0, net: _logits(_linear(x, h_0, net), net)
    ),
    "these are the probabilities; the logits are asked for.": _after(softmax),
    "these are the log-probabilities; the logits are asked for.": _after(log_softmax),
    "tanh is applied to the logits.": _after(np.tanh),
    "W_hy and b_y are taken of the last state at every step.": _after(lambda y: 0 * y + y[:, -1:]),
    # The others have another shape.
    "these are the decoder's states; the logits W_hy h_t + b_y are asked for.": _written(_run),
    "these are the logits of the encoder's states; the decoder's are asked "
    "for.": lambda source, lengths, inputs, encoder, decoder: _logits(
        _read(source, encoder), decoder
    ),
    "these are the words with the largest logits; the logits are asked for.": _after(
        lambda y: y.argmax(axis=2)
    ),
    "only the last step's logits are there; those of all steps are asked for.": _after(
        lambda y: y[:, -1]
    ),
    "time and batch are exchanged in the result: a list of T arrays (B, V) becomes (T, B, V) when "
    "stacked along axis 0.": _after(lambda y: y.swapaxes(0, 1)),
    "the logits of the state before the first step stand in front; they start after inputs[:, 0] "
    "is read.": _written(
        lambda x, h_0, net: _logits(np.concatenate([h_0[:, None], _run(x, h_0, net)], axis=1), net)
    ),
}
SUSPECTS = WRONG_STARTS | WRONG_WRITING | WRONG_NETS
