"""Answers to: causal attention in several heads."""

import numpy as np

from . import Answers

answers = Answers("multi_head_attention")


def attend(q, k, v, causal=True, root=None):
    """Causal attention over the last two axes."""
    T = q.shape[-2]
    a = q @ k.swapaxes(-1, -2) / (root or q.shape[-1] ** 0.5)
    a = np.where(np.tri(T, dtype=bool) | (not causal), a, -np.inf)
    p = np.exp(a - a.max(axis=-1, keepdims=True))
    return p / p.sum(axis=-1, keepdims=True) @ v


def split(a, heads):
    return a.reshape(*a.shape[:2], heads, -1).swapaxes(1, 2)


def merge(o):
    B, heads, T, d = o.shape
    return o.swapaxes(1, 2).reshape(B, T, heads * d)


@answers.right
def four_axes(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v))))


@answers.right
def heads_beside_the_batch(q, k, v, num_heads):
    B, T, E = q.shape
    q, k, v = (split(a, num_heads).reshape(B * num_heads, T, -1) for a in (q, k, v))
    return merge(attend(q, k, v).reshape(B, num_heads, T, E // num_heads))


@answers.right
def one_head_at_a_time(q, k, v, num_heads):
    d, outputs = q.shape[2] // num_heads, []
    for j in range(num_heads):
        piece = slice(j * d, (j + 1) * d)
        outputs.append(attend(q[..., piece], k[..., piece], v[..., piece]))
    return np.concatenate(outputs, axis=2)


@answers.right
def np_split(q, k, v, num_heads):
    parts = (np.split(a, num_heads, axis=-1) for a in (q, k, v))
    return np.concatenate([attend(*heads) for heads in zip(*parts, strict=True)], axis=-1)


@answers.right
def einsum(q, k, v, num_heads):
    B, T, E = q.shape
    q, k, v = (a.reshape(B, T, num_heads, -1) for a in (q, k, v))
    a = np.einsum("btjd,bsjd->bjts", q, k) * q.shape[-1] ** -0.5
    e = np.exp(a - a.max(axis=-1, keepdims=True)) * np.tri(T, dtype=q.dtype)
    return np.einsum("bjts,bsjd->btjd", e / e.sum(axis=-1, keepdims=True), v).reshape(B, T, E)


@answers.right
def filled_array(q, k, v, num_heads):
    o, d = np.zeros_like(v), q.shape[2] // num_heads
    for b in range(len(q)):
        for first in range(0, q.shape[2], d):
            piece = b, slice(None), slice(first, first + d)
            o[piece] = attend(q[piece], k[piece], v[piece])
    return o


@answers.mistake("reshaped without exchange", "not exchanged on the way in", 2 / 9)
def _(q, k, v, num_heads):
    B, T = q.shape[:2]
    return merge(attend(*(a.reshape(B, num_heads, T, -1) for a in (q, k, v))))


@answers.mistake("exchanged nowhere", "neither on the way in nor back", 2 / 9)
def _(q, k, v, num_heads):
    B, T, E = q.shape
    return attend(*(a.reshape(B, num_heads, T, -1) for a in (q, k, v))).reshape(B, T, E)


@answers.mistake("not exchanged back", "not exchanged back", 2 / 9)
def _(q, k, v, num_heads):
    return attend(*(split(a, num_heads) for a in (q, k, v))).reshape(q.shape)


@answers.mistake("every third entry", "that stand side by side", 3 / 9)
def _(q, k, v, num_heads):
    outputs = [attend(*(a[..., j::num_heads] for a in (q, k, v))) for j in range(num_heads)]
    return np.stack(outputs, axis=-1).reshape(q.shape)


@answers.mistake("entries of the heads alternate", "alternate in the result", 2 / 9)
def _(q, k, v, num_heads):
    o = attend(*(split(a, num_heads) for a in (q, k, v)))
    return o.transpose(0, 2, 3, 1).reshape(q.shape)


@answers.mistake("one head", "there is one head only", 2 / 9)
def _(q, k, v, num_heads):
    return attend(q, k, v)


@answers.mistake("no mask", "there is no mask", 1 / 9)
def _(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)), causal=False))


@answers.mistake("root of all features", "root of all features", 2 / 9)
def _(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)), root=q.shape[2] ** 0.5))


@answers.mistake("not divided", "not divided by the root", 2 / 9)
def _(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)), root=1))


@answers.mistake("root of the number of heads", "the number of heads", 1 / 9)
def _(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)), root=num_heads**0.5))


@answers.mistake("heads attend to heads", "attend to each other")
def _(q, k, v, num_heads):
    q, k, v = (split(a, num_heads).swapaxes(1, 2) for a in (q, k, v))
    return attend(q, k, v).reshape(*q.shape[:2], -1)


