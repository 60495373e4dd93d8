"""Answers to: advance a vanilla RNN by one step."""

import numpy as np

from . import Answers

answers = Answers("rnn_step_forward")


@answers.right
def in_the_order_of_the_equation(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh((W_hh @ h_prev.T + W_xh @ x_t.T + b_h[:, None]).T)


@answers.right
def one_unit_at_a_time(x_t, h_prev, W_xh, W_hh, b_h):
    h_t = np.zeros_like(h_prev)
    for j in range(len(x_t)):
        for k in range(len(b_h)):
            a = b_h[k]
            for m in range(len(b_h)):
                a = a + W_hh[k, m] * h_prev[j, m]
            for d in range(x_t.shape[1]):
                a = a + W_xh[k, d] * x_t[j, d]
            h_t[j, k] = np.tanh(a)
    return h_t


@answers.right
def einsum(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(np.einsum("bd,hd->bh", x_t, W_xh) + np.einsum("bk,hk->bh", h_prev, W_hh) + b_h)


@answers.right
def one_product_of_stacked_inputs(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(np.hstack([h_prev, x_t]) @ np.hstack([W_hh, W_xh]).T + b_h)


@answers.right
def tanh_from_exponentials(x_t, h_prev, W_xh, W_hh, b_h):
    a_t = x_t @ W_xh.T + b_h + h_prev @ W_hh.T
    return (np.exp(a_t) - np.exp(-a_t)) / (np.exp(a_t) + np.exp(-a_t))


@answers.right
def a_list_of_rows(x_t, h_prev, W_xh, W_hh, b_h):
    return [np.tanh(W_xh @ x + W_hh @ h + b_h) for x, h in zip(x_t, h_prev, strict=True)]


@answers.right
def tanh_from_a_sigmoid(x_t, h_prev, W_xh, W_hh, b_h):
    a_t = h_prev @ W_hh.T + (x_t @ W_xh.T + b_h)
    return 2 / (1 + np.exp(-2 * a_t)) - 1


@answers.right
def bias_as_a_weight_of_one(x_t, h_prev, W_xh, W_hh, b_h):
    one = np.ones_like(x_t[:, :1])
    weights = np.concatenate([b_h[:, None], W_xh, W_hh], axis=1)  # (H, 1 + D + H)
    return np.tanh(np.tensordot(np.concatenate([one, x_t, h_prev], axis=1), weights, (1, 1)))


@answers.right
def its_own_array_changed_in_place(x_t, h_prev, W_xh, W_hh, b_h):
    a_t = np.dot(h_prev, W_hh.T)
    a_t += np.dot(x_t, W_xh.T)
    a_t += b_h
    return np.tanh(a_t, out=a_t)


@answers.right
def float64_inside(*inputs):
    x_t, h_prev, W_xh, W_hh, b_h = (value.astype(np.float64) for value in inputs)
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h).astype(inputs[0].dtype)


@answers.mistake("W_hh transposed", "W_hh is used the wrong way round", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh + x_t @ W_xh.T + b_h)


@answers.mistake("bias left out", "the bias b_h is left out", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T)


@answers.mistake("bias added after tanh", "added after tanh", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T) + b_h


@answers.mistake("h_prev ignored", "no memory", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(x_t @ W_xh.T + b_h)


@answers.mistake("tanh left out", "tanh is left out")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return h_prev @ W_hh.T + x_t @ W_xh.T + b_h


@answers.mistake("tanh applied twice", "applied twice")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h))


@answers.mistake("tanh of each term", "tanh is taken of each term", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T) + np.tanh(x_t @ W_xh.T + b_h)


@answers.mistake("tanh of the input's term only", "of the input's term alone", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return h_prev @ W_hh.T + np.tanh(x_t @ W_xh.T + b_h)


@answers.mistake("sigmoid instead of tanh", "the logistic sigmoid")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return 1 / (1 + np.exp(-(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)))


@answers.mistake("W_xh not transposed", "W_xh is used the wrong way round")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh + b_h)


@answers.mistake("W_xh and W_hh exchanged", "W_xh and W_hh are exchanged")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_xh.T + x_t @ W_hh.T + b_h)


@answers.mistake("the equation typed as it stands", "in the order of the equation")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(W_hh @ h_prev + W_xh @ x_t + b_h)


@answers.mistake("summed over the batch", "summed over the batch", keeps=0.0)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh((h_prev @ W_hh.T + x_t @ W_xh.T + b_h).sum(axis=0))


@answers.mistake("result transposed", "the result is transposed")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(W_hh @ h_prev.T + W_xh @ x_t.T + b_h[:, None])


@answers.mistake("float32 turned into float64", "comes out as float64", keeps=0.875)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    a_t = np.zeros(h_prev.shape)
    a_t += h_prev @ W_hh.T + x_t @ W_xh.T + b_h
    return np.tanh(a_t)


@answers.mistake("float64 rounded to float32", "float64 inputs", keeps=0.875)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h).astype(np.float32)


@answers.mistake("written into h_prev", "writes into its input h_prev", keeps=0.875)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    h_prev[:] = np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)
    return h_prev


@answers.mistake("state kept in a default argument", "carried over", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h, memory=[]):  # noqa: B006 - that is the mistake
    memory.append(1)
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h * len(memory))


BUFFERS = {}


@answers.mistake("one buffer for all calls", "one array that lives outside", keeps=0.875)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    buffer = BUFFERS.setdefault((h_prev.shape, h_prev.dtype), np.empty_like(h_prev))
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h, out=buffer)


@answers.mistake("no return", "h_t is None")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)


@answers.mistake("a cache returned too", "expected h_t alone")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    h_t = np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)
    return h_t, (x_t, h_prev)


@answers.mistake("products entry by entry", "entry by entry")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(W_hh * h_prev + W_xh * x_t + b_h)


@answers.mistake("bias added to both products", "added twice", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh((h_prev @ W_hh.T + b_h) + (x_t @ W_xh.T + b_h))


@answers.mistake("tanh of the state's term only", "of the state's term alone", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tanh(h_prev @ W_hh.T) + x_t @ W_xh.T + b_h


@answers.mistake("h_prev overwritten before it is used", "W_hh is applied twice", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    h_prev = h_prev @ W_hh.T
    return np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)


@answers.mistake("h_prev added to the result", "enters through W_hh only", keeps=0.25)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return h_prev + np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)


@answers.mistake("np.tan", "this is tan")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.tan(h_prev @ W_hh.T + x_t @ W_xh.T + b_h)


@answers.mistake("tanh from a sigmoid, a factor lost", "is tanh(a / 2)")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return 2 / (1 + np.exp(-(h_prev @ W_hh.T + x_t @ W_xh.T + b_h))) - 1


@answers.mistake("cut off at -1 and 1", "tanh bends smoothly")
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.clip(h_prev @ W_hh.T + x_t @ W_xh.T + b_h, -1, 1)


@answers.mistake("squeezed", "np.squeeze also removes", keeps=0.5)
def _(x_t, h_prev, W_xh, W_hh, b_h):
    return np.squeeze(np.tanh(h_prev @ W_hh.T + x_t @ W_xh.T + b_h))
