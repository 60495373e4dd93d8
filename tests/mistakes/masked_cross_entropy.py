"""Answers to: the mean loss over the real steps."""

import numpy as np

from . import Answers

answers = Answers("masked_cross_entropy")


def pick(log_p, target):
    return np.take_along_axis(log_p, target[..., None], axis=-1)[..., 0]


@answers.right
def choose_then_mean(log_p, target, mask):
    return -pick(log_p, target)[mask].mean()


@answers.right
def nested_loops(log_p, target, mask):
    total, steps = 0.0, 0
    for j in range(len(mask)):
        for t in range(mask.shape[1]):
            if mask[j, t]:
                total -= log_p[j, t, target[j, t]]
                steps += 1
    return total / steps


@answers.right
def where_and_sum(log_p, target, mask):
    rows, steps = np.indices(mask.shape)
    return float(np.where(mask, -log_p[rows, steps, target], 0).sum() / mask.sum())


@answers.right
def rows_of_a_flat_array(log_p, target, mask):
    flat = log_p.reshape(-1, log_p.shape[-1])[mask.reshape(-1)]
    return -np.mean(flat[np.arange(len(flat)), target[mask]])


@answers.right
def average_with_weights(log_p, target, mask):
    real = np.where(mask[..., None], log_p, 0)
    return np.average(-pick(real, target), weights=mask)


@answers.mistake("mean over all places", "padded places enter the mean", keeps=0.2)
def _(log_p, target, mask):
    return -pick(log_p, target).mean()


@answers.mistake("divided by B T", "divided by all B T places", keeps=0.2)
def _(log_p, target, mask):
    return -np.where(mask, pick(log_p, target), 0).sum() / mask.size


@answers.mistake("mask in the denominator only", "only the denominator leaves them out", keeps=0.2)
def _(log_p, target, mask):
    return -pick(log_p, target).sum() / mask.sum()


@answers.mistake("the sum", "the sum over the real steps, not their mean", keeps=0)
def _(log_p, target, mask):
    return -pick(log_p, target)[mask].sum()


@answers.mistake("divided by B", "divided by B;", keeps=0)
def _(log_p, target, mask):
    return -pick(log_p, target)[mask].sum() / len(mask)


@answers.mistake("mean of the sequences' means", "counts more", keeps=0.3)
def _(log_p, target, mask):
    picked = np.where(mask, pick(log_p, target), 0)
    return -(picked.sum(axis=1) / mask.sum(axis=1)).mean()


@answers.mistake("0 times infinity", "0 times infinity", keeps=0.9)
def _(log_p, target, mask):
    return -(pick(log_p, target) * mask).sum() / mask.sum()


@answers.mistake("sign missing", "the minus sign is missing")
def _(log_p, target, mask):
    return pick(log_p, target)[mask].mean()


@answers.mistake("mask inverted", "the wrong way round", keeps=0)
def _(log_p, target, mask):
    return -pick(log_p, target)[~mask].mean() if (~mask).any() else 0.0


@answers.mistake("all classes averaged", "of all classes are averaged")
def _(log_p, target, mask):
    return -log_p[mask].mean()


@answers.mistake("most probable class", "the most probable class is picked")
def _(log_p, target, mask):
    return -log_p.max(axis=-1)[mask].mean()


@answers.mistake("targets shifted by one", "shifted by one step")
def _(log_p, target, mask):
    return -pick(log_p, np.roll(target, -1, axis=1))[mask].mean()


@answers.mistake("a loss for every step", "the loss of every step is returned", keeps=0)
def _(log_p, target, mask):
    return -np.where(mask, pick(log_p, target), 0)


@answers.mistake("a loss for every sequence", "the loss of every sequence is returned")
def _(log_p, target, mask):
    return -np.where(mask, pick(log_p, target), 0).sum(axis=1) / mask.sum(axis=1)


@answers.mistake("log_p overwritten", "writes into its input log_p", keeps=0.9)
def _(log_p, target, mask):
    log_p[~mask] = 0
    return -pick(log_p, target).sum() / mask.sum()


@answers.mistake("log_p[:, :, target]", "picks the targets of all steps")
def _(log_p, target, mask):
    return -log_p[:, :, target][mask].mean()


@answers.mistake("log_p[target]", "picks along the first axis")
def _(log_p, target, mask):
    return -log_p[target][mask].mean()
