"""Answers to: lay sequences of different lengths into one array, with a mask."""

from itertools import zip_longest

import numpy as np

from . import Answers

answers = Answers("pad_batch")


def masked(sequences):
    lengths = np.array([len(sequence) for sequence in sequences])
    return np.arange(lengths.max()) < lengths[:, None]


def padded(sequences, padding):
    T = max(len(sequence) for sequence in sequences)
    return np.array([list(row) + [padding] * (T - len(row)) for row in sequences])


@answers.right
def rows_filled_one_by_one(sequences, padding=0):
    T = max(len(sequence) for sequence in sequences)
    tokens = np.full((len(sequences), T), padding)
    mask = np.zeros((len(sequences), T), dtype=bool)
    for j, sequence in enumerate(sequences):
        tokens[j, : len(sequence)] = sequence
        mask[j, : len(sequence)] = True
    return tokens, mask


@answers.right
def extended_lists(sequences, padding=0):
    return padded(sequences, padding), masked(sequences)


@answers.right
def zip_longest_transposed(sequences, padding=0):
    columns = list(zip_longest(*sequences, fillvalue=padding))
    flags = zip_longest(*[[True] * len(row) for row in sequences], fillvalue=False)
    return np.array(columns).T, np.array(list(flags)).T


@answers.right
def one_assignment_through_the_mask(sequences, padding=0):
    mask = masked(sequences)
    tokens = np.full(mask.shape, padding, dtype=np.int32)
    tokens[mask] = np.concatenate(sequences)
    return tokens, mask


@answers.right
def lists_of_lists(sequences, padding=0):
    return [padded(sequences, padding).tolist(), masked(sequences).tolist()]


@answers.right
def numpy_pads_each_row(sequences, padding=0):
    T = max(len(row) for row in sequences)
    tokens = [np.pad(row, (0, T - len(row)), constant_values=padding) for row in sequences]
    return np.stack(tokens), np.stack([np.arange(T) < len(row) for row in sequences])


@answers.right
def iterators(sequences, padding=0):
    steps = range(max(map(len, sequences)))
    tokens = tuple(tuple(next(row, padding) for _ in steps) for row in map(iter, sequences))
    return tokens, tuple(tuple(t < len(row) for t in steps) for row in sequences)


@answers.right
def recursion(sequences, padding=0):
    T = max(map(len, sequences))

    def longer(row):
        return row if len(row) == T else longer([*row, padding])

    return np.array([longer(row) for row in sequences]), masked(sequences)


@answers.mistake("padding on the left", "the padding stands on the left", keeps=0.3)
def _(sequences, padding=0):
    T = max(map(len, sequences))
    return np.array([[padding] * (T - len(row)) + row for row in sequences]), masked(sequences)


@answers.mistake("cut to the shortest", "cut to the shortest", keeps=0.1)
def _(sequences, padding=0):
    T = min(map(len, sequences))
    tokens = np.array([row[:T] for row in sequences])
    return tokens, np.ones(tokens.shape, dtype=bool)


@answers.mistake("argument padding ignored", "whatever the argument padding says", keeps=0.9)
def _(sequences, padding=0):
    return padded(sequences, 0), masked(sequences)


@answers.mistake("mask from tokens != padding", "may have that value by chance", keeps=0.9)
def _(sequences, padding=0):
    tokens = padded(sequences, padding)
    return tokens, tokens != padding


@answers.mistake("mask from tokens != 0", "made from tokens != 0", keeps=0.8)
def _(sequences, padding=0):
    tokens = padded(sequences, padding)
    return tokens, tokens != 0


@answers.mistake("mask inverted", "the wrong way round", keeps=0.3)
def _(sequences, padding=0):
    return padded(sequences, padding), ~masked(sequences)


@answers.mistake("lengths instead of a mask", "these are the lengths", keeps=0.3)
def _(sequences, padding=0):
    return padded(sequences, padding), np.array([len(row) for row in sequences])


@answers.mistake("both transposed", "the array is transposed")
def _(sequences, padding=0):
    return padded(sequences, padding).T, masked(sequences).T


