"""Checks of turning padded sequences round, and of the two ends of a bidirectional reading."""

import numpy as np

from rnn_course import layers, text
from rnn_course.examination.examine import Aspect, Task, examine

T, D, H = 7, 3, 5
LENGTHS = (5, 2, 6, 3)


def _rows(x):
    return np.arange(len(x))[:, None]


def _steps(x):
    return np.arange(x.shape[1])


def _real(x, lengths):
    return text.mask_from_lengths(lengths, x.shape[1])[:, :, None]  # (B, T, 1)


def _turn(x, lengths):
    return layers.reverse_padded(x, lengths)


def _turn_as_if(x, lengths):
    """Reversal with other lengths than the real ones, where they fit."""
    return layers.reverse_padded(x, np.clip(lengths, 0, x.shape[1]))


def _overwritten(x, lengths):
    """Steps filled in from the front, read from the array that is being filled."""
    y = x.copy()
    for j, length in enumerate(lengths):
        for t in range(length):
            y[j, t] = y[j, length - 1 - t]
    return y


def _behind_padding(x, lengths):
    pairs = zip(x, lengths, strict=True)
    return np.stack([np.concatenate([row[n:], row[:n][::-1]]) for row, n in pairs])


def _first_row_alone(x, lengths):
    return np.concatenate([_turn(x, lengths)[:1], x[1:]])


def _padding_turned(x, lengths):
    """Only the padded steps of each row from back to front."""
    inside = layers.reverse_padded(x[:, ::-1], x.shape[1] - lengths)
    return inside[:, ::-1]


REVERSE_SUSPECTS = {
    "x[:, ::-1] turns the padding round as well: it stands in front now, and a network would read "
    "it first.": lambda x, lengths: x[:, ::-1],
    "nothing is turned round.": lambda x, lengths: x,
    "the order of the sequences is turned round, not that of the steps: time is axis "
    "1.": lambda x, lengths: x[::-1],
    "the features are turned round, not the steps: time is axis 1.": lambda x, lengths: x[
        :, :, ::-1
    ],
    "the features are turned round as well; a step keeps its features as they "
    "are.": lambda x, lengths: np.where(_real(x, lengths), _turn(x, lengths)[:, :, ::-1], x),
    "a step is overwritten before it is read, so that the half behind the middle stays: read from "
    "x, write into a new array.": _overwritten,
    "at the real steps stands x[:, ::-1], which begins with padding: each row is turned within its "
    "own length.": lambda x, lengths: np.where(_real(x, lengths), x[:, ::-1], x),
    "the first row alone is turned round: does the function return inside its loop?": (
        _first_row_alone
    ),
    "the real steps stand behind the padding; they stay in front.": _behind_padding,
    "the last real step stays where it is: the real steps of row j are 0 to lengths[j] - "
    "1.": lambda x, lengths: _turn_as_if(x, lengths - 1),
    "the first step of padding is turned round with the real ones: they are 0 to lengths[j] - "
    "1.": lambda x, lengths: _turn_as_if(x, lengths + 1),
    "one step too late: step 0 of the result is step lengths[j] - 1 of x.": lambda x, lengths: x[
        _rows(x), np.where(_steps(x) < lengths[:, None], lengths[:, None] - _steps(x), _steps(x))
    ],
    "every row is turned round within the longest length; each has its own.": lambda x, lengths: (
        _turn_as_if(x, np.full_like(lengths, lengths.max()))
    ),
    "every row is turned round within the first row's length; each has its "
    "own.": lambda x, lengths: _turn_as_if(x, np.full_like(lengths, lengths[0])),
    "every row is turned round within the shortest length; each has its own.": lambda x, lengths: (
        _turn_as_if(x, np.full_like(lengths, lengths.min()))
    ),
    "the real steps are right, and the padding is zero; it stays as it is.": lambda x, lengths: (
        _turn(x, lengths) * _real(x, lengths)
    ),
    "the padding is turned round as well, behind the real steps; it stays as it is. (Are there "
    "negative indices? They count from the padded end.)": lambda x, lengths: _padding_turned(
        _turn(x, lengths), lengths
    ),
    "the real steps stand as before, and the padding is turned round.": _padding_turned,
    "time and batch are exchanged in the result.": lambda x, lengths: _turn(x, lengths).swapaxes(
        0, 1
    ),
}


def _reverse_task(seed):
    rng = np.random.default_rng(seed)

    def draw(T, lengths, D=D):
        lengths = np.array(lengths)
        return {"x": rng.uniform(-1, 1, (len(lengths), T, D)), "lengths": lengths}

    main = draw(T, LENGTHS)
    return Task(
        name="reverse_padded",
        outputs=("y",),
        reference=_turn,
        aspects=(
            Aspect("the real steps of four padded sequences", 2, (main,),
                   where=lambda given: _real(*given.values())),
            Aspect("their padding stays as it is", 1, (main,),
                   where=lambda given: ~_real(*given.values())),
            Aspect("sequences that need no padding", 1, (draw(5, [5, 5, 5]),)),
            Aspect("a sequence of length 0, and one of length 1", 1, (draw(4, [3, 0, 1]),)),
            Aspect("a batch of one; a single step", 1, (draw(6, [4]), draw(1, [1, 0]))),
        ),
        suspects={"y": REVERSE_SUSPECTS},
        fallbacks=(draw(3, [2, 1, 2]), draw(5, [4, 4, 4])),
        shapes={"y": "(B, T, D)"},
    )  # fmt: skip


def check_reverse_padded(answer, seed=6001):
    """Check answer(x, lengths) -> y (B, T, D); returns a Verdict."""
    return examine(_reverse_task(seed), answer)


def _size(h):
    return h.shape[2] // 2


