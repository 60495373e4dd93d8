"""Check of attention that looks back only; what other checks need of it."""

import numpy as np

from rnn_course.checks.attention import attend
from rnn_course.checks.weights import WRONG_DIVISORS, WRONG_WEIGHTS, masked_softmax, softmax
from rnn_course.examination.examine import Aspect, Task, examine, picked
from rnn_course.examination.following import Earlier
from rnn_course.examination.rounding import measured_rounding

B, T, SIZE, E = 2, 5, 3, 4  # SIZE is d, that of a query and of a key
FAR = 300.0  # two such features multiplied take a score far out of the range of exp


def draw_attention(rng, B=B, T=T, size=SIZE, E=E):
    """Queries, keys and values of T steps."""
    shapes = {"q": (B, T, size), "k": (B, T, size), "v": (B, T, E)}
    return {name: rng.uniform(-1.5, 1.5, shape) for name, shape in shapes.items()}


def far_out(given, q=FAR, k=FAR):
    """The same with other numbers in feature 0 of the queries and keys.

    Where they are alike for all keys, all scores move together and no weight becomes 0 or 1.
    """
    given = {name: value.copy() for name, value in given.items()}
    given["q"][..., 0], given["k"][..., 0] = q, k
    return given


def look_back(q, k, v, weigh=masked_softmax, divisor=np.sqrt):
    """(o, p) of causal attention, where the weights or the divisor may be wrong.

    Args:
        q, k, v: as in the task.
        weigh: function of the scores and of where keys are seen, (B, T, T) and (T, T).
        divisor: function of d.
    """

    def causal(a, _):
        return weigh(a, np.tri(a.shape[1], dtype=bool))

    return attend(q, k, v, np.ones(k.shape[:2], dtype=bool), causal, divisor)


def _wrong(**how):
    return lambda *inputs: look_back(*inputs, **how)


def _seen(offset):
    return lambda a, seen: masked_softmax(a, np.tri(len(seen), k=offset, dtype=bool))


def _parted(highest=None, total=None):
    """A softmax whose largest score or whose sum is taken otherwise than along each row."""

    def run(a, seen):
        a = np.where(seen, a, -np.inf)
        e = np.exp(a - (highest(a) if highest else a.max(axis=-1, keepdims=True)))
        return e / (total(e) if total else e.sum(axis=-1, keepdims=True))

    return run


def _row_sum(e):
    return e.sum(axis=-1)


