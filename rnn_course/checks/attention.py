"""Checks of attention with a mask: its scores, its output and weights, and its gradient."""

import numpy as np

from rnn_course.checks.calling import each
from rnn_course.checks.examine import Aspect, Task, examine, picked
from rnn_course.checks.rounding import measured_rounding
from rnn_course.checks.weights import WRONG_DIVISORS, WRONG_WEIGHTS, masked_softmax, softmax

B, T, S, SIZE, E = 2, 4, 6, 3, 5  # SIZE is d, that of a query and of a key


def _draw(rng, B=B, T=T, S=S, size=SIZE, E=E, lengths=None):
    given = {"q": rng.uniform(-2, 2, (B, T, size)), "k": rng.uniform(-2, 2, (B, S, size))}
    lengths = rng.integers(2, S, size=B) if lengths is None else np.array(lengths)
    mask = np.arange(S) < lengths[:, None]
    return given | {"v": rng.uniform(-2, 2, (B, S, E)), "mask": mask}


def attend(q, k, v, mask, weigh=masked_softmax, divisor=np.sqrt):
    """(o, p) of scaled products, where the weights or the divisor may be wrong.

    Args:
        q, k, v, mask: as in the task.
        weigh: function of the scores and of where keys are seen, both (B, T, S).
        divisor: function of d.
    """
    a = q @ k.swapaxes(1, 2) / divisor(q.shape[2])  # (B, T, S)
    p = weigh(a, np.broadcast_to(mask[:, None], a.shape))
    return p @ v, p


def _wrong(**how):
    return lambda *inputs: attend(*inputs, **how)


WRONG = {
    **{cause: _wrong(divisor=divisor) for cause, divisor in WRONG_DIVISORS.items()},
    "the scores are divided by the root of another size than that of a key: the number of "
    "keys.": lambda q, k, v, mask: attend(q, k, v, mask, divisor=lambda d: np.sqrt(k.shape[1])),
    "the scores are divided by the root of another size than that of a key: the size of a "
    "value.": lambda q, k, v, mask: attend(q, k, v, mask, divisor=lambda d: np.sqrt(v.shape[2])),
    "padding is not masked: it gets weight.": _wrong(weigh=lambda a, seen: softmax(a)),
    **{cause: _wrong(weigh=weigh) for cause, weigh in WRONG_WEIGHTS.items()},
}
ONLY_OUTPUT = {
    "the keys are averaged instead of the values.": lambda q, k, v, mask: (
        attend(q, k, v, mask)[1] @ k
    ),
    "the plain mean of the values is returned.": lambda q, k, v, mask: np.broadcast_to(
        v.mean(axis=1, keepdims=True), (*q.shape[:2], v.shape[2])
    ),
    "these are the weights; the results are o first and p second.": lambda *i: attend(*i)[1],
}
ONLY_WEIGHTS = {
    "these are the scores; the softmax is missing.": lambda q, k, v, mask: (
        q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])
    ),
    "the weights are transposed: a row for each query, a column for each key.": lambda *i: attend(
        *i
    )[1].swapaxes(1, 2),
    "this is the output; the results are o first and p second.": lambda *i: attend(*i)[0],
}


def _rounding(run, operations, scores_at=0):
    """Every weight has the rounding error of its score, which grows with the score's size."""
    bound = measured_rounding(run, operations)

    def with_scores(*inputs):
        q, k = inputs[scores_at : scores_at + 2]
        size = np.abs(q @ k.swapaxes(1, 2) / np.sqrt(q.shape[2])).max(initial=0)
        return each(lambda units: units * (1 + size), bound(*inputs))

    return with_scores


