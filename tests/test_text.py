"""From text to arrays: round trips, ties, padding, batches."""

from itertools import islice

import numpy as np
import pytest
from gradients import D, normal
from hypothesis import given
from hypothesis import strategies as st

from rnn_course.text import (
    END,
    PAD,
    START,
    UNKNOWN,
    Vocabulary,
    mask_from_lengths,
    pad_sequences,
    shuffled_batches,
    stream_batches,
    tokenise,
)

words = st.lists(st.text("abc", min_size=1, max_size=3), max_size=20)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("I don't.", ["i", "don't", "."]),
        ("It costs 3.50!", ["it", "costs", "3", ".", "50", "!"]),
        ("  Über\nalles,  'quoted' ", ["über", "alles", ",", "'", "quoted", "'"]),
        ("well-known ...", ["well", "-", "known", ".", ".", "."]),
        ("", []),
        (" \t\n", []),
    ],
)
def test_tokenise_by_hand(text, tokens):
    """Are words, numbers and punctuation marks apart, and apostrophes inside words kept?"""
    assert tokenise(text) == tokens


@given(st.text(max_size=40))
def test_tokenise_loses_nothing_but_space(text):
    """Do the tokens, joined, hold every character that is not white space, in order?"""
    assert "".join(tokenise(text)) == "".join(text.lower().split())


@given(words)
def test_vocabulary_round_trip(tokens):
    """Does decoding give back what was encoded, for tokens the vocabulary was made from?"""
    vocabulary = Vocabulary(tokens)
    indices = vocabulary.encode(tokens)
    assert indices.dtype == np.int64
    assert vocabulary.decode(indices) == tokens
    assert len(vocabulary) == 2 + len(set(tokens))


@given(words, st.integers(2, 8))
def test_vocabulary_keeps_the_most_frequent(tokens, max_size):
    """Is the size bounded, and is no dropped token more frequent than a kept one?"""
    vocabulary = Vocabulary(tokens, max_size)
    assert len(vocabulary) <= max_size
    kept = [tokens.count(token) for token in vocabulary.tokens[2:]]
    dropped = [tokens.count(token) for token in tokens if token not in vocabulary]
    assert kept == sorted(kept, reverse=True)
    assert not dropped or len(vocabulary) == max_size
    assert max(dropped, default=0) <= min(kept, default=np.inf)
    assert all(vocabulary.encode([token])[0] == 1 for token in tokens if token not in vocabulary)


def test_vocabulary_breaks_ties_alphabetically():
    """Is the order by frequency, then by alphabet, whatever order the text has?"""
    for tokens in (["b", "c", "a", "c"], ["c", "a", "c", "b"]):
        assert Vocabulary(tokens).tokens == [PAD, UNKNOWN, "c", "a", "b"]
        assert Vocabulary(tokens, max_size=4).tokens == [PAD, UNKNOWN, "c", "a"]


def test_vocabulary_special_tokens_come_first_and_once():
    """Do specials follow padding and unknown, even where the text holds them too?"""
    vocabulary = Vocabulary(["a", END, PAD, "a"], specials=(START, END, PAD))
    assert vocabulary.tokens == [PAD, UNKNOWN, START, END, "a"]
    assert vocabulary.encode([PAD, UNKNOWN, START, END]).tolist() == [0, 1, 2, 3]


def test_vocabulary_unknown_and_empty():
    """Does a new token become 1, and an empty sentence an empty integer array?"""
    vocabulary = Vocabulary(["a"])
    assert vocabulary.encode(["a", "zebra"]).tolist() == [2, 1]
    assert vocabulary.decode([2, 1]) == ["a", UNKNOWN]
    assert vocabulary.encode([]).shape == (0,)
    assert vocabulary.encode([]).dtype == np.int64
    assert vocabulary.decode([]) == []
    assert "a" in vocabulary
    assert "zebra" not in vocabulary


@pytest.mark.parametrize("index", [-1, 3])
def test_vocabulary_refuses_an_index_it_does_not_have(index):
    """Does an index outside raise with its place, instead of counting from the end?"""
    with pytest.raises(ValueError, match=rf"indices\[1\] is {index}; expected 0 to 2"):
        Vocabulary(["a"]).decode([0, index])


def test_vocabulary_refuses_a_size_too_small_for_the_specials():
    """Does a vocabulary without room for its special tokens raise?"""
    with pytest.raises(ValueError, match="max_size is 3, but 4 special tokens need a place"):
        Vocabulary(["a"], max_size=3, specials=(START, END))


@given(st.lists(st.lists(st.integers(0, 99), max_size=6), min_size=1, max_size=5))
def test_padding_round_trip(sequences):
    """Do lengths and mask give back every sequence, and is all else padding?"""
    padded, lengths = pad_sequences(sequences, padding=-1)
    mask = mask_from_lengths(lengths)
    assert padded.shape == mask.shape == (len(sequences), max(map(len, sequences)))
    for row, length, sequence in zip(padded, lengths, sequences, strict=True):
        assert row[:length].tolist() == sequence
    assert (padded[~mask] == -1).all()
    assert mask.sum() == sum(map(len, sequences))


