"""Checks of what a feedforward network can be given of a sequence: a bag, or a window."""

import numpy as np

from rnn_course import text
from rnn_course.checks.examine import Aspect, Task, examine


def _one_hot(tokens, size):
    return (tokens[..., None] == np.arange(size)).astype(float)  # (B, T, V)


def _bag(tokens, mask, V):
    return (_one_hot(tokens, V) * mask[..., None]).sum(axis=1)  # (B, V)


BAG_SUSPECTS = {
    "padded places are counted as words.": lambda t, m, V: _bag(t, np.ones_like(m), V),
    "a word that stands twice counts once. counts[row, tokens] += 1 adds 1 only once for an index "
    "that repeats.": lambda t, m, V: (_bag(t, m, V) > 0) * 1.0,
    "a word that stands twice counts once, and padded places count too.": lambda t, m, V: (
        (_bag(t, np.ones_like(m), V) > 0) * 1.0
    ),
    "the counts are divided by the length; the plain counts are asked for.": lambda t, m, V: (
        _bag(t, m, V) / m.sum(axis=1, keepdims=True)
    ),
    "the counts are divided by T; the plain counts are asked for.": lambda t, m, V: (
        _bag(t, m, V) / m.shape[1]
    ),
    "one bag is made of the whole batch; every sentence has its own.": lambda t, m, V: _bag(
        t, m, V
    ).sum(axis=0),
    "the width is the largest token of this batch; it has to be vocabulary_size, the same for "
    "every batch.": lambda t, m, V: _bag(t, m, V)[:, : t.max() + 1],
    "the result is transposed: one row a sentence.": lambda t, m, V: _bag(t, m, V).T,
    "the one-hot vectors are not added up over the steps.": lambda t, m, V: (
        _one_hot(t, V) * m[..., None]
    ),
    "the one-hot vectors are added up over the sentences instead of the steps.": lambda t, m, V: (
        _one_hot(t, V) * m[..., None]
    ).sum(axis=0),
    "the mask is the wrong way round: the padded places are counted.": lambda t, m, V: _bag(
        t, ~m, V
    ),
    "the last step of a sentence is not counted: does the loop end too early?": lambda t, m, V: (
        _bag(t[:, :-1], m[:, :-1], V)
    ),
    "every count stands one column too far left.": lambda t, m, V: np.roll(_bag(t, m, V), -1, 1),
    "every count stands one column too far right.": lambda t, m, V: np.roll(_bag(t, m, V), 1, 1),
}


def _bag_task(seed):
    rng = np.random.default_rng(seed)

    def draw(lengths, T=7, V=11, padding=0, repeat=True):
        mask = text.mask_from_lengths(np.array(lengths), T)
        once = np.stack([rng.permutation(np.arange(2, V - 1))[:T] for _ in lengths])
        if repeat:
            once[:, 1] = once[:, 0]  # every sentence says its first word twice
        return {"tokens": np.where(mask, once, padding), "mask": mask, "vocabulary_size": V}

    return Task(
        name="bag_of_tokens",
        outputs=("counts",),
        reference=_bag,
        aspects=(
            Aspect("sentences of different lengths, some words twice", 3, (draw([6, 3, 4]),)),
            Aspect("no padding, no word twice", 2, (draw([7, 7, 7], repeat=False),)),
            Aspect("no padding, some words twice", 2, (draw([7, 7]),)),
            Aspect("padded places that hold another number than 0", 1, (draw([6, 3], padding=3),)),
            Aspect("one sentence; one word", 1, (draw([5]), draw([1, 1], T=1, repeat=False))),
        ),
        suspects={"counts": BAG_SUSPECTS},
        shapes={"counts": "(B, V)"},
        kinds={},
    )


def check_bag_of_tokens(answer, seed=1002):
    """Check answer(tokens, mask, vocabulary_size) -> counts; returns a Verdict."""
    return examine(_bag_task(seed), answer)


def _shifted(x, steps, fill=0.0):
    """x moved ``steps`` later in time; the places before hold ``fill``."""
    T = x.shape[1]
    before = np.zeros_like(x[:, :1]) + fill
    return np.concatenate([*[before] * min(steps, T), x[:, : max(T - steps, 0)]], axis=1)


def _window(x, window, fill=0.0, first=0):
    """Items x_{t-first-window+1} ... x_{t-first} side by side, oldest first."""
    ages = range(first + window - 1, first - 1, -1)
    return np.concatenate([_shifted(x, age, fill) for age in ages], axis=2)


