"""Checks of what turns sequences of different lengths into one batch, and out of it again."""

import numpy as np

from rnn_course import layers, text
from rnn_course.examination.examine import Aspect, Task, examine


def _pad(sequences, padding=0):
    tokens, lengths = text.pad_sequences(sequences, padding)
    return tokens, text.mask_from_lengths(lengths)


def _pad_with(lay, padding):
    """Build the rows with ``lay(row, T)`` -> list of length T, in which None is padding."""

    def build(sequences):
        T = max(map(len, sequences))
        rows = [lay(list(row), T) for row in sequences]
        return np.array([[padding if item is None else item for item in row] for row in rows])

    return build


TOKEN_SUSPECTS = {
    "the padding stands on the left; it belongs on the right.": lambda rows, p=0: _pad_with(
        lambda row, T: [None] * (T - len(row)) + row, p
    )(rows),
    "the sequences are cut to the shortest; pad them to the longest.": lambda rows, p=0: _pad(
        rows, p
    )[0][:, : min(map(len, rows))],
    "the padding is 0, whatever the argument padding says.": lambda rows, p=0: _pad(rows)[0],
    "there is one column too many; T is the length of the longest sequence.": lambda rows, p=0: (
        np.pad(_pad(rows, p)[0], ((0, 0), (0, 1)), constant_values=p)
    ),
    "the last item of each sequence is lost.": lambda rows, p=0: _pad_with(
        lambda row, T: row[:-1] + [None] * (T - len(row) + 1), p
    )(rows),
    "the last item is repeated; fill up with the padding.": lambda rows, p=0: _pad_with(
        lambda row, T: row + row[-1:] * (T - len(row)), p
    )(rows),
    "the sequence is repeated from its start; fill up with the padding.": lambda rows, p=0: (
        _pad_with(lambda row, T: (row * T)[:T], p)(rows)
    ),
    "the array is transposed: one row is one sequence.": lambda rows, p=0: _pad(rows, p)[0].T,
    "the sequences have been sorted by length; keep their order.": lambda rows, p=0: _pad(
        sorted(rows, key=len, reverse=True), p
    )[0],
    "the sequences have been sorted by length; they keep their order.": lambda rows, p=0: _pad(
        sorted(rows, key=len), p
    )[0],
    "the sequences stand in reverse.": lambda rows, p=0: _pad([r[::-1] for r in rows], p)[0],
    "items that stand twice are lost: is a set or a dict on the way?": lambda rows, p=0: _pad(
        [list(dict.fromkeys(row)) for row in rows], p
    )[0],
    "the items of each sequence are sorted; keep their order.": lambda rows, p=0: _pad(
        [sorted(row) for row in rows], p
    )[0],
    "this is the mask; the tokens come first, then the mask.": lambda rows, p=0: _pad(rows, p)[1],
    "numbers too large for this dtype wrap around; leave out dtype= or take "
    "np.int64.": lambda rows, p=0: _pad(rows, p)[0].astype(np.int8),
    "numbers too large for int16 wrap around; leave out dtype= or take "
    "np.int64.": lambda rows, p=0: _pad(rows, p)[0].astype(np.int16),
}
MASK_SUSPECTS = {
    "the mask is the wrong way round: True belongs to the real items.": lambda rows, p=0: (
        ~_pad(rows, p)[1]
    ),
    "the mask is made from tokens != padding. A real item may have that value by chance; the "
    "lengths know better.": lambda rows, p=0: _pad(rows, p)[0] != p,
    "the mask is made from tokens != 0; the lengths know better.": lambda rows, p=0: (
        _pad(rows, p)[0] != 0
    ),
    "the mask is transposed: it has the shape of the tokens.": lambda rows, p=0: _pad(rows, p)[1].T,
    "these are the lengths; a mask has one entry for each item.": lambda rows, p=0: _pad(rows, p)[
        1
    ].sum(axis=1),
    "the mask says that every item is real.": lambda rows, p=0: _pad(rows, p)[1] | True,
    "the mask is one item too short: the last real item is at index length - "
    "1.": lambda rows, p=0: text.mask_from_lengths(
        [len(row) - 1 for row in rows], max(map(len, rows))
    ),
    "the mask is one item too long: the last real item is at index length - 1.": lambda rows, p=0: (
        text.mask_from_lengths([len(row) + 1 for row in rows], max(map(len, rows)))
    ),
    "the padded items are marked on the left.": lambda rows, p=0: _pad(rows, p)[1][:, ::-1],
}


