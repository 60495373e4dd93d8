"""Answers to: one step of the LSTM backwards."""

import numpy as np

from . import Answers
from .lstm_step_forward import gates

answers = Answers("lstm_step_backward")


def backward(
    dh,
    dc,
    x,
    h,
    c,
    U,
    W,
    b,
    /,
    parts=None,
    through=None,
    kept=None,
    order="ifgo",
    inside=None,
    met=None,
):
    """The textbook's way back, parts of which may be told to go wrong."""
    k = gates(x, h, U, W, b)
    c_t = k["f"] * c + k["i"] * k["g"]
    tanh_c = np.tanh(c_t)
    through = through or (lambda dh, k, tanh_c: dh * k["o"] * (1 - tanh_c**2))
    dc_all = dc + (inside(dh, k, c, c_t) if inside else through(dh, k, tanh_c))
    da = {
        "i": dc_all * k["g"] * k["i"] * (1 - k["i"]),
        "f": dc_all * c * k["f"] * (1 - k["f"]),
        "g": dc_all * k["i"] * (1 - k["g"] ** 2),
        "o": dh * tanh_c * k["o"] * (1 - k["o"]),
    }
    if parts:
        da |= parts(dh, dc_all, k, c, c_t, tanh_c)
    da = np.concatenate([da[name] for name in order], axis=1)
    dc_prev = kept(dc, dc_all, k) if kept else dc_all * k["f"]
    seen = h if met is None else met
    grads = {"W_xh": da.T @ x, "W_hh": da.T @ seen, "b_h": da.sum(axis=0)}
    return da @ U, da @ W, dc_prev, grads


@answers.right
def as_in_the_book(*given):
    return backward(*given)


