"""Answers to: lay the last items side by side, for every step."""

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