def _pad_task(seed):
    rng = np.random.default_rng(seed)

    def draw(*lengths, most=30, **padding):
        rows = [rng.integers(2, most, n).tolist() for n in lengths]
        longest = max(rows, key=len)
        # first in dictionary order, so not max(rows); an item twice; from four items on, not sorted
        longest[:3] = [1, most, most][: len(longest)]
        return {"sequences": rows} | padding

    main = draw(3, 1, 6, 4)
    large = draw(2, 5, 3, most=40_000, padding=-1)
    collision = draw(4, 2, 5, padding=0)
    collision["sequences"][1][0] = 0
    return Task(
        name="pad_batch",
        outputs=("tokens", "mask"),
        reference=_pad,
        aspects=(
            Aspect("tokens of four sequences, padded with 0", 3, (main,), ("tokens",)),
            Aspect("their mask", 2, (main,), ("mask",)),
            Aspect("another padding, -1; items of five digits", 1, (large,)),
            Aspect("a real item that equals the padding", 1, (collision,)),
            Aspect(
                "equal lengths; one sequence; one item", 1, (draw(3, 3), draw(4), draw(1, 1, 1))
            ),
        ),
        suspects={"tokens": TOKEN_SUSPECTS, "mask": MASK_SUSPECTS},
        shapes={"tokens": "(B, T)", "mask": "(B, T)"},
        kinds={"tokens": "iu", "mask": "b"},
    )


def check_pad_batch(answer, seed=1001):
    """Check answer(sequences, padding=0) -> tokens, mask; returns a Verdict."""
    return examine(_pad_task(seed), answer)


def _last(h, lengths):
    return layers.last_step_forward(h, lengths)[0]


def _rows(h):
    return np.arange(len(h))


def _real(h, lengths):
    return text.mask_from_lengths(lengths, h.shape[1])[:, :, None]  # (B, T, 1)


LAST_SUSPECTS = {
    "h[:, -1] is the last column of the batch. For a shorter sequence that is "
    "padding.": lambda h, lengths: h[:, -1],
    "the column of the longest sequence is taken for every row.": lambda h, lengths: h[
        :, lengths.max() - 1
    ],
    "the column where the first sequence ends is taken for every row.": lambda h, lengths: h[
        :, lengths[0] - 1
    ],
    "the column where the shortest sequence ends is taken for every row.": lambda h, lengths: h[
        :, lengths.min() - 1
    ],
    "every row is taken from the first sequence; pair row j with its own step, for instance with "
    "np.arange.": lambda h, lengths: h[0, lengths - 1],
    "the indices are exchanged: the row comes first, then the step.": lambda h, lengths: h[
        lengths - 1, _rows(h)
    ],
    "one step too late: the real steps of row j are 0 to lengths[j] - 1.": lambda h, lengths: h[
        _rows(h), lengths
    ],
    "one step too early: the real steps of row j are 0 to lengths[j] - 1.": lambda h, lengths: h[
        _rows(h), lengths - 2
    ],
    "the step is counted from the end of the padded row.": lambda h, lengths: h[_rows(h), -lengths],
    "this is the state after the first step.": lambda h, lengths: h[:, 0],
    "h[:, lengths - 1] picks all B steps for every row; pair row j with its own step, for instance "
    "with np.arange.": lambda h, lengths: h[:, lengths - 1],
    "h[lengths - 1] picks along the first axis, the batch; pair row j with its own step, for "
    "instance with np.arange.": lambda h, lengths: h[lengths - 1],
    "this is the mean over the real steps, not the last of them.": lambda h, lengths: (
        (h * _real(h, lengths)).sum(axis=1) / lengths[:, None]
    ),
    "this is the sum over the real steps, not the last of them.": lambda h, lengths: (
        h * _real(h, lengths)
    ).sum(axis=1),
    "this is the mean over all steps, padding included.": lambda h, lengths: h.mean(axis=1),
    "this is the largest value of each unit over the real steps.": lambda h, lengths: np.where(
        _real(h, lengths), h, -np.inf
    ).max(axis=1),
    "the rows stand in order of length; keep the order of the batch.": lambda h, lengths: _last(
        h, lengths
    )[np.argsort(-lengths)],
    "the rows stand in order of length; row j belongs to sequence j.": lambda h, lengths: _last(
        h, lengths
    )[np.argsort(lengths)],
    "the last sequence's state stands in every row.": lambda h, lengths: (
        0 * _last(h, lengths) + _last(h, lengths)[-1]
    ),
    "the axis of time is still there, with one entry; take the entry.": lambda h, lengths: _last(
        h, lengths
    )[:, None],
    "padding is set to zero, and then still taken as the last state.": lambda h, lengths: (
        h * _real(h, lengths)
    )[:, -1],
}


def _last_task(seed):
    rng = np.random.default_rng(seed)

    def draw(T, lengths, H=5):
        lengths = np.array(lengths)
        return {"h": rng.uniform(-1, 1, (len(lengths), T, H)), "lengths": lengths}

    return Task(
        name="last_hidden",
        outputs=("h_last",),
        reference=_last,
        aspects=(
            Aspect("four sequences of different lengths, all padded", 2, (draw(7, [3, 6, 2, 4]),)),
            Aspect("a sequence that needs no padding", 1, (draw(6, [2, 6, 5]),)),
            Aspect(
                "a sequence of length 1; a batch of one; one step",
                1,
                (draw(7, [3, 1]), draw(4, [3]), draw(1, [1, 1])),
            ),
        ),
        suspects={"h_last": LAST_SUSPECTS},
        fallbacks=(draw(3, [2, 1, 2], H=3),),
        shapes={"h_last": "(B, H)"},
    )


def check_last_hidden(answer, seed=2003):
    """Check answer(h, lengths) -> h_last; returns a Verdict."""
    return examine(_last_task(seed), answer)
