"""How does the time of backpropagation through time grow with the length of a sequence?

One forward and one backward pass of a vanilla RNN, whole sequences beside pieces of a fixed
number of steps between which only the state is handed on. Lengths take turns, so that a slow
moment of the machine meets all of them, and the quickest of all rounds counts.
"""

import time

import numpy as np

from rnn_course.rnn import init_rnn, rnn_backward, rnn_forward

SETTINGS = {"lengths": [64, 128, 256, 512, 1024, 2048], "piece": 64, "sizes": [16, 16, 64]}
SETTINGS |= {"rounds": 30}
SMALL = SETTINGS | {"lengths": [64, 1024], "rounds": 3}


def passes(x, dh, piece, params):
    """Forward and backward over x (B, T, D), ``piece`` steps at a time."""
    h_0, total = None, {name: np.zeros_like(param) for name, param in params.items()}
    for start in range(0, x.shape[1], piece):
        steps = slice(start, start + piece)
        h, cache = rnn_forward(x[:, steps], h_0, **params)  # (B, k, H)
        _, _, grads = rnn_backward(dh[:, steps], cache)
        total = {name: total[name] + grads[name] for name in grads}
        h_0 = h[:, -1]  # (B, H)
    return total


def _seconds(*arguments):
    before = time.process_time()
    passes(*arguments)
    return time.process_time() - before


def run(settings, progress):
    """Return time by length as a multiple of the shortest whole sequence's, for both ways."""
    rng = np.random.default_rng(0)
    B, D, H = settings["sizes"]
    params = init_rnn(D, H, rng, dtype=np.float32)
    T = max(settings["lengths"])
    x = rng.standard_normal((B, T, D)).astype(np.float32)  # (B, T, D)
    dh = rng.standard_normal((B, T, H)).astype(np.float32)  # (B, T, H)
    quickest = {}
    for _ in progress(range(settings["rounds"])):
        for length in settings["lengths"]:
            for way, piece in (("whole", length), ("pieces", settings["piece"])):
                seconds = _seconds(x[:, :length], dh[:, :length], piece, params)
                quickest[way, length] = min(seconds, quickest.get((way, length), np.inf))
    unit = quickest["whole", settings["lengths"][0]]
    ratios = {
        way: [round(quickest[way, length] / unit, 2) for length in settings["lengths"]]
        for way in ("whole", "pieces")
    }
    return {"lengths": list(settings["lengths"]), **ratios}
