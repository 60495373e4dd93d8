"""Answers to: count the words of each sentence."""

from collections import Counter

import numpy as np

from . import Answers

answers = Answers("bag_of_tokens")


@answers.right
def nested_loops(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for j in range(tokens.shape[0]):
        for t in range(tokens.shape[1]):
            if mask[j, t]:
                counts[j, tokens[j, t]] += 1
    return counts


@answers.right
def bincount(tokens, mask, vocabulary_size):
    rows = zip(tokens, mask, strict=True)
    return np.stack([np.bincount(row[real], minlength=vocabulary_size) for row, real in rows])


@answers.right
def sum_of_one_hot(tokens, mask, vocabulary_size):
    return np.einsum("btv,bt->bv", np.eye(vocabulary_size)[tokens], mask.astype(float))


@answers.right
def add_at(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size), dtype=np.float32)
    np.add.at(counts, (np.nonzero(mask)[0], tokens[mask]), 1)
    return counts


@answers.right
def counters(tokens, mask, vocabulary_size):
    bags = [Counter(row[real].tolist()) for row, real in zip(tokens, mask, strict=True)]
    return [[bag[word] for word in range(vocabulary_size)] for bag in bags]


@answers.mistake("padding counted", "padded places are counted", keeps=0.4)
def _(tokens, mask, vocabulary_size):
    return np.eye(vocabulary_size)[tokens].sum(axis=1)


@answers.mistake("+= with repeated indices", "adds 1 only once", keeps=0.2)
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for j, row in enumerate(tokens):
        counts[j, row[mask[j]]] += 1
    return counts


@answers.mistake("presence instead of counts", "a word that stands twice counts once", keeps=0.2)
def _(tokens, mask, vocabulary_size):
    return (nested_loops(tokens, mask, vocabulary_size) > 0).astype(float)


@answers.mistake("divided by the length", "divided by the length", keeps=0)
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens, mask, vocabulary_size) / mask.sum(axis=1, keepdims=True)


@answers.mistake("one bag for the batch", "one bag is made of the whole batch")
def _(tokens, mask, vocabulary_size):
    return np.bincount(tokens[mask], minlength=vocabulary_size)


@answers.mistake("width of this batch", "it has to be vocabulary_size")
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens, mask, tokens.max() + 1)


@answers.mistake("one-hot not summed", "not added up over the steps")
def _(tokens, mask, vocabulary_size):
    return np.eye(vocabulary_size)[tokens] * mask[:, :, None]


@answers.mistake("summed over the batch", "over the sentences instead of the steps")
def _(tokens, mask, vocabulary_size):
    return (np.eye(vocabulary_size)[tokens] * mask[:, :, None]).sum(axis=0)


@answers.mistake("column 0 zeroed", "padded places are counted", keeps=0.9)
def _(tokens, mask, vocabulary_size):
    counts = np.eye(vocabulary_size)[tokens].sum(axis=1)
    counts[:, 0] = 0
    return counts


@answers.mistake("mask inverted", "the wrong way round")
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens, ~mask, vocabulary_size)


@answers.mistake("tokens times mask", "padded places are counted", keeps=0.4)
def _(tokens, mask, vocabulary_size):
    return np.eye(vocabulary_size)[tokens * mask].sum(axis=1)


@answers.mistake("result transposed", "the result is transposed")
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens, mask, vocabulary_size).T


@answers.mistake("tokens overwritten", "writes into its input tokens", keeps=0.9)
def _(tokens, mask, vocabulary_size):
    tokens[~mask] = 0
    counts = np.eye(vocabulary_size)[tokens].sum(axis=1)
    counts[:, 0] -= (~mask).sum(axis=1)
    return counts


@answers.mistake("off by one", "one column too far left", keeps=0)
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens - 1, mask, vocabulary_size)


@answers.mistake("the last step left out", "does the loop end too early", keeps=0.5)
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for t in range(tokens.shape[1] - 1):
        np.add.at(counts, (np.arange(len(tokens)), tokens[:, t]), mask[:, t])
    return counts
