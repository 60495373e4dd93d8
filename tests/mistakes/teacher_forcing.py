"""Answers to: what a decoder is fed in training, and what it should answer."""

import numpy as np

from . import Answers

answers = Answers("teacher_forcing")


@answers.right
def row_by_row(target, lengths, start, end):
    B, T = target.shape
    inputs, outputs = np.zeros((B, T + 1), dtype=int), np.zeros((B, T + 1), dtype=int)
    mask = np.zeros((B, T + 1), dtype=bool)
    for row, n in enumerate(lengths):
        inputs[row, 0], inputs[row, 1 : n + 1] = start, target[row, :n]
        outputs[row, :n], outputs[row, n] = target[row, :n], end
        mask[row, : n + 1] = True
    return inputs, outputs, mask


@answers.right
def all_rows_at_once(target, lengths, start, end):
    B, T = target.shape
    mask = np.arange(T + 1) <= lengths[:, None]
    inputs = np.column_stack([np.full(B, start), target]) * mask
    outputs = np.column_stack([target, np.zeros(B, dtype=target.dtype)]) * mask
    outputs[np.arange(B), lengths] = end
    return inputs, outputs, mask


@answers.right
def lists(target, lengths, start, end):
    width = target.shape[1] + 1
    inputs, outputs, mask = [], [], []
    for row, n in zip(target.tolist(), lengths.tolist(), strict=True):
        padding = [0] * (width - n - 1)
        inputs.append([start, *row[:n], *padding])
        outputs.append([*row[:n], end, *padding])
        mask.append([True] * (n + 1) + [False] * (width - n - 1))
    return inputs, outputs, mask


@answers.right
def rolled(target, lengths, start, end):
    steps = np.arange(target.shape[1] + 1)[None, :]
    n = np.asarray(lengths).reshape(-1, 1)
    wide = np.pad(target, ((0, 0), (0, 1)))
    inputs = np.roll(wide, 1, axis=1)
    inputs[:, 0] = start
    outputs = np.where(steps < n, wide, np.where(steps == n, end, 0))
    return np.where(steps <= n, inputs, 0), outputs, ~(steps > n)


@answers.right
def from_flat_places(target, lengths, start, end):
    B, T = target.shape
    mask = np.repeat([np.arange(T + 1)], B, axis=0) < (lengths + 1).reshape(B, 1)
    real = np.arange(T)[None] < lengths[:, None]
    inputs, outputs = (np.zeros((B, T + 1), dtype=target.dtype) for _ in range(2))
    inputs[:, 0] = start
    inputs[:, 1:][real] = target[real]
    outputs[:, :-1][real] = target[real]
    outputs[mask & ~np.pad(real, ((0, 0), (0, 1)))] = end
    return [inputs, outputs, mask]


def changed(name, says, keeps, change):
    """A right answer of which change(inputs, outputs, mask, lengths, start, end) spoils a part."""

    @answers.mistake(name, says, keeps)
    def _(target, lengths, start, end):
        inputs, outputs, mask = row_by_row(target, lengths, start, end)
        return change(inputs, outputs, mask, lengths, start, end)


def places(mask):
    return np.arange(mask.shape[1])


changed("inputs and outputs exchanged", "they come second", 2 / 10,
        lambda i, o, m, n, s, e: (o, i, m))  # fmt: skip
changed("end not learnt", "is masked out", 4 / 10,
        lambda i, o, m, n, s, e: (i, o, places(m) < n[:, None]))  # fmt: skip
changed("mask reversed", "the wrong way round", 4 / 10, lambda i, o, m, n, s, e: (i, o, ~m))
changed("no mask", "every place is marked", 4 / 10,
        lambda i, o, m, n, s, e: (i, o, np.ones_like(m)))  # fmt: skip
changed("mask one too long", "one place of padding", 4 / 10,
        lambda i, o, m, n, s, e: (i, o, places(m) <= n[:, None] + 1))  # fmt: skip
changed("end left out", "the end symbol is missing", 4 / 10,
        lambda i, o, m, n, s, e: (i, np.where(o == e, 0, o), m))  # fmt: skip
