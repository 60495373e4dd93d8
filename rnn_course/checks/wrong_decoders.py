"""Greedy decoding, right and wrong in the ways of learners, for checks/greedy.py.

Each takes h_0 (B, H), the decoder's parameters, the start and the end symbol and the number of
words at most, and returns tokens and lengths.
"""

import numpy as np

from rnn_course.activations import softmax
from rnn_course.checks.decoding import END, PADDING, START


def _step(words, h_prev, net):
    a_t = net["E"][words] @ net["W_xh"].T + h_prev @ net["W_hh"].T + net["b_h"]
    return np.tanh(a_t)  # (B, H)


def _logits(h_t, net):
    return h_t @ net["W_hy"].T + net["b_y"]  # (B, V)


def _largest(y):
    return y.argmax(axis=1)


def write(h_0, net, start, steps, step=_step, logits=_logits, pick=_largest):
    """Words (B, steps) whatever ends among them, and the logits (B, steps, V) they come from."""
    h_t, word, words, y = h_0, np.full(len(h_0), start), [], []
    for _ in range(steps):
        h_t = step(word, h_t, net)
        y.append(logits(h_t, net))
        word = pick(y[-1])
        words.append(word)
    return np.stack(words, axis=1), np.stack(y, axis=1)


def lengths_of(words, end):
    """(B,) words up to the first end symbol, this one included; all where there is none."""
    ends = words == end
    return np.where(ends.any(axis=1), ends.argmax(axis=1) + 1, words.shape[1])


def _cut(words, lengths, padding=PADDING):
    return np.where(np.arange(words.shape[1]) < lengths[:, None], words, padding)


def decode(h_0, net, start, end, most, **changed):
    words, _ = write(h_0, net, start, most, **changed)
    lengths = lengths_of(words, end)
    return _cut(words, lengths), lengths


def _stepping(step):
    """Decoding with a wrong step(words, h_prev, net, h_0, start)."""

    def run(h_0, net, start, end, most):
        return decode(
            h_0, net, start, end, most, step=lambda word, h, net: step(word, h, net, h_0, start)
        )

    return run


def _with(change):
    """Decoding with change(net) for a decoder."""
    return lambda h_0, net, *rest: decode(h_0, change(net), *rest)


def _without(name):
    return _with(lambda net: net | {name: 0 * net[name]})


def _turned(*names):
    return _with(lambda net: net | {name: net[name].T for name in names})


def _choosing(**changed):
    return lambda *given: decode(*given, **changed)


def _late(h_0, net, start, end, most):
    """The first word comes from h_0 itself, before the start symbol is read."""
    words, h_t = [], h_0
    for _ in range(most):
        words.append(_logits(h_t, net).argmax(axis=1))
        h_t = _step(words[-1], h_t, net)
    lengths = lengths_of(np.stack(words, axis=1), end)
    return _cut(np.stack(words, axis=1), lengths), lengths


def _changed(change):
    """change(tokens, lengths, start, end) of a right answer."""
    return lambda *given: change(*decode(*given), *given[2:4])


def _beyond(h_0, net, start, end, most):
    words, _ = write(h_0, net, start, most)
    return words, lengths_of(words, end)


def _one_behind(h_0, net, start, end, most):
    words, _ = write(h_0, net, start, most)
    lengths = np.minimum(lengths_of(words, end) + 1, most)
    return _cut(words, lengths), lengths


def _scores(measure):
    """measure(logits) in the place of the words."""

    def run(h_0, net, start, end, most):
        words, y = write(h_0, net, start, most)
        lengths = lengths_of(words, end)
        return _cut(measure(y).max(axis=2), lengths), lengths

    return run


def _from_row_to_row(h_0, net, start, end, most):
    """Every row starts where the one before it in the batch stopped."""
    h_t, rows = h_0[:1], []
    for _ in h_0:
        word, row = np.array([start]), []
        while len(row) < most and word[0] != end:
            h_t = _step(word, h_t, net)
            word = _largest(_logits(h_t, net))
            row.append(word[0])
        rows.append(row + [PADDING] * (most - len(row)))
    return np.array(rows), lengths_of(np.array(rows), end)


