"""Answers to: greedy decoding, row by row to its own end symbol."""

import numpy as np

from rnn_course.activations import softmax
from rnn_course.decoding import greedy_decode as packaged
from rnn_course.rnn import rnn_step_forward

from . import Answers

answers = Answers("greedy_decode")


def advance(words, h, net):
    a = net["E"][words] @ net["W_xh"].T + h @ net["W_hh"].T + net["b_h"]
    return np.tanh(a)


def scores(h, net):
    return h @ net["W_hy"].T + net["b_y"]


@answers.right
def rows_that_have_ended_write_zeros(h_0, decoder, start, end, max_steps):
    h, words = h_0, np.full(len(h_0), start)
    running = np.ones(len(h_0), dtype=bool)
    tokens = np.zeros((len(h_0), max_steps), dtype=int)
    lengths = np.zeros(len(h_0), dtype=int)
    for t in range(max_steps):
        h = advance(words, h, decoder)
        words = np.where(running, scores(h, decoder).argmax(axis=1), 0)
        tokens[:, t] = words
        lengths += running
        running &= words != end
    return tokens, lengths


@answers.right
def row_by_row(h_0, decoder, start, end, max_steps):
    tokens, lengths = [], []
    for h in h_0:
        word, row = start, []
        while word != end and len(row) < max_steps:
            x = decoder["E"][word]
            h = np.tanh(decoder["W_xh"] @ x + decoder["W_hh"] @ h + decoder["b_h"])
            word = int(np.argmax(decoder["W_hy"] @ h + decoder["b_y"]))
            row.append(word)
        tokens.append(row + [0] * (max_steps - len(row)))
        lengths.append(len(row))
    return np.array(tokens), np.array(lengths)


@answers.right
def everything_then_cut(h_0, decoder, start, end, max_steps):
    h, words, found = h_0, np.full(len(h_0), start), []
    for _ in range(max_steps):
        h = advance(words, h, decoder)
        words = scores(h, decoder).argmax(axis=-1)
        found.append(words)
    tokens = np.stack(found, axis=1)
    behind = np.cumsum(tokens == end, axis=1) - (tokens == end) > 0
    return np.where(behind, 0, tokens), (~behind).sum(axis=1)


@answers.right
def running_rows_only(h_0, decoder, start, end, max_steps):
    h, rows = h_0, np.arange(len(h_0))
    words, tokens = np.full(len(h_0), start), np.zeros((max_steps, len(h_0)), dtype=int)
    for t in range(max_steps):
        if len(rows) == 0:
            break
        h = advance(words, h, decoder)
        words = scores(h, decoder).argmax(axis=1)
        tokens[t, rows] = words
        h, rows, words = h[words != end], rows[words != end], words[words != end]
    return tokens.T, np.count_nonzero(tokens, axis=0)


@answers.right
def lists_of_words(h_0, decoder, start, end, max_steps):
    """One list a row, grown until every row has ended."""
    B = len(h_0)
    h, found, ended = h_0, [[start] for _ in range(B)], [False] * B
    for _ in range(max_steps):
        h = advance([row[-1] for row in found], h, decoder)
        best = scores(h, decoder).argmax(axis=1).tolist()
        for row, word in enumerate(best):
            if not ended[row]:
                found[row].append(word)
                ended[row] = word == end
        if all(ended):
            break
    lengths = [len(row) - 1 for row in found]
    return [row[1:] + [0] * (max_steps + 1 - len(row)) for row in found], lengths


@answers.right
def with_the_package(h_0, decoder, start, end, max_steps):
    def step(words, state):
        (h,) = state
        cell = [decoder[name] for name in ("W_xh", "W_hh", "b_h")]
        h, _ = rnn_step_forward(decoder["E"][words], h, *cell)
        return np.log(softmax(scores(h, decoder))), (h,)

    rows = packaged(step, (h_0,), start, end, max_steps)
    tokens = np.zeros((len(rows), max_steps), dtype=np.int64)
    for row, words in zip(tokens, rows, strict=True):
        row[: len(words)] = words
        row[len(words) : len(words) + 1] = end
    return tokens, np.minimum([len(words) + 1 for words in rows], max_steps)


def search(h_0, decoder, start, end, max_steps, feed=None, step=advance, score=scores, pick=None):
    """A right decoder that can be told to go wrong: all words, whatever ends among them."""
    h, words, found = h_0, np.full(len(h_0), start), []
    for _ in range(max_steps):
        h = step(words if feed is None else feed(words, start), h, decoder)
        y = score(h, decoder)
        words = y.argmax(axis=1) if pick is None else pick(y)
        found.append(words)
    return np.stack(found, axis=1)


def ended(words, end):
    """Words cut behind the end symbol, and the lengths."""
    behind = np.cumsum(words == end, axis=1) - (words == end) > 0
    return np.where(behind, 0, words), (~behind).sum(axis=1)


