"""Answers to: the gradients of additive attention."""

import numpy as np

from . import Answers
from .additive_attention import as_in_the_book as attend

answers = Answers("additive_attention_backward")


def through_softmax(do, v, o, p):
    return p * (do @ v.swapaxes(1, 2) - (do * o).sum(axis=-1, keepdims=True))


def backward(do, q, k, v, mask, W_q, W_k, w, /, inner=through_softmax, slope=None, own=attend):
    """The textbook's way back, parts of which may be told to go wrong; results by name."""
    o, p, g = own(q, k, v, mask, W_q, W_k, w)
    da = inner(do, v, o, p)
    d = slope(da[..., None], w, g) if slope else da[..., None] * w * (1 - g**2)
    of_q, of_k = d.sum(axis=2), d.sum(axis=1)
    return {
        "dq": of_q @ W_q,
        "dk": of_k @ W_k,
        "dv": p.swapaxes(1, 2) @ do,
        "W_q": np.einsum("bta,bth->ah", of_q, q),
        "W_k": np.einsum("bsa,bsh->ah", of_k, k),
        "w": np.einsum("bts,btsa->a", da, g),
    }


def returned(found):
    """Results by name as the task asks for them."""
    grads = {name: found[name] for name in ("W_q", "W_k", "w")}
    return found["dq"], found["dk"], found["dv"], grads


@answers.right
def as_in_the_text(*given):
    return returned(backward(*given))


@answers.right
def einsum(do, q, k, v, mask, W_q, W_k, w):
    _, p, g = attend(q, k, v, mask, W_q, W_k, w)
    dp = np.einsum("bte,bse->bts", do, v)
    da = p * dp - p * np.einsum("bts,bts->bt", p, dp)[..., None]
    d = np.einsum("bts,a,btsa->btsa", da, w, 1 - g * g)
    grads = {
        "w": np.einsum("bts,btsa->a", da, g),
        "W_k": np.einsum("btsa,bsh->ah", d, k),
        "W_q": np.einsum("btsa,bth->ah", d, q),
    }
    dq, dk = np.einsum("btsa,ah->bth", d, W_q), np.einsum("btsa,ah->bsh", d, W_k)
    return dq, dk, np.einsum("bts,bte->bse", p, do), grads


@answers.right
def one_pair_at_a_time(do, q, k, v, mask, W_q, W_k, w):
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    dq, dk, dv = np.zeros_like(q), np.zeros_like(k), np.zeros_like(v)
    grads = {"W_q": np.zeros_like(W_q), "W_k": np.zeros_like(W_k), "w": np.zeros_like(w)}
    for b, t, s in np.ndindex(*p.shape):
        da = p[b, t, s] * (do[b, t] @ (v[b, s] - o[b, t]))
        d = da * w * (1 - g[b, t, s] ** 2)
        dq[b, t] += W_q.T @ d
        dk[b, s] += W_k.T @ d
        dv[b, s] += p[b, t, s] * do[b, t]
        grads["W_q"] += np.outer(d, q[b, t])
        grads["W_k"] += np.outer(d, k[b, s])
        grads["w"] += da * g[b, t, s]
    return dq, dk, dv, grads


@answers.right
def flat_products(do, q, k, v, mask, W_q, W_k, w):
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    da = through_softmax(do, v, o, p)
    d = (1 - g) * (1 + g) * da[..., None] * w
    A = len(w)
    of_q, of_k = d.sum(2).reshape(-1, A), d.sum(1).reshape(-1, A)
    dw = (da.reshape(-1) @ g.reshape(-1, A)).astype(w.dtype)
    dW_q, dW_k = of_q.T @ q.reshape(len(of_q), -1), of_k.T @ k.reshape(len(of_k), -1)
    dq, dk = (of_q @ W_q).reshape(q.shape), (of_k @ W_k).reshape(k.shape)
    return dq, dk, np.matmul(np.transpose(p, (0, 2, 1)), do), {"W_q": dW_q, "W_k": dW_k, "w": dw}


