"""What the experiments on gated networks share: the networks, and a run that stops where it fails.

The training is that of `_memory`. A network's `keep` is the bias with which its keeping gate, the
LSTM's forget gate or the GRU's update gate, starts: a number for all units, or "spread" for
ln U(1, size) in each unit, with its negative in the LSTM's input gate (Tallec and Ollivier, 2018,
arXiv:1804.11188).
"""

import numpy as np

from experiments._memory import TANH, learn

GATED = TANH | {"cell": "LSTM"}
del GATED["nonlinearity"]
NETWORKS = {
    "RNN": TANH,
    "LSTM, bias 0": GATED | {"keep": 0.0},
    "LSTM, bias 1": GATED | {"keep": 1.0},
    "LSTM, bias 3": GATED | {"keep": 3.0},
    "LSTM, spread": GATED | {"keep": "spread"},
    "GRU": GATED | {"cell": "GRU", "keep": None},
}


def set_keep(encoder, cell, keep, size, rng):
    """Let the keeping gate start with this bias, in place; None leaves it as it was drawn."""
    H, params = encoder.hidden_size, encoder.params
    gate = slice(H, 2 * H)  # f of i, f, g, o and z of r, z, n
    if keep is None:
        return
    spread = np.log(rng.uniform(1, max(size, 2), H))  # (H,)
    bias = spread if keep == "spread" else keep
    if cell == "GRU":
        params["b_xh"][gate], params["b_hh"][gate] = bias, 0
        return
    params["b_h"][gate] = bias
    if keep == "spread":
        params["b_h"][:H] = -bias


def learn_gated(task, network, size, rate, seed, settings):
    """As `_memory.learn`, for a network with `keep`."""
    network = dict(network)
    keep = network.pop("keep", None)

    def model(encoder, rng):
        set_keep(encoder, network["cell"], keep, size, rng)
        return task.model(encoder, rng)

    return learn(task._replace(model=model), network, size, rate, seed, settings)


def _choose_rate(task, network, settings):
    size, seeds = settings["choosing_size"], settings["choosing_seeds"]
    effort = {
        rate: [learn_gated(task, network, size, rate, seed, settings) for seed in seeds]
        for rate in settings["rates"]
    }
    mean = lambda runs, measure: np.mean([run[measure] for run in runs])  # noqa: E731
    return min(effort, key=lambda r: (round(mean(effort[r], "error"), 2), mean(effort[r], "updates")))


def run(task, settings, progress):
    """Return, by network, its learning rate, and by size the error and the updates of each seed.

    Sizes go up, and a network for which no seed solves one is not tried on the next.
    """
    results = {}
    for name, network in progress(settings["networks"].items()):
        rate = _choose_rate(task, network, settings)
        results[name] = {"rate": rate, "error": {}, "updates": {}}
        for size in settings["sizes"]:
            runs = [
                learn_gated(task, network, size, rate, seed, settings) for seed in settings["seeds"]
            ]
            results[name]["error"][str(size)] = [float(f"{one['error']:.4g}") for one in runs]
            results[name]["updates"][str(size)] = [one["updates"] for one in runs]
            if min(one["error"] for one in runs) > settings["failed"]:
                break
    return results