def _last_step(h, lengths):
    return h[np.arange(len(h)), lengths - 1]  # (B, 2H)


def _ends(forward, backward, size):
    return np.concatenate([forward[:, :size], backward[:, size:]], axis=1)  # (B, 2H)


def _final(h, lengths):
    states = _ends(_last_step(h, lengths), h[:, 0], _size(h))
    return np.where(lengths[:, None] > 0, states, 0)


FINAL_SUSPECTS = {
    "h[:, -1] is the padded end of most rows: the forward chain has finished at step lengths[j] - "
    "1, the backward one at step 0.": lambda h, lengths: h[:, -1],
    "both halves are taken at the last real step, where the backward chain has read one item only; "
    "it has finished at step 0. (The halves meet at h.shape[2] // 2, whatever h.)": _last_step,
    "the backward half is taken at the padded end; it has finished at step 0.": lambda h, lengths: (
        _ends(_last_step(h, lengths), h[:, -1], _size(h))
    ),
    "the forward half is taken at step -lengths[j], which counts from the padded end; it has "
    "finished at step lengths[j] - 1.": lambda h, lengths: _ends(
        h[np.arange(len(h)), -lengths], h[:, 0], _size(h)
    ),
    "h[:, lengths - 1] takes the last steps of all rows in every row: rows and steps go in pairs, "
    "h[np.arange(B), lengths - 1].": lambda h, lengths: h[:, lengths - 1],
    "the forward half is taken at the padded end; it has finished at step lengths[j] - "
    "1.": lambda h, lengths: _ends(h[:, -1], h[:, 0], _size(h)),
    "the forward half is taken at the padded end, and the backward half at the last real "
    "step.": lambda h, lengths: _ends(h[:, -1], _last_step(h, lengths), _size(h)),
    "both halves are taken at step 0, where the forward chain has read one item "
    "only.": lambda h, lengths: h[:, 0],
    "the ends are exchanged: the forward chain finishes at the last real step, the backward one at "
    "step 0.": lambda h, lengths: _ends(h[:, 0], _last_step(h, lengths), _size(h)),
    "the forward half is taken at step 0, the backward one at the padded end.": lambda h, lengths: (
        _ends(h[:, 0], h[:, -1], _size(h))
    ),
    "the halves stand in the wrong order: the forward state comes first.": lambda h, lengths: (
        np.roll(_final(h, lengths), _size(h), axis=1)
    ),
    "the wrong halves are taken: the forward states are the first H numbers.": lambda h, lengths: (
        np.concatenate([_last_step(h, lengths)[:, _size(h) :], h[:, 0, : _size(h)]], axis=1)
    ),
    "the forward half is one step early: the last real step of row j is lengths[j] - "
    "1.": lambda h, lengths: _ends(_last_step(h, lengths - 1), h[:, 0], _size(h)),
    "the column of the longest sequence is taken for every row.": lambda h, lengths: _ends(
        h[:, lengths.max() - 1], h[:, 0], _size(h)
    ),
    "the forward half is that of the first row's length in all rows.": lambda h, lengths: _ends(
        h[:, lengths[0] - 1], h[:, 0], _size(h)
    ),
    "the backward half is taken at step 1; that chain has finished at step 0.": lambda h, lengths: (
        _ends(_last_step(h, lengths), h[:, 1], _size(h))
    ),
    "this is the mean over the real steps.": lambda h, lengths: (
        h.sum(axis=1) / np.maximum(lengths, 1)[:, None]
    ),
    "this is the mean over all steps.": lambda h, lengths: h.mean(axis=1),
    "the two halves are added; they stand side by side.": lambda h, lengths: (
        _last_step(h, lengths)[:, : _size(h)] + h[:, 0, _size(h) :]
    ),
    "the forward half alone is there.": lambda h, lengths: _last_step(h, lengths)[:, : _size(h)],
    "both whole states are there; of each only the half whose chain ends there is asked "
    "for.": lambda h, lengths: np.concatenate([_last_step(h, lengths), h[:, 0]], axis=1),
    "this is the largest value over the steps.": lambda h, lengths: h.max(axis=1),
}


def _silenced(given):
    """The first row's first state and the last row's last real one set to zero."""
    h = given["h"].copy()
    h[0, 0], h[-1, given["lengths"][-1] - 1] = 0, 0
    return given | {"h": h}


def _final_task(seed):
    rng = np.random.default_rng(seed)

    def draw(T, lengths, H=H):
        lengths = np.array(lengths)
        h = rng.uniform(-1, 1, (len(lengths), T, 2 * H))
        return {"h": h * _real(h, lengths), "lengths": lengths}

    main = draw(T, LENGTHS)
    return Task(
        name="final_states",
        outputs=("h_final",),
        reference=_final,
        aspects=(
            Aspect("the forward half of four padded sequences", 2, (main,),
                   where=lambda given: np.arange(2 * H) < H),
            Aspect("their backward half", 2, (main,), where=lambda given: np.arange(2 * H) >= H),
            Aspect("no padding; a batch of one; one unit; real states of zero", 1,
                   (draw(6, [6, 6, 6]), draw(5, [3]), draw(5, [4, 3], 1),
                    _silenced(draw(6, [2, 6, 4])))),
            Aspect("a sequence of length 0, and one of length 1", 1,
                   (draw(4, [3, 0, 1]), draw(1, [0, 1]))),
        ),
        suspects={"h_final": FINAL_SUSPECTS},
        fallbacks=(draw(3, [2, 1, 2], 3),),
        shapes={"h_final": "(B, 2H)"},
    )  # fmt: skip


def check_final_states(answer, seed=6003):
    """Check answer(h, lengths) -> h_final (B, 2H); returns a Verdict."""
    return examine(_final_task(seed), answer)
