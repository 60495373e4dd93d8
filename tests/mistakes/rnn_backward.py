"""Answers to: backpropagation through time."""

import numpy as np

from . import Answers

answers = Answers("rnn_backward")


def before(h, h_0):
    return np.concatenate([h_0[:, None], h[:, :-1]], axis=1)


def loop(
    dh, x, h, h_0, W_xh, W_hh, /,
    slope=lambda h: 1 - h**2, keep=lambda t: True, steps=reversed, hand_on=None,
):  # fmt: skip
    """A right loop that can be told to go wrong."""
    h_before, dx = before(h, h_0), np.zeros_like(x)
    grads = {"W_xh": np.zeros_like(W_xh), "W_hh": np.zeros_like(W_hh)}
    grads["b_h"] = np.zeros_like(W_hh[0])
    dh_next = np.zeros_like(h_0)
    for t in steps(range(x.shape[1])):
        dh_t = dh[:, t] + dh_next
        da_t = dh_t * slope(h[:, t])
        dx[:, t] = da_t @ W_xh
        grads["W_xh"] += da_t.T @ x[:, t]
        grads["W_hh"] += da_t.T @ h_before[:, t]
        grads["b_h"] += da_t.sum(axis=0)
        going = da_t @ W_hh if hand_on is None else hand_on(dh_t, da_t, dh_next, h[:, t], W_hh)
        dh_next = going if keep(t) else np.zeros_like(dh_next)
    return dx, dh_next, grads


@answers.right
def step_by_step(dh, x, h, h_0, W_xh, W_hh):
    return loop(dh, x, h, h_0, W_xh, W_hh)


@answers.right
def products_after_the_loop(dh, x, h, h_0, W_xh, W_hh):
    da, dh_next = np.empty_like(h), 0 * h_0
    for t in range(h.shape[1] - 1, -1, -1):
        da[:, t] = (1 - h[:, t] ** 2) * (dh_next + dh[:, t])
        dh_next = da[:, t] @ W_hh
    flat = da.reshape(-1, da.shape[-1])
    grads = {"W_xh": flat.T @ x.reshape(len(flat), -1)}
    grads |= {"W_hh": flat.T @ before(h, h_0).reshape(len(flat), -1), "b_h": flat.sum(axis=0)}
    return da @ W_xh, dh_next, grads


@answers.right
def lists_and_einsum(dh, x, h, h_0, W_xh, W_hh):
    das, arriving = [], dh[:, -1]
    for t in range(h.shape[1])[::-1]:
        das.append(arriving - arriving * h[:, t] * h[:, t])
        arriving = np.einsum("bh,hk->bk", das[-1], W_hh)
        if t:
            arriving = arriving + dh[:, t - 1]
    da = np.stack(das[::-1], axis=1)
    grads = {
        "W_xh": np.einsum("bth,btd->hd", da, x),
        "W_hh": np.einsum("bth,btk->hk", da, before(h, h_0)),
        "b_h": np.einsum("bth->h", da),
    }
    return np.einsum("bth,hd->btd", da, W_xh), arriving, grads


@answers.right
def recursion(dh, x, h, h_0, W_xh, W_hh):
    if x.shape[1] == 0:
        zeros = {"W_xh": 0 * W_xh, "W_hh": 0 * W_hh, "b_h": 0 * W_hh[0]}
        return x, 0 * h_0, zeros
    da = dh[:, -1]
    dx, dh_0, grads = None, None, None
    da = da * (1 - h[:, -1]) * (1 + h[:, -1])
    earlier = dh[:, :-1].copy()
    h_before = before(h, h_0)[:, -1]
    if earlier.shape[1]:
        earlier[:, -1] += da @ W_hh
    dx, dh_0, grads = recursion(earlier, x[:, :-1], h[:, :-1], h_0, W_xh, W_hh)
    if not earlier.shape[1]:
        dh_0 = da @ W_hh
    own = {"W_xh": da.T @ x[:, -1], "W_hh": da.T @ h_before, "b_h": da.sum(axis=0)}
    grads = {name: grads[name] + own[name] for name in own}
    return np.concatenate([dx, (da @ W_xh)[:, None]], axis=1), dh_0, grads


@answers.right
def one_sequence_at_a_time(dh, x, h, h_0, W_xh, W_hh):
    parts = []
    for row in zip(dh, x, h, h_0, strict=True):
        parts.append(loop(*(a[None] for a in row), W_xh, W_hh))
    dx, dh_0, grads = zip(*parts, strict=True)
    total = {name: sum(g[name] for g in grads) for name in grads[0]}
    return np.concatenate(dx), np.concatenate(dh_0), total


@answers.right
def every_pair_of_steps(dh, x, h, h_0, W_xh, W_hh):
    da = np.zeros_like(h)
    for last in range(h.shape[1]):
        arriving = dh[:, last]
        for t in range(last, -1, -1):
            part = arriving * (1 - h[:, t] ** 2)
            da[:, t] += part
            arriving = part @ W_hh
    both = ((0, 1), (0, 1))
    grads = {"W_xh": np.tensordot(da, x, both), "W_hh": np.tensordot(da, before(h, h_0), both)}
    return np.tensordot(da, W_xh, 1), da[:, 0] @ W_hh, grads | {"b_h": da.sum(axis=1).sum(axis=0)}


