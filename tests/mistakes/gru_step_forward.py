"""Answers to: one step of the GRU."""

import numpy as np

from . import Answers

answers = Answers("gru_step_forward")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def step(
    x, h, U, W, b_x, b_h, reset, /,
    order="rzn", candidate=None, blend=None, squash=None, gate=None, cut=None,
):  # fmt: skip
    """The textbook's step, parts of which may be told to go wrong."""
    squash = {"r": sigmoid, "z": sigmoid, "n": np.tanh} | (squash or {})
    cut = cut or (lambda a: np.split(a, 3, axis=1))
    sides = zip(cut(x @ U.T + b_x), cut(h @ W.T + b_h), strict=True)
    a = dict(zip(order, sides, strict=True))
    k = {name: gate(*a[name]) if gate else squash[name](sum(a[name])) for name in "rz"}
    rows = zip(*(np.split(part, 3) for part in (U, W, b_x, b_h)), strict=True)
    U_n, W_n, b_xn, b_hn = dict(zip(order, rows, strict=True))["n"]
    if candidate:
        a_n = candidate(x, h, k, U_n, W_n, b_xn, b_hn, reset)
    elif reset == "after":
        a_n = a["n"][0] + k["r"] * a["n"][1]
    else:
        a_n = a["n"][0] + (k["r"] * h) @ W_n.T + b_hn
    n = squash["n"](a_n)
    return blend(k, n, h) if blend else (1 - k["z"]) * n + k["z"] * h


@answers.right
def as_in_the_book(*given):
    return step(*given)