@answers.mistake("mask all true", "every item is real", keeps=0.4)
def _(sequences, padding=0):
    tokens = padded(sequences, padding)
    return tokens, np.ones(tokens.shape, dtype=bool)


@answers.mistake("last item lost", "the last item of each sequence is lost", keeps=0.2)
def _(sequences, padding=0):
    tokens = padded(sequences, padding)
    for j, row in enumerate(sequences):
        tokens[j, len(row) - 1] = padding
    return tokens, masked(sequences)


@answers.mistake("one column too many", "one column too many", keeps=0)
def _(sequences, padding=0):
    longer = [*sequences, [0] * (max(map(len, sequences)) + 1)]
    return padded(longer, padding)[:-1], masked(longer)[:-1]


@answers.mistake("sorted by length", "sorted by length", keeps=0.1)
def _(sequences, padding=0):
    ordered = sorted(sequences, key=len, reverse=True)
    return padded(ordered, padding), masked(ordered)


@answers.mistake("the learner's lists grow", "writes into its input sequences", keeps=0.9)
def _(sequences, padding=0):
    mask = masked(sequences)
    for row in sequences:
        while len(row) < mask.shape[1]:
            row.append(padding)
    return np.array(sequences), mask


@answers.mistake("mask of numbers", "mask holds float64", keeps=0.9)
def _(sequences, padding=0):
    return padded(sequences, padding), masked(sequences).astype(float)


@answers.mistake("tokens of floats", "tokens holds float64", keeps=0.9)
def _(sequences, padding=0):
    return padded(sequences, padding).astype(float), masked(sequences)


@answers.mistake("no padding at all", "rows of different lengths", keeps=0.3)
def _(sequences, padding=0):
    return sequences, masked(sequences)


@answers.mistake("the mask forgotten", "expected 2 values")
def _(sequences, padding=0):
    return padded(sequences, padding)


@answers.mistake("max(sequences) taken for the longest", "could not broadcast", keeps=0.1)
def _(sequences, padding=0):
    T = len(max(sequences))
    tokens = np.full((len(sequences), T), padding)
    for j, row in enumerate(sequences):
        tokens[j, : len(row)] = row
    return tokens, masked(sequences)


@answers.mistake("the results exchanged", "the tokens come first")
def _(sequences, padding=0):
    return masked(sequences), padded(sequences, padding)


@answers.mistake("mask one item too short", "one item too short", keeps=0.3)
def _(sequences, padding=0):
    tokens, lengths = padded(sequences, padding), [[len(row)] for row in sequences]
    return tokens, np.arange(tokens.shape[1]) < np.array(lengths) - 1


@answers.mistake("mask one item too long", "one item too long", keeps=0.4)
def _(sequences, padding=0):
    tokens, lengths = padded(sequences, padding), [[len(row)] for row in sequences]
    return tokens, np.arange(tokens.shape[1]) <= np.array(lengths)


@answers.mistake("padding marked on the left", "marked on the left", keeps=0.4)
def _(sequences, padding=0):
    return padded(sequences, padding), masked(sequences)[:, ::-1]


@answers.mistake("np.resize repeats the sequence", "repeated from its start", keeps=0.3)
def _(sequences, padding=0):
    T = max(map(len, sequences))
    return np.array([np.resize(row, T) for row in sequences]), masked(sequences)


@answers.mistake("tokens of one byte", "wrap around", keeps=0.9)
def _(sequences, padding=0):
    return padded(sequences, padding).astype(np.int8), masked(sequences)


@answers.mistake("one item a sequence breaks it", "stops with IndexError", keeps=0.9)
def _(sequences, padding=0):
    tokens, mask = padded(sequences, padding).squeeze(), masked(sequences)
    return tokens.reshape(len(sequences), tokens.shape[1]), mask


@answers.mistake("each item once", "items that stand twice are lost")
def _(sequences, padding=0):
    once = [list(dict.fromkeys(row)) for row in sequences]
    return padded(once, padding), masked(once)


@answers.mistake("items sorted", "the items of each sequence are sorted", keeps=0.2)
def _(sequences, padding=0):
    return padded([sorted(row) for row in sequences], padding), masked(sequences)