@answers.right
def one_linear_system(dh, x, h, h_0, W_xh, W_hh):
    B, T, H = h.shape
    da = []
    for row, states in zip(dh, h, strict=True):
        system = np.eye(T * H, dtype=h.dtype).reshape(T, H, T, H)
        for t in range(T - 1):
            system[t, :, t + 1] = -(1 - states[t] ** 2)[:, None] * W_hh.T
        right = (row * (1 - states**2)).ravel()
        da.append(np.linalg.solve(system.reshape(T * H, T * H), right).reshape(T, H))
    flat = np.concatenate(da)  # (B * T, H)
    grads = {"W_xh": flat.T @ x.reshape(B * T, -1), "b_h": np.ones(B * T, h.dtype) @ flat}
    grads["W_hh"] = flat.T @ before(h, h_0).reshape(B * T, H)
    return (flat @ W_xh).reshape(x.shape), np.stack(da)[:, 0] @ W_hh, grads


@answers.right
def columns(dh, x, h, h_0, W_xh, W_hh):
    dh, x, h = (np.moveaxis(array, 0, -1) for array in (dh, x, h))  # (T, ..., B)
    states, dh_next, dx = [h_0.T, *h], 0 * h_0.T, []
    grads = {"b_h": 0 * W_hh[0], "W_hh": 0 * W_hh, "W_xh": 0 * W_xh}
    for t in range(len(h))[::-1]:
        da = (dh[t] + dh_next) * (1 - np.square(h[t]))  # (H, B)
        dh_next = W_hh.T @ da
        dx.insert(0, (W_xh.T @ da).T)
        new = {"b_h": da.sum(axis=1), "W_hh": da @ states[t].T, "W_xh": da @ x[t].T}
        grads = {name: grads[name] + new[name] for name in grads}
    return np.stack(dx, axis=1), dh_next.T, grads


@answers.mistake("gradient of t + 1 dropped", "is dropped", keeps=0)
def _(dh, x, h, h_0, W_xh, W_hh):
    da = dh * (1 - h**2)
    grads = {
        "W_xh": np.einsum("bth,btd->hd", da, x),
        "W_hh": np.einsum("bth,btk->hk", da, before(h, h_0)),
        "b_h": da.sum(axis=(0, 1)),
    }
    return da @ W_xh, da[:, 0] @ W_hh, grads


@answers.mistake("tanh' left out", "is left out")
def _(*given):
    return loop(*given, slope=np.ones_like)


@answers.mistake("square forgotten", "the square is missing")
def _(*given):
    return loop(*given, slope=lambda h: 1 - h)


@answers.mistake("tanh of a tanh", "once too often")
def _(*given):
    return loop(*given, slope=lambda h: 1 - np.tanh(h) ** 2)


@answers.mistake("W_hh transposed", "W_hh is transposed")
def _(dh, x, h, h_0, W_xh, W_hh):
    return loop(dh, x, h, h_0, W_xh, W_hh.T)


@answers.mistake("last output alone", "at the last step alone", keeps=1 / 12)
def _(dh, *rest):
    return loop(np.concatenate([0 * dh[:, :-1], dh[:, -1:]], axis=1), *rest)


@answers.mistake("state before in tanh'", "the state before the step")
def _(dh, x, h, h_0, W_xh, W_hh):
    return loop(dh, x, before(h, h_0), h_0, W_xh, W_hh)


@answers.mistake("dh one step late", "one step late")
def _(dh, *rest):
    return loop(np.concatenate([dh[:, 1:], 0 * dh[:, :1]], axis=1), *rest)