@answers.right
def one_sequence_at_a_time(do, q, k, v, mask, *weights):
    rows = [backward(*(a[b : b + 1] for a in (do, q, k, v, mask)), *weights) for b in range(len(q))]
    joined = {name: np.concatenate([row[name] for row in rows]) for name in ("dq", "dk", "dv")}
    sums = {name: sum(row[name] for row in rows) for name in ("W_q", "W_k", "w")}
    return returned(joined | sums)


def wrong(name, says, keeps, **how):
    answers.mistake(name, says, keeps)(lambda *given: returned(backward(*given, **how)))


def by_softmax(name, says, inner):
    wrong(name, says, 1 / 13, inner=lambda do, v, o, p: inner(do, o, p, do @ v.swapaxes(1, 2)))


def by_slope(name, says, slope):
    wrong(name, says, 3 / 13, slope=slope)


by_softmax("p * dp alone", "independent entries", lambda do, o, p, dp: p * dp)
by_softmax("softmax left out", "the softmax is left out", lambda do, o, p, dp: dp)
by_softmax("p (1 - p)", "on its diagonal only", lambda do, o, p, dp: p * (1 - p) * dp)
by_softmax("p left out", "the factor p is left out",
           lambda do, o, p, dp: dp - (do * o).sum(axis=-1, keepdims=True))  # fmt: skip
by_softmax("sum over the queries", "over the queries",
           lambda do, o, p, dp: p * (dp - (p * dp).sum(axis=1, keepdims=True)))  # fmt: skip
by_slope("tanh' left out", "the derivative of tanh is left out", lambda da, w, g: da * w)
by_slope("1 - g", "the square is missing", lambda da, w, g: da * w * (1 - g))
by_slope("sigmoid's derivative", "derivative of the sigmoid", lambda da, w, g: da * w * g * (1 - g))
by_slope("tanh once too often", "tanh is taken once too", lambda da, w, g: (
    da * w * (1 - np.tanh(g) ** 2)))  # fmt: skip
by_slope("square of w g", "formed with w g", lambda da, w, g: da * w * (1 - (w * g) ** 2))
by_slope("square of the score", "formed with the score", lambda da, w, g: (
    da * w * (1 - (g @ w)[..., None] ** 2)))  # fmt: skip
by_slope("w left out", "w is left out", lambda da, w, g: da * (1 - g**2))


def changed(name, says, keeps, change):
    @answers.mistake(name, says, keeps)
    def _(*given):
        found = backward(*given)
        return returned(found | change(found, *given))


def inside(do, q, k, v, mask, W_q, W_k, w):
    """da, d and g of the right way back."""
    o, p, g = attend(q, k, v, mask, W_q, W_k, w)
    da = through_softmax(do, v, o, p)
    return da, da[..., None] * w * (1 - g**2), g


changed("dq averaged over the keys", "averaged over the keys", 7 / 13,
        lambda found, do, q, k, *_: {"dq": found["dq"] / k.shape[1]})  # fmt: skip
changed("dk averaged over the queries", "averaged over the queries", 7 / 13,
        lambda found, do, q, *_: {"dk": found["dk"] / q.shape[1]})  # fmt: skip
changed("sum missing in dq", "the sum over the keys is missing", 7 / 13,
        lambda found, *i: {"dq": inside(*i)[1] @ i[5]})  # fmt: skip
changed("sum missing in dk", "the sum over the queries is missing", 7 / 13,
        lambda found, *i: {"dk": inside(*i)[1] @ i[6]})  # fmt: skip
changed("sums over the wrong axis", "the sum runs over the keys", 5 / 13,
        lambda found, *i: {"dq": inside(*i)[1].sum(1) @ i[5], "dk": inside(*i)[1].sum(2) @ i[6]}
        )  # fmt: skip
changed("matrices left out", "W_k is missing", 5 / 13,
        lambda found, *i: {"dq": inside(*i)[1].sum(2), "dk": inside(*i)[1].sum(1)})  # fmt: skip
changed("matrices transposed", "W_q is transposed", 0,
        lambda found, *i: {"dq": inside(*i)[1].sum(2) @ i[5].T})  # fmt: skip
