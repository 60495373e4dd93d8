"""Checks of what a feedforward network can be given of a sequence: a bag, or a window."""

import numpy as np

from rnn_course import text
from rnn_course.examination.examine import Aspect, Task, examine


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
    "the first step of a sentence is not counted: does the loop start too late?": lambda t, m, V: (
        _bag(t[:, 1:], m[:, 1:], V)
    ),
    "padding is recognised by its number, 0. A padded place may hold any number, and a real one 0: "
    "only the mask says what counts.": lambda t, m, V: _bag(t, t != 0, V),
    "counting ends at the first 0. A padded place may hold any number, and a real one 0: only the "
    "mask says what counts.": lambda t, m, V: _bag(t, np.cumprod(t != 0, axis=1) > 0, V),
    "word 0 is never counted. Only the mask says what is padding.": lambda t, m, V: (
        _bag(t, m, V) * (np.arange(V) > 0)
    ),
    "the last word of the vocabulary is never counted: does the loop over the words end too "
    "early?": lambda t, m, V: _bag(t, m, V) * (np.arange(V) < V - 1),
    "each count is that of the whole batch; sum over the steps of a sentence alone, "
    "axis=1.": lambda t, m, V: 0 * _bag(t, m, V) + _bag(t, m, V).sum(axis=0),
    "the words' own numbers are added up; a word counts 1.": lambda t, m, V: (
        _bag(t, m, V) * np.arange(V)
    ),
    "the counts of the sentences before are still in: start each sentence with zeros.": (
        lambda t, m, V: _bag(t, m, V).cumsum(axis=0)
    ),
    "the last sentence's counts stand in every row, as if one array were stored B times. Does "
    "every sentence make a new array?": lambda t, m, V: 0 * _bag(t, m, V) + _bag(t, m, V)[-1:],
    "every count stands one column too far left.": lambda t, m, V: np.roll(_bag(t, m, V), -1, 1),
    "every count stands one column too far right.": lambda t, m, V: np.roll(_bag(t, m, V), 1, 1),
}


