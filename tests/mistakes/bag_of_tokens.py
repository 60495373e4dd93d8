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


@answers.right
def one_bincount_for_all(tokens, mask, vocabulary_size):
    B = len(tokens)
    places = (np.arange(B)[:, None] * vocabulary_size + tokens)[mask]
    return np.bincount(places, minlength=B * vocabulary_size).reshape(B, -1).astype(np.float16)


@answers.right
def one_word_at_a_time(tokens, mask, vocabulary_size):
    words = range(vocabulary_size)
    return np.stack([((tokens == word) & mask).sum(axis=1) for word in words], axis=1)


@answers.right
def histograms(tokens, mask, vocabulary_size):
    edges = np.arange(vocabulary_size + 1) - 0.5
    rows = zip(tokens, mask, strict=True)
    return [np.histogram(row[real], bins=edges)[0] for row, real in rows]


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


@answers.mistake("column 0 zeroed", "only the mask says what counts", keeps=0.9)
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


@answers.mistake("word 0 never counted", "word 0 is never counted", keeps=0.9)
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for word in range(1, vocabulary_size):
        counts[:, word] = ((tokens == word) & mask).sum(axis=1)
    return counts


@answers.mistake("the last word never counted", "loop over the words end too early", keeps=0.9)
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for word in range(vocabulary_size - 1):
        counts[:, word] = ((tokens == word) & mask).sum(axis=1)
    return counts


@answers.mistake("the loop ends at the first 0", "counting ends at the first 0", keeps=0.9)
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for j, row in enumerate(tokens):
        for word in row:
            if word == 0:
                break
            counts[j, word] += 1
    return counts


@answers.mistake("the first step left out", "does the loop start too late")
def _(tokens, mask, vocabulary_size):
    return nested_loops(tokens[:, 1:], mask[:, 1:], vocabulary_size)


@answers.mistake("sum without an axis", "each count is that of the whole batch")
def _(tokens, mask, vocabulary_size):
    counts = np.zeros((len(tokens), vocabulary_size))
    for word in range(vocabulary_size):
        counts[:, word] = ((tokens == word) & mask).sum()
    return counts


@answers.mistake("the words' numbers added", "own numbers are added up")
def _(tokens, mask, vocabulary_size):
    rows = zip(tokens, mask, strict=True)
    return np.stack([np.bincount(row, row * real, vocabulary_size) for row, real in rows])


@answers.mistake("the counts never reset", "start each sentence with zeros")
def _(tokens, mask, vocabulary_size):
    counts, rows = np.zeros(vocabulary_size), []
    for row, real in zip(tokens, mask, strict=True):
        for word in row[real]:
            counts[word] += 1
        rows.append(counts.copy())
    return np.array(rows)


@answers.mistake("one array for all sentences", "as if one array were stored B times")
def _(tokens, mask, vocabulary_size):
    counts, rows = np.zeros(vocabulary_size), []
    for row, real in zip(tokens, mask, strict=True):
        counts[:] = np.bincount(row[real], minlength=vocabulary_size)
        rows.append(counts)
    return np.array(rows)
