"""Check of greedy decoding: the decoder is fed its own words until it writes the end symbol."""

import functools

import numpy as np

from rnn_course.checks.decoding import END, PADDING, START
from rnn_course.checks.wrong_decoders import (
    TOKENS,
    WRONG_AXES,
    WRONG_ENDS,
    WRONG_FROM_THE_FIRST,
    WRONG_LENGTHS,
    WRONG_ROWS,
    WRONG_STATES,
    WRONG_STEPS,
    decode,
    lengths_of,
    write,
)
from rnn_course.examination.examine import Aspect, Task, examine, picked

H, D, V = 6, 3, 10
MOST = 7
BEYOND = MOST + 2  # of a sentence that goes on further than that, this long or longer
LENGTHS = (4, BEYOND, 2, 5)
SINGLE = 3  # the length of the sentence that is decoded alone
POOL, FAR = 400, 12  # states to choose from, and how far their sentences are followed
MARGIN = 0.02  # between the largest logit and the next one: float32 finds the same words


def _draw_net(rng, H=H, D=D, V=V):
    net = {"E": rng.normal(0, 1.2, (V, D)), "W_xh": rng.normal(0, 1, (H, D))}
    net |= {"W_hh": rng.normal(0, 1.4, (H, H)), "b_h": rng.normal(0, 1, H)}
    net |= {"W_hy": rng.normal(0, 1.5, (V, H)), "b_y": rng.normal(0, 1, V)}
    net["b_y"][[PADDING, START]], net["b_y"][END] = -30.0, 0.5  # the first two are never written
    return net


def _states(rng, net, lengths):
    """(B, H) states that lead to sentences of these lengths, clear of ties; None if not found."""
    pool = rng.uniform(-0.9, 0.9, (POOL, len(net["W_hh"])))
    words, y = write(pool, net, START, FAR)
    found = np.minimum(lengths_of(words, END) * (words == END).any(axis=1), BEYOND)
    largest = np.sort(y, axis=2)
    clear = (largest[..., -1] - largest[..., -2] > MARGIN).all(axis=1)
    rows = [np.flatnonzero((found == length) & clear) for length in lengths]
    return pool[[row[0] for row in rows]] if all(map(len, rows)) else None


def _given(h_0, net, **changed):
    return {"h_0": h_0, "decoder": net, "start": START, "end": END, "max_steps": MOST} | changed


def _tells(given, wrong):
    """Whether every one of these wrong functions writes other words."""
    right = decode(*given.values())[0]
    return all(not np.array_equal(run(*given.values())[0], right) for run in wrong.values())


def _tells_apart(given):
    """Whether wrong decoders differ from each other, in the lengths too, and at the first word."""
    right, lengths = decode(*given.values())
    steps = [run(*given.values()) for run in (WRONG_STEPS | WRONG_ROWS | WRONG_STATES).values()]
    ends = [run(*given.values())[0] for run in WRONG_ENDS.values()]
    states = [run(*given.values())[0] for run in WRONG_STATES.values()]
    every = [tokens for tokens, _ in steps] + ends
    return (
        len({tokens.tobytes() for tokens in every}) == len(every)
        and not any(np.array_equal(wrong, lengths) for _, wrong in steps)
        and not any(np.array_equal(tokens[:, 0], right[:, 0]) for tokens in states)
        and _tells(given | {"max_steps": 1}, WRONG_FROM_THE_FIRST | WRONG_STATES)
    )


def _draw(rng):
    """Arguments with sentences of LENGTHS, and of SINGLE, in which every wrong step shows."""
    while True:
        net = _draw_net(rng)
        h_0 = _states(rng, net, (*LENGTHS, SINGLE))
        if h_0 is None:
            continue
        main, single = _given(h_0[:-1], net), _given(h_0[-1:], net)
        ended = _given(h_0[[0, 2, 3]], net)
        if (
            _tells(single, WRONG_STEPS)
            and _tells(ended, WRONG_STEPS | WRONG_ROWS | WRONG_STATES)
            and _tells_apart(main)
        ):
            return main, ended, single


def _renamed(given, by=4):
    """The same sentences with other numbers for all words but the padding."""
    old = np.r_[0, 1 + (np.arange(1, V) - 1 - by) % (V - 1)]  # new word -> old word
    net = given["decoder"]
    net = net | {name: net[name][old] for name in ("E", "W_hy", "b_y")}
    return given | {"decoder": net, "start": START + by, "end": END + by}


def _draw_square(rng, size=5):
    """Arguments whose sizes are all equal, on which every wrong axis shows."""
    while True:
        h_0 = rng.uniform(-0.9, 0.9, (size, size))
        given = _given(h_0, _draw_net(rng, size, size, size), max_steps=size)
        axes, others = (
            {run(*given.values())[0].tobytes() for run in wrong.values()}
            for wrong in (WRONG_AXES, {"": decode} | WRONG_STEPS | WRONG_ROWS | WRONG_STATES)
        )
        if len(axes) == len(WRONG_AXES) and not axes & others:
            return given


@functools.lru_cache(maxsize=1024)
def _cases(seed):
    rng = np.random.default_rng(seed)
    return *_draw(rng), _draw_square(rng)


def _task(seed):
    main, ended, single, square = _cases(seed)
    limit = main | {"max_steps": 1}
    both = ("tokens", "lengths")
    return Task(
        name="greedy_decode",
        outputs=both,
        reference=decode,
        aspects=(
            Aspect("the words of four sentences", 3, (main,), ("tokens",)),
            Aspect("their first words", 1, (main,), ("tokens",),
                   where=lambda given: np.arange(MOST) == 0),
            Aspect("their lengths", 2, (main,), ("lengths",)),
            Aspect("sentences that have all ended before max_steps", 1, (ended,), both),
            Aspect("one sentence; one step", 1, (single, limit), both),
            Aspect("other numbers for start and end", 1, (_renamed(main),), both),
        ),
        suspects={
            "tokens": {cause: picked(run, 0) for cause, run in TOKENS.items()},
            "lengths": {
                cause: picked(run, 1) for cause, run in (WRONG_LENGTHS | TOKENS).items()
            },
        },
        fallbacks=(square,),
        shapes={"tokens": "(B, max_steps)", "lengths": "(B,)"},
        kinds=dict.fromkeys(both, "iu"),
    )  # fmt: skip


def check_greedy_decode(answer, seed=7021):
    """Check answer(h_0, decoder, start, end, max_steps) -> tokens, lengths; returns a Verdict."""
    return examine(_task(seed), answer)
