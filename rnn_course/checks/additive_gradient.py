"""Check of the gradients of additive attention."""

import functools

import numpy as np

from rnn_course.checks.additive import (
    EQUAL,
    HK,
    HQ,
    A,
    B,
    E,
    S,
    T,
    additive_scores,
    attend_additive,
    draw_additive,
)
from rnn_course.checks.attention_gradient import WRONG_SOFTMAX_GRADIENTS, softmax_gradient
from rnn_course.checks.weights import rounding_of_weights
from rnn_course.examination.examine import Aspect, Task, picked
from rnn_course.examination.following import Earlier, examine_following

W_Q, W_K, W = 'grads["W_q"]', 'grads["W_k"]', 'grads["w"]'
GRADIENTS = ("dq", "dk", "dv", W_Q, W_K, W)


def _through_tanh(da, w, g):
    """Gradient (B, T, S, A) of the sums inside tanh, for da (B, T, S, 1)."""
    return da * w * (1 - g * g)


def _backward(
    do,
    q,
    k,
    v,
    mask,
    W_q,
    W_k,
    w,
    inner=softmax_gradient,
    slope=_through_tanh,
    attention=attend_additive,
):
    """All results by name, where the softmax's or tanh's part may be wrong."""
    o, p, g = attention(q, k, v, mask, W_q, W_k, w)
    da = inner(do, o, p, do @ v.swapaxes(1, 2))  # (B, T, S)
    d = slope(da[..., None], w, g)  # (B, T, S, A)
    d_q, d_k = d.sum(axis=2), d.sum(axis=1)  # (B, T, A), (B, S, A)
    dv = p.swapaxes(1, 2) @ do
    grads = np.einsum("bta,bth->ah", d_q, q), np.einsum("bsa,bsh->ah", d_k, k)
    results = d_q @ W_q, d_k @ W_k, dv, *grads, np.einsum("bts,btsa->a", da, g)
    return dict(zip(GRADIENTS, results, strict=True))


def _as_returned(*inputs, **how):
    found = _backward(*inputs, **how)
    grads = {"W_q": found[W_Q], "W_k": found[W_K], "w": found[W]}
    return found["dq"], found["dk"], found["dv"], grads


# {cause: function of da (B, T, S, 1), w, g -> d (B, T, S, A)}
WRONG_SLOPES = {
    "the derivative of tanh is left out.": lambda da, w, g: da * w,
    "the derivative of tanh is 1 - g^2; the square is missing.": lambda da, w, g: da * w * (1 - g),
    "the derivative of tanh is 1 - g^2; here g^2 stands alone.": lambda da, w, g: da * w * g * g,
    "the derivative of tanh is 1 - g^2, not 1 + g^2.": lambda da, w, g: da * w * (1 + g * g),
    "g (1 - g) is the derivative of the sigmoid; this is tanh.": lambda da, w, g: (
        da * w * g * (1 - g)
    ),
    "the derivative of tanh is 1 - tanh(...)^2. g is tanh(...) already, so tanh is taken once too "
    "often.": lambda da, w, g: da * w * (1 - np.tanh(g) ** 2),
    "the derivative 1 - g^2 is formed with the sum inside tanh instead of g.": lambda da, w, g: (
        da * w * (1 - np.arctanh(g) ** 2)
    ),
    "the derivative 1 - g^2 is formed with w g instead of g.": lambda da, w, g: (
        da * w * (1 - (w * g) ** 2)
    ),
    "the derivative 1 - g^2 is formed with the score instead of g.": lambda da, w, g: (
        da * w * (1 - (g @ w)[..., None] ** 2)
    ),
    "w is left out: a score moves w times as much as a hidden unit.": lambda da, w, g: (
        da * (1 - g * g)
    ),
    "the sign is reversed.": lambda da, w, g: -da * w * (1 - g * g),
    # This one runs only where all sizes are equal.
    "da has no axis for the hidden units; da[..., None] gives it one.": lambda da, w, g: (
        da[..., 0] * w * (1 - g * g)
    ),
}