def wrong(name, says, keeps, **how):
    @answers.mistake(name, says, keeps)
    def _(h_0, decoder, start, end, max_steps):
        return ended(search(h_0, decoder, start, end, max_steps, **how), end)


def with_net(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(h_0, decoder, *rest):
        return everything_then_cut(h_0, change(decoder), *rest)


def finishing(name, says, keeps, change):
    """change(tokens, lengths, start, end) of a right answer."""

    @answers.mistake(name, says, keeps)
    def _(h_0, decoder, start, end, max_steps):
        tokens, lengths = everything_then_cut(h_0, decoder, start, end, max_steps)
        return change(tokens, lengths, start, end)


def places(tokens):
    return np.arange(tokens.shape[1])


FIRST, LENGTHS = 1 / 11, 2 / 11
wrong("start fed at every step", "the start symbol is fed at every step", FIRST,
      feed=lambda words, start: np.full_like(words, start))  # fmt: skip
wrong("first row's word fed to all", "the first row's word", 2 / 11,
      feed=lambda words, start: np.full_like(words, words[0]))  # fmt: skip
wrong("smallest logit", "the smallest logits", 0, pick=lambda y: y.argmin(axis=1))
wrong("argmax over the batch", "argmax runs over the batch", 0, pick=lambda y: y.argmax(axis=0))
wrong("argmax of the state", "the largest entry of the state", 0, score=lambda h, net: h)
wrong("tanh left out", "tanh is left out", 0,
      step=lambda words, h, net: net["E"][words] @ net["W_xh"].T + h @ net["W_hh"].T
      + net["b_h"])  # fmt: skip
with_net("nothing fed", "nothing is fed to the decoder", 0, lambda net: net | {"E": 0 * net["E"]})
with_net("b_y left out", "the bias b_y is left out", 0, lambda net: net | {"b_y": 0 * net["b_y"]})
with_net("b_h left out", "the bias b_h is left out", 0, lambda net: net | {"b_h": 0 * net["b_h"]})
with_net("W_hh transposed", "W_hh is used", 0, lambda net: net | {"W_hh": net["W_hh"].T})
with_net("W_hy transposed", "W_hy is used", 0, lambda net: net | {"W_hy": net["W_hy"].T})
with_net("all weights transposed", "all weights are used the wrong way round", 0,
         lambda net: net | {name: net[name].T for name in ("W_xh", "W_hh", "W_hy")})  # fmt: skip
finishing("ends filled", "stand more of them", 3 / 11,
          lambda w, n, s, e: (np.where(places(w) < n[:, None], w, e), n))  # fmt: skip
finishing("end missing", "the end symbol is missing", FIRST,
          lambda w, n, s, e: (np.where(w == e, 0, w), n - (w == e).any(axis=1)))  # fmt: skip
finishing("start in the answer", "the start symbol stands in front", 0,
          lambda w, n, s, e: (np.insert(w, 0, s, axis=1), n + 1))  # fmt: skip
finishing("start in the place of the last word", "the start symbol stands in front", 0,
          lambda w, n, s, e: (np.insert(w, 0, s, axis=1)[:, :-1], n + 1))  # fmt: skip
finishing("end not counted", "the end symbol is not counted", 4 / 11,
          lambda w, n, s, e: (w, n - (w == e).any(axis=1)))  # fmt: skip
finishing("place of the end for the length", "argmax gives 0", 4 / 11,
          lambda w, n, s, e: (w, (w == e).argmax(axis=1)))  # fmt: skip
finishing("place of the end plus one", "so the length is 1 here", 6 / 11,
          lambda w, n, s, e: (w, (w == e).argmax(axis=1) + 1))  # fmt: skip
finishing("start counted", "one too many is counted", 4 / 11, lambda w, n, s, e: (w, n + 1))
finishing("all steps counted", "all steps are counted", 4 / 11,
          lambda w, n, s, e: (w, np.full_like(n, w.shape[1])))  # fmt: skip
finishing("time first", "time and batch are exchanged", 2 / 11, lambda w, n, s, e: (w.T, n))
finishing("lengths missing", "expected 2 values", 0, lambda w, n, s, e: w)
finishing("words as floats", "expected integers", 10 / 11, lambda w, n, s, e: (w + 0.0, n))


@answers.mistake("beyond the end", "goes on beyond its end symbol", keeps=3 / 11)
def _(h_0, decoder, start, end, max_steps):
    words = search(h_0, decoder, start, end, max_steps)
    return words, ended(words, end)[1]


@answers.mistake("all end when all say so at once", "goes on beyond its end symbol", keeps=FIRST)
def _(h_0, decoder, start, end, max_steps):
    h, words, found = h_0, np.full(len(h_0), start), []
    while len(found) < max_steps and not (words == end).all():
        h = advance(words, h, decoder)
        words = scores(h, decoder).argmax(axis=1)
        found.append(words)
    return np.stack(found, axis=1), np.full(len(h_0), len(found))


@answers.mistake("all stop with the first", "all rows stop when the first", keeps=2 / 11)
def _(h_0, decoder, start, end, max_steps):
    tokens = np.zeros((len(h_0), max_steps), dtype=int)
    h, words = h_0, np.full(len(h_0), start)
    for t in range(max_steps):
        h = advance(words, h, decoder)
        words = tokens[:, t] = scores(h, decoder).argmax(axis=1)
        if (words == end).any():
            break
    return tokens, np.full(len(h_0), t + 1)


@answers.mistake("one word too few", "one word less than max_steps", keeps=0)
def _(h_0, decoder, start, end, max_steps):
    return ended(search(h_0, decoder, start, end, max(max_steps - 1, 1)), end)


@answers.mistake("one word too many", "one word more than max_steps", keeps=0)
def _(h_0, decoder, start, end, max_steps):
    return ended(search(h_0, decoder, start, end, max_steps + 1), end)


@answers.mistake("no limit", "max_steps is ignored", keeps=0)
def _(h_0, decoder, start, end, max_steps):
    tokens, lengths = ended(search(h_0, decoder, start, end, 40), end)
    return tokens[:, : max(lengths)], lengths


@answers.mistake("as wide as the longest", "the columns end with the longest", keeps=9 / 11)
def _(*given):
    tokens, lengths = everything_then_cut(*given)
    return tokens[:, : max(lengths)], lengths


@answers.mistake("one word behind the end", "one word behind the end symbol", keeps=FIRST)
def _(h_0, decoder, start, end, max_steps):
    words = search(h_0, decoder, start, end, max_steps)
    n = np.minimum(ended(words, end)[1] + 1, max_steps)
    return np.where(places(words) < n[:, None], words, 0), n


@answers.mistake("state not carried on", "every step starts from h_0", keeps=FIRST)
def _(h_0, decoder, start, end, max_steps):
    def step(words, h, net):
        return advance(words, h_0, net)

    return ended(search(h_0, decoder, start, end, max_steps, step=step), end)


@answers.mistake("zeros in the place of h_0", "h_0 is ignored", keeps=0)
def _(h_0, *rest):
    return everything_then_cut(np.zeros_like(h_0), *rest)


@answers.mistake("word before the first step", "the state before the word is fed", keeps=0)
def _(h_0, decoder, start, end, max_steps):
    h, found = h_0, []
    for _ in range(max_steps):
        found.append(scores(h, decoder).argmax(axis=1))
        h = advance(found[-1], h, decoder)
    return ended(np.stack(found, axis=1), end)


@answers.mistake("rows as they end", "the order in which they ended", keeps=1 / 11)
def _(h_0, decoder, start, end, max_steps):
    tokens, lengths = everything_then_cut(h_0, decoder, start, end, max_steps)
    order = np.argsort(lengths, kind="stable")
    return tokens[order], lengths[order]


@answers.mistake("state not set back for the next row", "runs on into the next one", keeps=0)
def _(h_0, decoder, start, end, max_steps):
    tokens, h = np.zeros((len(h_0), max_steps), dtype=int), h_0[0]
    for row in tokens:
        word, t = start, 0
        while word != end and t < max_steps:
            h = advance(word, h, decoder)
            row[t] = word = scores(h, decoder).argmax()
            t += 1
    return tokens, (tokens > 0).sum(axis=1)


@answers.mistake("first row's state for all", "starts from the first row's state", keeps=0)
def _(h_0, *rest):
    return everything_then_cut(np.tile(h_0[0], (len(h_0), 1)), *rest)


@answers.mistake("rows of different lengths", "rows of different lengths", keeps=2 / 11)
def _(h_0, *rest):
    tokens, lengths = everything_then_cut(h_0, *rest)
    return [list(row[:n]) for row, n in zip(tokens, lengths, strict=True)], lengths


@answers.mistake("logits for words", "the largest logits", keeps=LENGTHS)
def _(h_0, decoder, start, end, max_steps):
    h, words, found = h_0, np.full(len(h_0), start), []
    for _ in range(max_steps):
        h = advance(words, h, decoder)
        words = scores(h, decoder).argmax(axis=1)
        found.append(scores(h, decoder).max(axis=1))
    _, n = everything_then_cut(h_0, decoder, start, end, max_steps)
    found = np.stack(found, axis=1)
    return np.where(places(found) < n[:, None], found, 0), n


@answers.mistake("symbols 1 and 2 fixed", "taken to be 1 and 2", keeps=10 / 11)
def _(h_0, decoder, start, end, max_steps):
    return everything_then_cut(h_0, decoder, 1, 2, max_steps)


@answers.mistake("state updated in place", "writes into its input h_0", keeps=10 / 11)
def _(h_0, decoder, start, end, max_steps):
    result = everything_then_cut(h_0, decoder, start, end, max_steps)
    h_0[...] = advance(result[0][:, 0], h_0, decoder)
    return result