@answers.right
def gate_by_gate(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    H = h_prev.shape[1]
    k = gates(x_t, h_prev, W_xh, W_hh, b_h)
    tanh_c = np.tanh(k["f"] * c_prev + k["i"] * k["g"])
    dc = dh_t * k["o"] - dh_t * k["o"] * tanh_c * tanh_c + dc_t
    d = [dc * k["g"] * k["i"], dc * c_prev * k["f"], dc * k["i"], dh_t * tanh_c * k["o"]]
    slopes = [1 - k["i"], 1 - k["f"], (1 - k["g"]) * (1 + k["g"]), 1 - k["o"]]
    dx_t, dh_prev = np.zeros_like(x_t), np.zeros_like(h_prev)
    grads = {"W_xh": np.zeros_like(W_xh), "W_hh": np.zeros_like(W_hh), "b_h": np.zeros_like(b_h)}
    for n, (d_gate, slope) in enumerate(zip(d, slopes, strict=True)):
        rows, da = slice(n * H, (n + 1) * H), d_gate * slope
        dx_t += da @ W_xh[rows]
        dh_prev += da @ W_hh[rows]
        grads["W_xh"][rows], grads["W_hh"][rows] = da.T @ x_t, da.T @ h_prev
        grads["b_h"][rows] = da.sum(axis=0)
    return dx_t, dh_prev, dc * k["f"], grads


@answers.right
def einsum(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    k = gates(x_t, h_prev, W_xh, W_hh, b_h)
    tanh_c = np.tanh(k["f"] * c_prev + k["i"] * k["g"])
    dc = dc_t + np.einsum("bh,bh,bh->bh", dh_t, k["o"], 1 - tanh_c**2)
    sigmoid_slope = {name: k[name] * (1 - k[name]) for name in "ifo"}
    da = np.stack(
        [
            dc * k["g"] * sigmoid_slope["i"],
            dc * c_prev * sigmoid_slope["f"],
            dc * k["i"] * (1 - k["g"] ** 2),
            dh_t * tanh_c * sigmoid_slope["o"],
        ]
    )  # (4, B, H)
    U, W = W_xh.reshape(4, -1, W_xh.shape[1]), W_hh.reshape(4, -1, W_hh.shape[1])
    grads = {
        "W_xh": np.einsum("gbh,bd->ghd", da, x_t).reshape(W_xh.shape),
        "W_hh": np.einsum("gbh,bk->ghk", da, h_prev).reshape(W_hh.shape),
        "b_h": da.sum(axis=1).ravel(),
    }
    return np.einsum("gbh,ghd->bd", da, U), np.einsum("gbh,ghk->bk", da, W), dc * k["f"], grads


@answers.right
def one_sequence_at_a_time(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    rows = [
        backward(*(a[j : j + 1] for a in (dh_t, dc_t, x_t, h_prev, c_prev)), W_xh, W_hh, b_h)
        for j in range(len(x_t))
    ]
    dx, dh, dc, grads = zip(*rows, strict=True)
    total = {name: sum(g[name] for g in grads) for name in grads[0]}
    return np.concatenate(dx), np.concatenate(dh), np.concatenate(dc), total


@answers.right
def through_columns(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    k = {name: gate.T for name, gate in gates(x_t, h_prev, W_xh, W_hh, b_h).items()}
    tanh_c = np.tanh(k["i"] * k["g"] + k["f"] * c_prev.T)
    dc = dc_t.T + (1 - tanh_c**2) * dh_t.T * k["o"]
    da_o = k["o"] * (1 - k["o"]) * dh_t.T * tanh_c
    da_f = dc * c_prev.T * (k["f"] - k["f"] ** 2)
    da_g, da_i = dc * (1 - k["g"] ** 2) * k["i"], dc * k["g"] * (k["i"] - k["i"] ** 2)
    da = np.vstack([da_i, da_f, da_g, da_o])  # (4H, B)
    grads = {"b_h": da.sum(axis=1), "W_hh": da @ h_prev, "W_xh": da @ x_t}
    return [(W_xh.T @ da).T, (W_hh.T @ da).T, (dc * k["f"]).T, grads]


def wrong(name, says, keeps=0.0, **how):
    answers.mistake(name, says, keeps)(lambda *given: backward(*given, **how))


wrong("h_t's part left out", "comes through h_t", 1 / 15, through=lambda dh, k, tanh_c: 0 * dh)
wrong("tanh' left out", "the derivative of tanh(c_t) is left out", 1 / 15,
      through=lambda dh, k, tanh_c: dh * k["o"])  # fmt: skip
wrong("o left out", "the output gate is left out", 1 / 15,
      through=lambda dh, k, tanh_c: dh * (1 - tanh_c**2))  # fmt: skip
wrong("tanh of a tanh", "once too often", 1 / 15,
      through=lambda dh, k, tanh_c: dh * k["o"] * (1 - np.tanh(tanh_c) ** 2))  # fmt: skip
wrong("order i, f, o, g", "in the order i, f, o, g", 5 / 15, order="ifog")
wrong("order f, i, g, o", "in the order f, i, g, o", 5 / 15, order="figo")
wrong("sigmoid's slope for g", "g has the derivative of a sigmoid", 6 / 15,
      parts=lambda dh, dc, k, *_: {"g": dc * k["i"] * k["g"] * (1 - k["g"])})  # fmt: skip
wrong("f with c_t", "f multiplied c_prev", 5 / 15,
      parts=lambda dh, dc, k, c, c_t, _: {"f": dc * c_t * k["f"] * (1 - k["f"])})  # fmt: skip
wrong("o with c_t", "o multiplied tanh(c_t)", 6 / 15,
      parts=lambda dh, dc, k, c, c_t, _: {"o": dh * c_t * k["o"] * (1 - k["o"])})  # fmt: skip
wrong("o with dc_t", "is formed with dc_t", 6 / 15,
      parts=lambda dh, dc, k, c, _, tanh_c: {"o": dc * tanh_c * k["o"] * (1 - k["o"])})  # fmt: skip
wrong("gates' slopes left out", "the derivatives of the gates", 3 / 15,
      parts=lambda dh, dc, k, c, _, tanh_c: {
          "i": dc * k["g"], "f": dc * c, "g": dc * k["i"], "o": dh * tanh_c})  # fmt: skip
wrong("tanh's slope for the gates", "1 - i^2", 4 / 15,
      parts=lambda dh, dc, k, c, _, tanh_c: {
          "i": dc * k["g"] * (1 - k["i"] ** 2), "f": dc * c * (1 - k["f"] ** 2),
          "o": dh * tanh_c * (1 - k["o"] ** 2)})  # fmt: skip
wrong("dc_prev without f", "f does not multiply it", 8 / 15, kept=lambda dc, dc_all, k: dc_all)
wrong("dc_prev without h_t's part", "left out of it", 8 / 15,
      kept=lambda dc, dc_all, k: dc * k["f"])  # fmt: skip
wrong("dc_prev with i", "it is multiplied by i", 8 / 15, kept=lambda dc, dc_all, k: dc_all * k["i"])


@answers.mistake("dc_t left out", "is left out", keeps=2 / 15)
def _(dh_t, dc_t, *step):
    return backward(dh_t, 0 * dc_t, *step)


@answers.mistake("averaged over the batch", "averaged over the batch", keeps=1 / 15)
def _(dh_t, dc_t, *step):
    return backward(dh_t / len(dh_t), dc_t / len(dc_t), *step)


@answers.mistake("weights' gradients averaged", "averaged over the batch", keeps=7 / 15)
def _(dh_t, *rest):
    dx, dh, dc, grads = backward(dh_t, *rest)
    return dx, dh, dc, {name: grad / len(dh_t) for name, grad in grads.items()}


@answers.mistake("dh_prev and dc_prev exchanged", "this is dh_prev", keeps=5 / 15)
def _(*given):
    dx, dh, dc, grads = backward(*given)
    return dx, dc, dh, grads


@answers.mistake("db_h not summed", "has the shape", keeps=10 / 15)
def _(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    given = dh_t, dc_t, x_t, h_prev, c_prev
    rows = [
        backward(*(a[j : j + 1] for a in given), W_xh, W_hh, b_h)[3]["b_h"] for j in range(len(x_t))
    ]
    dx, dh, dc, grads = backward(*given, W_xh, W_hh, b_h)
    return dx, dh, dc, grads | {"b_h": np.array(rows)}


@answers.mistake("dc_t changed in place", "writes into its input dc_t", keeps=14 / 15)
def _(dh_t, dc_t, *step):
    result = backward(dh_t, dc_t, *step)
    dc_t += dh_t
    return result


@answers.mistake("float64", "comes out as float64", keeps=14 / 15)
def _(*given):
    dx, dh, dc, grads = backward(*given)
    return dx, dh, np.zeros(dc.shape) + dc, grads


def wrong_gate(name, says, keeps, part):
    """One gate's gradient is wrong; ``part`` gets dh, dc, gates, c_prev, c_t and tanh(c_t)."""
    wrong(name, says, keeps, parts=part)


wrong_gate("i with c_prev", "is formed with c_prev; i multiplied g", 5 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"i": dc * c * k["i"] * (1 - k["i"])})  # fmt: skip
wrong_gate("f with g", "is formed with g; f multiplied c_prev", 5 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {
               "f": dc * k["g"] * k["f"] * (1 - k["f"])})  # fmt: skip
wrong_gate("g with g", "is formed with g itself", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"g": dc * k["g"] * (1 - k["g"] ** 2)})  # fmt: skip
wrong_gate("g without i", "the input gate is left out of the candidate's", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"g": dc * (1 - k["g"] ** 2)})  # fmt: skip
wrong_gate("o without tanh(c_t)", "tanh(c_t) is left out of the output gate's", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"o": dh * k["o"] * (1 - k["o"])})  # fmt: skip
wrong_gate("square of g left out", "the square is left out of the derivative of g", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"g": dc * k["i"] * (1 - k["g"])})  # fmt: skip
wrong_gate("tanh of g again", "tanh is taken of g once more", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {
               "g": dc * k["i"] * (1 - np.tanh(k["g"]) ** 2)})  # fmt: skip