def _mistakes(back):
    """{cause: wrong gradients}, where ``back`` is the right way back over some attention."""
    return {
        **{
            cause: functools.partial(back, inner=inner)
            for cause, inner in WRONG_SOFTMAX_GRADIENTS.items()
        },
        **{cause: functools.partial(back, slope=slope) for cause, slope in WRONG_SLOPES.items()},
        "the scores' gradient is divided by the root of the size of a key; additive attention has "
        "no such divisor.": lambda do, q, k, *rest: back(
            do, q, k, *rest, inner=lambda *i: softmax_gradient(*i) / np.sqrt(k.shape[2])
        ),
        "padding is not masked on the way back.": lambda do, q, k, v, mask, *rest: back(
            do, q, k, v, np.ones_like(mask), *rest
        ),
    }


def _parts(do, q, k, v, mask, W_q, W_k, w):
    """(da, d, p, g) of the right way back."""
    o, p, g = attend_additive(q, k, v, mask, W_q, W_k, w)
    da = softmax_gradient(do, o, p, do @ v.swapaxes(1, 2))
    return da, _through_tanh(da[..., None], w, g), p, g


def _times(name, factor):
    """One right result times a function of the arguments."""
    return lambda *i: _backward(*i)[name] * factor(*i)


def _d(axis):
    return lambda *i: _parts(*i)[1].sum(axis=axis)


BATCH = "it is averaged over the batch; the loss already contains its mean."
TRANSPOSED = "it is transposed: each gradient has the shape of its weights."
ONE_BY_ONE = (
    "the sums are taken before the product; the product of each pair belongs inside the sum."
)
ONE_ROW = "each sequence has its own; the weights serve all of them, so their parts are added."
ALONE = {
    "dq": {
        "it is averaged over the keys; their parts are added.": _times(
            "dq", lambda *i: 1 / i[2].shape[1]
        ),
        "the sum over the keys is missing: each query meets all of them.": lambda *i: (
            _parts(*i)[1] @ i[5]
        ),
        "the sum runs over the queries; dq_t collects from all keys.": lambda *i: _d(1)(*i) @ i[5],
        "W_q is missing: this is the gradient of W_q q_t.": _d(2),
        "this is dk.": lambda *i: _backward(*i)["dk"],
        "W_k stands where W_q belongs.": lambda *i: _d(2)(*i) @ i[6],
        "W_q is transposed. Going forward q_t met W_q's Hq, so this gradient meets its A.": (
            lambda *i: _d(2)(*i) @ i[5].T
        ),
    },
    "dk": {
        "it is averaged over the queries; their parts are added.": _times(
            "dk", lambda *i: 1 / i[1].shape[1]
        ),
        "the sum over the queries is missing: each key meets all of them.": lambda *i: (
            _parts(*i)[1] @ i[6]
        ),
        "the sum runs over the keys; dk_s collects from all queries.": lambda *i: _d(2)(*i) @ i[6],
        "W_k is missing: this is the gradient of W_k k_s.": _d(1),
        "this is dq.": lambda *i: _backward(*i)["dq"],
        "W_q stands where W_k belongs.": lambda *i: _d(1)(*i) @ i[5],
        "W_k is transposed. Going forward k_s met W_k's Hk, so this gradient meets its A.": (
            lambda *i: _d(1)(*i) @ i[6].T
        ),
    },
    "dv": {
        "the weights are left out: every value gets the sum of do.": lambda do, q, k, v, *_: (
            np.broadcast_to(do.sum(axis=1, keepdims=True), v.shape)
        ),
        "the gradients of the scores stand where the weights belong.": lambda *i: (
            _parts(*i)[0].swapaxes(1, 2) @ i[0]
        ),
        "it is averaged over the queries; their parts are added.": _times(
            "dv", lambda *i: 1 / i[1].shape[1]
        ),
        "this is dk.": lambda *i: _backward(*i)["dk"],
    },
    W_Q: {
        BATCH: _times(W_Q, lambda *i: 1 / len(i[0])),
        TRANSPOSED: lambda *i: _backward(*i)[W_Q].T,
        ONE_ROW: lambda *i: np.einsum("bta,bth->bah", _d(2)(*i), i[1]),
        ONE_BY_ONE: lambda *i: np.outer(_d((0, 1, 2))(*i), i[1].sum(axis=(0, 1))),
        "it is formed with the keys; W_q meets the queries.": lambda *i: np.einsum(
            "bsa,bsh->ah", _d(1)(*i), i[2]
        ),
    },
    W_K: {
        BATCH: _times(W_K, lambda *i: 1 / len(i[0])),
        TRANSPOSED: lambda *i: _backward(*i)[W_K].T,
        ONE_ROW: lambda *i: np.einsum("bsa,bsh->bah", _d(1)(*i), i[2]),
        ONE_BY_ONE: lambda *i: np.outer(_d((0, 1, 2))(*i), i[2].sum(axis=(0, 1))),
        "it is formed with the queries; W_k meets the keys.": lambda *i: np.einsum(
            "bta,bth->ah", _d(2)(*i), i[1]
        ),
    },
    W: {
        BATCH: _times(W, lambda *i: 1 / len(i[0])),
        ONE_ROW: lambda *i: np.einsum("bts,btsa->ba", _parts(*i)[0], _parts(*i)[3]),
        ONE_BY_ONE: lambda *i: _parts(*i)[0].sum() * _parts(*i)[3].sum(axis=(0, 1, 2)),
        "tanh is missing: w meets g, and not the sum inside tanh.": lambda *i: np.einsum(
            "bts,btsa->a", _parts(*i)[0], np.arctanh(_parts(*i)[3])
        ),
        "the derivative of tanh is in it; w stands outside of tanh and meets g itself.": (
            lambda *i: np.einsum("bts,btsa->a", _parts(*i)[0], 1 - _parts(*i)[3] ** 2)
        ),
        "the derivative of tanh is in it as well; w stands outside of tanh and meets g itself.": (
            lambda *i: np.einsum("btsa,btsa->a", _parts(*i)[1], _parts(*i)[3])
        ),
        "the weights p stand where the gradients of the scores belong.": lambda *i: np.einsum(
            "bts,btsa->a", _parts(*i)[2], _parts(*i)[3]
        ),
        "w itself is a factor; the derivative of w g with respect to w is g.": lambda *i: (
            _backward(*i)[W] * i[7]
        ),
    },
}