def _bag_task(seed):
    rng = np.random.default_rng(seed)

    def draw(lengths, T=7, V=11, padding=0, repeat=True):
        mask = text.mask_from_lengths(np.array(lengths), T)
        words = rng.permutation(np.arange(2, V - 1))
        once = np.stack([np.roll(words, row)[:T] for row in range(len(lengths))])  # no bag twice
        if repeat:
            once[:, 2] = once[:, 1]  # every sentence says its second word twice
        return {"tokens": np.where(mask, once, padding), "mask": mask, "vocabulary_size": V}

    real_zero, last_word = draw([6, 3], padding=3), draw([1, 1], T=1, repeat=False)
    real_zero["tokens"][0, 0] = 0
    last_word["tokens"][0, 0] = last_word["vocabulary_size"] - 1
    return Task(
        name="bag_of_tokens",
        outputs=("counts",),
        reference=_bag,
        aspects=(
            Aspect("sentences of different lengths, some words twice", 3, (draw([6, 3, 4]),)),
            Aspect("no padding, no word twice", 2, (draw([7, 7, 7], repeat=False),)),
            Aspect("no padding, some words twice", 2, (draw([7, 7]),)),
            Aspect(
                "padded places that are not 0, real ones that are",
                1,
                (real_zero,),
            ),
            Aspect("one sentence; one word, the last one there is", 1, (draw([5]), last_word)),
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


def _ages(window):
    return range(window - 1, -1, -1)  # oldest first


def _window(x, window, fill=0.0, first=0):
    """Items x_{t-first-window+1} ... x_{t-first} side by side, oldest first."""
    return np.concatenate([_shifted(x, first + age, fill) for age in _ages(window)], axis=2)


def _ahead(x, ages):
    """Items x_{t+age} for every age, side by side."""
    return np.concatenate([_shifted(x[:, ::-1], age)[:, ::-1] for age in ages], axis=2)


def _rolled(x, ages, axis=1):
    return np.concatenate([np.roll(x, age, axis) for age in ages], axis=2)


def _emptied(x, window, first):
    """Rolled items, set to zero in steps 0 to first(age) - 1."""
    steps = np.arange(x.shape[1])[:, None]
    items = [np.roll(x, age, axis=1) * (steps >= first(age)) for age in _ages(window)]
    return np.concatenate(items, axis=2)


def _stacked(x, window, axis=2):
    return np.stack(np.split(_window(x, window), window, axis=2), axis=axis)


def _reshaped(x, window, axis):
    return _stacked(x, window, axis).reshape(*x.shape[:2], -1)


WINDOW_SUSPECTS = {
    "the items stand newest first; the oldest comes first.": lambda x, k: _stacked(x, k)[
        :, :, ::-1
    ].reshape(*x.shape[:2], -1),
    "the window wraps around: before the start it shows the end of the sequence, as np.roll "
    "does.": lambda x, k: _rolled(x, _ages(k)),
    "the window wraps around (np.roll), and the newest item stands first.": lambda x, k: _rolled(
        x, range(k)
    ),
    "the items that np.roll brings round are set to zero in one step too few: x_{t-k} is missing "
    "in steps 0 to k - 1.": lambda x, k: _emptied(x, k, lambda age: age - 1),
    "too many items are set to zero after np.roll: x_{t-k} is missing in steps 0 to k - 1 "
    "only.": lambda x, k: _emptied(x, k, lambda age: (k - 1) * (age > 0)),
    "np.roll moves the wrong axis: items of other sequences come in.": lambda x, k: _rolled(
        x, _ages(k), 0
    ),
    "np.roll moves the wrong axis: it exchanges the features of an item.": lambda x, k: _rolled(
        x, _ages(k), 2
    ),
    "np.roll without an axis moves all numbers as one long row; time is axis 1.": lambda x, k: (
        _rolled(x, _ages(k), None)
    ),
    "the window runs on into the sequence before it in the batch.": lambda x, k: _window(
        x.reshape(1, -1, x.shape[2]), k
    ).reshape(*x.shape[:2], -1),
    "the window looks ahead: it shows x_t and what comes after it. A network must not see the "
    "future.": lambda x, k: _ahead(x, range(k)),
    "the window looks ahead: it shows what comes after x_t. A network must not see the "
    "future.": lambda x, k: _ahead(x, _ages(k)),
    "the window looks ahead, and wraps around as np.roll does.": lambda x, k: _rolled(
        x, (-age for age in _ages(k))
    ),
    "the window ends before the present item: x_t itself is missing.": lambda x, k: _window(
        x, k, first=1
    ),
    "the item of step 0 never appears: an item is there if t - age >= 0.": lambda x, k: _window(
        x * (np.arange(x.shape[1]) > 0)[:, None], k
    ),
    "before the start the first item is repeated; zeros are asked for.": lambda x, k: _window(
        x, k, fill=x[:, :1]
    ),
    "before the start stand ones; zeros are asked for.": lambda x, k: _window(x, k, fill=1.0),
    "steps without a full window are left out; they are asked for too, with zeros in front.": (
        lambda x, k: _window(x, k)[:, k - 1 :]
    ),
    "there is one step too many: window - 1 vectors of zeros stand in front.": lambda x, k: _window(
        np.pad(x, ((0, 0), (0, 1), (0, 0))), k, first=1
    ),
    "steps without a full window are all zeros; they should show the items that are "
    "there.": lambda x, k: _window(x, k) * (np.arange(x.shape[1]) >= k - 1)[:, None],
    "the sequence is cut into pieces; every step has a window of its own.": lambda x, k: np.pad(
        x, ((0, 0), (0, -x.shape[1] % k), (0, 0))
    ).reshape(len(x), -1, k * x.shape[2]),
    "the features are interleaved: first all values of feature 0, then of feature 1. Keep each "
    "item in one piece.": lambda x, k: _stacked(x, k).swapaxes(2, 3).reshape(*x.shape[:2], -1),
    "reshape lays the numbers out in another order. Stack the items along axis 2 before, or "
    "concatenate them along the last axis.": lambda x, k: _reshaped(x, k, 0),
    "reshape lays the numbers out in another order. Stack the items along axis 2 before it, not "
    "along axis 1.": lambda x, k: _reshaped(x, k, 1),
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
    "the window is no longer than the sequence; fill it up with zeros on the left.": (
        lambda x, k: _window(x, min(k, x.shape[1]))
    ),
    "the zeros stand after the items instead of before them at the start.": lambda x, k: np.where(
        (np.arange(x.shape[1]) >= k - 1)[:, None],
        _window(x, k),
        _ahead(x, range(k))[:, :1]
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
            Aspect("a window longer than the sequence; one step", 1, (draw(5, T=2), draw(3, T=1))),
        ),
        suspects={"features": WINDOW_SUSPECTS},
        shapes={"features": "(B, T, window D)"},
    )


def check_window_features(answer, seed=1003):
    """Check answer(x, window) -> features; returns a Verdict."""
    return examine(_window_task(seed), answer)
