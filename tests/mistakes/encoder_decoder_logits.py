"""Answers to: the logits of an encoder-decoder under teacher forcing."""

import numpy as np

from rnn_course.activations import softmax
from rnn_course.rnn import rnn_forward, rnn_step_forward

from . import Answers

answers = Answers("encoder_decoder_logits")
CELL = ("W_xh", "W_hh", "b_h")


def weights(net):
    return [net[name] for name in CELL]


def advance(words, h, net):
    a = net["E"][words] @ net["W_xh"].T + h @ net["W_hh"].T + net["b_h"]
    return np.tanh(a)


def zeros(source, net):
    return np.zeros((len(source), len(net["b_h"])), dtype=net["E"].dtype)


def read(source, lengths, net):
    """The state after each source's last word."""
    h = zeros(source, net)
    for s in range(source.shape[1]):
        h = np.where((s < lengths)[:, None], advance(source[:, s], h, net), h)
    return h


def states(source, net):
    return rnn_forward(net["E"][source], None, *weights(net))[0]


def write(inputs, h, net):
    y = []
    for t in range(inputs.shape[1]):
        h = advance(inputs[:, t], h, net)
        y.append(h @ net["W_hy"].T + net["b_y"])
    return np.stack(y, axis=1)


@answers.right
def two_loops(source, lengths, inputs, encoder, decoder):
    return write(inputs, read(source, lengths, encoder), decoder)


@answers.right
def all_states_then_the_last(source, lengths, inputs, encoder, decoder):
    h_0 = states(source, encoder)[np.arange(len(source)), lengths - 1]
    h, _ = rnn_forward(decoder["E"][inputs], h_0, *weights(decoder))
    return h @ decoder["W_hy"].T + decoder["b_y"]


@answers.right
def row_by_row(source, lengths, inputs, encoder, decoder):
    y = []
    for words, n, fed in zip(source, lengths, inputs, strict=True):
        h, logits = zeros([0], encoder)[0], []
        for word in words[:n]:
            h = np.tanh(encoder["W_xh"] @ encoder["E"][word] + encoder["W_hh"] @ h + encoder["b_h"])
        for word in fed:
            h = np.tanh(decoder["W_hh"] @ h + decoder["b_h"] + decoder["W_xh"] @ decoder["E"][word])
            logits.append(decoder["b_y"] + decoder["W_hy"] @ h)
        y.append(logits)
    return np.array(y)


@answers.right
def einsum_and_one_hot(source, lengths, inputs, encoder, decoder):
    def vectors(words, net):
        one_hot = np.eye(len(net["E"]), dtype=net["E"].dtype)[words]
        return np.einsum("btv,vd,hd->bth", one_hot, net["E"], net["W_xh"]) + net["b_h"]

    h, ends = zeros(source, encoder), []
    for a in np.moveaxis(vectors(source, encoder), 1, 0):
        h = np.tanh(a + np.einsum("bh,kh->bk", h, encoder["W_hh"]))
        ends.append(h)
    h = np.stack([ends[n - 1][row] for row, n in enumerate(lengths)])
    found = []
    for a in np.moveaxis(vectors(inputs, decoder), 1, 0):
        h = np.tanh(a + np.einsum("bh,kh->bk", h, decoder["W_hh"]))
        found.append(h)
    return np.einsum("tbh,vh->btv", np.array(found), decoder["W_hy"]) + decoder["b_y"]


@answers.right
def kept_where_the_source_has_ended(source, lengths, inputs, encoder, decoder):
    h = zeros(source, encoder)
    for s, words in enumerate(source.T):
        running = np.flatnonzero(lengths > s)
        h[running] = advance(words[running], h[running], encoder)
    y = np.empty((*inputs.shape, len(decoder["b_y"])), dtype=h.dtype)
    for t, words in enumerate(inputs.T):
        h = rnn_step_forward(decoder["E"][words], h, *weights(decoder))[0]
        y[:, t] = h @ decoder["W_hy"].T + decoder["b_y"]
    return y


