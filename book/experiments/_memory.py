"""What the experiments on long memory share: networks by description, and one training loop.

A network is described by a dict such as TANH:

cell: "RNN", "LSTM" or "GRU".
start: of the recurrent weights: "usual" as torch draws them, "identity", or "orthogonal".
keep: bias with which the keeping gate starts, the LSTM's forget gate or the GRU's update gate: a
    number for all units; "spread" for ln U(1, size) in each unit, with its negative in the LSTM's
    input gate (Tallec and Ollivier, 2018, arXiv:1804.11188); None leaves it as it is drawn.
growing: whether it is trained from short to long.
max_norm: to which the gradient is clipped, None for no clipping.
Anything else is an option of the encoder, such as nonlinearity.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder
from rnn_course.initialisation import orthogonal
from rnn_course.optimisers import Adam
from rnn_course.training import train

CELLS = {"RNN": RNNEncoder, "LSTM": LSTMEncoder, "GRU": GRUEncoder}
ANY = {"start": "usual", "keep": None, "growing": False, "max_norm": 1.0}
TANH = ANY | {"cell": "RNN", "nonlinearity": "tanh"}
RELU = ANY | {"cell": "RNN", "nonlinearity": "relu"}
LSTM = ANY | {"cell": "LSTM"}
GRU = ANY | {"cell": "GRU"}


class Task(NamedTuple):
    """A task whose difficulty is one number, such as a length.

    Attributes:
        input_size: D. model: function (encoder, rng) that completes a model.
        draw: function (count, size, rng, test) that gives a batch, `test` of held-out data.
        measure: function (model, batch) that gives {"error": number, ...}; lower is better.
        goal: an error at or below which the task counts as solved, and training ends.
    """

    input_size: int
    model: Callable
    draw: Callable
    measure: Callable
    goal: float


def encoder(network, input_size, hidden_size, size, rng):
    """The encoder that a description asks for, in float32, for a task of this size.

    A recurrent matrix that is not drawn as usual comes without biases in an RNN; in a gated cell
    each gate gets one.
    """
    options = {name: value for name, value in network.items() if name not in {"cell", *ANY}}
    made = CELLS[network["cell"]](input_size, hidden_size, rng, dtype=np.float32, **options)
    if network["start"] != "usual":
        _start(made.params, network, hidden_size, rng)
    if network["keep"] is not None:
        _set_keep(made.params, network, hidden_size, size, rng)
    return made


def _start(params, network, H, rng):
    one = {"identity": lambda: np.eye(H), "orthogonal": lambda: orthogonal((H, H), rng)}
    gates = len(params["W_hh"]) // H
    params["W_hh"][...] = np.concatenate([one[network["start"]]() for _ in range(gates)])
    if network["cell"] == "RNN":
        params["b_h"][...] = 0


def _set_keep(params, network, H, size, rng):
    gate = slice(H, 2 * H)  # f of i, f, g, o and z of r, z, n
    spread = network["keep"] == "spread"
    bias = np.log(rng.uniform(1, max(size, 2), H)) if spread else network["keep"]  # (H,) or ()
    if network["cell"] == "GRU":
        params["b_xh"][gate], params["b_hh"][gate] = bias, 0
        return
    params["b_h"][gate] = bias
    if spread:
        params["b_h"][:H] = -bias


def train_network(task, network, size, rate, seed, settings):
    """Train one network on one size with Adam until the goal is reached or the updates are spent.

    Where it is growing, the size begins at `shortest` and goes up by a quarter each time the
    goal is reached, so that all updates together are as many as anybody's.

    Args:
        task, network: a Task and a description. size, rate: of the task and of the updates.
        settings: {"hidden_size", "batch", "updates", "every": updates between two looks at the
            goal, "shortest": size to grow from}, and possibly more.

    Returns:
        model, {"updates": how many it took, "reached": the last size it was trained on,
        "diverged": whether it ended in an overflow}.
    """
    rng = np.random.default_rng(seed)
    made = encoder(network, task.input_size, settings["hidden_size"], size, rng)
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


def _choose_rate(task, network, settings):
    """The learning rate with the lowest mean error, of equals the one with the fewest updates."""

    def effort(rate):
        size, seeds = settings["choosing_size"], settings["choosing_seeds"]
        runs = [learn(task, network, size, rate, seed, settings) for seed in seeds]
        error, updates = (np.mean([one[name] for one in runs]) for name in ("error", "updates"))
        return round(error, 2), updates

    rates = settings["rates"]
    return min(rates, key=effort) if len(rates) > 1 else rates[0]


def run(task, settings, progress):
    """Return, by network, its learning rate, and by measure and size a list with one a seed.

    Of the `rates`, each network gets the one that does best on `choosing_size` with
    `choosing_seeds`. Sizes go up. A network of which no seed has an error of at most `failed` on
    one of them is not tried on the next.
    """
    results = {}
    for name, network in progress(settings["networks"].items()):
        rate = _choose_rate(task, network, settings)
        results[name] = {"rate": rate}
        for size in settings["sizes"]:
            runs = [learn(task, network, size, rate, seed, settings) for seed in settings["seeds"]]
            for measure in runs[0]:
                by_size = results[name].setdefault(measure, {})
                by_size[str(size)] = [_plain(one[measure]) for one in runs]
            if min(one["error"] for one in runs) > settings["failed"]:
                break
    return results


def _plain(value):
    return value if isinstance(value, bool | int) else float(f"{value:.4g}")
