"""Checks of the log-softmax and of the cross-entropy with a mask."""

import numpy as np

from rnn_course import activations, losses, text
from rnn_course.examination.examine import Aspect, Task, examine

B, T, K = 3, 7, 4
LENGTHS = (6, 2, 5)  # 13 real steps, a number that no product of the sizes gives
UP_TO_T = (7, 2, 4)  # one needs no padding
NEVER = 1  # a class that is no step's target
CUTS = (1e-7, 1e-8, 1e-9, 1e-10, 1e-12, 1e-15, 1e-16, 1e-300)  # usual guards against log(0)


def _log_softmax(y, axis=-1):
    return np.moveaxis(activations.log_softmax(np.moveaxis(y, axis, -1)), -1, axis)


def _softmax(y, axis=-1):
    return np.exp(_log_softmax(y, axis))


def _largest(y):
    return y.max(axis=-1, keepdims=True)  # (..., 1)


def _written_out(y, shift, log=np.log):
    return y - shift - log(np.exp(y - shift).sum(axis=-1, keepdims=True))


LOG_SOFTMAX_SUSPECTS = {
    "these are the probabilities; their logarithm is asked for.": _softmax,
    "a probability too small for a float became 0, and log(0) is -inf. Work out the logarithm of "
    "the fraction on paper first.": lambda y: np.log(_softmax(y)),
    "exp overflows for large logits. The result does not change when the largest logit of a row "
    "is subtracted first.": lambda y: np.log(np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True)),
    "exp overflows for large logits. Subtract the largest logit of a row first.": lambda y: (
        y - np.log(np.exp(y).sum(axis=-1, keepdims=True))
    ),
    "one maximum serves all rows. In a row far below it every exp becomes 0: take the maximum of "
    "each row.": lambda y: y - y.max() - np.log(np.exp(y - y.max()).sum(axis=-1, keepdims=True)),
    "the softmax runs over the first axis; the classes are on the last one.": lambda y: (
        _log_softmax(y, 0)
    ),
    "the softmax runs over the steps (axis 1); the classes are on the last axis.": lambda y: (
        _log_softmax(y, 1)
    ),
    "one softmax runs over all numbers; each row has its own.": lambda y: _log_softmax(
        y.reshape(-1)
    ).reshape(y.shape),
    "one softmax runs over all numbers of y[0], one over those of y[1], and so on; y may have more "
    "axes, and the classes are on the last one.": lambda y: _log_softmax(
        y.reshape(len(y), -1)
    ).reshape(y.shape),
    "the logarithm has base 2; here it is the natural one.": lambda y: _log_softmax(y) / np.log(2),
    "the logarithm has base 10; here it is the natural one.": lambda y: (
        _log_softmax(y) / np.log(10)
    ),
    "the logarithm of the sum of exponentials is not subtracted.": lambda y: (
        y - y.max(axis=-1, keepdims=True)
    ),
    "the sum of exponentials is subtracted without its logarithm.": lambda y: (
        y - np.exp(y).sum(axis=-1, keepdims=True)
    ),
    "the sum of shifted exponentials is subtracted without its logarithm.": lambda y: (
        y - y.max(-1, keepdims=True) - np.exp(y - y.max(-1, keepdims=True)).sum(-1, keepdims=True)
    ),
    "the largest logit is subtracted in the exponentials only; it has to leave both terms, or "
    "come back in the end.": lambda y: (
        y - np.log(np.exp(y - y.max(-1, keepdims=True)).sum(-1, keepdims=True))
    ),
    "the mean of the exponentials stands where their sum belongs.": lambda y: (
        _log_softmax(y) + np.log(y.shape[-1])
    ),
    "the sum over the classes loses its axis, so it meets the wrong one; keepdims=True keeps "
    "it.": lambda y: y - np.log(np.exp(y).sum(axis=-1)),
    "the maximum over the classes loses its axis, so it meets the wrong one; keepdims=True keeps "
    "it.": lambda y: (
        y - y.max(axis=-1) - np.log(np.exp(y - y.max(axis=-1)).sum(axis=-1, keepdims=True))
    ),
    "the maximum and the sum over the classes lose their axis; keepdims=True keeps it.": (
        lambda y: y - y.max(axis=-1) - np.log(np.exp(y - y.max(axis=-1)).sum(axis=-1))
    ),
    "1 is added inside the logarithm (log1p, or log(1 + ...)).": lambda y: np.log1p(_softmax(y)),
    "the logarithm of the sum has base 10; here it is the natural one.": lambda y: _written_out(
        y, _largest(y), np.log10
    ),
    "the logarithm of the sum has base 2; here it is the natural one.": lambda y: _written_out(
        y, _largest(y), np.log2
    ),
    "the largest logit is subtracted twice.": lambda y: _log_softmax(y) - _largest(y),
    "this is the logarithm of each logit's sigmoid; the probabilities of a row share one "
    "sum.": lambda y: -np.log1p(np.exp(-y)),
    "np.nan_to_num puts 0 in the place of NaN. That hides the overflow and does not undo "
    "it.": lambda y: np.nan_to_num(np.log(np.exp(y) / np.exp(y).sum(axis=-1, keepdims=True))),
    "another number than the largest logit of the row is subtracted, so exp still "
    "overflows.": lambda y: _written_out(y, y.min(axis=-1, keepdims=True)),
} | {
    f"probabilities below {least:g} are raised to it, and their logarithms are lost. Work out the "
    "logarithm of the fraction on paper first.": lambda y, least=least: np.log(
        np.maximum(_softmax(y), least)
    )
    for least in CUTS
}