@answers.right
def side_by_side(source, lengths, inputs, encoder, decoder):
    """Both weights in one matrix; the rows sorted by length and put back."""
    order = np.argsort(-lengths)

    def step(words, h, net):
        W = np.hstack([net["W_xh"], net["W_hh"]])
        return np.tanh(np.hstack([net["E"][words], h]) @ W.T + net["b_h"])

    h = zeros(source, encoder)
    for s in range(max(lengths)):
        rows = order[: (lengths > s).sum()]
        h[rows] = step(source[rows, s], h[rows], encoder)
    found = [h := step(words, h, decoder) for words in inputs.T]
    return np.swapaxes(found, 0, 1) @ decoder["W_hy"].T + decoder["b_y"]


def starting(name, says, keeps, choose):
    """The decoder starts from choose(states, lengths)."""

    @answers.mistake(name, says, keeps)
    def _(source, lengths, inputs, encoder, decoder):
        return write(inputs, choose(states(source, encoder), lengths), decoder)


def with_nets(name, says, keeps, change):
    """The right function of change(encoder, decoder)."""

    @answers.mistake(name, says, keeps)
    def _(source, lengths, inputs, encoder, decoder):
        return two_loops(source, lengths, inputs, *change(encoder, decoder))


def feeding(name, says, keeps, change):
    """The right function of change(inputs)."""

    @answers.mistake(name, says, keeps)
    def _(source, lengths, inputs, encoder, decoder):
        return two_loops(source, lengths, change(inputs), encoder, decoder)


def returning(name, says, keeps, change):
    """change(logits) in the place of the logits."""

    @answers.mistake(name, says, keeps)
    def _(*given):
        return change(two_loops(*given))


def cell_of(net):
    return {name: net[name] for name in CELL}


ENCODER = 2 / 12  # an encoder that reads wrongly leaves the decoder by itself right
PADDED = 4 / 12  # and one that errs in the padding leaves sources without any right
starting("state at the padded end", "state at the padded end", PADDED, lambda h, n: h[:, -1])
starting("decoder from zeros", "nothing of the source", ENCODER, lambda h, n: 0 * h[:, 0])
starting("state after the first word", "after the first word", ENCODER, lambda h, n: h[:, 0])
starting("longest length for all", "as far as the longest", PADDED, lambda h, n: h[:, max(n) - 1])
starting("first length for all", "as far as the first one", PADDED, lambda h, n: h[:, n[0] - 1])
starting("last word not read", "is not read", ENCODER,
         lambda h, n: h[np.arange(len(h)), np.maximum(n - 2, 0)])  # fmt: skip
starting("one place of padding read", "one place of padding", PADDED,
         lambda h, n: h[np.arange(len(h)), np.minimum(n, h.shape[1] - 1)])  # fmt: skip
starting("last row's state for all", "the last row's state", ENCODER,
         lambda h, n: np.tile(h[-1, n[-1] - 1], (len(h), 1)))  # fmt: skip
starting("mean of all states", "padding included", ENCODER, lambda h, n: h.mean(axis=1))
starting("padding set to zero", "set to zero in the padding", PADDED,
         lambda h, n: h[:, -1] * (n == h.shape[1])[:, None])  # fmt: skip

with_nets("decoder on the encoder's weights", "runs on the encoder's weights; it has", 0,
          lambda e, d: (e, d | cell_of(e)))  # fmt: skip
with_nets("decoder on the encoder's weights and embedding", "weights and embedding", 0,
          lambda e, d: (e, d | e))  # fmt: skip
with_nets("inputs in the encoder's embedding", "looked up in the encoder's E", 0,
          lambda e, d: (e, d | {"E": e["E"]}))  # fmt: skip
with_nets("encoder on the decoder's weights", "encoder runs on the decoder's weights", 0,
          lambda e, d: (e | cell_of(d), d))  # fmt: skip
with_nets("source in the decoder's embedding", "looked up in the decoder's E", ENCODER,
          lambda e, d: (e | {"E": d["E"]}, d))  # fmt: skip
with_nets("b_y left out", "bias b_y is left out", 0, lambda e, d: (e, d | {"b_y": 0 * d["b_y"]}))
with_nets("b_h left out", "both biases b_h", 0,
          lambda e, d: (e | {"b_h": 0 * e["b_h"]}, d | {"b_h": 0 * d["b_h"]}))  # fmt: skip
