"""What the experiments on long memory share: networks by description, and one training loop.

A network is described by a dict: its `cell` ("RNN", "LSTM" or "GRU"), its `start` (see `encoder`),
`growing` (whether it is trained from short to long), `max_norm` (of the gradient, None for no
clipping), and options of its cell, such as `nonlinearity` or `forget_bias`.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.initialisation import orthogonal
from rnn_course.optimisers import Adam
from rnn_course.training import train

CELLS = {"RNN": RNNEncoder, "LSTM": LSTMEncoder, "GRU": GRUEncoder}
OF_TRAINING = ("cell", "start", "growing", "max_norm")
TANH = {"cell": "RNN", "nonlinearity": "tanh", "start": "usual", "growing": False, "max_norm": 1.0}
RELU = TANH | {"nonlinearity": "relu"}


class Task(NamedTuple):
    """A task whose difficulty is one number, such as a length.

    Attributes:
        input_size: D. model: function (encoder, rng) that completes a model.
        draw: function (count, size, rng, test) that gives a batch, `test` of held-out data.
        measure: function (model, batch) that gives {"error": number, ...}; lower is better.
        goal: an error at or below which the task counts as solved.
    """

    input_size: int
    model: Callable
    draw: Callable
    measure: Callable
    goal: float


def encoder(network, input_size, hidden_size, rng):
    """The encoder that a description asks for, in float32.

    start: "usual" as torch draws it; "identity" or "orthogonal" recurrent weights, one such
    matrix a gate, without biases in an RNN.
    """
    options = {name: value for name, value in network.items() if name not in OF_TRAINING}
    made = CELLS[network["cell"]](input_size, hidden_size, rng, dtype=np.float32, **options)
    W_hh = made.params["W_hh"]  # (gates H, H)
    shape = (hidden_size, hidden_size)
    if network["start"] != "usual":
        one = {
            "identity": lambda: np.eye(hidden_size),
            "orthogonal": lambda: orthogonal(shape, rng),
        }
        gates = len(W_hh) // hidden_size
        W_hh[...] = np.concatenate([one[network["start"]]() for _ in range(gates)])
        if network["cell"] == "RNN":
            made.params["b_h"][...] = 0
    return made


def train_network(task, network, size, rate, seed, settings):
    """Train one network on one size until it reaches the goal or its updates are spent.

    Where it is growing, the size begins at `shortest` and goes up by a quarter each time the
    goal is reached, so that all updates together are as many as anybody's.

    Returns:
        model, {"updates": how many it took, "reached": the last size it was trained on,
        "diverged": whether it ended in an overflow}.
    """
    rng = np.random.default_rng(seed)
    made = encoder(network, task.input_size, settings["hidden_size"], rng)
    model, optimiser = task.model(made, rng), Adam(rate)
    now = min(settings["shortest"], size) if network["growing"] else size
    done, diverged, solved = 0, False, False
    while done < settings["updates"] and not diverged and not solved:
        batches = iter(lambda: task.draw(settings["batch"], now, rng, False), None)  # noqa: B023
        diverged = not _trained(model, batches, optimiser, settings["every"], network["max_norm"])
        done += settings["every"]
        reached = task.measure(model, task.draw(300, now, rng, False))["error"] <= task.goal
        solved = reached and now == size
        if reached:
            now = min(size, max(now + 1, now * 5 // 4))
    return model, {"updates": done, "reached": now, "diverged": diverged}


def learn(task, network, size, rate, seed, settings):
    """Train one network; what the task measures on held-out data, and how the training went."""
    model, course = train_network(task, network, size, rate, seed, settings)
    test = task.draw(settings["test"], size, np.random.default_rng(10_000), True)
    return task.measure(model, test) | course


def _trained(model, batches, optimiser, updates, max_norm):
    """Train; False where the loss or the gradient is no longer finite."""
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            train(model, batches, optimiser, updates, max_norm)
        except FloatingPointError:
            return False
    return True


def _learn_all(task, network, size, rate, seeds, settings):
    return [learn(task, network, size, rate, seed, settings) for seed in seeds]


def _choose_rate(task, network, settings):
    """The learning rate with the lowest mean error, of equals the one with the fewest updates."""

    def effort(rate):
        seeds = settings["choosing_seeds"]
        runs = _learn_all(task, network, settings["choosing_size"], rate, seeds, settings)
        error, updates = (np.mean([one[name] for one in runs]) for name in ("error", "updates"))
        return round(error, 2), updates

    return (
        min(settings["rates"], key=effort) if len(settings["rates"]) > 1 else settings["rates"][0]
    )


def run(task, settings, progress):
    """Return, by network, its learning rate, and by measure and size a list with one a seed.

    Sizes go up. A network of which no seed has an error of at most `failed` on one of them is not
    tried on the next.
    """
    results = {}
    for name, network in progress(settings["networks"].items()):
        rate = _choose_rate(task, network, settings)
        results[name] = {"rate": rate}
        for size in settings["sizes"]:
            runs = _learn_all(task, network, size, rate, settings["seeds"], settings)
            for measure in runs[0]:
                by_size = results[name].setdefault(measure, {})
                by_size[str(size)] = [_plain(one[measure]) for one in runs]
            if min(one["error"] for one in runs) > settings["failed"]:
                break
    return results


def _plain(value):
    return value if isinstance(value, bool | int) else float(f"{value:.4g}")