def log_softmax_rounding(y):
    """Bound of the error of log_softmax in machine epsilons, with M = max |y| of the row.

    y - max rounds by at most M (half an epsilon of a number up to 2 M). The same error in every
    exponent moves the logarithm of their sum by at most M again, and where the maximum is added
    back that rounds by M at most. The K exponentials, their K - 1 additions and the logarithm are
    K + 2 roundings of numbers whose effect on the logarithm is at most 1, or log K. The last
    difference rounds by half an epsilon of the result.
    """
    K, log_p = y.shape[-1], _log_softmax(y)
    return 3 * np.abs(y).max(axis=-1, keepdims=True) + K + 2 + np.log(K) + np.abs(log_p)


def _log_softmax_task(seed):
    rng = np.random.default_rng(seed)

    def draw(*shape, add=0.0):
        return {"y": rng.normal(size=shape) * 2 + add}

    far_apart = draw(B, K, add=np.array([[-2000.0], [0.0], [3000.0]]))
    rare = draw(B, K, add=np.array([0.0, -2000.0, -3000.0, 5.0]))
    return Task(
        name="log_softmax",
        outputs=("log_p",),
        reference=_log_softmax,
        aspects=(
            Aspect("three rows of logits, (B, K)", 2, (draw(B, K),)),
            Aspect(
                "other shapes: (B, T, K), (K,) and (1, K)",
                2,
                (draw(B, T, K), draw(K), draw(1, K)),
            ),
            Aspect("large logits, and rows far from each other", 3, (far_apart,)),
            Aspect("a class whose probability is too small for a float", 1, (rare,)),
        ),
        suspects={"log_p": LOG_SOFTMAX_SUSPECTS},
        fallbacks=(draw(K, K),),
        rounding=log_softmax_rounding,
        shapes={"log_p": "that of y"},
    )


def check_log_softmax(answer, seed=1004):
    """Check answer(y) -> log_p; returns a Verdict."""
    return examine(_log_softmax_task(seed), answer)


def _picked(log_p, target):
    return np.take_along_axis(log_p, target[..., None], axis=-1)[..., 0]  # (B, T)


def _loss(log_p, target, mask):
    return losses.cross_entropy_forward(log_p, target, mask)[0]


def _summed(log_p, target, mask):
    return -np.where(mask, _picked(log_p, target), 0).sum()


