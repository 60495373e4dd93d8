"""Checks of what turns sequences of different lengths into one batch, and out of it again."""

import numpy as np

from rnn_course import layers, text
from rnn_course.checks.examine import Aspect, Task, examine


def _last(h, lengths):
    return layers.last_step_forward(h, lengths)[0]


def _rows(h):
    return np.arange(len(h))


def _real(h, lengths):
    return text.mask_from_lengths(lengths, h.shape[1])[:, :, None]  # (B, T, 1)


LAST_SUSPECTS = {
    "h[:, -1] is the last column of the batch. For a shorter sequence that is "
    "padding.": lambda h, lengths: h[:, -1],
    "the column of the longest sequence is taken for every row.": lambda h, lengths: h[
        :, lengths.max() - 1
    ],
    "one step too late: the real steps of row j are 0 to lengths[j] - 1.": lambda h, lengths: h[
        _rows(h), lengths
    ],
    "one step too early: the real steps of row j are 0 to lengths[j] - 1.": lambda h, lengths: h[
        _rows(h), lengths - 2
    ],
    "the step is counted from the end of the padded row.": lambda h, lengths: h[_rows(h), -lengths],
    "this is the state after the first step.": lambda h, lengths: h[:, 0],
    "h[:, lengths - 1] picks all B steps for every row; pair row j with its own step, for instance "
    "with np.arange.": lambda h, lengths: h[:, lengths - 1],
    "this is the mean over the real steps, not the last of them.": lambda h, lengths: (
        (h * _real(h, lengths)).sum(axis=1) / lengths[:, None]
    ),
    "this is the sum over the real steps, not the last of them.": lambda h, lengths: (
        h * _real(h, lengths)
    ).sum(axis=1),
    "this is the mean over all steps, padding included.": lambda h, lengths: h.mean(axis=1),
    "padding is set to zero, and then still taken as the last state.": lambda h, lengths: (
        h * _real(h, lengths)
    )[:, -1],
}


def _last_task(seed):
    rng = np.random.default_rng(seed)

    def draw(T, lengths, H=5):
        lengths = np.array(lengths)
        return {"h": rng.uniform(-1, 1, (len(lengths), T, H)), "lengths": lengths}

    return Task(
        name="last_hidden",
        outputs=("h_last",),
        reference=_last,
        aspects=(
            Aspect("four sequences of different lengths, all padded", 4, (draw(7, [6, 3, 2, 4]),)),
            Aspect("a sequence that needs no padding", 1, (draw(6, [2, 6, 5]),)),
            Aspect("a sequence of length 1; a batch of one", 1, (draw(7, [3, 1]), draw(4, [3]))),
        ),
        suspects={"h_last": LAST_SUSPECTS},
        fallbacks=(draw(3, [2, 1, 2], H=3),),
        shapes={"h_last": "(B, H)"},
    )


def check_last_hidden(answer, seed=2003):
    """Check answer(h, lengths) -> h_last; returns a Verdict."""
    return examine(_last_task(seed), answer)
