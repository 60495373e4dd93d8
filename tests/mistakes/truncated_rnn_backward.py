"""Answers to: backpropagation through time, cut into pieces."""

import numpy as np

from . import Answers
from .rnn_backward import before, loop

answers = Answers("truncated_rnn_backward")


def cut(where):
    """The right loop with the cut at steps t > 0 where where(t, window, T)."""

    def answer(dh, x, h, h_0, W_xh, W_hh, window):
        T = x.shape[1]
        return loop(dh, x, h, h_0, W_xh, W_hh, keep=lambda t: not (t and where(t, window, T)))

    return answer


@answers.right
def cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window):
    return cut(lambda t, k, T: t % k == 0)(dh, x, h, h_0, W_xh, W_hh, window)


@answers.right
def piece_after_piece(dh, x, h, h_0, W_xh, W_hh, window):
    parts, start = [], h_0
    for first in range(0, x.shape[1], window):
        here = slice(first, first + window)
        parts.append(loop(dh[:, here], x[:, here], h[:, here], start, W_xh, W_hh))
        start = h[:, here][:, -1]
    dx, dh_0, grads = zip(*parts, strict=True)
    total = {name: sum(g[name] for g in grads) for name in grads[0]}
    return np.concatenate(dx, axis=1), dh_0[0], total


@answers.right
def pieces_from_the_end(dh, x, h, h_0, W_xh, W_hh, window):
    T, h_before = x.shape[1], before(h, h_0)
    grads = {"W_xh": 0 * W_xh, "W_hh": 0 * W_hh, "b_h": 0 * W_hh[0]}
    dx, dh_next = [], 0 * h_0
    for first in sorted(range(0, T, window), reverse=True):
        dh_next = np.zeros_like(h_0)
        for t in range(min(first + window, T) - 1, first - 1, -1):
            da_t = (1 - h[:, t] * h[:, t]) * (dh[:, t] + dh_next)
            dx.insert(0, da_t @ W_xh)
            dh_next = da_t @ W_hh
            grads["W_xh"] = grads["W_xh"] + da_t.T @ x[:, t]
            grads["W_hh"] = grads["W_hh"] + da_t.T @ h_before[:, t]
            grads["b_h"] = grads["b_h"] + da_t.sum(0)
    return np.stack(dx, axis=1), dh_next, grads


@answers.right
def einsum_after_the_loop(dh, x, h, h_0, W_xh, W_hh, window):
    da, dh_next = np.zeros_like(h), np.zeros_like(h_0)
    for t in range(h.shape[1] - 1, -1, -1):
        da[:, t] = np.einsum("bh,bh->bh", dh[:, t] + dh_next, 1 - h[:, t] ** 2)
        dh_next = np.einsum("bh,hk->bk", da[:, t], W_hh) * (t % window != 0 or t == 0)
    dW_xh = np.einsum("bth,btd->hd", da, x)
    dW_hh = np.einsum("bth,btk->hk", da, before(h, h_0))
    return da @ W_xh, dh_next, {"b_h": da.sum((0, 1)), "W_hh": dW_hh, "W_xh": dW_xh}


@answers.right
def mask_of_cuts(dh, x, h, h_0, W_xh, W_hh, window):
    steps = np.arange(h.shape[1])
    passes = ((steps % window > 0) | (steps == 0)).astype(h.dtype)
    return loop(dh, x, h, h_0, W_xh, W_hh, keep=lambda t: bool(passes[t]))


def wrong_cut(name, says, keeps, where):
    answers.mistake(name, says, keeps)(cut(where))


wrong_cut("nothing cut", "nothing is cut", 1 / 9, lambda t, k, T: False)
wrong_cut("one step short", "one step too short", 1 / 9,
          lambda t, k, T: k > 1 and t % (k - 1) == 0)  # fmt: skip
wrong_cut("one step long", "one step too long", 1 / 9, lambda t, k, T: t % (k + 1) == 0)
wrong_cut("one step late", "one step late", 1 / 9, lambda t, k, T: t % k == 1 % k)
wrong_cut("one step early", "one step early", 2 / 9, lambda t, k, T: (t + 1) % k == 0)
wrong_cut("counted from the end", "counted from the end", 3 / 9, lambda t, k, T: (T - t) % k == 0)
wrong_cut("cut at every step", "after one step", 1 / 9, lambda t, k, T: True)


@answers.mistake("the state cut too", "the state is cut as well", keeps=2 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    parts = []
    for first in range(0, x.shape[1], window):
        here = slice(first, first + window)
        start = h_0 if first == 0 else 0 * h_0
        parts.append(loop(dh[:, here], x[:, here], h[:, here], start, W_xh, W_hh))
    dx, dh_0, grads = zip(*parts, strict=True)
    total = {name: sum(g[name] for g in grads) for name in grads[0]}
    return np.concatenate(dx, axis=1), dh_0[0], total


@answers.mistake("the last piece alone", "only the last piece", keeps=1 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    first = (x.shape[1] - 1) // window * window
    dh = np.concatenate([0 * dh[:, :first], dh[:, first:]], axis=1)
    return cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window)


@answers.mistake("dh_0 of the last piece", "dh_0", keeps=4 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    first = (x.shape[1] - 1) // window * window
    dx, _, grads = cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window)
    return dx, loop(dh[:, first:], x[:, first:], h[:, first:], h_0, W_xh, W_hh)[1], grads


@answers.mistake("the shorter rest left out", "has the shape", keeps=4 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    whole = max(x.shape[1] // window * window, min(window, x.shape[1]))
    short = dh[:, :whole], x[:, :whole], h[:, :whole]
    return cut_in_the_loop(*short, h_0, W_xh, W_hh, window)


@answers.mistake("gradients of the last piece assigned", "differ", keeps=1 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    dx, dh_0, _ = cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window)
    return dx, dh_0, loop(dh[:, :1], x[:, :1], h[:, :1], h_0, W_xh, W_hh)[2]


@answers.mistake("tanh' left out", "is left out")
def _(dh, x, h, h_0, W_xh, W_hh, window):
    keep = lambda t: t % window or not t  # noqa: E731
    return loop(dh, x, h, h_0, W_xh, W_hh, slope=np.ones_like, keep=keep)


@answers.mistake("W_hh transposed", "W_hh is transposed")
def _(dh, x, h, h_0, W_xh, W_hh, window):
    return cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh.T, window)


@answers.mistake("float64 zeros", "comes out as float64", keeps=8 / 9)
def _(*given):
    dx, dh_0, grads = cut_in_the_loop(*given)
    return dx, np.zeros(dh_0.shape) + dh_0, grads


@answers.mistake("h changed in place", "writes into its input h", keeps=8 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    result = cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window)
    h *= h
    return result
