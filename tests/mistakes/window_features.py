"""Answers to: lay the last items side by side, for every step."""

from collections import deque

import numpy as np

from . import Answers

answers = Answers("window_features")


@answers.right
def shifted_copies(x, window):
    B, T, D = x.shape
    padded = np.concatenate([np.zeros((B, window - 1, D), dtype=x.dtype), x], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)


@answers.right
def a_loop_over_steps_and_ages(x, window):
    B, T, D = x.shape
    features = np.zeros((B, T, window * D), dtype=x.dtype)
    for t in range(T):
        for age in range(window):
            if t - age >= 0:
                place = window - 1 - age
                features[:, t, place * D : (place + 1) * D] = x[:, t - age]
    return features


@answers.right
def sliding_window_view(x, window):
    B, T, D = x.shape
    padded = np.pad(x, ((0, 0), (window - 1, 0), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)  # (B, T, D, window)
    return views.transpose(0, 1, 3, 2).reshape(B, T, window * D)


@answers.right
def index_array(x, window):
    steps = np.arange(x.shape[1])[:, None] + np.arange(window) - window + 1
    items = x[:, np.maximum(steps, 0)] * (steps >= 0)[:, :, None].astype(x.dtype)
    return items.reshape(len(x), x.shape[1], -1)


@answers.right
def nested_lists(x, window):
    zero = [x.dtype.type(0)] * x.shape[2]
    longer = [[zero] * (window - 1) + list(map(list, sequence)) for sequence in x]
    return [
        [[value for item in row[t : t + window] for value in item] for t in range(x.shape[1])]
        for row in longer
    ]


@answers.right
def rolled_and_emptied(x, window):
    items = []
    for age in reversed(range(window)):
        item = np.roll(x, age, axis=1)
        item[:, :age] = 0
        items.append(item)
    return np.concatenate(items, axis=2)


@answers.right
def recursion(x, window):
    if window == 1:
        return x
    before = np.zeros_like(x)
    before[:, 1:] = x[:, :-1]
    return np.concatenate([recursion(before, window - 1), x], axis=2)


@answers.right
def queues(x, window):
    def rows(sequence):
        queue = deque([np.zeros_like(sequence[0])] * window, maxlen=window)
        for x_t in sequence:
            queue.append(x_t)
            yield np.concatenate(queue)

    return [list(rows(sequence)) for sequence in x]


@answers.right
def products_with_shift_matrices(x, window):
    T = x.shape[1]
    shifts = [np.eye(T, k=-age, dtype=x.dtype) for age in reversed(range(window))]
    return np.concatenate([shift @ x for shift in shifts], axis=2)


@answers.mistake("newest first", "newest first", keeps=0)
def _(x, window):
    B, T, D = x.shape
    padded = np.concatenate([np.zeros((B, window - 1, D), dtype=x.dtype), x], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in reversed(range(window))], axis=2)


@answers.mistake("np.roll wraps around", "wraps around", keeps=0.3)
def _(x, window):
    return np.concatenate([np.roll(x, k, axis=1) for k in reversed(range(window))], axis=2)


@answers.mistake("looks ahead", "must not see the future")
def _(x, window):
    B, T, D = x.shape
    padded = np.concatenate([x, np.zeros((B, window - 1, D), dtype=x.dtype)], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)


@answers.mistake("present item missing", "x_t itself is missing")
def _(x, window):
    B, T, D = x.shape
    padded = np.concatenate([np.zeros((B, window, D), dtype=x.dtype), x], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)


@answers.mistake("first item repeated", "the first item is repeated", keeps=0.3)
def _(x, window):
    T = x.shape[1]
    padded = np.concatenate([np.repeat(x[:, :1], window - 1, axis=1), x], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)


@answers.mistake("early steps left out", "steps without a full window are left out")
def _(x, window):
    T = x.shape[1] - window + 1
    return np.concatenate([x[:, k : k + T] for k in range(window)], axis=2)


@answers.mistake("early steps all zero", "all zeros", keeps=0.3)
def _(x, window):
    features = shifted_copies(x, window)
    features[:, : window - 1] = 0
    return features


