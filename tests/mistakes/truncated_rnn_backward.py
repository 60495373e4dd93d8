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


@answers.right
def pieces_as_a_batch(dh, x, h, h_0, W_xh, W_hh, window):
    (B, T, _), starts = h.shape, before(h, h_0)
    pieces = -(-T // window)

    def cut_up(array):
        padded = np.pad(array, ((0, 0), (0, pieces * window - T), (0, 0)))
        return padded.reshape(B * pieces, window, -1)

    rows = [cut_up(array) for array in (dh, x, h, starts)]
    dx, dh_0, grads = loop(*rows[:3], rows[3][:, 0], W_xh, W_hh)
    return dx.reshape(B, pieces * window, -1)[:, :T], dh_0.reshape(B, pieces, -1)[:, 0], grads


@answers.right
def first_piece_and_the_rest(dh, x, h, h_0, W_xh, W_hh, window):
    here, rest = slice(None, window), slice(window, None)
    dx, dh_0, grads = loop(dh[:, here], x[:, here], h[:, here], h_0, W_xh, W_hh)
    if x.shape[1] > window:
        later = dh[:, rest], x[:, rest], h[:, rest], h[:, window - 1]
        dx_rest, _, more = first_piece_and_the_rest(*later, W_xh, W_hh, window)
        dx = np.concatenate([dx, dx_rest], axis=1)
        grads = {name: grads[name] + more[name] for name in grads}
    return dx, dh_0, grads


@answers.right
def pairs_within_a_piece(dh, x, h, h_0, W_xh, W_hh, window):
    da = np.zeros_like(h)
    for last in range(h.shape[1]):
        arriving = dh[:, last]
        for t in range(last, last // window * window - 1, -1):
            part = arriving * (1 - h[:, t] ** 2)
            da[:, t] += part
            arriving = part @ W_hh
    grads = {"W_xh": np.einsum("bth,btd->hd", da, x), "b_h": da.sum(axis=(0, 1))}
    grads["W_hh"] = np.einsum("bth,btk->hk", da, before(h, h_0))
    return da @ W_xh, da[:, 0] @ W_hh, grads


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


@answers.mistake("the last piece alone", "of the last piece alone", keeps=1 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    first = (x.shape[1] - 1) // window * window
    dh = np.concatenate([0 * dh[:, :first], dh[:, first:]], axis=1)
    return cut_in_the_loop(dh, x, h, h_0, W_xh, W_hh, window)


@answers.mistake("the shorter rest left out", "has the shape", keeps=4 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    whole = max(x.shape[1] // window * window, min(window, x.shape[1]))
    short = dh[:, :whole], x[:, :whole], h[:, :whole]
    return cut_in_the_loop(*short, h_0, W_xh, W_hh, window)


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


wrong_cut("one cut alone", "only one cut is made", 2 / 9, lambda t, k, T: t == k)
wrong_cut(
    "window as the number of pieces", "the number of pieces", 0,
    lambda t, k, T: t in {piece[0] for piece in np.array_split(np.arange(T), k) if len(piece)},
)  # fmt: skip


def of_pieces(name, says, keeps, start=lambda h, h_0, first: h[:, first - 1], join=None):
    """A wrong start of the later pieces, or results joined in a wrong way."""

    @answers.mistake(name, says, keeps)
    def _(dh, x, h, h_0, W_xh, W_hh, window):
        parts = []
        for first in range(0, x.shape[1], window):
            here = slice(first, first + window)
            begin = start(h, h_0, first) if first else h_0
            parts.append(loop(dh[:, here], x[:, here], h[:, here], begin, W_xh, W_hh))
        dx, dh_0, grads = zip(*parts, strict=True)
        total = {name: sum(g[name] for g in grads) for name in grads[0]}
        result = np.concatenate(dx, axis=1), dh_0[0], total
        return join(result, dh_0, grads) if join else result


of_pieces("the state cut too", "the state is cut as well", 2 / 9,
          start=lambda h, h_0, first: 0 * h_0)  # fmt: skip
of_pieces("every piece from h_0", "every piece starts from h_0", 2 / 9,
          start=lambda h, h_0, first: h_0)  # fmt: skip
of_pieces("a piece from its own first state", "h[:, first - 1]", 2 / 9,
          start=lambda h, h_0, first: h[:, first])  # fmt: skip
of_pieces("gradients of the last piece", "of the last piece alone", 2 / 9,
          join=lambda whole, dh_0, grads: (*whole[:2], grads[-1]))  # fmt: skip
of_pieces("gradients of the first piece", "of the first piece alone", 2 / 9,
          join=lambda whole, dh_0, grads: (*whole[:2], grads[0]))  # fmt: skip
of_pieces("averaged over the pieces", "averaged over the pieces", 2 / 9,
          join=lambda whole, dh_0, grads: (
              *whole[:2], {name: grad / len(grads) for name, grad in whole[2].items()}
          ))  # fmt: skip
of_pieces("dh_0 of the last piece", "what leaves the last piece", 4 / 9,
          join=lambda whole, dh_0, grads: (whole[0], dh_0[-1], whole[2]))  # fmt: skip
of_pieces("dh_0 summed over the pieces", "the sum over the pieces", 4 / 9,
          join=lambda whole, dh_0, grads: (whole[0], sum(dh_0), whole[2]))  # fmt: skip
of_pieces("dh_0 of every piece", "that of every piece", 3 / 9,
          join=lambda whole, dh_0, grads: (whole[0], np.stack(dh_0, axis=1), whole[2]),
          )  # fmt: skip


@answers.mistake("cut at step 0 too", "it is zero", keeps=3 / 9)
def _(*given):
    return loop(*given[:-1], keep=lambda t: t % given[-1] > 0)


def of_chosen_pairs(name, says, keeps, first):
    """Every output by itself, back to the step first(last, window, T)."""

    @answers.mistake(name, says, keeps)
    def _(dh, x, h, h_0, W_xh, W_hh, window):
        T, dh_0, da = h.shape[1], np.zeros_like(h_0), np.zeros_like(h)
        for last in range(T):
            arriving = dh[:, last]
            for t in range(last, first(last, window, T) - 1, -1):
                part = arriving * (1 - h[:, t] ** 2)
                da[:, t] += part
                arriving = part @ W_hh
                dh_0 += arriving if t == 0 else 0
        grads = {"W_xh": np.einsum("bth,btd->hd", da, x), "b_h": da.sum(axis=(0, 1))}
        grads["W_hh"] = np.einsum("bth,btk->hk", da, before(h, h_0))
        return da @ W_xh, dh_0, grads


of_chosen_pairs("a window behind every output", "wherever it stands", 3 / 9,
                lambda last, k, T: max(last - k + 1, 0))  # fmt: skip
of_chosen_pairs("the last window steps alone", "only the last `window` steps", 1 / 9,
                lambda last, k, T: max(T - k, 0))  # fmt: skip


@answers.mistake("the first step of a piece left out", "is left out;", keeps=2 / 9)
def _(dh, x, h, h_0, W_xh, W_hh, window):
    slopes = 1 - h**2
    slopes[:, window::window] = 0
    numbers = iter(reversed(range(x.shape[1])))
    return loop(dh, x, h, h_0, W_xh, W_hh, slope=lambda _: slopes[:, next(numbers)])
