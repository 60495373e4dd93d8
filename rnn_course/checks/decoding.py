"""Checks of what a decoder is fed in training, and of beam search."""

import functools

import numpy as np

from rnn_course.checks.examine import Aspect, Task, examine, picked

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


def _log_table(rng, T, stop, V=6):
    """(T, V, V) log-probabilities of the next word at each step, by the last one."""
    a = rng.normal(0, 1.5, (T, V, V))
    a[..., START], a[..., END] = -30.0, stop
    return a - np.log(np.exp(a).sum(axis=-1, keepdims=True))


def _beam(log_p, start, end, beam, alpha, **changed):
    """The best words and their score; ``changed`` makes it go wrong."""
    how = {"normalise": lambda total, length: total / length**alpha, "finish": True} | changed
    join = how.get("join", lambda total, new: total + new)
    running, done = [([start], 0.0)], []
    for table in log_p:
        longer = [
            ([*words, word], join(total, table[words[-1], word]))
            for words, total in running
            for word in range(len(table))
        ]
        longer = sorted(longer, key=lambda one: -one[1])[:beam]
        done += [one for one in longer if one[0][-1] == end and how["finish"]]
        last = -2 if how.get("late") else -1  # a finished one is put aside one step late
        running = [one for one in longer if one[0][last] != end or not how["finish"]]
        if not running or (how.get("first") and done):
            break
    every = done + (running if how.get("keep_open", True) or not done else [])
    scored = [(words[1:], how["normalise"](total, len(words) - 1)) for words, total in every]
    return max(scored, key=lambda one: one[1])


def _tokens(*given, **how):
    words, score = _beam(*given, **how)
    return np.array(words), score


def _run(**how):
    return lambda *given: _tokens(*given, **how)


def _with_beam(change):
    return lambda log_p, start, end, beam, alpha: _tokens(log_p, start, end, change(beam), alpha)


def _with_length(change):
    """A score divided by change(length)^alpha."""

    def run(log_p, start, end, beam, alpha):
        given = log_p, start, end, beam, alpha
        return _tokens(*given, normalise=lambda total, length: total / change(length) ** alpha)

    return run


def _undivided(*given):
    words, score = _tokens(*given)
    return words, score * len(words) ** given[-1]


WRONG_SUMS = {
    "the scores of finished sentences are not divided by length^alpha.": _run(
        normalise=lambda total, length: total
    ),
    "the scores are divided by the length whatever alpha is.": _run(
        normalise=lambda total, length: total / length
    ),
    "only the last word's log-probability counts; those before it are forgotten.": _run(
        join=lambda total, new: new
    ),
    "probabilities are added; the logarithms are, since probabilities multiply.": _run(
        join=lambda total, new: total + np.exp(new)
    ),
    "the log-probabilities are multiplied; those of one sentence are added.": _run(
        join=lambda total, new: total * new if total else new
    ),
}
WRONG_SEARCHES = {
    "the beam is not kept: only the best beginning is extended, which is greedy "
    "search.": _with_beam(lambda beam: 1),
    "more beginnings are kept than the beam allows.": _with_beam(lambda beam: beam + 1),
    "finished sentences are extended beyond the end symbol.": _run(finish=False),
    "finished sentences are put aside one step late and take a place in the beam.": _run(late=True),
    "the search stops at the first finished sentence; the other beginnings may still win.": _run(
        first=True, keep_open=False
    ),
}
WRONG_SCORES = {
    "the length counts the start symbol; T is the number of words written, the end symbol "
    "included.": _with_length(lambda length: length + 1),
    "the length leaves out the end symbol; it is a word written like any other.": _with_length(
        lambda length: max(length - 1, 1)
    ),
    "the score is that of the right sentence, and not divided by length^alpha.": _undivided,
    "beginnings that have not ended after the last step are dropped; they count as they are.": _run(
        keep_open=False
    ),
}
WRONG_WORDS = {
    "the start symbol stands in front; it is not a word of the answer.": lambda *i: np.concatenate(
        [[i[1]], _tokens(*i)[0]]
    ),
    "the end symbol is missing; it is the word that ends the answer.": lambda *i: (
        _tokens(*i)[0][:-1] if _tokens(*i)[0][-1] == i[2] else np.array([-1])
    ),
}
BEAM, MOST, ALPHA = 3, 7, 0.7


def _given(log_p, **changed):
    return {"log_p": log_p, "start": START, "end": END, "beam": BEAM, "alpha": ALPHA} | changed


def _search_for(rng, fits, T=MOST, stop=0.5, **changed):
    """Arguments with a random table in which ``fits`` holds."""
    while True:
        given = _given(_log_table(rng, T, stop), **changed)
        if fits(_beam(*given.values())[0], given):
            return given


def _telling(wrong):
    """Whether every wrong search finds other words."""
    return lambda words, given: (
        2 < len(words) < MOST
        and all(list(run(*given.values())[0]) != words for run in wrong.values())
    )


def _cut_short(words, given):
    return words[-1] != END and _beam(*given.values(), keep_open=False)[0] != words


@functools.lru_cache(maxsize=4)
def _beam_cases(seed):
    """Arguments by aspect, from tables in which wrong searches go astray."""
    rng = np.random.default_rng(seed)
    searches, sums = (_search_for(rng, _telling(wrong)) for wrong in (WRONG_SEARCHES, WRONG_SUMS))
    return searches, sums, _search_for(rng, _cut_short, 4, -0.5, beam=2)


def _beam_task(seed):
    searches, sums, short = _beam_cases(seed)
    wrong = WRONG_SCORES | WRONG_SEARCHES | WRONG_SUMS
    both = ("score", "words")  # the score first: it tells apart what finds the same words
    alphas = tuple(searches | {"alpha": alpha} for alpha in (0.0, 1.0))
    return Task(
        name="beam_search",
        outputs=("words", "score"),
        reference=_tokens,
        aspects=(
            Aspect("the best sentence with a beam of three", 5, (searches, sums), both),
            Aspect("alpha = 0 and alpha = 1", 2, alphas, both),
            Aspect("a beam of one: greedy search", 1, (searches | {"beam": 1},), both),
            Aspect("sentences that reach the last step", 1, (short,), both),
        ),
        suspects={
            "words": {cause: picked(run, 0) for cause, run in wrong.items()} | WRONG_WORDS,
            "score": {cause: picked(run, 1) for cause, run in wrong.items()},
        },
        rounding=lambda *given: (np.zeros(len(_tokens(*given)[0])), 16 * abs(_tokens(*given)[1])),
        kinds={"words": "iu", "score": "f"},
    )


def check_beam_search(answer, seed=7025):
    """Check answer(log_p, start, end, beam, alpha) -> words, score; returns a Verdict."""
    return examine(_beam_task(seed), answer)
