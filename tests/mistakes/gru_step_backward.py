"""Answers to: one step of the GRU backwards, with the reset after the product."""

import numpy as np

from rnn_course import gru

from . import Answers

answers = Answers("gru_step_backward")
NAMES = ("W_xh", "W_hh", "b_xh", "b_hh")


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def backward(
    dh,
    x,
    h,
    r,
    z,
    n,
    U,
    W,
    b,
    /,
    parts=None,
    order="rzn",
    kept=None,
    sides=None,
    met=None,
    under=None,
):
    """The textbook's way back, parts of which may be told to go wrong."""
    H = h.shape[1]
    s = under(h, W, b) if under else h @ W[2 * H :].T + b[2 * H :]
    da = {"n": dh * (1 - z) * (1 - n**2), "z": dh * (h - n) * z * (1 - z)}
    if parts:
        da |= parts(dh, h, r, z, n, s, da)
    da = {"r": da["n"] * s * r * (1 - r)} | da
    on_x, on_h = sides(da["n"], r) if sides else (da["n"], da["n"] * r)
    da_x = np.concatenate([on_x if gate == "n" else da[gate] for gate in order], axis=1)
    da_h = np.concatenate([on_h if gate == "n" else da[gate] for gate in order], axis=1)
    direct = kept(dh, z) if kept else dh * z
    grads = (da_x.T @ x, da_h.T @ (h if met is None else met), da_x.sum(axis=0), da_h.sum(axis=0))
    return da_x @ U, direct + da_h @ W, dict(zip(NAMES, grads, strict=True))


@answers.right
def as_in_the_book(*given):
    return backward(*given)