def _forward_task(seed):
    rng = np.random.default_rng(seed)
    main, large = _draw(rng), _draw(rng)
    large["q"] = large["q"] * 2000  # exp overflows without the maximum taken off
    empty = _draw(rng, lengths=(0, 3))
    return Task(
        name="dot_product_attention",
        outputs=("o", "p"),
        reference=lambda *inputs: attend(*inputs),
        aspects=(
            Aspect("the weights p, padding masked", 3, (main,), ("p",)),
            Aspect("the output o", 2, (main,), ("o",)),
            Aspect("no padding; one query and one key", 1,
                   (_draw(rng, lengths=(S, S)), _draw(rng, B=1, T=1, S=1, lengths=(1,)))),
            Aspect("large scores, where exp would overflow", 1, (large,)),
            Aspect("a row without a real key: zeros, not NaN", 1, (empty,)),
        ),
        suspects={
            "o": {cause: picked(run, 0) for cause, run in WRONG.items()} | ONLY_OUTPUT,
            "p": {cause: picked(run, 1) for cause, run in WRONG.items()} | ONLY_WEIGHTS,
        },
        fallbacks=(_draw(rng, B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=_rounding(lambda *inputs: attend(*inputs), SIZE + S + 8),
        shapes={"o": "(B, T, E)", "p": "(B, T, S)"},
    )  # fmt: skip


def check_dot_product_attention(answer, seed=7002):
    """Check answer(q, k, v, mask) -> o, p; returns a Verdict."""
    return examine(_forward_task(seed), answer)


def _backward(do, q, k, v, mask, inner=None, scale=None):
    o, p = attend(q, k, v, mask)
    dp = do @ v.swapaxes(1, 2)  # (B, T, S)
    da = inner(do, o, p, dp) if inner else p * (dp - (do * o).sum(axis=-1, keepdims=True))
    da = da / (scale(q.shape[2]) if scale else np.sqrt(q.shape[2]))
    return da @ k, da.swapaxes(1, 2) @ q, p.swapaxes(1, 2) @ do


def _wrong_back(**how):
    return lambda *inputs: _backward(*inputs, **how)


BACK = {
    "the softmax is taken for independent entries: da = p * dp lacks the term - p * (do . "
    "o).": _wrong_back(inner=lambda do, o, p, dp: p * dp),
    "the softmax has p (1 - p) on its diagonal only if nothing else moves; the other weights of "
    "the row move too.": _wrong_back(inner=lambda do, o, p, dp: p * (1 - p) * dp),
    "the softmax is left out: dp is handed on as da.": _wrong_back(inner=lambda do, o, p, dp: dp),
    "the factor p is left out.": _wrong_back(
        inner=lambda do, o, p, dp: dp - (do * o).sum(axis=-1, keepdims=True)
    ),
    "the mean of dp stands where its mean weighted by p belongs.": _wrong_back(
        inner=lambda do, o, p, dp: p * (dp - dp.mean(axis=-1, keepdims=True))
    ),
    "the sum of dp is not weighted by p.": _wrong_back(
        inner=lambda do, o, p, dp: p * (dp - dp.sum(axis=-1, keepdims=True))
    ),
    "the division by the root of d is left out on the way back.": _wrong_back(scale=lambda d: 1),
    "the division is by d on the way back, and by its root on the way forward.": _wrong_back(
        scale=lambda d: d
    ),
    "the sum runs over the queries; the softmax couples the keys of one query.": _wrong_back(
        inner=lambda do, o, p, dp: p * (dp - (p * dp).sum(axis=1, keepdims=True))
    ),
    "the sign of da is reversed.": _wrong_back(
        inner=lambda do, o, p, dp: p * ((do * o).sum(axis=-1, keepdims=True) - dp)
    ),
    "padding is not masked on the way back.": lambda do, q, k, v, mask: _backward(
        do, q, k, v, np.ones_like(mask)
    ),
}
ALONE = {
    "dq": {
        "it is formed with the queries; a score's derivative with respect to q is "
        "k.": lambda do, q, k, v, m: (
            _backward(do, q, k, v, m)[1] if q.shape == k.shape else np.zeros(1)
        ),
        "this is the gradient of o through the values: do itself.": lambda do, q, k, v, m: do,
    },
    "dk": {
        "this is dq.": lambda *i: _backward(*i)[0],
        "this is dv.": lambda *i: _backward(*i)[2],
    },
    "dv": {
        "the weights are left out: every value gets the sum of do.": lambda do, q, k, v, m: (
            np.broadcast_to(do.sum(axis=1, keepdims=True), v.shape)
        ),
        "the gradients of the scores stand where the weights belong.": lambda do, q, k, v, m: (
            _da(do, q, k, v, m).swapaxes(1, 2) @ do
        ),
        "it is averaged over the queries; their parts are added.": lambda do, *rest: (
            _backward(do, *rest)[2] / do.shape[1]
        ),
        "this is dk.": lambda *i: _backward(*i)[1],
    },
}


def _da(do, q, k, v, mask):
    o, p = attend(q, k, v, mask)
    return p * (do @ v.swapaxes(1, 2) - (do * o).sum(axis=-1, keepdims=True))


def _backward_task(seed):
    rng = np.random.default_rng(seed)

    def draw(**how):
        given = _draw(rng, **how)
        return {"do": rng.uniform(-1, 1, (*given["q"].shape[:2], given["v"].shape[2]))} | given

    main, outputs = draw(), ("dq", "dk", "dv")
    return Task(
        name="attention_backward",
        outputs=outputs,
        reference=lambda *inputs: _backward(*inputs),
        aspects=(
            Aspect("dv, the gradient of the values", 2, (main,), ("dv",)),
            Aspect("dq, the gradient of the queries", 3, (main,), ("dq",)),
            Aspect("dk, the gradient of the keys", 3, (main,), ("dk",)),
            Aspect(
                "one query; no padding", 1, (draw(B=1, T=1, lengths=(3,)), draw(lengths=(S, S)))
            ),
            Aspect("a row without a real key: zeros, not NaN", 1, (draw(lengths=(0, 3)),)),
        ),
        suspects={
            name: {cause: picked(run, k) for cause, run in BACK.items()} | ALONE[name]
            for k, name in enumerate(outputs)
        },
        fallbacks=(draw(B=3, T=3, S=3, size=3, E=3, lengths=(1, 2, 3)),),
        rounding=_rounding(lambda *inputs: _backward(*inputs), SIZE + S + E + T + 8, 1),
        shapes={"dq": "(B, T, d)", "dk": "(B, S, d)", "dv": "(B, S, E)"},
    )


def check_attention_backward(answer, seed=7003):
    """Check answer(do, q, k, v, mask) -> dq, dk, dv; returns a Verdict."""
    return examine(_backward_task(seed), answer)