with_nets("W_hh transposed", "W_hh is used the wrong way round, in both", 0,
          lambda e, d: (e | {"W_hh": e["W_hh"].T}, d | {"W_hh": d["W_hh"].T}))  # fmt: skip
with_nets("W_hy transposed", "W_hy is used the wrong way round", 0,
          lambda e, d: (e, d | {"W_hy": d["W_hy"].T}))  # fmt: skip
with_nets("W_xh transposed", "W_xh is used the wrong way round, in both", 0,
          lambda e, d: (e | {"W_xh": e["W_xh"].T}, d | {"W_xh": d["W_xh"].T}))  # fmt: skip
with_nets("columns of E", "a column is taken here", 0,
          lambda e, d: (e | {"E": e["E"].T}, d | {"E": d["E"].T}))  # fmt: skip

with_nets("all weights transposed", "all weights are used the wrong way round", 0,
          lambda e, d: tuple(
              {k: net[k].T if k.startswith("W") else net[k] for k in net} for net in (e, d)
          ))  # fmt: skip
with_nets("decoder without W_hh", "W_hh h_prev is left out in the decoder", 0,
          lambda e, d: (e, d | {"W_hh": 0 * d["W_hh"]}))  # fmt: skip

FIRST = 2 / 12  # right as long as nothing but the first input is read
feeding("first input at every step", "the first input is fed at every step", FIRST,
        lambda i: np.repeat(i[:, :1], i.shape[1], axis=1))  # fmt: skip
feeding("start not fed", "the start symbol is not fed", 0, lambda i: i[:, 1:])
feeding("shifted once more", "the start symbol stands there once", FIRST,
        lambda i: np.column_stack([i[:, :1], i[:, :-1]]))  # fmt: skip
feeding("shifted once more with 0", "fed one step late", 0,
        lambda i: np.column_stack([0 * i[:, 0], i[:, :-1]]))  # fmt: skip
feeding("fed what it should write", "the word that it should write", 0,
        lambda i: np.column_stack([i[:, 1:], 0 * i[:, 0]]))  # fmt: skip

returning("probabilities", "these are the probabilities", 0, softmax)
returning("words", "words with the largest logits", 0, lambda y: y.argmax(axis=2))
returning("last step alone", "only the last step's logits", 0, lambda y: y[:, -1])
returning("first step missing", "the first step is missing", 0, lambda y: y[:, 1:])
returning("time first", "time and batch are exchanged", 0, lambda y: y.swapaxes(0, 1))
returning("no return", "end in a `return`", 0, lambda y: None)


@answers.mistake("padding read as zeros", "as words of zeros", keeps=PADDED)
def _(source, lengths, inputs, encoder, decoder):
    x = encoder["E"][source] * (np.arange(source.shape[1]) < lengths[:, None])[:, :, None]
    h, _ = rnn_forward(x, None, *weights(encoder))
    return write(inputs, h[:, -1], decoder)


@answers.mistake("real where not 0", "lengths alone tells where it ends", keeps=11 / 12)
def _(source, lengths, inputs, encoder, decoder):
    h = zeros(source, encoder)
    for words in source.T:
        h = np.where((words != 0)[:, None], advance(words, h, encoder), h)
    return write(inputs, h, decoder)


@answers.mistake("encoder's state not carried on", "the last word of the source only", ENCODER)
def _(source, lengths, inputs, encoder, decoder):
    last = source[np.arange(len(source)), lengths - 1]
    return write(inputs, advance(last, zeros(source, encoder), encoder), decoder)


@answers.mistake("own words fed", "fed its own words", keeps=FIRST)
def _(source, lengths, inputs, encoder, decoder):
    h, words, y = read(source, lengths, encoder), inputs[:, 0], []
    for _ in range(inputs.shape[1]):
        h = advance(words, h, decoder)
        y.append(h @ decoder["W_hy"].T + decoder["b_y"])
        words = y[-1].argmax(axis=1)
    return np.stack(y, axis=1)


@answers.mistake("nothing fed after the first step", "nothing is fed after the first", keeps=FIRST)
def _(source, lengths, inputs, encoder, decoder):
    x = decoder["E"][inputs]
    x[:, 1:] = 0
    h, _ = rnn_forward(x, read(source, lengths, encoder), *weights(decoder))
    return h @ decoder["W_hy"].T + decoder["b_y"]


