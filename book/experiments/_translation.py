"""Numbers in words from English into French: the data, the networks and the scores."""

from functools import cache

import numpy as np

from rnn_course import data
from rnn_course.encoders import GRUEncoder
from rnn_course.memory_attention import AdditiveAttention, DotProductAttention, UniformAttention
from rnn_course.optimisers import Adam
from rnn_course.seq2seq import EncoderDecoder
from rnn_course.text import (
    END,
    START,
    Vocabulary,
    mask_from_lengths,
    pad_sequences,
    shuffled_batches,
)
from rnn_course.training import train

MAX_STEPS = 30  # the longest translation has fewer tokens
SCALES = {"thousand": 1, "million": 2, "billion": 3}
SCALES |= {"mille": 1, "million": 2, "millions": 2, "milliard": 3, "milliards": 3}
HUNDREDS = {"hundred", "cent", "cents"}


class Pairs:
    """Token lists, and the same as arrays, of a split that differs from seed to seed.

    source_backwards, target_backwards: whether that side stands in the opposite order.
    """

    def __init__(self, seed, num_train, num_test, source_backwards=False, target_backwards=False):
        self.source, self.target = _words(seed, num_train + num_test)
        if source_backwards:
            self.source = [words[::-1] for words in self.source]
        if target_backwards:
            self.target = [words[::-1] for words in self.target]
        self.train, self.test = np.arange(num_train), np.arange(num_train, len(self.source))
        self.words_in = Vocabulary(w for row in self.train for w in self.source[row])
        learnt = (w for row in self.train for w in self.target[row])
        self.words_out = Vocabulary(learnt, specials=(START, END))
        self.x, self.x_lengths = pad_sequences([self.words_in.encode(s) for s in self.source])
        targets = [self.words_out.encode([*words, END]) for words in self.target]
        self.y, self.y_lengths = pad_sequences(targets)

    def batches(self, rng, longest=None, batch_size=64):
        """Training batches for ever, each as wide as it needs to be."""
        rows = self.train
        if longest is not None:
            rows = rows[self.x_lengths[rows] <= longest]
        columns = (c[rows] for c in (self.x, self.x_lengths, self.y, self.y_lengths))
        for x, x_lengths, y, y_lengths in shuffled_batches(batch_size, rng, *columns):
            yield x[:, : x_lengths.max()], x_lengths, y[:, : y_lengths.max()], y_lengths


@cache
def _words(seed, num_pairs):
    return data.translated_numbers(num_pairs, np.random.default_rng(1000 + seed))


def build(pairs, hidden_size, rng, attention=None, bidirectional=False, embedding_size=24):
    """An encoder-decoder of GRUs; attention None, "uniform", "dot product" or "additive"."""
    D, H = embedding_size, hidden_size
    encoder = GRUEncoder(D, H, rng, bidirectional=bidirectional, dtype=np.float32)
    decoder = GRUEncoder(D, H, rng, dtype=np.float32)
    E = encoder.output_size
    kinds = {
        None: lambda: None,
        "uniform": UniformAttention,
        "dot product": lambda: DotProductAttention(H, E, rng, np.float32),
        "additive": lambda: AdditiveAttention(H, E, H // 2, rng, np.float32),
    }
    sizes = len(pairs.words_in), len(pairs.words_out)
    ends = pairs.words_out.index[START], pairs.words_out.index[END]
    return EncoderDecoder(encoder, decoder, *sizes, *ends, rng, kinds[attention]())


def trained(pairs, seed, updates, longest=None, rate=0.005, **options):
    """A network after so many updates."""
    rng = np.random.default_rng(seed)
    model = build(pairs, rng=rng, **options)
    train(model, pairs.batches(rng, longest), Adam(rate), updates, max_norm=1.0)
    return model


def translations(model, pairs, rows):
    """Token lists, written greedily."""
    written = model.greedy_decode(pairs.x[rows], pairs.x_lengths[rows], MAX_STEPS)
    return [pairs.words_out.decode(tokens) for tokens in written]


def right(model, pairs, rows):
    """(N,) whether each translation is exact."""
    answers = translations(model, pairs, rows)
    return np.array([a == pairs.target[row] for a, row in zip(answers, rows, strict=True)])


def right_tokens(model, pairs, rows):
    """(N,) share of each target's tokens that are the most probable after the true ones."""
    lengths = pairs.y_lengths[rows]
    y, _ = model.forward(pairs.x[rows], pairs.x_lengths[rows], pairs.y[rows], lengths)
    mask = mask_from_lengths(lengths, y.shape[1])
    return ((y.argmax(axis=2) == pairs.y[rows]) & mask).sum(axis=1) / lengths


def by_length(values, lengths, edges):
    """Mean of values (N,) for lengths from each edge to below the next."""
    bucket = np.digitize(lengths, edges)
    return [float(values[bucket == k].mean()) for k in range(1, len(edges))]


def every_variant(measured, settings, progress):
    """What measured(name, seed, settings) returns, by variant and key, with one entry a seed."""
    results = {name: {} for name in settings["variants"]}
    for seed in progress(settings["seeds"]):
        for name in settings["variants"]:
            for key, value in measured(name, seed, settings).items():
                results[name].setdefault(key, []).append(value)
    return results


def places(words):
    """What each word of a number stands for: (group of three digits, part), None for "and"."""
    found, group = [], []

    def close(rank):
        cut = max((at + 1 for at, word in enumerate(group) if word in HUNDREDS), default=0)
        for at, word in enumerate(group):
            part = "hundreds" if at < cut else "tens and ones"
            found.append(None if word == "and" else (rank, part))
        group.clear()

    for word in words:
        if word in SCALES:
            close(SCALES[word])
            found.append((SCALES[word], "scale"))
        else:
            group.append(word)
    close(0)
    return found


def truth(source, target):
    """(T, S) True where a source word stands for the same digits as the target word."""
    return np.array([[a is not None and a == b for a in places(source)] for b in places(target)])