wrong_gate("half a slope of i", "half of the derivative of i is there", 5 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"i": dc * k["g"] * (1 - k["i"])})  # fmt: skip
wrong_gate("slope of f left out", "the derivative of f is left out", 5 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"f": dc * c})  # fmt: skip
wrong_gate("tanh's slope for o", "o has the derivative 1 - o^2", 6 / 15,
           lambda dh, dc, k, c, c_t, tanh_c: {"o": dh * tanh_c * (1 - k["o"] ** 2)})  # fmt: skip
wrong("c_t for tanh(c_t) in the slope", "c_t itself stands in the slope", 1 / 15,
      inside=lambda dh, k, c, c_t: dh * k["o"] * (1 - c_t**2))  # fmt: skip
wrong("slope at c_prev", "the slope of tanh is taken at c_prev", 1 / 15,
      inside=lambda dh, k, c, c_t: dh * k["o"] * (1 - np.tanh(c) ** 2))  # fmt: skip
wrong("slope of h_t", "h_t stands in the slope", 1 / 15,
      inside=lambda dh, k, c, c_t: dh * k["o"] * (1 - (k["o"] * np.tanh(c_t)) ** 2))  # fmt: skip


@answers.mistake(
    "dc_t as it came for the gates", "dc_t reaches i, f and g as it came", keeps=4 / 15
)
def _(dh_t, dc_t, *step):
    def parts(dh, dc, k, c, c_t, tanh_c):
        return {
            "i": dc_t * k["g"] * k["i"] * (1 - k["i"]),
            "f": dc_t * c * k["f"] * (1 - k["f"]),
            "g": dc_t * k["i"] * (1 - k["g"] ** 2),
        }

    return backward(dh_t, dc_t, *step, parts=parts)


