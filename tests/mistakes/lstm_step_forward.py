"""Answers to: one step of the LSTM."""

import numpy as np

from . import Answers

answers = Answers("lstm_step_forward")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def gates(x_t, h_prev, W_xh, W_hh, b_h, order="ifgo", squash=None, cut=None):
    """{"i": ..., ...} of a step whose rows are stacked in the given order."""
    squash = {"i": sigmoid, "f": sigmoid, "g": np.tanh, "o": sigmoid} | (squash or {})
    a = x_t @ W_xh.T + h_prev @ W_hh.T + b_h
    parts = cut(a) if cut else np.split(a, 4, axis=1)
    return {name: squash[name](part) for name, part in zip(order, parts, strict=True)}


@answers.right
def slices_of_one_product(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    H = h_prev.shape[1]
    a_t = x_t @ W_xh.T + h_prev @ W_hh.T + b_h
    i, f, o = sigmoid(a_t[:, :H]), sigmoid(a_t[:, H : 2 * H]), sigmoid(a_t[:, 3 * H :])
    c_t = f * c_prev + i * np.tanh(a_t[:, 2 * H : 3 * H])
    return o * np.tanh(c_t), c_t


@answers.right
def a_product_for_each_gate(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    H = h_prev.shape[1]
    a = []
    for k in range(4):
        rows = slice(k * H, (k + 1) * H)
        a.append(np.einsum("bd,hd->bh", x_t, W_xh[rows]) + h_prev @ W_hh[rows].T + b_h[rows])
    i, f, g, o = sigmoid(a[0]), sigmoid(a[1]), np.tanh(a[2]), sigmoid(a[3])
    c_t = i * g + f * c_prev
    return np.tanh(c_t) * o, c_t


@answers.right
def one_column(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    W = np.hstack([W_xh, W_hh, b_h[:, None]])
    column = np.hstack([x_t, h_prev, np.ones((len(x_t), 1), dtype=x_t.dtype)])
    a_t = (W @ column.T).reshape(4, -1, len(x_t)).transpose(0, 2, 1)
    i, f, o = (0.5 + 0.5 * np.tanh(0.5 * a_t[k]) for k in (0, 1, 3))
    c_t = f * c_prev + i * np.tanh(a_t[2])
    return o * np.tanh(c_t), c_t


@answers.right
def one_sequence_at_a_time(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    h_t, c_t = np.empty_like(h_prev), np.empty_like(c_prev)
    for j in range(len(x_t)):
        i, f, g, o = np.split(W_xh @ x_t[j] + W_hh @ h_prev[j] + b_h, 4)
        c_t[j] = sigmoid(f) * c_prev[j] + sigmoid(i) * np.tanh(g)
        h_t[j] = sigmoid(o) * np.tanh(c_t[j])
    return h_t, c_t


@answers.right
def lists(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    k = gates(x_t, h_prev, W_xh, W_hh, b_h)
    c_t = [f * c + i * g for f, c, i, g in zip(k["f"], c_prev, k["i"], k["g"], strict=True)]
    return [[o * np.tanh(c) for o, c in zip(k["o"], c_t, strict=True)], c_t]


def wrong(name, says, keeps, cell=None, show=None, **how):
    """A step with another cell, another output or other gates."""
    cell = cell or (lambda k, c: k["f"] * c + k["i"] * k["g"])
    show = show or (lambda k, c_t: k["o"] * np.tanh(c_t))

    @answers.mistake(name, says, keeps)
    def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
        k = gates(x_t, h_prev, W_xh, W_hh, b_h, **how)
        c_t = cell(k, c_prev)
        return show(k, c_t), c_t


wrong("order i, f, o, g", "in the order i, f, o, g", 1 / 9, order="ifog")
wrong("order f, i, o, g", "in the order f, i, o, g", 0, order="fiog")
wrong("order i, o, f, g", "in the order i, o, f, g", 0, order="iofg")
wrong("sigmoid of g", "g is squashed by the sigmoid", 1 / 9, squash={"g": sigmoid})
wrong("tanh of o", "o is squashed by tanh", 4 / 9, squash={"o": np.tanh})
wrong("tanh of f", "f is squashed by tanh", 1 / 9, squash={"f": np.tanh})
wrong("order i, o, g, f", "in the order i, o, g, f", 0, order="iogf")
wrong("g not squashed", "g is not squashed", 1 / 9, squash={"g": lambda a: a})
wrong("sigmoids left out", "i, f and o are not squashed", 0,
      squash=dict.fromkeys("ifo", lambda a: a))  # fmt: skip
wrong("nothing squashed", "nothing is squashed", 0, squash=dict.fromkeys("ifgo", lambda a: a))
wrong("tanh of the sigmoid of g", "g is the tanh of a sigmoid", 1 / 9,
      squash={"g": lambda a: np.tanh(sigmoid(a))})  # fmt: skip
wrong("1 added to f", "1 is added to f's pre-activation", 1 / 9,
      squash={"f": lambda a: sigmoid(a + 1)})  # fmt: skip
wrong("reshaped into four", "reshape cuts a_t up", 1 / 9, cut=lambda a: a.reshape(4, len(a), -1))
wrong("unit by unit", "the gates are taken unit by unit", 0,
      cut=lambda a: a.reshape(len(a), -1, 4).transpose(2, 0, 1))  # fmt: skip
wrong("1 - i for f", "1 - i stands where f", 1 / 9,
      lambda k, c: (1 - k["i"]) * c + k["i"] * k["g"])  # fmt: skip
wrong("f on what is new", "multiplies what is new as well", 1 / 9,
      lambda k, c: k["f"] * (c + k["i"] * k["g"]))  # fmt: skip
wrong("tanh of the cell", "tanh is taken of the cell state itself", 0,
      lambda k, c: np.tanh(k["f"] * c + k["i"] * k["g"]))  # fmt: skip
wrong("f left out", "the forget gate is left out", 1 / 9, lambda k, c: c + k["i"] * k["g"])
wrong("c_prev left out", "f * c_prev is missing", 0, lambda k, c: k["i"] * k["g"])
wrong("i left out", "the input gate is left out", 0, lambda k, c: k["f"] * c + k["g"])
wrong("1 - f for i", "1 - f stands where i", 1 / 9,
      lambda k, c: k["f"] * c + (1 - k["f"]) * k["g"])  # fmt: skip
wrong("f and i exchanged", "f and i are exchanged", 0,
      lambda k, c: k["i"] * c + k["f"] * k["g"])  # fmt: skip
wrong("h_t without tanh", "the tanh around c_t", 4 / 9, show=lambda k, c_t: k["o"] * c_t)
wrong("h_t without o", "the output gate is left out", 4 / 9, show=lambda k, c_t: np.tanh(c_t))
wrong("o inside tanh", "stands inside", 4 / 9, show=lambda k, c_t: np.tanh(k["o"] * c_t))
wrong("h_t is c_t", "h_t is c_t", 4 / 9, show=lambda k, c_t: c_t)


@answers.mistake("h_prev for c_prev", "h_prev stands where c_prev")
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    return slices_of_one_product(x_t, h_prev, h_prev, W_xh, W_hh, b_h)


@answers.mistake("gates read c_prev", "c_prev is fed to the gates", keeps=1 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    return slices_of_one_product(x_t, c_prev, c_prev, W_xh, W_hh, b_h)


@answers.mistake("bias added twice", "the bias b_h is added twice", keeps=1 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    return slices_of_one_product(x_t, h_prev, c_prev, W_xh, W_hh, 2 * b_h)


@answers.mistake("bias left out", "the bias b_h is left out")
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    return slices_of_one_product(x_t, h_prev, c_prev, W_xh, W_hh, 0 * b_h)


@answers.mistake("h_prev left out", "h_prev does not enter", keeps=1 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    return slices_of_one_product(x_t, 0 * h_prev, c_prev, W_xh, W_hh, b_h)


@answers.mistake("o * tanh(c_prev)", "the new cell state", keeps=4 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    k = gates(x_t, h_prev, W_xh, W_hh, b_h)
    return k["o"] * np.tanh(c_prev), k["f"] * c_prev + k["i"] * k["g"]


@answers.mistake("results exchanged", "h_t first and c_t second")
def _(*given):
    return slices_of_one_product(*given)[::-1]


@answers.mistake("h_t alone", "expected 2 values")
def _(*given):
    return slices_of_one_product(*given)[0]


@answers.mistake("cell changed in place", "writes into its input c_prev", keeps=8 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    h_t, c_t = slices_of_one_product(x_t, h_prev, c_prev, W_xh, W_hh, b_h)
    c_prev[:] = c_t
    return h_t, c_t


@answers.mistake("float64 gates", "comes out as float64", keeps=8 / 9)
def _(x_t, h_prev, c_prev, W_xh, W_hh, b_h):
    h_t, c_t = slices_of_one_product(x_t, h_prev, c_prev, W_xh, W_hh, b_h)
    return np.zeros(h_t.shape) + h_t, c_t
