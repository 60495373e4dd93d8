"""What we want to reach beside torch, and whether results meet it."""

import statistics
from collections.abc import Callable
from typing import NamedTuple

from benchmarks.others import disturbed
from benchmarks.plan import RECURRENT
from benchmarks.report import peak_rate


class Aim(NamedTuple):
    """A limit for a summary of the results that it is about."""

    text: str
    limit: float
    about: Callable  # result -> bool
    summary: Callable = max
    at_least: bool = False  # else at most
    of: str = "ratio"


def _trains(layer, what="whole", sequences=(1, 10**9), longest=10**9):
    def about(result):
        B, T, _, _ = result["size"]
        same = (result["layer"], result["what"], result["training"]) == (layer, what, True)
        return same and sequences[0] <= B <= sequences[1] and longest >= T

    return about


def _streams(result):
    return (result["layer"], result["what"]) == ("lstm", "steps")


AIMS = [
    Aim("GRU training, median over the sizes", 0.6, _trains("gru"), statistics.median),
    Aim("GRU training, every size", 0.9, _trains("gru")),
    Aim("RNN training, median over the sizes", 0.5, _trains("rnn"), statistics.median),
    Aim("RNN training, every size", 0.9, _trains("rnn")),
    Aim("LSTM training, median over the sizes", 1.0, _trains("lstm"), statistics.median),
    Aim("LSTM training, 16 sequences or more", 1.15, _trains("lstm", sequences=(16, 10**9))),
    Aim("LSTM training, one sequence", 1.6, _trains("lstm", sequences=(1, 1))),
    *(
        Aim(
            f"{layer.upper()} training on different lengths, median",
            0.4,
            _trains(layer, what="lengths"),
            statistics.median,
        )
        for layer in RECURRENT
    ),
    Aim("attention, training up to length 256", 1.0, _trains("attention", longest=256)),
    Aim("Transformer layer, training up to length 256", 1.0, _trains("transformer", longest=256)),
    Aim("LSTM step by step, every size", 0.3, _streams),
]
PEAK_AIM = 0.8


def judge(results):
    """One row for each aim that results, of all numbers of threads, say something about."""
    rows = [_row(aim, results) for aim in AIMS + _peak_aims(results)]
    return [row for row in rows if row["reached"]]


def _peak_aims(results):
    """At the largest size, the share of the rate of a large product, of each recurrent layer."""
    sizes = [result["size"] for result in results if result["layer"] in RECURRENT]
    largest = max(sizes, key=_work, default=None)

    def about(layer):
        return lambda r: _trains(layer)(r) and r["size"] == largest

    return [
        Aim(
            f"{layer.upper()} training, share of peak at the largest size",
            PEAK_AIM,
            about(layer),
            at_least=True,
            of="share",
        )
        for layer in RECURRENT
    ]


def _work(size):
    B, T, D, H = size
    return B * T * H * (D + H)


def _row(aim, results):
    reached, met = {}, {}
    for threads in sorted({result["threads"] for result in results}):
        own = [result for result in results if result["threads"] == threads]
        peak = peak_rate(own)
        own = [result for result in own if aim.about(result)]
        if not own:
            continue
        values = [r["ratio"] if aim.of == "ratio" else r["rate"] / peak for r in own]
        value = reached[threads] = aim.summary(values)
        met[threads] = value >= aim.limit if aim.at_least else value <= aim.limit
        if any(map(disturbed, own)):
            met[threads] = None
    sign = ">=" if aim.at_least else "<="
    return {"aim": aim.text, "limit": f"{sign} {aim.limit}", "reached": reached, "met": met}