def _unlimited(h_0, net, start, end, most):
    tokens, lengths = decode(h_0, net, start, end, 8 * most)
    return tokens[:, : lengths.max()], lengths


def _one_less(h_0, net, start, end, most):
    tokens, lengths = decode(h_0, net, start, end, most - 1)
    return np.pad(tokens, ((0, 0), (0, 1)), constant_values=PADDING), lengths


def _all_stop(tokens, lengths, *_):
    first = np.full_like(lengths, lengths.min())
    return _cut(tokens, first), first


# What goes wrong from the first word on
WRONG_FROM_THE_FIRST = {
    "h_0 is ignored: the decoder starts from zeros.": lambda h_0, *rest: decode(0 * h_0, *rest),
    "nothing is fed to the decoder; at every step it is fed the vector of a word.": _without("E"),
    "tanh is left out.": _stepping(
        lambda word, h, net, *_: net["E"][word] @ net["W_xh"].T + h @ net["W_hh"].T + net["b_h"]
    ),
    "the bias b_h is left out.": _without("b_h"),
    "the bias b_y is left out.": _without("b_y"),
    "W_hh is used the wrong way round.": _turned("W_hh"),
    "these are the words with the smallest logits.": _choosing(pick=lambda y: y.argmin(axis=1)),
    "the largest entry of the state is taken; the word is the place of the largest logit, of W_hy "
    "h_t + b_y.": _choosing(logits=lambda h_t, net: h_t),
    "the words come from the state before the word is fed; they come from the state after "
    "it.": _late,
}
# What goes wrong from the second word on
WRONG_LATER = {
    "the start symbol is fed at every step; after the first step the decoder is fed the word that "
    "it wrote last.": _stepping(lambda word, h, net, h_0, start: _step(0 * word + start, h, net)),
    "nothing is fed after the start symbol; the decoder is fed the word that it wrote "
    "last.": lambda h_0, net, start, *rest: decode(
        h_0, net | {"E": net["E"] * (np.arange(len(net["E"])) == start)[:, None]}, start, *rest
    ),
    "the state is not carried on: every step starts from h_0.": _stepping(
        lambda word, h, net, h_0, start: _step(word, h_0, net)
    ),
    "the state is not carried on: every step but the first starts from zeros.": _stepping(
        lambda word, h, net, h_0, start: _step(word, h if h is h_0 else 0 * h, net)
    ),
}
WRONG_ROWS = {
    "every row is fed the first row's word; each is fed its own.": _stepping(
        lambda word, h, net, *_: _step(0 * word + word[0], h, net)
    ),
    "every row is fed the last row's word; each is fed its own.": _stepping(
        lambda word, h, net, *_: _step(0 * word + word[-1], h, net)
    ),
}
WRONG_STATES = {
    "every row starts from the first row's state; each has its own in h_0.": lambda h_0, *rest: (
        decode(0 * h_0 + h_0[:1], *rest)
    ),
    "the state of one row runs on into the next one; each starts from its own row of "
    "h_0.": _from_row_to_row,
}
WRONG_ENDS = {
    "a sentence goes on beyond its end symbol; behind it stand zeros.": _beyond,
    "one word behind the end symbol is kept; behind it stand zeros.": _one_behind,
    "behind a sentence's end symbol stand more of them; it is written once, and zeros "
    "follow.": _changed(lambda tokens, n, start, end: (_cut(tokens, n, end), n)),
    "the end symbol is missing; it is the word that ends a sentence.": _changed(
        lambda tokens, n, start, end: (
            np.where(tokens == end, PADDING, tokens),
            n - (tokens == end).any(axis=1),
        )
    ),
    "all rows stop when the first one stops; each goes on to its own end symbol.": _changed(
        _all_stop
    ),
    "the start symbol stands in front; it is fed, and not written.": _changed(
        lambda tokens, n, start, end: (
            np.concatenate([0 * tokens[:, :1] + start, tokens[:, :-1]], axis=1),
            n + 1,
        )
    ),
    "the rows stand in the order in which they ended; they keep their places in the "
    "batch.": _changed(lambda tokens, n, *_: (tokens[n.argsort()], np.sort(n))),
    "the last word that max_steps allows is missing.": _one_less,
    "these are the largest logits; a word is the place of the largest logit, its argmax.": _scores(
        lambda y: y
    ),
    "these are the largest probabilities; a word is the place of the largest one, its "
    "argmax.": _scores(softmax),
    # The others have another shape.
    "the start symbol stands in front; it is fed, and not written. The result has max_steps "
    "columns.": _changed(
        lambda tokens, n, start, end: (
            np.concatenate([0 * tokens[:, :1] + start, tokens], axis=1),
            n + 1,
        )
    ),
    "time and batch are exchanged: a list of max_steps arrays (B,) becomes (max_steps, B) when "
    "stacked along axis 0.": _changed(lambda tokens, n, *_: (tokens.T, n)),
    "the columns end with the longest sentence; there are max_steps of them, and zeros stand "
    "behind the ends.": _changed(lambda tokens, n, *_: (tokens[:, : n.max()], n)),
    "one word more than max_steps is written.": lambda h_0, net, start, end, most: decode(
        h_0, net, start, end, most + 1
    ),
    "one word less than max_steps is written.": lambda h_0, net, start, end, most: decode(
        h_0, net, start, end, most - 1
    ),
    "max_steps is ignored: a sentence may go on for ever, so after max_steps words it is "
    "cut.": _unlimited,
}
FIXED = {
    f"start and end are taken to be {START} and {END}; they are arguments of the "
    "function.": lambda h_0, net, start, end, most: decode(h_0, net, START, END, most),
}
WRONG_LENGTHS = {
    "the end symbol is not counted; it is a word written like any other.": _changed(
        lambda tokens, n, start, end: (tokens, n - (tokens == end).any(axis=1))
    ),
    "one too many is counted: the start symbol is fed, and not written.": _changed(
        lambda tokens, n, *_: (tokens, n + 1)
    ),
    "all steps are counted for every sentence; each ends with its own end symbol.": _changed(
        lambda tokens, n, *_: (tokens, 0 * n + tokens.shape[1])
    ),
    "a sentence without an end symbol has the length 0 here; it has max_steps words.": _changed(
        lambda tokens, n, start, end: (tokens, n * (tokens == end).any(axis=1))
    ),
    "the place of the end symbol is one less than the number of words, and where there is none "
    "argmax gives 0.": _changed(
        lambda tokens, n, start, end: (tokens, (tokens == end).argmax(axis=1))
    ),
    "where there is no end symbol argmax gives 0, so the length is 1 here; it is "
    "max_steps.": _changed(lambda tokens, n, start, end: (tokens, (tokens == end).argmax(1) + 1)),
    "the lengths stand in the order in which the rows ended.": _changed(
        lambda tokens, n, *_: (tokens, np.sort(n))
    ),
    "only the longest sentence is counted; each has a length of its own.": _changed(
        lambda tokens, n, *_: (tokens, n.max())
    ),
}
# These run only where sizes are equal
WRONG_AXES = {
    "argmax runs over the batch; the logits of one row are along axis 1.": _choosing(
        pick=lambda y: y.argmax(axis=0)
    ),
    "W_hy is used the wrong way round. Its shape is (V, H): which axis has to meet the last axis "
    "of the state?": _turned("W_hy"),
    "W_xh is used the wrong way round; its shape is (H, D).": _turned("W_xh"),
    "all weights are used the wrong way round. W_xh is (H, D), one row for each unit: which axis "
    "has to meet the last axis of the vectors?": _turned("W_xh", "W_hh", "W_hy"),
    "a word's vector is a row of E, and a column is taken here.": _turned("E"),
}
WRONG_STEPS = WRONG_FROM_THE_FIRST | WRONG_LATER
TOKENS = WRONG_STEPS | WRONG_ROWS | WRONG_STATES | WRONG_ENDS | WRONG_AXES | FIXED
