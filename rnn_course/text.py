"""From text to arrays: tokenise, index, pad, mask, batch."""

import re
from collections import Counter

import numpy as np

from rnn_course._validate import require_shape

PAD, UNKNOWN, START, END = "<pad>", "<unk>", "<s>", "</s>"


def tokenise(text):
    """Split text into lower-case words, numbers and single punctuation marks.

    An apostrophe inside a word stays in it: "I don't." gives ["i", "don't", "."].
    """
    return re.findall(r"\w+(?:'\w+)*|[^\w\s]", text.lower())


class Vocabulary:
    """Two-way map between tokens and integers; index 0 is padding, 1 the unknown token.

    Args:
        tokens: iterable of strings, from the training data only.
        max_size: keep at most this many entries, the most frequent first (None: all); ties are
            broken alphabetically, so the same text always gives the same indices.
        specials: further tokens that get the indices from 2 on, such as START and END.

    Raises:
        ValueError: max_size leaves no room for the special tokens.
    """

    def __init__(self, tokens, max_size=None, specials=()):
        self.tokens = list(dict.fromkeys([PAD, UNKNOWN, *specials]))
        if max_size is not None and max_size < len(self.tokens):
            raise ValueError(
                f"max_size is {max_size}, but {len(self.tokens)} special tokens need a place"
            )
        counts = Counter(tokens)
        ranked = sorted(set(counts) - set(self.tokens), key=lambda token: (-counts[token], token))
        room = None if max_size is None else max_size - len(self.tokens)
        self.tokens += ranked[:room]
        self.index = {token: index for index, token in enumerate(self.tokens)}

    def __len__(self):
        return len(self.tokens)

    def __contains__(self, token):
        return token in self.index

    def encode(self, tokens):
        """Integers (T,) for a list of T tokens; a token outside the vocabulary becomes 1."""
        unknown = self.index[UNKNOWN]
        return np.array([self.index.get(token, unknown) for token in tokens], dtype=np.int64)

    def decode(self, indices):
        """List of tokens for integers (T,).

        Raises:
            ValueError: an index outside [0, len(self)).
        """
        for position, index in enumerate(indices):
            if not 0 <= index < len(self):
                raise ValueError(f"indices[{position}] is {index}; expected 0 to {len(self) - 1}")
        return [self.tokens[index] for index in indices]


def pad_sequences(sequences, padding=0):
    """Lay sequences of different lengths into one right-padded array.

    Args:
        sequences: non-empty list of B arrays or lists, each (T_j,) integers or (T_j, D) features.
        padding: the value of padded places.

    Returns:
        padded: (B, T) or (B, T, D) with T = max T_j. lengths: (B,) the T_j.

    Raises:
        ValueError: no sequence is given, or their feature sizes differ.
    """
    arrays = [np.asarray(sequence) for sequence in sequences]
    if not arrays:
        raise ValueError("sequences is empty: there is nothing to pad")
    lengths = np.array([len(array) for array in arrays])  # (B,)
    longest = max(arrays, key=len)
    shape = (len(arrays), *longest.shape)
    filled = [array for array in arrays if len(array)] or arrays  # an empty list has no dtype
    padded = np.full(shape, padding, dtype=np.result_type(*filled))
    for row, array in enumerate(arrays):
        if len(array):
            because = f"the longest sequence {longest.shape}"
            require_shape(f"sequences[{row}]", array, (None, *shape[2:]), because)
            padded[row, : len(array)] = array
    return padded, lengths


def mask_from_lengths(lengths, T=None):
    """(B, T) boolean, True at the first lengths[j] places of row j; T defaults to the longest."""
    lengths = np.asarray(lengths)
    T = int(lengths.max(initial=0)) if T is None else T
    return np.arange(T) < lengths[:, None]


def shuffled_batches(batch_size, rng, *columns):
    """Yield batches for ever: each pass goes once over all rows in a fresh random order.

    Args:
        batch_size: rows in a batch; the last batch of a pass may be smaller.
        rng: np.random.Generator.
        columns: arrays of equal length along axis 0, indexed together.

    Yields:
        tuple of arrays, one a column, rows matching.

    Raises:
        ValueError: columns differ in length, there are none, or batch_size is below 1.
    """
    sizes = {len(column) for column in columns}
    if len(sizes) != 1 or 0 in sizes:
        raise ValueError(f"columns must have one common length above 0, got {sorted(sizes)}")
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}; expected at least 1")
    (size,) = sizes
    while True:
        order = rng.permutation(size)
        for start in range(0, size, batch_size):
            rows = order[start : start + batch_size]
            yield tuple(column[rows] for column in columns)


def stream_batches(tokens, batch_size, num_steps):
    """Cut one long text into batches whose rows continue from batch to batch.

    Row j of the next batch begins where row j of this one ended, so a hidden state can be
    carried over. Targets are the inputs shifted by one.

    Args:
        tokens: (N,) integers. batch_size: rows. num_steps: steps in a batch.

    Returns:
        list of (inputs, targets), both (batch_size, num_steps). Tokens left over are dropped.

    Raises:
        ValueError: the text is too short for one batch.
    """
    tokens = np.asarray(tokens)
    row_length = (len(tokens) - 1) // batch_size
    num_batches = row_length // num_steps
    if num_batches == 0:
        raise ValueError(
            f"{len(tokens)} tokens are too few: {batch_size} rows of {num_steps} steps and their "
            f"targets need {batch_size * num_steps + 1}"
        )
    row_length = num_batches * num_steps
    inputs = tokens[: batch_size * row_length].reshape(batch_size, row_length)
    targets = tokens[1 : batch_size * row_length + 1].reshape(batch_size, row_length)
    cuts = range(0, row_length, num_steps)
    return [(inputs[:, t : t + num_steps], targets[:, t : t + num_steps]) for t in cuts]