@answers.right
def two_products(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    H = h_prev.shape[1]
    a_x, a_h = x_t @ W_xh.T + b_xh, h_prev @ W_hh.T + b_hh
    r, z = sigmoid(a_x[:, :H] + a_h[:, :H]), sigmoid(a_x[:, H : 2 * H] + a_h[:, H : 2 * H])
    from_h = r * a_h[:, 2 * H :]
    if reset == "before":
        from_h = (r * h_prev) @ W_hh[2 * H :].T + b_hh[2 * H :]
    n = np.tanh(a_x[:, 2 * H :] + from_h)
    return n + z * (h_prev - n)


@answers.right
def einsum_with_planes(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    U, W = W_xh.reshape(3, -1, W_xh.shape[1]), W_hh.reshape(3, -1, W_hh.shape[1])
    b_x, b_h = b_xh.reshape(3, 1, -1), b_hh.reshape(3, 1, -1)
    a_x = np.einsum("bd,ghd->gbh", x_t, U) + b_x
    gates = 0.5 + 0.5 * np.tanh((a_x[:2] + np.einsum("bk,ghk->gbh", h_prev, W[:2]) + b_h[:2]) / 2)
    if reset == "after":
        inner = gates[0] * (np.einsum("bk,hk->bh", h_prev, W[2]) + b_h[2])
    else:
        inner = np.einsum("bk,hk->bh", gates[0] * h_prev, W[2]) + b_h[2]
    return gates[1] * h_prev + (1 - gates[1]) * np.tanh(a_x[2] + inner)


@answers.right
def one_sequence_at_a_time(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    H, rows = h_prev.shape[1], []
    for x, h in zip(x_t, h_prev, strict=True):
        r = sigmoid(W_xh[:H] @ x + b_xh[:H] + W_hh[:H] @ h + b_hh[:H])
        z = sigmoid((W_xh @ x + b_xh + W_hh @ h + b_hh)[H:-H])
        if reset == "before":
            n = np.tanh(W_xh[-H:] @ x + b_xh[-H:] + W_hh[-H:] @ (r * h) + b_hh[-H:])
        else:
            n = np.tanh(W_xh[-H:] @ x + b_xh[-H:] + r * (W_hh[-H:] @ h + b_hh[-H:]))
        rows.append((1 - z) * n + z * h)
    return np.array(rows)


@answers.right
def lists(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    return [
        list(two_products(x[None], h[None], W_xh, W_hh, b_xh, b_hh, reset)[0])
        for x, h in zip(x_t, h_prev, strict=True)
    ]


def wrong(name, says, keeps=0.0, **how):
    answers.mistake(name, says, keeps)(lambda *given: step(*given, **how))


wrong("z and 1 - z exchanged", "z and 1 - z are exchanged", 2 / 12,
      blend=lambda k, n, h: k["z"] * n + (1 - k["z"]) * h)  # fmt: skip
wrong("order z, r, n", "in the order z, r, n", order="zrn")
wrong("order n, r, z", "in the order n, r, z", order="nrz")
wrong("bias outside", "stands inside", 4 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + b_h
      + (k["r"] * (h @ W.T) if reset == "after" else (k["r"] * h) @ W.T))  # fmt: skip
wrong("bias under the gate", "it is added as it is", 6 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + k["r"] * b_h
      + (k["r"] * (h @ W.T) if reset == "after" else (k["r"] * h) @ W.T))  # fmt: skip
wrong("always after", "on the other side", 6 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + k["r"] * (h @ W.T + b_h))  # fmt: skip
wrong("always before", "on the other side", 4 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + (k["r"] * h) @ W.T + b_h)  # fmt: skip
wrong("W_hn transposed before the product", "W_hn is used the wrong way round", 6 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + (k["r"] * (h @ W.T + b_h) if reset == "after" else (k["r"] * h) @ W + b_h))  # fmt: skip
wrong("b_hn left out before the product", "b_hn is left out of the candidate", 6 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + (k["r"] * (h @ W.T + b_h) if reset == "after" else (k["r"] * h) @ W.T))  # fmt: skip
wrong("1 - r", "1 - r stands in the candidate", 1 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + ((1 - k["r"]) * (h @ W.T + b_h) if reset == "after"
         else ((1 - k["r"]) * h) @ W.T + b_h))  # fmt: skip
wrong("r on the finished candidate", "multiplies the finished candidate", 1 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + h @ W.T + b_h,
      blend=lambda k, n, h: (1 - k["z"]) * k["r"] * n + k["z"] * h)  # fmt: skip
wrong("order r, n, z", "in the order r, n, z", 0, order="rnz")
wrong("reshaped into three", "reshape cuts the gates up", 1 / 12,
      cut=lambda a: a.reshape(3, len(a), -1))  # fmt: skip
wrong("gates not squashed", "the gates r and z are not squashed", 0,
      squash=dict.fromkeys("rz", lambda a: a))  # fmt: skip
wrong("two sigmoids added", "one sigmoid of the sum", 0,
      gate=lambda a_x, a_h: sigmoid(a_x) + sigmoid(a_h))  # fmt: skip
wrong("gates without h_prev", "do not read h_prev", 0, gate=lambda a_x, a_h: sigmoid(a_x))
wrong("gates without x_t", "do not read x_t", 1 / 12, gate=lambda a_x, a_h: sigmoid(a_h))
wrong("sign in the blend", "a sign is wrong", 0, blend=lambda k, n, h: n + k["z"] * (n - h))
wrong("old state whole", "the old state is kept whole and z", 0,
      blend=lambda k, n, h: h + k["z"] * n)  # fmt: skip
wrong("tanh of h_t", "tanh is taken of h_t as well", 0,
      blend=lambda k, n, h: np.tanh((1 - k["z"]) * n + k["z"] * h))  # fmt: skip
wrong("r left out", "is left out of the candidate", 1 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + h @ W.T + b_h)  # fmt: skip
wrong("r on the input", "multiplies the input's part;", 1 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: k["r"] * (x @ U.T + b_x)
      + h @ W.T + b_h)  # fmt: skip
wrong("z in the candidate", "the update gate stands in the candidate", 1 / 12,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x
      + (k["z"] * (h @ W.T + b_h) if reset == "after" else (k["z"] * h) @ W.T + b_h))  # fmt: skip
wrong("r blends", "the reset gate blends", blend=lambda k, n, h: (1 - k["r"]) * n + k["r"] * h)
wrong("sigmoid for n", "squashed by the sigmoid", 1 / 12, squash={"n": sigmoid})
wrong("n not squashed", "tanh is missing", 1 / 12, squash={"n": lambda a: a})
wrong("tanh for the gates", "the gates are squashed by tanh", 1 / 12,
      squash={"r": np.tanh, "z": np.tanh})  # fmt: skip
wrong("old state not blended in", "the old state is not blended in",
      blend=lambda k, n, h: (1 - k["z"]) * n)  # fmt: skip
wrong("candidate added whole", "added whole", blend=lambda k, n, h: n + k["z"] * h)


@answers.mistake("b_hh left out", "b_hh is left out")
def _(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    return step(x_t, h_prev, W_xh, W_hh, b_xh, 0 * b_hh, reset)


@answers.mistake("b_xh left out", "b_xh is left out", keeps=1 / 12)
def _(x_t, h_prev, W_xh, W_hh, b_xh, b_hh, reset):
    return step(x_t, h_prev, W_xh, W_hh, 0 * b_xh, b_hh, reset)


@answers.mistake("state changed in place", "writes into its input h_prev", keeps=11 / 12)
def _(x_t, h_prev, *rest):
    h_prev[:] = step(x_t, h_prev, *rest)
    return h_prev.copy()


@answers.mistake("float64", "comes out as float64", keeps=11 / 12)
def _(*given):
    return step(*given).astype(np.float64)


wrong("z exchanged and b_hn outside", "two things", 0,
      blend=lambda k, n, h: k["z"] * n + (1 - k["z"]) * h,
      candidate=lambda x, h, k, U, W, b_x, b_h, reset: x @ U.T + b_x + b_h
      + (k["r"] * (h @ W.T) if reset == "after" else (k["r"] * h) @ W.T))  # fmt: skip