@answers.mistake("each step from the encoder's end", "starts from the encoder's state", FIRST)
def _(source, lengths, inputs, encoder, decoder):
    h = read(source, lengths, encoder)
    steps = [write(inputs[:, t : t + 1], h, decoder) for t in range(inputs.shape[1])]
    return np.concatenate(steps, axis=1)


@answers.mistake("state runs on from source to source", "runs on into the next one", keeps=ENCODER)
def _(source, lengths, inputs, encoder, decoder):
    h, ends = zeros([0], encoder)[0], []
    for words, n in zip(source, lengths, strict=True):
        for word in words[:n]:
            h = advance(word, h, encoder)
        ends.append(h)
    return write(inputs, np.array(ends), decoder)


@answers.mistake("one state for all rows", "where the decoder ended with the row before", ENCODER)
def _(source, lengths, inputs, encoder, decoder):
    h, y = zeros([0], encoder)[0], []
    for words, n, fed in zip(source, lengths, inputs, strict=True):
        for word in words[:n]:
            h = advance(word, h, encoder)
        y.append([])
        for word in fed:
            h = advance(word, h, decoder)
            y[-1].append(decoder["W_hy"] @ h + decoder["b_y"])
    return np.array(y)


@answers.mistake("every length of every row", "it is one for each row", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    return write(inputs, states(source, encoder)[:, lengths - 1], decoder)


@answers.mistake("vectors as columns", "where x_t is a column", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    h = zeros(source, encoder)
    for words in source.T:
        x = encoder["E"][words]
        h = np.tanh(encoder["W_xh"] @ x + encoder["W_hh"] @ h + encoder["b_h"])
    return write(inputs, h, decoder)


@answers.mistake("b_h after tanh", "added after tanh", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    def step(words, h, net):
        return np.tanh(net["E"][words] @ net["W_xh"].T + h @ net["W_hh"].T) + net["b_h"]

    h, y = zeros(source, encoder), []
    for s, words in enumerate(source.T):
        h = np.where((s < lengths)[:, None], step(words, h, encoder), h)
    for words in inputs.T:
        h = step(words, h, decoder)
        y.append(h @ decoder["W_hy"].T + decoder["b_y"])
    return np.stack(y, axis=1)


@answers.mistake("logits before the step", "the logits are one step late", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    h, y = read(source, lengths, encoder), []
    for words in inputs.T:
        y.append(h @ decoder["W_hy"].T + decoder["b_y"])
        h = advance(words, h, decoder)
    return np.stack(y, axis=1)


@answers.mistake("states instead of logits", "these are the decoder's states", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    h = read(source, lengths, encoder)
    return np.stack([h := advance(words, h, decoder) for words in inputs.T], axis=1)


@answers.mistake("logits of the encoder", "logits of the encoder's states", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    return states(source, encoder) @ decoder["W_hy"].T + decoder["b_y"]


@answers.mistake("tanh left out in the decoder", "tanh is left out in the decoder", keeps=0)
def _(source, lengths, inputs, encoder, decoder):
    h, y = read(source, lengths, encoder), []
    for x in np.moveaxis(decoder["E"][inputs], 1, 0):
        h = x @ decoder["W_xh"].T + h @ decoder["W_hh"].T + decoder["b_h"]
        y.append(h @ decoder["W_hy"].T + decoder["b_y"])
    return np.stack(y, axis=1)


@answers.mistake("float64 from zeros", "expected float32", keeps=11 / 12)
def _(source, lengths, inputs, encoder, decoder):
    h = np.zeros((len(source), len(encoder["b_h"])))
    for s in range(source.shape[1]):
        h = np.where((s < lengths)[:, None], advance(source[:, s], h, encoder), h)
    return write(inputs, h, decoder)


@answers.mistake("padding overwritten", "writes into its input source", keeps=11 / 12)
def _(source, lengths, *rest):
    source[np.arange(source.shape[1]) >= lengths[:, None]] = 0
    return two_loops(source, lengths, *rest)


@answers.mistake("padding's row of E set to zero", "writes into its input encoder", keeps=11 / 12)
def _(source, lengths, inputs, encoder, decoder):
    y = two_loops(source, lengths, inputs, encoder, decoder)
    encoder["E"][0] = 0
    return y