@answers.mistake("weights averaged", "the weights of the heads were averaged", 2 / 9)
def _(q, k, v, num_heads):
    eye = np.broadcast_to(np.eye(q.shape[1], dtype=q.dtype), (len(q), num_heads, *[q.shape[1]] * 2))
    return attend(split(q, num_heads), split(k, num_heads), eye).mean(axis=1) @ v


@answers.mistake("summed", "the sum of the heads", 1 / 9)
def _(q, k, v, num_heads):
    return attend(*(split(a, num_heads) for a in (q, k, v))).sum(axis=1)


@answers.mistake("not laid end to end", "(B, heads, T, d) is left")
def _(q, k, v, num_heads):
    return attend(*(split(a, num_heads) for a in (q, k, v)))


@answers.mistake("in reverse", "in reverse", 1 / 9)
def _(q, k, v, num_heads):
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)))[:, ::-1])


@answers.mistake("keys averaged", "the keys are averaged")
def _(q, k, v, num_heads):
    return four_axes(q, k, k, num_heads)


@answers.mistake("float64 buffer", "comes out as float64", 8 / 9)
def _(q, k, v, num_heads):
    o = np.zeros(v.shape)
    o[:] = four_axes(q, k, v, num_heads)
    return o


@answers.mistake("scaled in place", "writes into its input q", 8 / 9)
def _(q, k, v, num_heads):
    q /= (q.shape[2] // num_heads) ** 0.5
    return merge(attend(*(split(a, num_heads) for a in (q, k, v)), root=1))


def three_axes(q, k, v):
    """Attention as in task 1, written for three axes."""
    a = q @ k.swapaxes(1, 2) / q.shape[2] ** 0.5
    a = np.where(np.tri(q.shape[1], dtype=bool), a, -np.inf)
    p = np.exp(a - a.max(axis=2, keepdims=True))
    return p / p.sum(axis=2, keepdims=True) @ v


@answers.mistake("four axes for a function of three", "was given four")
def _(q, k, v, num_heads):
    return merge(three_axes(*(split(a, num_heads) for a in (q, k, v))))


@answers.mistake("axis 2 of four", "runs over the queries", 1 / 9)
def _(q, k, v, num_heads):
    q, k, v = (split(a, num_heads) for a in (q, k, v))
    a = q @ k.swapaxes(2, 3) / q.shape[3] ** 0.5
    p = np.exp(np.where(np.tri(q.shape[2], dtype=bool), a, -np.inf))
    return merge(p / p.sum(axis=2, keepdims=True) @ v)


@answers.mistake("an axis of heads left", "an axis of their own")
def _(q, k, v, num_heads):
    return attend(*(split(a, num_heads) for a in (q, k, v))).swapaxes(1, 2)


@answers.mistake("one after the other in time", "follow each other in time", 1 / 9)
def _(q, k, v, num_heads):
    parts = (np.split(a, num_heads, axis=2) for a in (q, k, v))
    return np.concatenate([attend(*heads) for heads in zip(*parts, strict=True)], axis=1)


@answers.mistake("heads before the batch", "in front of the batch on the way in", 2 / 9)
def _(q, k, v, num_heads):
    B, T, E = q.shape
    q, k, v = (split(a, num_heads).swapaxes(0, 1).reshape(-1, T, E // num_heads) for a in (q, k, v))
    return merge(attend(q, k, v).reshape(B, num_heads, T, E // num_heads))


@answers.mistake("batch before the heads", "behind the batch on the way in", 2 / 9)
def _(q, k, v, num_heads):
    B, T, E = q.shape
    q, k, v = (split(a, num_heads).reshape(-1, T, E // num_heads) for a in (q, k, v))
    return merge(attend(q, k, v).reshape(num_heads, B, T, E // num_heads).swapaxes(0, 1))


@answers.mistake("the last head alone", "that of the last one", 1 / 9)
def _(q, k, v, num_heads):
    o = attend(*(split(a, num_heads) for a in (q, k, v)))
    return np.concatenate([o[:, -1]] * num_heads, axis=2)


@answers.mistake("num_heads as the size", "taken for the size of a head", 1 / 9)
def _(q, k, v, num_heads):
    return four_axes(q, k, v, q.shape[2] // num_heads)


@answers.mistake("keys and values of the first head", "keys and values of the first", 1 / 9)
def _(q, k, v, num_heads):
    d, outputs = q.shape[2] // num_heads, []
    for j in range(num_heads):
        outputs.append(attend(q[..., j * d : (j + 1) * d], k[..., :d], v[..., :d]))
    return np.concatenate(outputs, axis=2)


@answers.mistake("scaled twice", "twice; causal_attention does it already", 2 / 9)
def _(q, k, v, num_heads):
    return four_axes(q / (q.shape[2] // num_heads) ** 0.5, k, v, num_heads)


@answers.mistake("weights beside the output", "expected o alone")
def _(q, k, v, num_heads):
    return four_axes(q, k, v, num_heads), None
