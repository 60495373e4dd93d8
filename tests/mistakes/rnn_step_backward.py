"""Answers to: the gradients of one step."""

import numpy as np

from . import Answers

answers = Answers("rnn_step_backward")


def products(da_t, x_t, h_prev, W_xh, W_hh, /, **changed):
    grads = {"W_xh": da_t.T @ x_t, "W_hh": da_t.T @ h_prev, "b_h": da_t.sum(axis=0)}
    dx_t, dh_prev = changed.pop("dx_t", da_t @ W_xh), changed.pop("dh_prev", da_t @ W_hh)
    return dx_t, dh_prev, grads | changed


@answers.right
def matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - h_t**2), x_t, h_prev, W_xh, W_hh)


@answers.right
def one_sequence_at_a_time(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev = np.zeros_like(x_t), np.zeros_like(h_prev)
    dW_xh, dW_hh, db_h = np.zeros_like(W_xh), np.zeros_like(W_hh), np.zeros_like(W_hh[0])
    for j in range(len(x_t)):
        da = (1 + h_t[j]) * (1 - h_t[j]) * dh_t[j]
        dx_t[j], dh_prev[j] = W_xh.T @ da, W_hh.T @ da
        dW_xh += np.outer(da, x_t[j])
        dW_hh += np.outer(da, h_prev[j])
        db_h += da
    return dx_t, dh_prev, {"W_xh": dW_xh, "W_hh": dW_hh, "b_h": db_h}


@answers.right
def einsum(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t - dh_t * h_t * h_t
    grads = {
        "b_h": np.einsum("bh->h", da_t),
        "W_hh": np.einsum("bh,bk->hk", da_t, h_prev),
        "W_xh": np.einsum("bh,bd->hd", da_t, x_t),
    }
    return np.einsum("bh,hd->bd", da_t, W_xh), np.einsum("bh,hk->bk", da_t, W_hh), grads


@answers.right
def products_of_columns(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = ((1 - np.square(h_t)) * dh_t).T  # (H, B)
    ones = np.ones(len(x_t), dtype=x_t.dtype)
    grads = {"W_xh": da_t @ x_t, "W_hh": da_t @ h_prev, "b_h": da_t @ ones}
    return [(W_xh.T @ da_t).T, (W_hh.T @ da_t).T, grads]


@answers.right
def one_stacked_product(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = np.multiply(dh_t, (1 - h_t) * (1 + h_t))
    both = da_t @ np.hstack([W_xh, W_hh])  # (B, D + H)
    ones = np.ones((len(x_t), 1), dtype=x_t.dtype)
    grads = da_t.T @ np.hstack([x_t, h_prev, ones])  # (H, D + H + 1)
    D = x_t.shape[1]
    named = {"W_xh": grads[:, :D], "W_hh": grads[:, D:-1], "b_h": grads[:, -1]}
    return both[:, :D], both[:, D:], named


@answers.right
def einsum_of_three(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    inputs = dh_t, 1 - h_t * h_t
    grads = {
        "W_xh": np.einsum("bh,bh,bd->hd", *inputs, x_t),
        "W_hh": np.einsum("bh,bh,bk->hk", *inputs, h_prev),
        "b_h": np.einsum("bh,bh->h", *inputs),
    }
    dx_t = np.einsum("bh,bh,hd->bd", *inputs, W_xh)
    return dx_t, np.einsum("bh,bh,hk->bk", *inputs, W_hh), grads


@answers.right
def derivative_from_cosh(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t / np.cosh(np.arctanh(h_t)) ** 2, x_t, h_prev, W_xh, W_hh)


@answers.right
def sums_in_lists(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = list(dh_t * (1 - h_t * h_t))

    def total(values):
        return sum(values, start=x_t.dtype.type(0))

    def back(W):
        return [[total(da * column) for column in W.T] for da in da_t]

    def outer(values):
        columns = np.transpose(da_t)
        return [[total(column * value) for value in values.T] for column in columns]

    return back(W_xh), back(W_hh), {"W_xh": outer(x_t), "W_hh": outer(h_prev), "b_h": sum(da_t)}


@answers.right
def float64_inside(*inputs):
    dtype = inputs[0].dtype
    dx_t, dh_prev, grads = matrix_products(*(value.astype(np.float64) for value in inputs))
    grads = {name: grad.astype(dtype) for name, grad in grads.items()}
    return dx_t.astype(dtype), dh_prev.astype(dtype), grads


@answers.mistake("tanh' left out", "the derivative of tanh is left out", keeps=1 / 6)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t, x_t, h_prev, W_xh, W_hh)


@answers.mistake("tanh of a tanh", "tanh is taken once too often", keeps=1 / 6)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - np.tanh(h_t) ** 2), x_t, h_prev, W_xh, W_hh)


@answers.mistake("square forgotten", "the square is missing", keeps=1 / 6)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - h_t), x_t, h_prev, W_xh, W_hh)


@answers.mistake("the sigmoid's derivative", "the derivative of the sigmoid")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * h_t * (1 - h_t), x_t, h_prev, W_xh, W_hh)


@answers.mistake("tanh' at h_prev", "taken at h_prev", keeps=0)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - h_prev**2), x_t, h_prev, W_xh, W_hh)


