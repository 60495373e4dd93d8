"""How long does a training step of an LSTM take, beside a GRU and a vanilla RNN?

One forward and one backward pass over a whole batch, at the same width and, for the GRU, at the
same number of parameters, in this course's NumPy and in torch. The networks take turns, so that a
slow moment of the machine meets all of them, and the quickest of all rounds counts. Times are
multiples of the LSTM's.
"""

import time

import numpy as np

from experiments.gated_tasks import wider
from rnn_course.encoders import GRUEncoder, LSTMEncoder, RNNEncoder

SETTINGS = {"sizes": [[1, 50, 32, 32], [32, 50, 32, 64], [32, 50, 64, 256]], "rounds": 20}
SMALL = {"sizes": [[32, 50, 32, 64]], "rounds": 5}
NETWORKS = ("RNN", "LSTM", "GRU", "GRU, wider")


def in_numpy(name, B, T, D, H):
    """A function that does one forward and one backward pass."""
    rng = np.random.default_rng(0)
    kind = {"RNN": RNNEncoder, "LSTM": LSTMEncoder}.get(name, GRUEncoder)
    encoder = kind(D, wider(D, H) if name == "GRU, wider" else H, rng, dtype=np.float32)
    x = rng.standard_normal((B, T, D)).astype(np.float32)  # (B, T, D)
    dh = rng.standard_normal((B, T, encoder.hidden_size)).astype(np.float32)  # (B, T, H)

    def passes():
        _, cache = encoder.forward(x)
        encoder.backward(dh, cache)

    return passes


def in_torch(name, B, T, D, H):
    """The same with torch.nn."""
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    kind = {"RNN": torch.nn.RNN, "LSTM": torch.nn.LSTM}.get(name, torch.nn.GRU)
    module = kind(D, wider(D, H) if name == "GRU, wider" else H, batch_first=True)
    x = torch.randn(B, T, D, requires_grad=True)  # (B, T, D)
    dh = torch.randn(B, T, module.hidden_size)  # (B, T, H)

    def passes():
        h, _ = module(x)
        h.backward(dh)

    return passes


def run(settings, progress):
    """Return, by library and size (B, T, D, H), each network's time as a multiple of the LSTM's."""
    results = {"NumPy": [], "torch": []}
    for size in progress(settings["sizes"]):
        for library, make in (("NumPy", in_numpy), ("torch", in_torch)):
            passes = {name: make(name, *size) for name in NETWORKS}
            quickest = dict.fromkeys(NETWORKS, np.inf)
            for _ in range(settings["rounds"]):
                for name, one in passes.items():
                    before = time.process_time()
                    one()
                    quickest[name] = min(quickest[name], time.process_time() - before)
            ratios = {name: round(t / quickest["LSTM"], 3) for name, t in quickest.items()}
            results[library].append({"size": list(size)} | ratios)
    return results