LOSS_SUSPECTS = {
    "0 times infinity is NaN, and so is 0 times NaN: a padded place may hold anything, so choose "
    "the real steps instead of multiplying by the mask.": lambda p, c, m: (
        -(_picked(p, c) * m).sum() / m.sum()
    ),
    "the sum is divided by all B T places; only the real steps count.": lambda p, c, m: (
        _summed(p, c, m) / m.size
    ),
    "padded places enter the mean as if they were real.": lambda p, c, m: -_picked(p, c).mean(),
    "padded places enter the sum; only the denominator leaves them out.": lambda p, c, m: (
        -_picked(p, c).sum() / m.sum()
    ),
    "this is the sum over the real steps, not their mean.": _summed,
    "the sum is divided by B; divide by the number of real steps.": lambda p, c, m: (
        _summed(p, c, m) / len(m)
    ),
    "the sum is divided by T; divide by the number of real steps.": lambda p, c, m: (
        _summed(p, c, m) / m.shape[1]
    ),
    "this is the mean over sequences of each one's mean, in which a step of a short sequence "
    "counts more.": lambda p, c, m: np.mean(
        [_loss(p[j : j + 1], c[j : j + 1], m[j : j + 1]) for j in range(len(m))]
    ),
    "the minus sign is missing: a loss is positive.": lambda p, c, m: -_loss(p, c, m),
    "the mask is the wrong way round: the padded steps are averaged.": lambda p, c, m: _loss(
        p, c, ~m
    ),
    "the probability is taken where its logarithm belongs.": lambda p, c, m: (
        -np.exp(_picked(p, c))[m].mean()
    ),
    "a logarithm is taken of log_p, which is one already.": lambda p, c, m: (
        -np.log(-_picked(p, c))[m].mean()
    ),
    "the log-probabilities of all classes are averaged; pick that of the target.": lambda p, c, m: (
        -p[m].mean()
    ),
    "the log-probabilities of all classes are added; pick that of the target.": lambda p, c, m: (
        -p[m].sum() / m.sum()
    ),
    "log_p[:, :, target] picks the targets of all steps at every step; pair each step with its "
    "own, for instance with np.take_along_axis.": lambda p, c, m: -p[:, :, c][m].mean(),
    "log_p[target] picks along the first axis, the batch; the classes are on the last "
    "one.": lambda p, c, m: -p[c][m].mean(),
    "the most probable class is picked, not the target.": lambda p, c, m: -p.max(axis=-1)[m].mean(),
    "the targets are shifted by one step.": lambda p, c, m: _loss(p, np.roll(c, -1, axis=1), m),
    "the targets are shifted by one step: target[:, t] belongs to log_p[:, t].": lambda p, c, m: (
        _loss(p, np.roll(c, 1, axis=1), m)
    ),
    "the targets are shifted: that of the next step stands beside each step, but target[:, t] "
    "belongs to log_p[:, t].": lambda p, c, m: (
        _summed(p[:, :-1], c[:, 1:], m[:, 1:]) / m[:, 1:].sum()
    ),
    "the last step is left out: does the loop end too early?": lambda p, c, m: (
        _summed(p[:, :-1], c[:, :-1], m[:, :-1]) / m[:, :-1].sum()
    ),
    "the first step is left out: does the loop start too late?": lambda p, c, m: (
        _summed(p[:, 1:], c[:, 1:], m[:, 1:]) / m[:, 1:].sum()
    ),
    "steps whose target is 0 are left out. 0 is a class like any other; only the mask says what is "
    "padded.": lambda p, c, m: _loss(p, c, m & (c != 0)),
    "the loss is measured in bits; the natural logarithm is asked for.": lambda p, c, m: (
        _loss(p, c, m) / np.log(2)
    ),
    "this is the perplexity, exp of the loss.": lambda p, c, m: np.exp(_loss(p, c, m)),
    "this is the mean over steps of each one's mean over the sequences, in which a step with few "
    "sequences counts more.": lambda p, c, m: np.mean(
        [_loss(p[:, [t]], c[:, [t]], m[:, [t]]) for t in range(m.sum(axis=1).max())]
    ),
    "only the last real step of each sequence counts; the mean runs over all real "
    "steps.": lambda p, c, m: -_picked(p, c)[np.arange(len(m)), m.sum(axis=1) - 1].mean(),
    "the loss of every step is returned; their mean is asked for.": lambda p, c, m: (
        -np.where(m, _picked(p, c), 0)
    ),
    "the loss of every sequence is returned; one mean over all is asked for.": lambda p, c, m: (
        -np.where(m, _picked(p, c), 0).sum(axis=1) / m.sum(axis=1)
    ),
}


def draw_steps(rng, lengths=LENGTHS, T=T, K=K, scale=1.0):
    """Logits (B, T, K), targets (B, T) and mask (B, T) of right-padded sequences.

    Just one real target is 0, as the padded ones are; class NEVER is none.
    """
    mask = text.mask_from_lengths(np.array(lengths), T)
    y = rng.normal(size=(len(lengths), T, K)) * scale
    target = rng.choice(np.delete(np.arange(K), [0, NEVER]), mask.shape)
    target[0, 0] = 0
    return y, np.where(mask, target, 0), mask


def _loss_task(seed):
    rng = np.random.default_rng(seed)

    def draw(**sizes):
        y, target, mask = draw_steps(rng, **sizes)
        y[~mask, 0] -= 4  # the padded targets: what counts them is far from what does not
        return {"log_p": _log_softmax(y), "target": target, "mask": mask}

    impossible, undefined = draw(), draw()
    impossible["log_p"][~impossible["mask"]] = -np.inf
    undefined["log_p"][~undefined["mask"]] = np.nan
    return Task(
        name="masked_cross_entropy",
        outputs=("loss",),
        reference=_loss,
        aspects=(
            Aspect("three sequences of different lengths", 4, (draw(), draw(lengths=UP_TO_T))),
            Aspect("no padding: every step is real", 2, (draw(lengths=(T, T, T)),)),
            Aspect("log_p = -inf or NaN at padded places", 1, (impossible, undefined)),
            Aspect("one sequence; one step", 1, (draw(lengths=(5,)), draw(lengths=(1, 1), T=1))),
        ),
        suspects={"loss": LOSS_SUSPECTS},
        fallbacks=(draw(lengths=(3, 1, 2), T=3, K=3),),
        rounding=lambda p, c, m: (m.sum() + 1) * _loss(p, c, m),  # N additions, one quotient
        shapes={"loss": "one number"},
        kinds={"loss": "f"},
    )


def check_masked_cross_entropy(answer, seed=1005):
    """Check answer(log_p, target, mask) -> loss; returns a Verdict."""
    return examine(_loss_task(seed), answer)