changed("w's gradient with tanh'", "the derivative of tanh is in it;", 7 / 13,
        lambda found, *i: {"w": np.einsum("bts,btsa->a", inside(*i)[0], 1 - inside(*i)[2] ** 2)}
        )  # fmt: skip
changed("w's gradient without tanh", "tanh is missing", 7 / 13,
        lambda found, *i: {"w": np.einsum("bts,btsa->a", inside(*i)[0], np.arctanh(inside(*i)[2]))}
        )  # fmt: skip
changed("w's gradient for each sequence", "each sequence has its own", 7 / 13,
        lambda found, *i: {"w": np.einsum("bts,btsa->ba", *inside(*i)[::2])})  # fmt: skip
changed("w's gradient from d", "is in it as well", 7 / 13,
        lambda found, *i: {"w": np.einsum("btsa,btsa->a", *inside(*i)[1:])})  # fmt: skip
changed("weights transposed", "it is transposed", 7 / 13,
        lambda found, *_: {"W_q": found["W_q"].T, "W_k": found["W_k"].T})  # fmt: skip
changed("sums before the products", "sums are taken before the product", 7 / 13,
        lambda found, *i: {
            "W_q": np.outer(inside(*i)[1].sum((0, 1, 2)), i[1].sum((0, 1))),
            "W_k": np.outer(inside(*i)[1].sum((0, 1, 2)), i[2].sum((0, 1))),
        })  # fmt: skip
changed("W_q's and W_k's gradients without tanh'", "derivative of tanh is left out", 7 / 13,
        lambda found, *i: {
            "W_q": np.einsum("bts,a,bth->ah", inside(*i)[0], i[7], i[1]),
            "W_k": np.einsum("bts,a,bsh->ah", inside(*i)[0], i[7], i[2]),
        })  # fmt: skip
changed("weights averaged over the batch", "averaged over the batch", 5 / 13,
        lambda found, do, *_: {
    name: found[name] / len(do) for name in ("W_q", "W_k", "w")})  # fmt: skip
changed("dv without weights", "the weights are left out", 8 / 13,
        lambda found, do, q, k, *_: {"dv": np.repeat(do.sum(1, keepdims=True), k.shape[1], axis=1)}
        )  # fmt: skip
wrong("da without an axis", "da has no axis for the hidden units", 0,
      slope=lambda da, w, g: da[..., 0] * w * (1 - g**2))  # fmt: skip


@answers.mistake("names of the gradients", "has no entry 'w'; its keys: dW_q", keeps=5 / 13)
def _(*given):
    dq, dk, dv, grads = returned(backward(*given))
    return dq, dk, dv, {f"d{name}": grad for name, grad in grads.items()}


@answers.mistake("no gradient of w", "has no entry 'w'", keeps=7 / 13)
def _(*given):
    dq, dk, dv, grads = returned(backward(*given))
    return dq, dk, dv, {"W_q": grads["W_q"], "W_k": grads["W_k"]}


@answers.mistake("divided by the root of the key's size", "additive attention has no", keeps=1 / 13)
def _(do, q, k, *rest):
    return returned(
        backward(do, q, k, *rest, inner=lambda *i: through_softmax(*i) / float(k.shape[2] ** 0.5))
    )


@answers.mistake("padding not masked", "not masked on the way back", keeps=0)
def _(do, q, k, v, mask, *weights):
    return returned(backward(do, q, k, v, np.ones_like(mask), *weights))


@answers.mistake("gradients in one tuple", "expected 4 values", keeps=0)
def _(*given):
    return tuple(backward(*given).values())


@answers.mistake("do changed in place", "writes into its input do", keeps=12 / 13)
def _(do, *rest):
    result = returned(backward(do, *rest))
    do *= 2
    return result


@answers.mistake("float64", "comes out as float64", keeps=12 / 13)
def _(*given):
    dq, dk, dv, grads = returned(backward(*given))
    return dq, dk, dv, grads | {"w": np.zeros(grads["w"].shape) + grads["w"]}
