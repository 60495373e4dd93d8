"""What does a token cost a Transformer layer and recurrent layers of as many parameters?

Three measurements on one thread, each with all networks taking turns, so that a slow moment of the
machine meets all of them, and the quickest round counts: a forward and a backward pass over a batch
by length, in this package and in torch.nn; reading one sequence; and one step of a stream by the
number of steps before it. Processor time is measured, as a multiple of the LSTM's. A fourth asks
what a second thread gains, by the clock on the wall; the number of threads is read when a library
is first imported, so each number of threads and each library gets a process of its own.
"""

import json
import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np

from rnn_course.conversion import to_torch
from rnn_course.encoders import GRUEncoder, LSTMEncoder, MinGRUEncoder, RNNEncoder
from rnn_course.streaming import lstm_stream
from rnn_course.transformer import TransformerEncoder

SETTINGS = {"lengths": [16, 64, 256, 1024], "batch": 8, "rounds": 8, "torch": True}
SETTINGS |= {"contexts": [16, 64, 256, 1024, 4096], "stream_rounds": 40}
SETTINGS |= {"core_lengths": [64, 256], "core_rounds": 15}
SMALL = SETTINGS | {"lengths": [16, 256], "rounds": 3, "torch": False, "stream_rounds": 20}
SMALL |= {"contexts": [16, 4096], "core_lengths": []}
SIZES = {"RNN": 153, "GRU": 77, "LSTM": 64}  # hidden sizes with about 33,400 parameters at D = 64
RECURRENT = {"RNN": RNNEncoder, "GRU": GRUEncoder, "LSTM": LSTMEncoder}


def encoders():
    """One causal Transformer layer and recurrent ones, 64 features and 33,000 parameters each."""
    rng, options = np.random.default_rng(0), {"dtype": np.float32}
    made = {name: make(64, SIZES[name], rng, **options) for name, make in RECURRENT.items()}
    made["minGRU"] = MinGRUEncoder(64, 257, rng, **options)
    made["Transformer"] = TransformerEncoder(64, 4, 128, 1, rng, causal=True, **options)
    return made


def _package_pass(encoder, x, backward):
    dh = np.ones((*x.shape[:2], encoder.output_size), dtype=x.dtype)  # (B, T, H)

    def work():
        _, cache = encoder.forward(x)
        if backward:
            encoder.backward(dh, cache)

    return work


def _torch_pass(name, encoder, x, backward):
    import torch

    options, x = {}, torch.from_numpy(x).requires_grad_(backward)
    if name == "Transformer":
        module = to_torch(encoder, without_positions=True)
        mask = torch.nn.Transformer.generate_square_subsequent_mask(x.shape[1])
        options = {"mask": mask, "is_causal": True}
    else:
        module = to_torch(encoder)

    def work():
        with torch.set_grad_enabled(backward):
            out = module(x, **options)
            out = out[0] if isinstance(out, tuple) else out
            if backward:
                out.sum().backward()

    return work


def _quickest(works, rounds, clock=time.process_time):
    """The quickest of all rounds, in seconds, by key; the works take turns."""
    best = dict.fromkeys(works, np.inf)
    for work in works.values():
        work()
    for _ in range(rounds):
        for key, work in works.items():
            before = clock()
            work()
            best[key] = min(best[key], clock() - before)
    return best


def _by_length(batch, backward, settings):
    """{library: {name: [seconds by length]}} of one pass."""
    rng, seconds = np.random.default_rng(1), {}
    for T in settings["lengths"]:
        x, works = rng.standard_normal((batch, T, 64)).astype(np.float32), {}
        for name, encoder in encoders().items():
            works["package", name] = _package_pass(encoder, x, backward)
            if settings["torch"] and name != "minGRU":
                works["torch", name] = _torch_pass(name, encoder, x, backward)
        rounds = max(3, settings["rounds"] * 256 // max(T, 256))
        for (library, name), value in _quickest(works, rounds).items():
            seconds.setdefault(library, {}).setdefault(name, []).append(value)
    return seconds


def _by_context(settings):
    """{name: [seconds of one more step, by context]}: keys and values kept, or a state.

    "LSTM" and "Transformer" go through their encoders; "LSTM stream" is the function made for it.
    """
    made, rng = encoders(), np.random.default_rng(1)
    x_t, works = rng.standard_normal((1, 1, 64)).astype(np.float32), {}
    step = lstm_stream(1, None, None, **made["LSTM"].params)
    for context in settings["contexts"]:
        x = rng.standard_normal((1, context, 64)).astype(np.float32)
        for name in ("LSTM", "Transformer"):
            (_, state), _ = made[name].forward(x)
            works[name, context] = partial(made[name].forward, x_t, state)
        works["LSTM stream", context] = partial(step, x_t[0])
    best = _quickest(works, settings["stream_rounds"])
    return {
        name: [best[name, context] for context in settings["contexts"]]
        for name in ("LSTM", "LSTM stream", "Transformer")
    }


def by_cores(library, settings):
    """{name: [seconds on the wall by length]} of training with the threads of this process."""
    if library == "torch":
        import torch

        torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    rng, works = np.random.default_rng(1), {}
    for name in ("LSTM", "Transformer"):
        for T in settings["core_lengths"]:
            x = rng.standard_normal((settings["batch"], T, 64)).astype(np.float32)
            encoder = encoders()[name]
            torch_pass = library == "torch"
            works[name, T] = (
                _torch_pass(name, encoder, x, True)
                if torch_pass
                else _package_pass(encoder, x, True)
            )
    best = _quickest(works, settings["core_rounds"], time.perf_counter)
    return {
        name: [best[name, T] for T in settings["core_lengths"]] for name in ("LSTM", "Transformer")
    }


def measure(settings):
    """What one process measures on one thread."""
    if settings["torch"]:
        import torch

        torch.set_num_threads(1)
    return {
        "training": _by_length(settings["batch"], True, settings),
        "reading": _by_length(1, False, settings),
        "stream": _by_context(settings),
    }


def _in_own_process(threads, call, *arguments):
    code = f"import json, sys; from experiments.transformer_speed import {call};"
    code += f"print(json.dumps({call}(*json.loads(sys.argv[1]))))"
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    answer = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code, json.dumps(arguments)],
        env=os.environ | dict.fromkeys(names, str(threads)),
        cwd=Path(__file__).parents[1],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(answer.stdout)


def _ratios(numerators, denominators):
    return [round(a / b, 3) for a, b in zip(numerators, denominators, strict=True)]


def _times_lstm(seconds):
    """Each network's seconds as multiples of the LSTM's in the same place."""
    return {name: _ratios(values, seconds["LSTM"]) for name, values in seconds.items()}


def run(settings, progress):
    """Return times as multiples of the LSTM's, and what a second thread gains."""
    parts, results = _in_own_process(1, "measure", settings), {}
    results["stream"] = _times_lstm(parts["stream"])
    for part in ("training", "reading"):
        results[part] = {library: _times_lstm(by) for library, by in parts[part].items()}
    if settings["torch"]:
        ours, theirs = (parts["training"][library]["LSTM"] for library in ("package", "torch"))
        results["torch_lstm"] = _ratios(theirs, ours)
    results["second_thread"] = {}
    for library in progress(["package", "torch"] if settings["core_lengths"] else []):
        one, two = (_in_own_process(n, "by_cores", library, settings) for n in (1, 2))
        results["second_thread"][library] = {name: _ratios(one[name], two[name]) for name in one}
    return results