@answers.mistake("features interleaved", "interleaved", keeps=0)
def _(x, window):
    padded = np.pad(x, ((0, 0), (window - 1, 0), (0, 0)))
    views = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)
    return views.reshape(*x.shape[:2], -1)


@answers.mistake("mean over the window", "averaged")
def _(x, window):
    return shifted_copies(x, window).reshape(*x.shape[:2], window, -1).mean(axis=2)


@answers.mistake("an axis too many", "an axis of its own")
def _(x, window):
    return shifted_copies(x, window).reshape(*x.shape[:2], window, -1)


@answers.mistake("last step only", "only the last step is returned")
def _(x, window):
    return shifted_copies(x, window)[:, -1]


@answers.mistake("fails for a short sequence", "stops with ValueError", keeps=0.9)
def _(x, window):
    T = x.shape[1]
    if window > T:
        return np.concatenate([x[:, k : k + T] for k in range(window)], axis=2).reshape(2, T, -4)
    return shifted_copies(x, window)


@answers.mistake("float64 zeros", "comes out as float64", keeps=0.9)
def _(x, window):
    B, T, D = x.shape
    padded = np.concatenate([np.zeros((B, window - 1, D)), x], axis=1)
    return np.concatenate([padded[:, k : k + T] for k in range(window)], axis=2)


@answers.mistake("the batch as one long sequence", "into the sequence before it", keeps=0.4)
def _(x, window):
    B, T, D = x.shape
    return shifted_copies(x.reshape(1, B * T, D), window).reshape(B, T, -1)


@answers.mistake("np.roll without an axis", "np.roll without an axis")
def _(x, window):
    return np.concatenate([np.roll(x, age) for age in reversed(range(window))], axis=2)


@answers.mistake("np.roll the other way", "looks ahead, and wraps around")
def _(x, window):
    return np.concatenate([np.roll(x, -age, axis=1) for age in reversed(range(window))], axis=2)


@answers.mistake("rolled, one step too few emptied", "in one step too few", keeps=0.3)
def _(x, window):
    items = []
    for age in reversed(range(window)):
        item = np.roll(x, age, axis=1)
        item[:, : max(age - 1, 0)] = 0
        items.append(item)
    return np.concatenate(items, axis=2)


@answers.mistake("rolled, too many steps emptied", "too many items are set to zero", keeps=0.3)
def _(x, window):
    rolled = np.concatenate([np.roll(x, age, axis=1) for age in range(window - 1, 0, -1)] + [x], 2)
    rolled[:, : window - 1, : -x.shape[2]] = 0
    return rolled


@answers.mistake("stacked in front, then reshaped", "reshape lays the numbers out")
def _(x, window):
    B, T, D = x.shape
    padded = np.pad(x, ((0, 0), (window - 1, 0), (0, 0)))
    return np.array([padded[:, k : k + T] for k in range(window)]).reshape(B, T, window * D)


@answers.mistake("the first item never shown", "the item of step 0 never appears")
def _(x, window):
    B, T, D = x.shape
    features = np.zeros((B, T, window, D), dtype=x.dtype)
    for t in range(T):
        for age in range(window):
            if t - age > 0:
                features[:, t, window - 1 - age] = x[:, t - age]
    return features.reshape(B, T, -1)


@answers.mistake("pieces instead of windows", "cut into pieces")
def _(x, window):
    B, T, D = x.shape
    return np.pad(x, ((0, 0), (0, -T % window), (0, 0))).reshape(B, -1, window * D)


@answers.mistake("one vector of zeros too many", "one step too many")
def _(x, window):
    B, T, D = x.shape
    padded = np.concatenate([np.zeros((B, window, D), dtype=x.dtype), x], axis=1)
    return np.concatenate([padded[:, k : k + T + 1] for k in range(window)], axis=2)


@answers.mistake("window cut to the sequence", "no longer than the sequence", keeps=0.9)
def _(x, window):
    return shifted_copies(x, min(window, x.shape[1]))


@answers.mistake("filled up on the right", "the zeros stand after the items", keeps=0.3)
def _(x, window):
    B, T, D = x.shape
    features = np.zeros((B, T, window * D), dtype=x.dtype)
    for t in range(T):
        items = x[:, max(0, t - window + 1) : t + 1].reshape(B, -1)
        features[:, t, : items.shape[1]] = items
    return features
