"""Check of what a decoder is fed in training, and the symbols of all checks of decoders."""

import numpy as np

from rnn_course.examination.examine import Aspect, Task, examine, picked

START, END, PADDING = 1, 2, 0


def _draw_targets(rng, lengths=(3, 5, 1), width=5, **replaced):
    lengths = np.array(lengths)
    words = rng.integers(3, 9, size=(len(lengths), width))
    target = np.where(np.arange(width) < lengths[:, None], words, PADDING)
    given = {"target": target, "lengths": lengths, "start": START, "end": END}
    return given | replaced


def _feed(target, lengths, start, end):
    B, T = target.shape
    steps = np.arange(T + 1)
    mask = steps <= lengths[:, None]
    inputs = np.concatenate([np.full((B, 1), start), target], axis=1)
    wanted = np.concatenate([target, np.zeros((B, 1), dtype=target.dtype)], axis=1)
    wanted = np.where(steps == lengths[:, None], end, wanted)
    return np.where(mask, inputs, 0), np.where(mask, wanted, 0), mask


def _fed(change):
    return lambda *given: change(_feed(*given), *given)


FEED_SUSPECTS = {
    "inputs": {
        "the start symbol is missing: the first word is fed before it is asked for.": _fed(
            lambda r, target, lengths, start, end: np.where(
                r[2], np.concatenate([target, 0 * target[:, :1]], axis=1), 0
            )
        ),
        "these are the wanted outputs; they come second.": _fed(lambda r, *_: r[1]),
        "the end symbol is fed too; after it nothing is asked for.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.arange(target.shape[1] + 1) == lengths[:, None] + 1, end, r[0]
            )
        ),
        "the end symbol stands in the inputs; the decoder writes it, and is never fed it.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.arange(target.shape[1] + 1) == lengths[:, None], end, r[0]
            )
        ),
        "the start symbol takes the place of the first word instead of standing before it.": _fed(
            lambda r, target, lengths, start, end: np.concatenate(
                [0 * r[0][:, :1] + start, r[1][:, 1:]], axis=1
            )
        ),
        "the end symbol opens the sequence; the start symbol does.": _fed(
            lambda r, target, lengths, start, end: np.concatenate(
                [0 * r[0][:, :1] + end, r[0][:, 1:]], axis=1
            )
        ),
        "what stands in the padding of target is copied; at steps that are not real stands 0, "
        "whatever target holds there.": lambda target, lengths, start, end: np.concatenate(
            [np.full((len(target), 1), start), target], axis=1
        ),
        "the last word of every sequence is missing.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.arange(target.shape[1] + 1) < lengths[:, None], r[0], 0
            )
        ),
    },
    "outputs": {
        "the end symbol is missing: the decoder never learns to stop.": _fed(
            lambda r, target, lengths, start, end: np.where(r[1] == end, 0, r[1])
        ),
        "the end symbol stands in the last column for every sequence; it follows each sequence's "
        "own last word.": _fed(
            lambda r, target, lengths, start, end: np.concatenate(
                [np.where(r[1] == end, 0, r[1])[:, :-1], 0 * target[:, :1] + end], axis=1
            )
        ),
        "the start symbol stands at the front; it is fed, and never asked for.": _fed(
            lambda r, target, lengths, start, end: np.concatenate(
                [0 * target[:, :1] + start, r[1][:, :-1]], axis=1
            )
        ),
        "these are the inputs: what is asked for is one word ahead of what is fed.": _fed(
            lambda r, *_: r[0]
        ),
        "outputs[:, lengths] sets these columns in every row. With outputs[np.arange(B), lengths] "
        "it is one place in each.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.isin(np.arange(target.shape[1] + 1), lengths),
                end,
                np.where(r[1] == end, 0, r[1]),
            )
        ),
        "what stands in the padding of target is copied; at steps that are not real stands 0, "
        "whatever target holds there.": _fed(
            lambda r, target, lengths, *_: np.where(
                r[2], r[1], np.concatenate([target, 0 * target[:, :1]], axis=1)
            )
        ),
        "the end symbol replaces the last word; it comes after it.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.arange(target.shape[1] + 1) == lengths[:, None] - 1,
                end,
                np.where(r[1] == end, 0, r[1]),
            )
        ),
        "the end symbol fills the padding too.": _fed(
            lambda r, target, lengths, start, end: np.where(
                np.arange(target.shape[1] + 1) >= lengths[:, None], end, r[1]
            )
        ),
    },
    "mask": {
        "the place of the end symbol is masked out: the decoder would never learn to stop.": _fed(
            lambda r, target, lengths, *_: np.arange(target.shape[1] + 1) < lengths[:, None]
        ),
        "the mask is the wrong way round: it is True where a step is real.": _fed(
            lambda r, *_: ~r[2]
        ),
        "every place is marked as real.": _fed(lambda r, *_: np.ones_like(r[2])),
        "the steps of the words alone are there; the end symbol takes one more, so that there are "
        "T + 1.": lambda target, lengths, *_: np.arange(target.shape[1]) < lengths[:, None],
        "the last column is missing; there are T + 1 steps.": _fed(lambda r, *_: r[2][:, :-1]),
        "one place of padding is marked as real.": _fed(
            lambda r, target, lengths, *_: np.arange(target.shape[1] + 1) <= lengths[:, None] + 1
        ),
    },
}


for place, suspects in enumerate(FEED_SUSPECTS.values()):
    suspects[f"start and end are taken to be {START} and {END}; they are arguments."] = picked(
        lambda target, lengths, *_: _feed(target, lengths, START, END), place
    )


def _feed_task(seed):
    rng = np.random.default_rng(seed)
    main = _draw_targets(rng)
    single, other = _draw_targets(rng, (2,), 2), _draw_targets(rng, start=7, end=8)
    empty = _draw_targets(rng, (0, 3), 4)
    dirty = _draw_targets(rng, (1, 2), 4)
    dirty["target"] = np.where(dirty["target"] == PADDING, 9, dirty["target"])
    return Task(
        name="teacher_forcing",
        outputs=("inputs", "outputs", "mask"),
        reference=_feed,
        aspects=(
            Aspect("inputs, what the decoder is fed", 2, (main, single), ("inputs",)),
            Aspect("outputs, what it should answer", 2, (main, single), ("outputs",)),
            Aspect("the mask of real steps", 2, (main, single), ("mask",)),
            Aspect("other symbols for start and end", 1, (other,)),
            Aspect("a sequence without a word; padding other than 0", 1, (empty, dirty)),
        ),
        suspects=FEED_SUSPECTS,
        shapes=dict.fromkeys(("inputs", "outputs", "mask"), "(B, T + 1)"),
        kinds={"inputs": "iu", "outputs": "iu", "mask": "b"},
    )


def check_teacher_forcing(answer, seed=7001):
    """Check answer(target, lengths, start, end) -> inputs, outputs, mask; returns a Verdict."""
    return examine(_feed_task(seed), answer)
