"""At which distance do gated networks still find the word that decides, by the bias they start at?

The task of `recall`: sentences such as "the film was never ... clever", held out by pairs, one
distance in training and in the test. Adam, the same number of updates for all, ended early where
at most one answer in a hundred is wrong; the learning rate of each network is chosen on one
distance and on seeds of their own. Guessing is wrong half the time.
"""

from experiments import _gated, recall
from experiments._gated import GATED, NETWORKS

SETTINGS = {
    "networks": NETWORKS
    | {"LSTM, bias 5": GATED | {"keep": 5.0}}
    | {f"GRU, bias {keep:g}": GATED | {"cell": "GRU", "keep": keep} for keep in (1.0, 3.0)},
    "sizes": [5, 10, 20, 50, 100, 200],
    "seeds": [0, 1, 2, 3, 4],
    "rates": [0.002, 0.005, 0.01],
    "choosing_size": 10,
    "choosing_seeds": [100, 101],
    "hidden_size": 16,
    "batch": 32,
    "updates": 1000,
    "every": 50,
    "shortest": 2,
    "test": 1000,
    "failed": 0.4,
}
SMALL = SETTINGS | {
    "networks": {name: NETWORKS[name] for name in ("LSTM, bias 0", "LSTM, bias 3")},
    "sizes": [20],
    "seeds": [0],
    "rates": [0.005],
    "choosing_seeds": [100],
}


def run(settings, progress):
    """Return, by network, the share of wrong answers on held-out sentences by distance and seed."""
    return _gated.run(recall.TASK, settings, progress)