@answers.right
def the_package(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    """By way of a step forward whose input bias leads to the very gates."""
    gates = [np.log(r / (1 - r)), np.log(z / (1 - z)), np.arctanh(n)]
    if not all(np.isfinite(gate).all() for gate in gates):  # no bias does that
        return backward(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh)
    a_h = np.split(h_prev @ W_hh.T + b_hh, 3, axis=1)
    on_h = np.concatenate([a_h[0], a_h[1], r * a_h[2]], axis=1)
    b_xh = (np.concatenate(gates, axis=1) - on_h - x_t @ W_xh.T)[0]
    _, cache = gru.gru_step_forward(x_t, h_prev, W_xh, W_hh, b_xh, b_hh)
    return gru.gru_step_backward(dh_t, cache)


@answers.right
def gate_by_gate(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    U, W, b = (np.split(part, 3) for part in (W_xh, W_hh, b_hh))
    dn, dz = dh_t - dh_t * z, dh_t * h_prev - dh_t * n
    da_n = dn * (1 - n) * (1 + n)
    dr = da_n * (h_prev @ W[2].T) + da_n * b[2]
    on_x = [dr * (r - r * r), dz * (z - z * z), da_n]
    on_h = [on_x[0], on_x[1], r * da_n]
    dx_t, dh_prev = np.zeros_like(x_t), dh_t * z
    grads = {"W_xh": np.zeros_like(W_xh), "W_hh": np.zeros_like(W_hh)}
    grads |= {"b_xh": np.zeros_like(b_hh), "b_hh": np.zeros_like(b_hh)}
    for k in range(3):
        rows = slice(k * H, (k + 1) * H)
        dx_t += on_x[k] @ U[k]
        dh_prev = dh_prev + on_h[k] @ W[k]
        grads["W_xh"][rows], grads["W_hh"][rows] = on_x[k].T @ x_t, on_h[k].T @ h_prev
        grads["b_xh"][rows], grads["b_hh"][rows] = on_x[k].sum(axis=0), on_h[k].sum(axis=0)
    return dx_t, dh_prev, grads


@answers.right
def einsum(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    U, W = W_xh.reshape(3, -1, W_xh.shape[1]), W_hh.reshape(3, -1, W_hh.shape[1])
    s = np.einsum("bk,hk->bh", h_prev, W[2]) + b_hh.reshape(3, -1)[2]
    da_n = np.einsum("bh,bh,bh->bh", dh_t, 1 - z, 1 - n**2)
    da_r, da_z = s * da_n * r * (1 - r), (h_prev - n) * dh_t * z * (1 - z)
    on_x, on_h = np.stack([da_r, da_z, da_n]), np.stack([da_r, da_z, da_n * r])  # (3, B, H)
    grads = {
        "b_hh": on_h.sum(axis=1).ravel(),
        "b_xh": on_x.sum(axis=1).ravel(),
        "W_hh": np.einsum("gbh,bk->ghk", on_h, h_prev).reshape(W_hh.shape),
        "W_xh": np.einsum("gbh,bd->ghd", on_x, x_t).reshape(W_xh.shape),
    }
    dh_prev = np.einsum("gbh,ghk->bk", on_h, W) + z * dh_t
    return np.einsum("gbh,ghd->bd", on_x, U), dh_prev, grads


@answers.right
def one_sequence_at_a_time(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H, dx, dh = h_prev.shape[1], [], []
    total = {"W_xh": 0 * W_xh, "W_hh": 0 * W_hh, "b_xh": 0 * b_hh, "b_hh": 0 * b_hh}
    for d, x_j, h_j, r_j, z_j, n_j in zip(dh_t, x_t, h_prev, r, z, n, strict=True):
        da_n, da_z = d * (1 - z_j) * (1 - n_j**2), d * (h_j - n_j) * z_j * (1 - z_j)
        da_r = da_n * (W_hh[2 * H :] @ h_j + b_hh[2 * H :]) * r_j * (1 - r_j)
        on_x, on_h = np.hstack([da_r, da_z, da_n]), np.hstack([da_r, da_z, r_j * da_n])
        dx.append(W_xh.T @ on_x)
        dh.append(z_j * d + W_hh.T @ on_h)
        parts = np.outer(on_x, x_j), np.outer(on_h, h_j), on_x, on_h
        total = {name: total[name] + part for name, part in zip(NAMES, parts, strict=True)}
    return dx, dh, total


@answers.right
def through_columns(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    dh, h, r, z, n = (part.T for part in (dh_t, h_prev, r, z, n))  # (H, B) each
    da = np.empty((4 * H, len(x_t)), dtype=x_t.dtype)  # rows hn, r, z, n
    da[3 * H :] = (1 - n**2) * (1 - z) * dh
    da[2 * H : 3 * H] = z * (1 - z) * (h - n) * dh
    da[H : 2 * H] = r * (1 - r) * (W_hh[2 * H :] @ h + b_hh[2 * H :, None]) * da[3 * H :]
    da[:H] = r * da[3 * H :]
    W_back = np.roll(W_hh, H, axis=0)  # rows n, r, z
    grads = {"W_xh": da[H:] @ x_t, "W_hh": np.roll(da[: 3 * H] @ h_prev, -H, axis=0)}
    grads |= {"b_xh": da[H:].sum(axis=1), "b_hh": np.roll(da[: 3 * H].sum(axis=1), -H)}
    return (W_xh.T @ da[H:]).T, (W_back.T @ da[: 3 * H] + z * dh).T, grads


def wrong(name, says, keeps=0.0, **how):
    answers.mistake(name, says, keeps)(lambda *given: backward(*given, **how))


def wrong_part(name, says, keeps, parts):
    wrong(name, says, keeps, parts=parts)


wrong("z and 1 - z exchanged", "z and 1 - z are exchanged", 0,
      kept=lambda dh, z: dh * (1 - z),
      parts=lambda dh, h, r, z, n, s, da: {
          "n": dh * z * (1 - n**2), "z": dh * (n - h) * z * (1 - z)})  # fmt: skip
wrong_part("z in da_n", "z stands where 1 - z belongs in da_n", 2 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * z * (1 - n**2)})  # fmt: skip
wrong_part("1 - z left out", "1 - z is left out of da_n", 2 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - n**2)})  # fmt: skip
wrong_part("tanh' left out", "the derivative of n is left out", 3 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z)})  # fmt: skip
wrong_part("tanh' of a tanh", "tanh is taken of n once more", 3 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * (1 - np.tanh(n) ** 2)})  # fmt: skip
wrong_part("tanh' of h_prev", "the slope of tanh is taken of h_prev", 3 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * (1 - h**2)})  # fmt: skip
wrong_part("sigmoid's slope for n", "n has the derivative of a sigmoid", 3 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * n * (1 - n)})  # fmt: skip
wrong_part("sign of da_z", "da_z has the wrong sign", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": -da["z"]})  # fmt: skip
wrong_part("da_z without n", "the candidate is left out of da_z", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": dh * h * z * (1 - z)})  # fmt: skip
wrong_part("da_z without h_prev", "h_prev is left out of da_z", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": -dh * n * z * (1 - z)})  # fmt: skip
wrong_part("da_r left out", "nothing comes through the reset gate", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": 0 * r})  # fmt: skip
wrong_part("da_z left out", "nothing comes through the update gate", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": 0 * z})  # fmt: skip
wrong_part("da_r with dh_t", "da_r is formed with dh_t", 4 / 16,
           lambda dh, h, r, z, n, s, da: {"r": dh * s * r * (1 - r)})  # fmt: skip
wrong_part("da_r without what r multiplies", "is left out of da_r", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": da["n"] * r * (1 - r)})  # fmt: skip
wrong_part("da_r with h_prev", "h_prev stands in da_r", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": da["n"] * h * r * (1 - r)})  # fmt: skip
wrong_part("da_r with r * da_n", "is formed with r * da_n", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": r * da["n"] * s * r * (1 - r)})  # fmt: skip
wrong_part("gates' slopes left out", "the derivatives of the gates", 2 / 16,
           lambda dh, h, r, z, n, s, da: {"r": da["n"] * s, "z": dh * (h - n)})  # fmt: skip
wrong_part("tanh's slope for the gates", "1 - r^2", 3 / 16,
           lambda dh, h, r, z, n, s, da: {
               "r": da["n"] * s * (1 - r**2), "z": dh * (h - n) * (1 - z**2)})  # fmt: skip
wrong_part("h_prev and n added", "h_prev and n are added in da_z", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": dh * (h + n) * z * (1 - z)})  # fmt: skip
wrong_part("da_r before the tanh", "is left out of da_r: r stands under the tanh", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": dh * (1 - z) * s * r * (1 - r)})  # fmt: skip
wrong_part("half a slope of z", "half of the derivative of z is there", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"z": dh * (h - n) * (1 - z)})  # fmt: skip
wrong_part("slope of r left out", "the derivative of r is left out", 5 / 16,
           lambda dh, h, r, z, n, s, da: {"r": da["n"] * s})  # fmt: skip
wrong_part("square left out", "the square is left out of the derivative of n", 3 / 16,
           lambda dh, h, r, z, n, s, da: {"n": dh * (1 - z) * (1 - n)})  # fmt: skip
wrong_part("sigmoid of the gates again", "the sigmoid is taken of the gates once more", 2 / 16,
           lambda dh, h, r, z, n, s, da: {
               "r": da["n"] * s * sigmoid(r) * (1 - sigmoid(r)),
               "z": dh * (h - n) * sigmoid(z) * (1 - sigmoid(z))})  # fmt: skip
wrong("order z, r, n", "in the order z, r, n", 3 / 16, order="zrn")
wrong("order n, r, z", "in the order n, r, z", 1 / 16, order="nrz")
wrong("r left out on the state's side", "is left out on the state's side", 6 / 16,
      sides=lambda da_n, r: (da_n, da_n))  # fmt: skip
wrong(
    "r on both sides",
    "multiplies the input's side",
    8 / 16,
    sides=lambda da_n, r: (r * da_n, r * da_n),
)
wrong(
    "sides exchanged", "multiplies the input's side", 5 / 16, sides=lambda da_n, r: (r * da_n, da_n)
)
wrong("direct way left out", "the direct way is left out", 9 / 16, kept=lambda dh, z: 0 * dh)
wrong("direct way whole", "all of dh_t comes straight back", 10 / 16, kept=lambda dh, z: dh)
wrong(
    "1 - z in the direct way",
    "1 - z stands in the direct way",
    9 / 16,
    kept=lambda dh, z: (1 - z) * dh,
)


@answers.mistake("reset before the product", "the reset acts before the product", keeps=3 / 16)
def _(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    da_n, da_z = dh_t * (1 - z) * (1 - n**2), dh_t * (h_prev - n) * z * (1 - z)
    d_seen = da_n @ W_hh[2 * H :]
    da = np.concatenate([d_seen * h_prev * r * (1 - r), da_z, da_n], axis=1)
    dh_prev = z * dh_t + da[:, : 2 * H] @ W_hh[: 2 * H] + d_seen * r
    dW_hh = np.concatenate([da[:, : 2 * H].T @ h_prev, da_n.T @ (r * h_prev)])
    grads = {"W_xh": da.T @ x_t, "W_hh": dW_hh, "b_xh": da.sum(axis=0), "b_hh": da.sum(axis=0)}
    return da @ W_xh, dh_prev, grads


@answers.mistake("b_hn left out of da_r", "b_hn is left out of da_r", keeps=5 / 16)
def _(*given):
    *most, b_hh = given
    return backward(*most, 0 * b_hh)


@answers.mistake("one gradient for both biases", "b_hn stands under the reset gate", keeps=11 / 16)
def _(*given):
    dx, dh, grads = backward(*given)
    return dx, dh, grads | {"b_hh": grads["b_xh"].copy()}


@answers.mistake("W_hn met r * h_prev", "after the product W_hn meets h_prev itself", keeps=11 / 16)
def _(dh_t, x_t, h_prev, r, z, n, *weights):
    dx, dh, grads = backward(dh_t, x_t, h_prev, r, z, n, *weights)
    rows = grads["W_hh"].copy()
    rows[2 * h_prev.shape[1] :] = (dh_t * (1 - z) * (1 - n**2)).T @ (r * h_prev)
    return dx, dh, grads | {"W_hh": rows}


@answers.mistake("averaged over the batch", "averaged over the batch", keeps=1 / 16)
def _(dh_t, *rest):
    return backward(dh_t / len(dh_t), *rest)


@answers.mistake("weights' gradients averaged", "it is averaged over the batch", keeps=6 / 16)
def _(dh_t, *rest):
    dx, dh, grads = backward(dh_t, *rest)
    return dx, dh, {name: grad / len(dh_t) for name, grad in grads.items()}


@answers.mistake("weights' gradients transposed", "two axes are exchanged", keeps=7 / 16)
def _(*given):
    dx, dh, grads = backward(*given)
    return dx, dh, {name: grad.T for name, grad in grads.items()}


@answers.mistake("biases not summed", "has the shape", keeps=11 / 16)
def _(dh_t, x_t, *rest):
    rows = [backward(*(a[j : j + 1] for a in (dh_t, x_t, *rest[:4])), *rest[4:])[2]
            for j in range(len(x_t))]  # fmt: skip
    dx, dh, grads = backward(dh_t, x_t, *rest)
    return dx, dh, grads | {name: np.array([row[name] for row in rows]) for name in NAMES[2:]}


@answers.mistake("one bias", "has no entry 'b_hh'", keeps=11 / 16)
def _(*given):
    dx, dh, grads = backward(*given)
    return dx, dh, {name: grads[name] for name in NAMES[:3]}


@answers.mistake("dx_t and dh_prev exchanged", "has the shape", keeps=8 / 16)
def _(*given):
    dx, dh, grads = backward(*given)
    return dh, dx, grads


@answers.mistake("gates changed in place", "writes into its input n", keeps=15 / 16)
def _(dh_t, x_t, h_prev, r, z, n, *weights):
    result = backward(dh_t, x_t, h_prev, r, z, n, *weights)
    n *= n
    return result


@answers.mistake("float64", "comes out as float64", keeps=15 / 16)
def _(*given):
    dx, dh, grads = backward(*given)
    return dx, dh, {name: np.zeros(grad.shape) + grad for name, grad in grads.items()}


@answers.mistake("W_hh with h_t", "it is formed with h_t", keeps=7 / 16)
def _(dh_t, x_t, h_prev, r, z, n, *weights):
    dx, dh, grads = backward(dh_t, x_t, h_prev, r, z, n, *weights)
    h_t = (1 - z) * n + z * h_prev
    wrong = backward(dh_t, x_t, h_prev, r, z, n, *weights, met=h_t)[2]
    return dx, dh, grads | {"W_hh": wrong["W_hh"]}


@answers.mistake("no gate in dh_prev", "nothing comes through the gates", keeps=10 / 16)
def _(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    H = h_prev.shape[1]
    dx, _, grads = backward(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh)
    da_n = dh_t * (1 - z) * (1 - n**2)
    return dx, z * dh_t + (r * da_n) @ W_hh[2 * H :], grads


wrong("W_hn transposed in da_r", "W_hn is used the wrong way round in da_r", 5 / 16,
      under=lambda h, W, b: h @ W[-len(W) // 3 :] + b[-len(W) // 3 :])  # fmt: skip
wrong("rows of r in da_r", "the rows of r stand in da_r", 5 / 16,
      under=lambda h, W, b: h @ W[: len(W) // 3].T + b[: len(W) // 3])  # fmt: skip
wrong("a column for each sequence", "W_hn h_prev is transposed in da_r", 0,
      under=lambda h, W, b: W[-len(W) // 3 :] @ h.T + b[-len(W) // 3 :])  # fmt: skip
wrong("* for @", "not with @", 0,
      under=lambda h, W, b: W[-len(W) // 3 :] * h + b[-len(W) // 3 :])  # fmt: skip


@answers.mistake("r on all of the state's side", "multiplies all of the state's side", keeps=4 / 16)
def _(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    dx, _, grads = backward(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh)
    da_n, da_z = dh_t * (1 - z) * (1 - n**2), dh_t * (h_prev - n) * z * (1 - z)
    H = h_prev.shape[1]
    da_r = da_n * (h_prev @ W_hh[2 * H :].T + b_hh[2 * H :]) * r * (1 - r)
    da_h = np.tile(r, 3) * np.concatenate([da_r, da_z, da_n], axis=1)
    grads |= {"W_hh": da_h.T @ h_prev, "b_hh": da_h.sum(axis=0)}
    return dx, z * dh_t + da_h @ W_hh, grads


@answers.mistake("gates stacked along axis 0", "It stops with ValueError")
def _(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    da_n, da_z = dh_t * (1 - z) * (1 - n**2), dh_t * (h_prev - n) * z * (1 - z)
    da = np.concatenate([r * da_n, da_z, da_n])
    return da @ W_xh, da @ W_hh, {}


@answers.mistake("W transposed on the way back", "It stops with ValueError")
def _(dh_t, x_t, h_prev, r, z, n, W_xh, W_hh, b_hh):
    return backward(dh_t, x_t, h_prev, r, z, n, W_xh.T, W_hh, b_hh)


@answers.mistake("six results", "It returns 6 values; expected 3 values")
def _(*given):
    dx, dh, grads = backward(*given)
    return dx, dh, *grads.values()
