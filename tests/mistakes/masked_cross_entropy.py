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


@answers.right
def running_mean(log_p, target, mask):
    mean = 0.0
    for count, (j, t) in enumerate(np.argwhere(mask), start=1):
        mean += (-log_p[j, t, target[j, t]] - mean) / count
    return mean


@answers.right
def weights_before_the_sum(log_p, target, mask):
    weights = mask / mask.sum()
    return -(np.where(mask, pick(log_p, target), 0) * weights).sum()


@answers.right
def one_class_at_a_time(log_p, target, mask):
    classes = range(log_p.shape[-1])
    return sum(-log_p[mask & (target == k), k].sum() for k in classes) / np.count_nonzero(mask)


@answers.right
def one_hot_product(log_p, target, mask):
    one_hot = np.eye(log_p.shape[-1])[target[mask]]
    return -np.einsum("nk,nk->", one_hot, log_p[mask]) / len(one_hot)


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


@answers.mistake("target 0 taken for padding", "0 is a class like any other")
def _(log_p, target, mask):
    real = mask & (target != 0)
    return -pick(log_p, target)[real].mean()


@answers.mistake("the next step's target", "that of the next step stands beside")
def _(log_p, target, mask):
    real = mask[:, 1:]
    picked = pick(log_p[:, :-1], target[:, 1:])
    return -np.where(real, picked, 0).sum() / max(real.sum(), 1)


@answers.mistake("targets shifted the other way", "target[:, t] belongs to log_p[:, t]")
def _(log_p, target, mask):
    return -pick(log_p, np.roll(target, 1, axis=1))[mask].mean()


@answers.mistake("in bits", "measured in bits")
def _(log_p, target, mask):
    return -pick(log_p, target)[mask].mean() / np.log(2)


@answers.mistake("the perplexity", "this is the perplexity")
def _(log_p, target, mask):
    return np.exp(-pick(log_p, target)[mask].mean())


@answers.mistake("mean of the steps' means", "a step with few sequences counts more", keeps=0.3)
def _(log_p, target, mask):
    picked = np.where(mask, -pick(log_p, target), 0)
    some = mask.any(axis=0)
    return (picked[:, some].sum(axis=0) / mask[:, some].sum(axis=0)).mean()


@answers.mistake("only the last real steps", "only the last real step of each sequence")
def _(log_p, target, mask):
    last = mask.sum(axis=1) - 1
    return -pick(log_p, target)[np.arange(len(mask)), last].mean()


@answers.mistake("minus infinity made finite, NaN left", "0 times NaN", keeps=0.9)
def _(log_p, target, mask):
    return -(np.maximum(pick(log_p, target), -1e9) * mask).sum() / mask.sum()


@answers.mistake("a loop that ends too early", "does the loop end too early", keeps=0.2)
def _(log_p, target, mask):
    total, steps = 0.0, 0
    for t in range(max(mask.shape[1] - 1, 1)):
        for j in range(len(mask)):
            if mask[j, t]:
                total -= log_p[j, t, target[j, t]]
                steps += 1
    return total / steps


@answers.mistake("a loop that starts too late", "does the loop start too late")
def _(log_p, target, mask):
    total, steps = 0.0, 1e-300
    for t in range(1, mask.shape[1]):
        total -= pick(log_p, target)[mask[:, t], t].sum()
        steps += mask[:, t].sum()
    return total / steps