# {cause: function of a and seen}, beside those that any mask may suffer
WRONG_LOOKS = {
    "a number is taken off the hidden scores, and they can still be larger than those that are "
    "seen; they must become -infinity.": lambda a, seen: softmax(a - 1000 * ~seen),
    "the softmax runs over the queries, hidden ones left out; the weights of one query over the "
    "keys sum to 1.": lambda a, seen: softmax(np.where(seen, a, -np.inf), axis=-2),
    "the largest score is taken over the queries, so that every key is moved by another amount; "
    "take it over the keys of one query.": _parted(highest=lambda a: a.max(axis=-2, keepdims=True)),
    "the sums lost their axis; with keepdims=True it stays.": _parted(total=_row_sum),
    "the largest scores and the sums lost their axis; with keepdims=True it stays.": _parted(
        lambda a: a.max(axis=-1), _row_sum
    ),
    "there is no mask: each step sees all steps, later ones too.": lambda a, _: softmax(a),
    "the mask is one step too wide: each step sees the next one.": _seen(1),
    "the mask is one step too narrow: a step does not see itself.": _seen(-1),
    "the mask is transposed: each step sees itself and what comes later. Row t is the query, "
    "column s the key, and s <= t is seen.": lambda a, seen: masked_softmax(a, seen.T),
    "a step does not see itself, and the first one sees nothing, which gives "
    "NaN.": lambda a, seen: softmax(np.where(np.tri(len(seen), k=-1), a, -np.inf)),
    "each step sees itself alone.": lambda a, seen: masked_softmax(a, np.eye(len(seen)) > 0),
    **WRONG_WEIGHTS,
    "1 is taken off the hidden scores, which leaves them some weight; they must become "
    "-infinity.": lambda a, seen: softmax(a - ~seen),
    "all weights together sum to 1; those of each query do by themselves.": lambda a, seen: softmax(
        np.where(seen, a, -np.inf), axis=(-2, -1)
    ),
}
WRONG = {
    **{cause: _wrong(weigh=weigh) for cause, weigh in WRONG_LOOKS.items()},
    **{cause: _wrong(divisor=divisor) for cause, divisor in WRONG_DIVISORS.items()},
    "the scores are divided by the root of the number of steps; d is the size of a "
    "key.": lambda q, k, v: look_back(q, k, v, divisor=lambda d: np.sqrt(q.shape[1])),
    "the scores are divided by the root of the size of a value; d is that of a "
    "key.": lambda q, k, v: look_back(q, k, v, divisor=lambda d: np.sqrt(v.shape[2])),
    "queries and keys are exchanged in the scores.": lambda q, k, v: look_back(k, q, v),
    "the queries meet themselves; they are to meet the keys.": lambda q, k, v: look_back(q, q, v),
    "the keys meet themselves; the queries are to meet them.": lambda q, k, v: look_back(k, k, v),
    "the weights are divided by the root of d; the scores are, before the softmax.": (
        lambda q, k, v: tuple(
            a / np.sqrt(q.shape[2]) for a in look_back(q, k, v, divisor=lambda d: 1)
        )
    ),
    # The others run only where all sizes are equal.
    "k is to be transposed, and without its batch: k.swapaxes(1, 2).": lambda q, k, v: look_back(
        q, k.swapaxes(1, 2), v
    ),
    "k.T exchanges all three axes; k.swapaxes(1, 2) leaves the batch where it "
    "is.": lambda q, k, v: look_back(q, k.T.swapaxes(1, 2), v),
}
ONLY_OUTPUT = {
    "the keys are averaged instead of the values.": lambda q, k, v: look_back(q, k, k)[0],
    "the weights are transposed before they meet the values.": lambda q, k, v: (
        look_back(q, k, v)[1].swapaxes(1, 2) @ v
    ),
    "these are the weights; the results are o first and p second.": lambda *i: look_back(*i)[1],
}
ONLY_WEIGHTS = {
    "these are the scores; the softmax is missing.": lambda q, k, v: (
        q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
    ),
    "this is the output; the results are o first and p second.": lambda *i: look_back(*i)[0],
}


def _task(seed):
    rng = np.random.default_rng(seed)
    main, far = draw_attention(rng), draw_attention(rng)
    even = far | {"q": 0 * far["q"]}
    far = far_out(far, q=-FAR), far_out(far), far_out(far, k=FAR * np.arange(T)), even
    return Task(
        name="causal_attention",
        outputs=("o", "p"),
        reference=lambda *inputs: look_back(*inputs),
        aspects=(
            Aspect("the weights p: no step sees a later one", 3, (main,), ("p",)),
            Aspect("the output o", 2, (main,), ("o",)),
            Aspect("one sequence of one step", 1, (draw_attention(rng, B=1, T=1),)),
            Aspect("scores far below 0, far above, far apart, and all 0", 1, far),
        ),
        suspects={
            "o": {cause: picked(run, 0) for cause, run in WRONG.items()} | ONLY_OUTPUT,
            "p": {cause: picked(run, 1) for cause, run in WRONG.items()} | ONLY_WEIGHTS,
        },
        fallbacks=(draw_attention(rng, B=3, T=3, size=3, E=3),),
        rounding=measured_rounding(lambda *inputs: look_back(*inputs), SIZE + T + 8),
        shapes={"o": "(B, T, E)", "p": "(B, T, T)"},
    )


def check_causal_attention(answer, seed=8001):
    """Check answer(q, k, v) -> o, p; returns a Verdict."""
    return examine(_task(seed), answer)


def earlier_attention(answer, seed):
    """The learner's causal_attention, of which a later function uses the output o."""

    def output(q, k, v):
        results = answer(q, k, v)
        results = results if isinstance(results, list | tuple) else (results,)
        return next(o for o in results if np.shape(o) == v.shape)

    arguments = draw_attention(np.random.default_rng(seed))
    right = picked(look_back, 0)
    return Earlier(answer and output, right, arguments, ("q", "k", "v"))