def test_pad_sequences_of_features(rng):
    """Are sequences of vectors padded along time, their dtype kept?"""
    long, short = normal(rng, 4, D, dtype=np.float32), normal(rng, 2, D, dtype=np.float32)
    padded, lengths = pad_sequences([short, long])
    assert padded.dtype == np.float32
    assert lengths.tolist() == [2, 4]
    np.testing.assert_array_equal(padded[0], np.concatenate([short, np.zeros((2, D))]))
    np.testing.assert_array_equal(padded[1], long)


def test_pad_sequences_keeps_tokens_integers_beside_an_empty_one():
    """Does an empty list in a batch of tokens not turn them into floats?"""
    padded, lengths = pad_sequences([[], [4, 5]])
    assert np.issubdtype(padded.dtype, np.integer)
    assert padded.tolist() == [[0, 0], [4, 5]]
    assert lengths.tolist() == [0, 2]
    assert pad_sequences([[], [[1.5, 2.5]]])[0].tolist() == [[[0, 0]], [[1.5, 2.5]]]


def test_pad_sequences_refuses_nothing_and_mixed_features(rng):
    """Do an empty list, and feature sizes that would broadcast, raise?"""
    with pytest.raises(ValueError, match="sequences is empty"):
        pad_sequences([])
    match = r"sequences\[1\] has shape \(2, 1\), but the longest sequence \(4, 3\) needs"
    with pytest.raises(ValueError, match=match):
        pad_sequences([normal(rng, 4, D), normal(rng, 2, 1)])


def test_mask_from_lengths_by_hand():
    """Is the mask (B, T), batch first, with T given or the longest length?"""
    expected = [[True, False, False], [True, True, True], [False, False, False]]
    assert mask_from_lengths([1, 3, 0]).tolist() == expected
    assert mask_from_lengths(np.zeros(0, dtype=int)).shape == (0, 0)
    assert mask_from_lengths([1, 0], T=2).tolist() == [[True, False], [False, False]]


@given(st.integers(1, 12), st.integers(1, 15), st.integers(0, 2**32 - 1))
def test_shuffled_batches_pass_over_every_row_once(size, batch_size, seed):
    """Does each pass take every row once, columns together, in a fresh order?"""
    rows = np.arange(size)
    batches = shuffled_batches(batch_size, np.random.default_rng(seed), rows, rows * 10)
    per_pass = -(-size // batch_size)
    for _ in range(2):
        one_pass = list(islice(batches, per_pass))
        assert all(len(left) <= batch_size for left, _ in one_pass)
        assert all((left * 10 == right).all() for left, right in one_pass)
        assert sorted(np.concatenate([left for left, _ in one_pass])) == rows.tolist()


def test_shuffled_batches_reshuffle_and_repeat_with_the_seed():
    """Do two passes differ, and two generators of the same seed agree?"""
    first, second = (shuffled_batches(50, np.random.default_rng(3), np.arange(50)) for _ in "ab")
    passes = [next(first)[0].tolist() for _ in range(3)]
    assert passes == [next(second)[0].tolist() for _ in range(3)]
    assert passes[0] != passes[1] != passes[2]


@pytest.mark.parametrize(
    ("columns", "batch_size", "match"),
    [
        ((np.arange(3), np.arange(4)), 2, r"one common length above 0, got \[3, 4\]"),
        ((), 2, r"got \[\]"),
        ((np.arange(0),), 2, r"got \[0\]"),
        ((np.arange(3),), 0, "batch_size is 0; expected at least 1"),
    ],
)
def test_shuffled_batches_refuses(columns, batch_size, match, rng):
    """Do columns that do not match, or batches without rows, raise instead of looping?"""
    with pytest.raises(ValueError, match=match):
        next(shuffled_batches(batch_size, rng, *columns))


@given(st.integers(1, 4), st.integers(1, 5), st.integers(2, 80))
def test_stream_batches_continue_from_row_to_row(batch_size, num_steps, size):
    """Is each row's text whole over the batches, each target the next token, no token twice?"""
    tokens = np.arange(size)
    if size < batch_size * num_steps + 1:
        with pytest.raises(ValueError, match=rf"need {batch_size * num_steps + 1}"):
            stream_batches(tokens, batch_size, num_steps)
        return
    batches = stream_batches(tokens.tolist(), batch_size, num_steps)
    assert all(inputs.shape == (batch_size, num_steps) for inputs, _ in batches)
    for inputs, targets in batches:
        np.testing.assert_array_equal(targets, inputs + 1)
    rows = np.concatenate([inputs for inputs, _ in batches], axis=1)
    np.testing.assert_array_equal(rows.reshape(-1), np.arange(rows.size))
    assert size - 1 - rows.size < batch_size * num_steps  # what is left over fills no batch