@answers.mistake("assigned instead of added", "instead of added", keeps=4 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, _ = loop(dh, x, h, h_0, W_xh, W_hh)
    da, dh_next = np.zeros_like(h), 0 * h_0
    for t in reversed(range(h.shape[1])):
        da[:, t] = (dh[:, t] + dh_next) * (1 - h[:, t] ** 2)
        dh_next = da[:, t] @ W_hh
    first = da[:, 0]
    return dx, dh_0, {"W_xh": first.T @ x[:, 0], "W_hh": first.T @ h_0, "b_h": first.sum(axis=0)}


@answers.mistake("dW_hh with h_t", "it is formed with h_t", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    wrong = loop(dh, h, h, h_0, np.zeros_like(W_hh), W_hh)[2]["W_xh"]
    return dx, dh_0, grads | {"W_hh": wrong}


@answers.mistake("h_0 taken for zero", "h_0 is taken for zero", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    return loop(dh, x, h, 0 * h_0, W_xh, W_hh)


@answers.mistake("dh_0 missing", "it is zero", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    return loop(dh, x, h, h_0, W_xh, W_hh, keep=lambda t: t > 0)


@answers.mistake("da_0 for dh_0", "passes through W_hh once more", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    return dx, np.linalg.solve(W_hh.T.astype(float), dh_0.T).T.astype(dh_0.dtype), grads


@answers.mistake("dx through W_hh", "leads through W_xh", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    _, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    return loop(dh, h, h, h_0, W_hh, W_hh)[0], dh_0, grads


@answers.mistake("db_h not summed over the batch", "not summed over the batch", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    rows = [loop(dh[j:][:1], x[j:][:1], h[j:][:1], h_0[j:][:1], W_xh, W_hh) for j in range(len(x))]
    return dx, dh_0, grads | {"b_h": np.stack([row[2]["b_h"] for row in rows])}


@answers.mistake("averaged over the steps", "divided by the number of steps", keeps=0)
def _(dh, *rest):
    return loop(dh / dh.shape[1], *rest)


@answers.mistake("averaged over the batch", "averaged over the batch")
def _(dh, *rest):
    return loop(dh / len(dh), *rest)


@answers.mistake("dx in reverse", "in reverse order", keeps=6 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return dx[:, ::-1], dh_0, grads


@answers.mistake("dh changed in place", "writes into its input dh", keeps=11 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    result = loop(dh, x, h, h_0, W_xh, W_hh)
    dh[:, 0] += 1
    return result


@answers.mistake("float64 zeros", "comes out as float64", keeps=11 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return np.zeros(dx.shape) + dx, dh_0, grads


@answers.mistake("grads in a tuple", "should be a dict", keeps=4 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return dx, dh_0, tuple(grads.values())


def wrong_loop(name, says, keeps=0, **changed):
    answers.mistake(name, says, keeps)(lambda *given: loop(*given, **changed))


wrong_loop("from the first step to the last", "from the first step to the last", steps=iter)
wrong_loop("step 0 left out", "ends before step 0", steps=lambda steps: reversed(steps[1:]))
wrong_loop("the last step left out", "begins before the last step",
           steps=lambda steps: reversed(steps[:-1]))  # fmt: skip
wrong_loop("handed on without tanh'", "it is W_hh^T da_t", hand_on=lambda d, da, n, h, W: d @ W)
wrong_loop("tanh' twice", "by 1 - h_t^2 twice",
           hand_on=lambda d, da, n, h, W: (da @ W) * (1 - h**2))  # fmt: skip
wrong_loop("tanh' after W_hh", "by W_hh first and by 1 - h_t^2",
           hand_on=lambda d, da, n, h, W: (d @ W) * (1 - h**2))  # fmt: skip
wrong_loop("handed on without W_hh", "without W_hh", hand_on=lambda d, da, n, h, W: da)
wrong_loop("dh_next added to", "piles up", hand_on=lambda d, da, n, h, W: n + da @ W)
wrong_loop("sign of the square", "not 1 + h_t^2", slope=lambda h: 1 + h**2)


@answers.mistake("dh counted twice", "counts twice", keeps=1 / 12)
def _(dh, *rest):
    return loop(np.concatenate([2 * dh[:, :-1], dh[:, -1:]], axis=1), *rest)


@answers.mistake("h[:, t - 1] at t = 0", "is the last state", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    return dx, dh_0, grads | {"W_hh": loop(dh, x, h, h[:, -1], W_xh, W_hh)[2]["W_hh"]}


@answers.mistake("weights averaged over the batch", "averaged over the batch", keeps=4 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return dx, dh_0, {name: grad / len(dx) for name, grad in grads.items()}


@answers.mistake("dh_0 through tanh' at h_0", "not the result of a step", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    dx, dh_0, grads = loop(dh, x, h, h_0, W_xh, W_hh)
    return dx, dh_0 * (1 - h_0**2), grads


@answers.mistake("bias gradient without tanh'", "left out for the bias", keeps=6 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    arriving = []
    dx, dh_0, grads = loop(
        dh, x, h, h_0, W_xh, W_hh, hand_on=lambda d, da, n, h, W: (arriving.append(d), da @ W)[1]
    )
    return dx, dh_0, grads | {"b_h": sum(d.sum(axis=0) for d in arriving)}


@answers.mistake("steps in front of the batch", "time and batch are exchanged", keeps=6 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return [dx[:, t] for t in range(dx.shape[1])], dh_0, grads


@answers.mistake("keys of the gradients", "has no entry 'W_xh'", keeps=4 / 12)
def _(*given):
    dx, dh_0, grads = loop(*given)
    return dx, dh_0, {f"d{name}": grad for name, grad in grads.items()}


@answers.mistake("added into dh itself", "writes into its input dh", keeps=11 / 12)
def _(dh, x, h, h_0, W_xh, W_hh):
    result = loop(dh, x, h, h_0, W_xh, W_hh)
    for t in range(x.shape[1] - 1, 0, -1):
        dh[:, t - 1] += (dh[:, t] * (1 - h[:, t] ** 2)) @ W_hh
    return result