@answers.mistake("W_hh transposed for dh_prev", "W_hh is transposed once too often", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, dh_prev=da_t @ W_hh.T)


@answers.mistake("dh_prev without W_hh", "it passes through W_hh", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, dh_prev=da_t)


@answers.mistake("dh_t added to dh_prev", "nothing jumps over the step", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, dh_prev=da_t @ W_hh + dh_t)


@answers.mistake("dW_hh with h_t", "it is formed with h_t", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, W_hh=da_t.T @ h_t)


@answers.mistake("dW_hh transposed", "row k holds the weights into unit k", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, W_hh=h_prev.T @ da_t)


@answers.mistake("dW_xh transposed", "has the shape of its weights", keeps=0.5)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, W_xh=x_t.T @ da_t)


@answers.mistake("db_h not summed", "it is not summed over the batch", keeps=7 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, b_h=da_t)


@answers.mistake("db_h averaged", "it is averaged over the batch", keeps=7 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, b_h=da_t.mean(axis=0))


@answers.mistake("everything averaged", "averaged over the batch")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - h_t**2) / len(dh_t), x_t, h_prev, W_xh, W_hh)


@answers.mistake("results exchanged", "which belongs to dh_prev", keeps=5 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dh_prev, dx_t, grads


@answers.mistake("an entry of grads missing", "has no entry 'b_h'", keeps=7 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dx_t, dh_prev, {name: grads[name] for name in ("W_xh", "W_hh")}


@answers.mistake("five results", "expected 3 values")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dx_t, dh_prev, *grads.values()


@answers.mistake("dh_t overwritten", "writes into its input dh_t", keeps=11 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dh_t *= 1 - h_t**2
    return products(dh_t, x_t, h_prev, W_xh, W_hh)


@answers.mistake("float64 zeros", "comes out as float64", keeps=11 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    db_h = np.zeros(len(W_hh))
    db_h += (dh_t * (1 - h_t**2)).sum(axis=0)
    return products(dh_t * (1 - h_t**2), x_t, h_prev, W_xh, W_hh, b_h=db_h)


@answers.mistake("the gradients of earlier calls added", "carried over", keeps=0)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh, total={}):  # noqa: B006 - that is the mistake
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    for name, grad in grads.items():
        total[name, grad.shape] = total.get((name, grad.shape), 0) + grad
    return dx_t, dh_prev, {name: total[name, grad.shape] for name, grad in grads.items()}


@answers.mistake("the equations typed as they stand", "in the order of the equations")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    grads = {"W_xh": da_t @ x_t.T, "W_hh": da_t @ h_prev.T, "b_h": da_t}
    return W_xh.T @ da_t, W_hh.T @ da_t, grads


@answers.mistake("other names in grads", "its keys: dW_xh, dW_hh, db_h", keeps=0.25)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dx_t, dh_prev, {f"d{name}": grad for name, grad in grads.items()}


@answers.mistake("square outside the brackets", "1 - h_t is squared", keeps=1 / 6)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t * (1 - h_t) ** 2, x_t, h_prev, W_xh, W_hh)


@answers.mistake("divided by the derivative", "dh_t is divided by it", keeps=1 / 6)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(dh_t / (1 - h_t**2), x_t, h_prev, W_xh, W_hh)


@answers.mistake("dh_t not used", "dh_t does not enter")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    return products(1 - h_t**2, x_t, h_prev, W_xh, W_hh)


@answers.mistake("h_t worked out again without the bias", "lacks the bias")
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    again = np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T)
    return products(dh_t * (1 - again**2), x_t, h_prev, W_xh, W_hh)


@answers.mistake("gradients of the weights averaged", "it is averaged over the batch", keeps=1 / 4)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dx_t, dh_prev, {name: grad / len(x_t) for name, grad in grads.items()}


@answers.mistake("replaced from sequence to sequence", "are the gradients added up", keeps=1 / 4)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    for da, x, h in zip(da_t, x_t, h_prev, strict=True):
        grads = {"W_xh": np.outer(da, x), "W_hh": np.outer(da, h), "b_h": da}
    return da_t @ W_xh, da_t @ W_hh, grads


@answers.mistake("weights not summed over the batch", "not summed over the batch", keeps=1 / 3)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    grads = {"W_xh": da_t[:, :, None] * x_t[:, None], "W_hh": da_t[:, :, None] * h_prev[:, None]}
    return products(da_t, x_t, h_prev, W_xh, W_hh, **grads)


@answers.mistake("W_xh and W_hh exchanged in grads", "the gradient of W_hh", keeps=1 / 3)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    dx_t, dh_prev, grads = matrix_products(dh_t, x_t, h_prev, h_t, W_xh, W_hh)
    return dx_t, dh_prev, grads | {"W_xh": grads["W_hh"], "W_hh": grads["W_xh"]}


@answers.mistake(
    "db_h keeps the batch's axis", "the sum over the batch keeps its axis", keeps=7 / 12
)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, b_h=da_t.sum(axis=0, keepdims=True))


@answers.mistake("db_h of the first sequence", "only the first sequence of the batch", keeps=7 / 12)
def _(dh_t, x_t, h_prev, h_t, W_xh, W_hh):
    da_t = dh_t * (1 - h_t**2)
    return products(da_t, x_t, h_prev, W_xh, W_hh, b_h=da_t[0])
