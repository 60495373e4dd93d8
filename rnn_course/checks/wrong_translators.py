"""The encoder-decoder, wrong in the ways of learners, for checks/translation.py."""

import numpy as np

from rnn_course.activations import log_softmax, softmax
from rnn_course.checks.translators import (
    CELL,
    after,
    as_columns,
    at,
    bias_after,
    both_by,
    by,
    each_from,
    every_length,
    fed,
    from_row_to_row,
    in_decoder,
    in_encoder,
    late,
    linear,
    logits,
    mean_state,
    own_words,
    read,
    read_as,
    run,
    started,
    translate,
    turned,
    with_nets,
    with_zero_words,
    without,
    write,
    written,
)

WRONG_STARTS = {
    "places that are not 0 are counted as words. What stands behind a source's last word may be "
    "anything: lengths alone tells where it ends.": lambda source, lengths, *rest: translate(
        source, (source != 0).sum(axis=1), *rest
    ),
    "the decoder starts from the state at the padded end: the padding was read as words. Each "
    "source ends at its own last word.": started(lambda h, lengths: h[:, -1]),
    "the padding is read as words of zeros, and each of them still changes the state. A source "
    "ends at its own last word.": read_as(with_zero_words),
    "the decoder starts from zeros: nothing of the source reaches it. Or is the state set to zero "
    "in the padding? The one after the last word has to stay.": started(lambda h, n: 0 * h[:, 0]),
    "every source is read as far as the longest one; each has its own length.": started(
        lambda h, lengths: h[:, lengths.max() - 1]
    ),
    "every source is read as far as the first one; each has its own length.": started(
        lambda h, lengths: h[:, lengths[0] - 1]
    ),
    "every source is read as far as the shortest one; each has its own length.": started(
        lambda h, lengths: h[:, lengths.min() - 1]
    ),
    "the last word of every source is not read: with lengths[j] words the last one stands at "
    "lengths[j] - 1.": started(lambda h, lengths: at(h, lengths - 1)),
    "one place of padding is read: with lengths[j] words the last one stands at lengths[j] - "
    "1.": started(lambda h, lengths: at(h, lengths + 1)),
    "the decoder starts from the state after the first word of the source; the last one "
    "counts.": started(lambda h, lengths: h[:, 0]),
    "every row of the batch starts from the last row's state; each has its own.": started(
        lambda h, lengths: 0 * h[:, 0] + at(h, lengths)[-1]
    ),
    "every row of the batch starts from the first row's state; each has its own.": started(
        lambda h, lengths: 0 * h[:, 0] + at(h, lengths)[0]
    ),
    "the decoder starts from the mean of the encoder's states; it starts from the last "
    "one.": started(mean_state),
    "the decoder starts from the mean of the encoder's states, padding included; it starts from "
    "the last one of each source.": started(lambda h, lengths: h.mean(axis=1)),
    "the encoder's state is not carried on: the decoder knows the last word of the source "
    "only.": in_encoder(without("W_hh")),
    "the source is read from its end.": lambda source, *rest: translate(source[:, ::-1], *rest),
    "tanh is applied once more to the state that is handed over.": started(
        lambda h, lengths: np.tanh(at(h, lengths))
    ),
    "tanh is left out in the encoder.": read_as(
        lambda source, lengths, net: at(by(linear)(net["E"][source], 0 * net["b_h"], net), lengths)
    ),
    "the state of one row runs on into the next one of the batch; the encoder reads every source "
    "from zeros.": from_row_to_row,
    "the encoder goes on from where the decoder ended with the row before; it reads every source "
    "from zeros.": lambda *given: from_row_to_row(*given, own_end=True),
}
WRONG_NETS = {
    "the decoder runs on the encoder's weights; it has its own.": with_nets(
        lambda encoder, decoder: (
            encoder,
            decoder | {name: encoder[name] for name in CELL},
        )
    ),
    "the decoder runs on the encoder's weights and embedding; it has its own.": with_nets(
        lambda encoder, decoder: (encoder, decoder | encoder)
    ),
    "the encoder runs on the decoder's weights; it has its own.": with_nets(
        lambda encoder, decoder: (
            encoder | {name: decoder[name] for name in CELL},
            decoder,
        )
    ),
    "the encoder runs on the decoder's weights and embedding; it has its own.": with_nets(
        lambda encoder, decoder: (decoder, decoder)
    ),
    "the inputs' vectors are looked up in the encoder's E; the decoder has one of its "
    "own.": with_nets(lambda encoder, decoder: (encoder, decoder | {"E": encoder["E"]})),
    "the source's vectors are looked up in the decoder's E; the encoder has one of its "
    "own.": with_nets(lambda encoder, decoder: (encoder | {"E": decoder["E"]}, decoder)),
    "the bias b_h of the encoder is left out.": in_encoder(without("b_h")),
    "the bias b_h of the decoder is left out.": in_decoder(without("b_h")),
    "both biases b_h are left out.": with_nets(
        lambda encoder, decoder: (without("b_h")(encoder), without("b_h")(decoder))
    ),
    "the bias b_y is left out.": in_decoder(without("b_y")),
    "W_hh of the encoder is used the wrong way round.": in_encoder(turned("W_hh")),
    "W_hh of the decoder is used the wrong way round.": in_decoder(turned("W_hh")),
    "W_hh is used the wrong way round, in both networks.": with_nets(
        lambda encoder, decoder: (turned("W_hh")(encoder), turned("W_hh")(decoder))
    ),
    "the term W_hh h_prev is left out in the decoder, so nothing of the source reaches "
    "it.": in_decoder(without("W_hh")),
    "tanh is left out, in both networks.": both_by(linear),
    "the biases b_h are added after tanh; they belong inside.": both_by(bias_after),
    # The others run only where sizes are equal.
    "the factors of the products are in the order of the equation, where x_t is a column. In the "
    "arrays x_t is a row, one for each sequence: x_t @ W_xh.T.": both_by(as_columns),
    "in the encoder the factors of the products are in the order of the equation, where x_t is a "
    "column. In the arrays x_t is a row, one for each sequence: x_t @ W_xh.T.": read_as(
        lambda source, lengths, net: at(
            by(as_columns)(net["E"][source], np.zeros((len(source), len(net["b_h"]))), net), lengths
        )
    ),
    "the factors of all products are in the order of the equation, where a vector is a column. In "
    "the arrays it is a row, one for each sequence: x_t @ W_xh.T.": both_by(
        as_columns, lambda h_t, net: net["W_hy"] @ h_t + net["b_y"]
    ),
    "all weights are used the wrong way round. W_xh is (H, D), one row for each unit: which axis "
    "has to meet the last axis of the vectors?": with_nets(
        lambda encoder, decoder: (turned(*CELL)(encoder), turned(*CELL, "W_hy")(decoder))
    ),
    "the weights of both states are used the wrong way round. W_xh is (H, D), one row for each "
    "unit: which axis has to meet the last axis of the vectors?": with_nets(
        lambda encoder, decoder: (turned(*CELL)(encoder), turned(*CELL)(decoder))
    ),
    "the weights of the encoder are used the wrong way round. W_xh is (H, D), one row for each "
    "unit: which axis has to meet the last axis of the vectors?": in_encoder(turned(*CELL)),
    "W_hy is used the wrong way round. Its shape is (V, H): which axis has to meet the last axis "
    "of the states?": in_decoder(turned("W_hy")),
    "W_xh of the encoder is used the wrong way round; its shape is (H, D).": in_encoder(
        turned("W_xh")
    ),
    "W_xh of the decoder is used the wrong way round; its shape is (H, D).": in_decoder(
        turned("W_xh")
    ),
    "W_xh is used the wrong way round, in both networks; its shape is (H, D).": with_nets(
        lambda encoder, decoder: (turned("W_xh")(encoder), turned("W_xh")(decoder))
    ),
    "a word's vector is a row of E, and a column is taken here.": with_nets(
        lambda encoder, decoder: (turned("E")(encoder), turned("E")(decoder))
    ),
}
WRONG_WRITING = {
    "the decoder is fed its own words. Here it is fed the given inputs at every step, whatever it "
    "would have written.": written(own_words),
    "the first input is fed at every step: the time index of inputs does not move.": fed(
        lambda inputs: 0 * inputs + inputs[:, :1]
    ),
    "nothing is fed after the first step; inputs[:, t] is fed at step t.": written(
        lambda x, h_0, net: write(x * (np.arange(x.shape[1]) == 0)[:, None], h_0, net)
    ),
    "nothing is fed to the decoder; inputs[:, t] is fed at step t.": written(
        lambda x, h_0, net: write(0 * x, h_0, net)
    ),
    "the inputs are fed one step late. They are shifted already (task 1): inputs[:, t] is fed at "
    "step t.": fed(lambda inputs: np.concatenate([0 * inputs[:, :1], inputs[:, :-1]], axis=1)),
    "the inputs are fed one step late. They are shifted already (task 1), and the start symbol "
    "stands there once.": fed(
        lambda inputs: np.concatenate([inputs[:, :1], inputs[:, :-1]], axis=1)
    ),
    "the decoder is fed the word that it should write: inputs[:, t + 1] at step t.": fed(
        lambda inputs: np.concatenate([inputs[:, 1:], 0 * inputs[:, :1]], axis=1)
    ),
    "the logits are one step late: those of step t come from the state after inputs[:, t] is "
    "read.": written(late),
    "the decoder's state is not carried on: every step starts from the encoder's state.": each_from(
        lambda h_0, t: h_0
    ),
    "the decoder's state is not carried on: every step but the first starts from zeros.": each_from(
        lambda h_0, t: h_0 if t == 0 else 0 * h_0
    ),
    "the inputs are fed from the end.": fed(lambda inputs: inputs[:, ::-1]),
    "tanh is left out in the decoder.": written(
        lambda x, h_0, net: logits(by(linear)(x, h_0, net), net)
    ),
    "these are the probabilities; the logits are asked for.": after(softmax),
    "these are the log-probabilities; the logits are asked for.": after(log_softmax),
    "tanh is applied to the logits.": after(np.tanh),
    "W_hy and b_y are taken of the last state at every step.": after(lambda y: 0 * y + y[:, -1:]),
    # The others have another shape.
    "these are the decoder's states; the logits W_hy h_t + b_y are asked for.": written(run),
    "the first step is missing: the start symbol is fed, and its logits are the first.": after(
        lambda y: y[:, 1:]
    ),
    "the start symbol is not fed; inputs[:, 0] is fed at the first step, and its logits are the "
    "first.": fed(lambda inputs: inputs[:, 1:]),
    "the last step is missing.": after(lambda y: y[:, :-1]),
    "h[:, lengths - 1] takes the states of all these steps in every row. With "
    "h[np.arange(B), lengths - 1] it is one for each row.": every_length,
    "these are the logits of the encoder's states; the decoder's are asked "
    "for.": lambda source, lengths, inputs, encoder, decoder: logits(
        read(source, encoder), decoder
    ),
    "these are the words with the largest logits; the logits are asked for.": after(
        lambda y: y.argmax(axis=2)
    ),
    "only the last step's logits are there; those of all steps are asked for.": after(
        lambda y: y[:, -1]
    ),
    "time and batch are exchanged in the result: a list of T arrays (B, V) becomes (T, B, V) when "
    "stacked along axis 0.": after(lambda y: y.swapaxes(0, 1)),
    "the logits of the state before the first step stand in front; they start after inputs[:, 0] "
    "is read.": written(
        lambda x, h_0, net: logits(np.concatenate([h_0[:, None], run(x, h_0, net)], axis=1), net)
    ),
}
SUSPECTS = WRONG_STARTS | WRONG_WRITING | WRONG_NETS