def _backward_task(seed, attention=attend_additive):
    rng, run = np.random.default_rng(seed), functools.partial(_as_returned, attention=attention)
    wrong = _mistakes(functools.partial(_backward, attention=attention))

    def draw(**how):
        given = draw_additive(rng, **how)
        return {"do": rng.uniform(-1, 1, (*given["q"].shape[:2], given["v"].shape[2]))} | given

    main = draw()
    others = draw(B=1, T=1, lengths=(3,)), draw(lengths=(S, S))
    aspects = (
        Aspect("dv, the gradient of the values", 1, (main,), ("dv",)),
        Aspect("the gradient of w", 2, (main,), (W,)),
        # dk before dq: where tanh' is missing, the parts of dq cancel and dk shows the cause
        Aspect("dk, the gradient of the keys", 2, (main,), ("dk",)),
        Aspect("dq, the gradient of the queries", 2, (main,), ("dq",)),
        Aspect("the gradients of W_q and W_k", 2, (main,), (W_K, W_Q)),
        Aspect("one query; no padding", 1, others),
        Aspect("a row without a real key: zeros, not NaN", 1, (draw(lengths=(0, 3)),)),
    )
    return Task(
        name="additive_attention_backward",
        outputs=("dq", "dk", "dv", "grads"),
        reference=run,
        aspects=aspects,
        suspects={
            name: {cause: picked(how, name) for cause, how in wrong.items()} | ALONE[name]
            for name in GRADIENTS
        },
        fallbacks=(draw(**EQUAL),),
        rounding=rounding_of_weights(
            run, HQ + HK + A + E + B * T * S + 8, lambda do, *rest: additive_scores(*rest)
        ),
        shapes={
            "dq": "(B, T, Hq)", "dk": "(B, S, Hk)", "dv": "(B, S, E)",
            W_Q: "(A, Hq)", W_K: "(A, Hk)", W: "(A,)",
        },
    )  # fmt: skip


def check_additive_attention_backward(answer, attention=None, seed=7007):
    """Check answer(do, q, k, v, mask, W_q, W_k, w) -> dq, dk, dv, grads; returns a Verdict.

    ``attention`` is the learner's additive_attention; where it is wrong, what the way back makes of
    it counts.
    """
    own = Earlier(attention, attend_additive, draw_additive(np.random.default_rng(seed)), ("v",))
    return examine_following(
        functools.partial(_backward_task, seed),
        answer,
        lambda attention: attention,
        additive_attention=own,
    )