@answers.mistake("f on what arrives", "f multiplies dc_t where it arrives", keeps=2 / 15)
def _(dh_t, dc_t, x_t, h_prev, c_prev, *weights):
    f = gates(x_t, h_prev, *weights)["f"]
    return backward(dh_t, f * dc_t, x_t, h_prev, c_prev, *weights)


@answers.mistake("dh_t added to dh_prev", "dh_t is added", keeps=8 / 15)
def _(dh_t, *rest):
    dx, dh, dc, grads = backward(dh_t, *rest)
    return dx, dh + dh_t, dc, grads


@answers.mistake("dc_t added to dc_prev", "dc_t is added to it as it came", keeps=9 / 15)
def _(dh_t, dc_t, *rest):
    dx, dh, dc, grads = backward(dh_t, dc_t, *rest)
    return dx, dh, dc + dc_t, grads


@answers.mistake("W_hh with h_t", "it is formed with h_t", keeps=7 / 15)
def _(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    given = dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h
    k = gates(x_t, h_prev, W_xh, W_hh, b_h)
    h_t = k["o"] * np.tanh(k["f"] * c_prev + k["i"] * k["g"])
    dx, dh, dc, grads = backward(*given)
    return dx, dh, dc, grads | {"W_hh": backward(*given, met=h_t)[3]["W_hh"]}


@answers.mistake("W transposed on the way back", "It stops with ValueError")
def _(dh_t, dc_t, x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    i, f, g, o = gates(x_t, h_prev, W_xh, W_hh, b_h).values()
    tanh_c = np.tanh(f * c_prev + i * g)
    dc = dc_t + dh_t * o * (1 - tanh_c**2)
    da = np.hstack([dc * g * i * (1 - i), dc * c_prev * f * (1 - f), dc * i * (1 - g**2)])
    da = np.hstack([da, dh_t * tanh_c * o * (1 - o)])
    return da @ W_xh.T, da @ W_hh.T, dc * f, {}


@answers.mistake("weights' gradients transposed", "two axes are exchanged", keeps=7 / 15)
def _(*given):
    dx, dh, dc, grads = backward(*given)
    return dx, dh, dc, {name: grad.T for name, grad in grads.items()}


@answers.mistake("one gradient for the states", "It returns 3 values; expected 4 values")
def _(*given):
    dx, dh, dc, grads = backward(*given)
    return dx, dh + dc, grads