changed("end in the padding", "fills the padding", 4 / 10,
        lambda i, o, m, n, s, e: (i, np.where(m, o, e), m))  # fmt: skip
changed("end for the last word", "replaces the last word", 4 / 10,
        lambda i, o, m, n, s, e: (
            i,
            np.where(places(m) == n[:, None] - 1, e, np.where(places(m) < n[:, None], o, 0)),
            m,
        ))  # fmt: skip
changed("end fed", "the end symbol stands in the inputs", 4 / 10,
        lambda i, o, m, n, s, e: (np.where(places(m) == n[:, None], e, i), o, m))  # fmt: skip
changed("end opens", "the end symbol opens", 4 / 10,
        lambda i, o, m, n, s, e: (np.where(places(m) == 0, e, i), o, m))  # fmt: skip
changed("last word not fed", "the last word", 4 / 10,
        lambda i, o, m, n, s, e: (np.where(places(m) < n[:, None], i, 0), o, m))  # fmt: skip
changed("float tokens", "expected integers", 9 / 10,
        lambda i, o, m, n, s, e: (i.astype(float), o, m))  # fmt: skip
changed("two results", "expected 3 values", 0, lambda i, o, m, n, s, e: (i, o))
changed("one column short", "has the shape", 0,
        lambda i, o, m, n, s, e: (i[:, :-1], o[:, :-1], m[:, :-1]))  # fmt: skip


@answers.mistake("start symbol missing", "the start symbol is missing", keeps=4 / 10)
def _(target, lengths, start, end):
    _, outputs, mask = row_by_row(target, lengths, start, end)
    return np.pad(target, ((0, 0), (0, 1))), outputs, mask


@answers.mistake("end in the last column", "in the last column", keeps=4 / 10)
def _(target, lengths, start, end):
    inputs, _, mask = row_by_row(target, lengths, start, end)
    return inputs, np.column_stack([target, np.full(len(target), end)]), mask


@answers.mistake("end in the columns of all lengths", "sets these columns in every row", 4 / 10)
def _(target, lengths, start, end):
    inputs, _, mask = row_by_row(target, lengths, start, end)
    outputs = np.pad(target, ((0, 0), (0, 1)))
    outputs[:, lengths] = end
    return inputs, outputs, mask


@answers.mistake("padding copied", "in the padding of target is copied", keeps=9 / 10)
def _(target, lengths, start, end):
    _, outputs, mask = row_by_row(target, lengths, start, end)
    return np.column_stack([np.full(len(target), start), target]), outputs, mask


@answers.mistake("mask from the words", "in the last column", keeps=2 / 10)
def _(target, lengths, start, end):
    inputs, _, _ = row_by_row(target, lengths, start, end)
    outputs = np.column_stack([target, np.full(len(target), end)])
    return inputs, outputs, outputs != 0


@answers.mistake("mask of the words alone", "the end symbol takes one more", keeps=4 / 10)
def _(target, lengths, start, end):
    inputs, outputs, _ = row_by_row(target, lengths, start, end)
    return inputs, outputs, np.arange(target.shape[1]) < lengths[:, None]


@answers.mistake("end fed and asked for", "the end symbol is fed too", keeps=4 / 10)
def _(target, lengths, start, end):
    whole = np.pad(target, ((0, 0), (1, 1)))
    whole[:, 0] = start
    whole[np.arange(len(target)), lengths + 1] = end
    return whole[:, :-1], whole[:, 1:], np.arange(target.shape[1] + 1) <= lengths[:, None]


@answers.mistake("symbols 1 and 2 fixed", "taken to be 1 and 2", keeps=9 / 10)
def _(target, lengths, start, end):
    return row_by_row(target, lengths, 1, 2)


@answers.mistake("start for the first word", "takes the place of the first word", keeps=4 / 10)
def _(target, lengths, start, end):
    _, outputs, mask = row_by_row(target, lengths, start, end)
    inputs = outputs.copy()
    inputs[:, 0] = start
    return inputs, outputs, mask


@answers.mistake("target changed in place", "writes into its input target", keeps=9 / 10)
def _(target, lengths, start, end):
    result = row_by_row(target, lengths, start, end)
    target[:, 0] = start
    return result
