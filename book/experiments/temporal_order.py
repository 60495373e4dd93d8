"""Can a tanh RNN of 50 units learn which of two symbols came first, by clipping or a regulariser?

The temporal order problem: two relevant symbols, A or B each, stand at about a sixth and at about
half of a sequence of distractors, and the answer is one of AA, AB, BA, BB. The regulariser pulls
the factor by which each step changes the norm of the gradient towards 1, as Pascanu, Mikolov and
Bengio (2013) did; as theirs, its gradient is taken with respect to the recurrent weights where they
stand between two steps, everything else held fixed.
"""

import numpy as np

from rnn_course.encoders import RNNEncoder
from rnn_course.initialisation import orthogonal
from rnn_course.metrics import accuracy
from rnn_course.models import SequenceModel
from rnn_course.optimisers import SGD, Adam
from rnn_course.training import train

RULES = {"SGD": SGD, "Adam": Adam}
ARMS = {
    "SGD": {"rule": "SGD", "max_norm": None, "strength": 0.0, "lengths": [50]},
    "SGD, clipped": {"rule": "SGD", "max_norm": 1.0, "strength": 0.0, "lengths": [50, 100]},
    "SGD, clipped, regulariser": {
        "rule": "SGD",
        "max_norm": 1.0,
        "strength": 0.1,
        "lengths": [50],
    },
    "Adam, clipped": {"rule": "Adam", "max_norm": 1.0, "strength": 0.0, "lengths": [50, 100]},
}
SETTINGS = {"arms": ARMS, "hidden": 50, "batch": 20, "updates": 1250, "every": 250}
SETTINGS |= {"rates": {"SGD": 0.1, "Adam": 0.001}, "seeds": [0, 1, 2, 3, 4], "longer": 2}
SMALL = SETTINGS | {"arms": {n: ARMS[n] | {"lengths": [50]} for n in ("SGD", "SGD, clipped")}}
SMALL |= {"updates": 1000, "seeds": [0]}
SYMBOLS, SOLVED = 6, 0.99  # A, B and four distractors; share of right answers


def temporal_order(num_sequences, T, rng):
    """Tokens (B, T) and the class (B,): 2 times the first relevant symbol plus the second."""
    tokens = rng.integers(2, SYMBOLS, (num_sequences, T))  # (B, T)
    relevant = rng.integers(2, size=(num_sequences, 2))  # (B, 2)
    rows = np.arange(num_sequences)  # (B,)
    for k, (start, end) in enumerate(((T // 10, T // 5), (2 * T // 5, T // 2))):
        tokens[rows, rng.integers(start, end, size=num_sequences)] = relevant[:, k]
    return tokens, 2 * relevant[:, 0] + relevant[:, 1]


def omega_gradient(h, dh_t, W_hh):
    """Omega, the sum over steps of (r_t - 1)², mean over sequences, and its gradient (H, H).

    r_t = |W_hh^T (dh_t * (1 - h_t²))| / |dh_t| is what step t does to the norm of the gradient.
    Steps at which nothing is left of the gradient are passed over.

    Args:
        h: (B, T, H) states. dh_t: (B, H) gradient of the loss with respect to the last one.
        W_hh: (H, H).
    """
    omega, gradient = 0.0, np.zeros_like(W_hh)
    for t in range(h.shape[1] - 1, 0, -1):
        da_t = dh_t * (1 - h[:, t] ** 2)  # (B, H)
        dh_prev = da_t @ W_hh  # (B, H)
        before, after = (np.sqrt((d**2).sum(axis=1, keepdims=True)) for d in (dh_t, dh_prev))
        some = (before > 1e-12) & (after > 1e-12)  # (B, 1)
        r = np.where(some, after / np.where(some, before, 1), 1)  # (B, 1)
        omega += ((r - 1) ** 2).mean()
        scale = 2 * (r - 1) / np.where(some, before * after, 1) / len(h)  # (B, 1)
        gradient += da_t.T @ (scale * dh_prev)
        dh_t = dh_prev
    return omega, gradient


class Regularised(SequenceModel):
    """A model of a tanh RNN whose gradient is asked to keep its norm from step to step."""

    strength = 0.0

    def loss_and_grads(self, inputs, targets):
        """As SequenceModel, plus the regulariser's gradient of W_hh."""
        loss, grads = super().loss_and_grads(inputs, targets)
        if self.strength:
            (h, _), _ = self.encoder.forward(self.params["E"][inputs])  # (B, T, H)
            y = h[:, -1] @ self.params["W_hy"].T + self.params["b_y"]  # (B, K)
            dy = self.loss_backward(self.loss_forward(y, targets)[1])  # (B, K)
            _, added = omega_gradient(h, dy @ self.params["W_hy"], self.params["W_hh"])
            grads["W_hh"] = grads["W_hh"] + self.strength * added
        return loss, grads


def make(settings, seed):
    """The model and its generator; the recurrent matrix starts orthogonal, times 0.95."""
    rng = np.random.default_rng(seed)
    H = settings["hidden"]
    encoder = RNNEncoder(SYMBOLS, H, rng, dtype=np.float32)
    encoder.params["W_hh"][...] = orthogonal((H, H), rng, gain=0.95)
    model = Regularised(encoder, 4, rng, SYMBOLS, SYMBOLS, output_at="last")
    model.params["E"][...] = np.eye(SYMBOLS)
    return model, rng


def train_once(arm, T, seed, settings):
    """Right answers at length T, trained on, and at a longer one, and the updates it took."""
    model, rng = make(settings, seed)
    model.strength = arm["strength"]
    rule = RULES[arm["rule"]](settings["rates"][arm["rule"]])
    every = settings["every"]
    batches = iter(lambda: temporal_order(settings["batch"], T, rng), None)  # no end
    check = temporal_order(500, T, np.random.default_rng(9_999))
    done, solved = 0, False
    while done < settings["updates"] and not solved:
        try:
            train(model, batches, rule, every, arm["max_norm"])
        except FloatingPointError:
            break
        done += every
        solved = accuracy(model.predict(check[0]), check[1]) >= SOLVED
    tests = [
        temporal_order(1000, length, np.random.default_rng(10_000))
        for length in (T, T * settings["longer"])
    ]
    scores = [accuracy(model.predict(tokens), classes) for tokens, classes in tests]
    return {"updates": done, "score": [round(score, 4) for score in scores]}


def run(settings, progress):
    """Return, by way of training and length, one entry a seed."""
    return {
        name: {
            str(T): [train_once(arm, T, seed, settings) for seed in settings["seeds"]]
            for T in arm["lengths"]
        }
        for name, arm in progress(settings["arms"].items())
    }
