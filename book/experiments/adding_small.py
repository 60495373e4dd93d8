"""How many sequences does an LSTM of about a hundred weights need to learn to add two numbers?

The adding problem at the length of Hochreiter and Schmidhuber (1997), table 7, with a network of
about the size of theirs. Training ends where the squared error on fresh sequences is at most the
goal. An answer counts as wrong as it did there: further off than 0.04 when the two values, from
-1 to 1, are mapped to a target from 0 to 1, which is 0.08 here. The forget gates start at biases
ln U(1, T), the input gates at their negatives (Tallec and Ollivier, 2018, arXiv:1804.11188).
"""

import numpy as np

from rnn_course.encoders import LSTMEncoder
from rnn_course.memory_tasks import ADDING_BASELINE, adding_problem
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.optimisers import Adam
from rnn_course.training import train

SETTINGS = {"length": 100, "hidden": 4, "rate": 0.03, "batch": 20}
SETTINGS |= {"updates": 4000, "every": 250, "goal": 0.0005, "seeds": [0, 1, 2, 3, 4]}
SMALL = SETTINGS | {"length": 20, "updates": 1500, "seeds": [0], "goal": 0.02}
WRONG = 0.08


def train_once(seed, settings):
    """Sequences seen, squared error, and how many of 2560 fresh sequences are wrong."""
    rng, T = np.random.default_rng(seed), settings["length"]
    H = settings["hidden"]
    encoder = LSTMEncoder(2, H, rng, dtype=np.float32)
    bias = np.log(rng.uniform(1, T, H))  # (H,)
    encoder.params["b_h"][: 2 * H] = np.concatenate([-bias, bias])  # rows of i, then of f
    model = SequenceModel(encoder, 1, rng, output_at="last", loss="squared_error")
    batch, every, rule = settings["batch"], settings["every"], Adam(settings["rate"])
    batches = iter(lambda: adding_problem(batch, T, rng, np.float32), None)  # no end
    check = adding_problem(1000, T, np.random.default_rng(9_999), np.float32)
    done, error = 0, np.inf
    while done < settings["updates"] and error > settings["goal"]:
        train(model, batches, rule, every, max_norm=1.0)
        done += every
        error = float(model.loss(*check))
    x, target = adding_problem(2560, T, np.random.default_rng(10_000), np.float32)
    off = np.abs(model.forward(x)[0] - target)  # (2560, 1)
    return {
        "parameters": count_parameters(model),
        "sequences": done * batch,
        "error": float(f"{np.mean(off**2):.4g}"),
        "wrong": int((off > WRONG).sum()),
    }


def run(settings, progress):
    """Return an entry a seed, and the squared error of always answering 1."""
    runs = [train_once(seed, settings) for seed in progress(settings["seeds"])]
    return {"runs": runs, "baseline": round(ADDING_BASELINE, 4)}