def _ahead(x, window):
    """Items x_t ... x_{t+window-1}."""
    later = [_shifted(x[:, ::-1], age)[:, ::-1] for age in range(window)]
    return np.concatenate(later, axis=2)


def _stacked(x, window):
    return np.stack(np.split(_window(x, window), window, axis=2), axis=2)  # (B, T, window, D)


WINDOW_SUSPECTS = {
    "the items stand newest first; the oldest comes first.": lambda x, k: _stacked(x, k)[
        :, :, ::-1
    ].reshape(*x.shape[:2], -1),
    "the window wraps around: before the start it shows the end of the sequence, as np.roll "
    "does.": lambda x, k: np.concatenate(
        [np.roll(x, age, axis=1) for age in range(k - 1, -1, -1)], axis=2
    ),
    "the window wraps around (np.roll), and the newest item stands first.": lambda x, k: (
        np.concatenate([np.roll(x, age, axis=1) for age in range(k)], axis=2)
    ),
    "np.roll moves the wrong axis: items of other sequences or features come in.": lambda x, k: (
        np.concatenate([np.roll(x, age, axis=0) for age in range(k - 1, -1, -1)], axis=2)
    ),
    "the window looks ahead: it shows x_t and what comes after it. A network must not see the "
    "future.": _ahead,
    "the window ends before the present item: x_t itself is missing.": lambda x, k: _window(
        x, k, first=1
    ),
    "before the start the first item is repeated; zeros are asked for.": lambda x, k: _window(
        x, k, fill=x[:, :1]
    ),
    "before the start stand ones; zeros are asked for.": lambda x, k: _window(x, k, fill=1.0),
    "steps without a full window are left out; they are asked for too, with zeros in front.": (
        lambda x, k: _window(x, k)[:, k - 1 :]
    ),
    "steps without a full window are all zeros; they should show the items that are "
    "there.": lambda x, k: _window(x, k) * (np.arange(x.shape[1]) >= k - 1)[:, None],
    "the features are interleaved: first all values of feature 0, then of feature 1. Keep each "
    "item in one piece.": lambda x, k: _stacked(x, k).swapaxes(2, 3).reshape(*x.shape[:2], -1),
    "the items of a window are added; lay them side by side.": lambda x, k: _stacked(x, k).sum(
        axis=2
    ),
    "the items of a window are averaged; lay them side by side.": lambda x, k: _stacked(x, k).mean(
        axis=2
    ),
    "the window is an axis of its own; the last two axes become one.": _stacked,
    "only the last step is returned; the windows of all steps are asked for.": lambda x, k: _window(
        x, k
    )[:, -1],
    "the window is one item too long.": lambda x, k: _window(x, k + 1),
    "the window is one item too short.": lambda x, k: _window(x, k)[:, :, x.shape[2] :],
    "the zeros stand after the items instead of before them at the start.": lambda x, k: np.where(
        (np.arange(x.shape[1]) >= k - 1)[:, None],
        _window(x, k),
        _ahead(x, k)[:, :1]
        * (np.repeat(np.arange(k), x.shape[2]) <= np.arange(x.shape[1])[:, None]),
    ),
}


def _window_task(seed):
    rng = np.random.default_rng(seed)

    def draw(window, B=2, T=7, D=3):
        return {"x": rng.normal(size=(B, T, D)), "window": window}

    def inside(arguments):
        T, window = arguments["x"].shape[1], arguments["window"]
        return (np.arange(T) >= window - 1)[:, None]  # (T, 1)

    main = draw(4)
    return Task(
        name="window_features",
        outputs=("features",),
        reference=_window,
        aspects=(
            Aspect("steps with a full window", 3, (main,), where=inside),
            Aspect(
                "the first steps, before which there is nothing",
                3,
                (main,),
                where=lambda a: ~inside(a),
            ),
            Aspect("a window of one item; one sequence", 1, (draw(1), draw(3, B=1))),
            Aspect("a window longer than the sequence", 1, (draw(5, T=2),)),
        ),
        suspects={"features": WINDOW_SUSPECTS},
        shapes={"features": "(B, T, window D)"},
    )


def check_window_features(answer, seed=1003):
    """Check answer(x, window) -> features; returns a Verdict."""
    return examine(_window_task(seed), answer)
