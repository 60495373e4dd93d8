"""The process of one side: `python -m benchmarks.worker ours` (or torch) answers requests, a line
of JSON each, with a line of JSON.

Each side has a process of its own, because the two would disturb each other in one: idle threads
of one library keep a core busy for a while, and what one has done to the heap changes how quickly
the other gets memory. Each number of threads has its processes too, because linear algebra reads
that number when it is first imported.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path

import numpy as np

from benchmarks import inputs

SIDES = {"ours": "benchmarks.ours", "torch": "benchmarks.theirs"}
HEAP_BYTES = 30 * 2**20
FIRST_SECONDS = 0.3
THREADS = int(os.environ.get("OMP_NUM_THREADS", 1))
# Other programs do not lengthen processor time, but that of several threads is not the time waited
CLOCK = time.process_time if THREADS == 1 else time.perf_counter


class Worker:
    """Requests are dicts; the method named by "ask" answers them."""

    def __init__(self, name):
        self.module = importlib.import_module(SIDES[name])
        self.runs = {}

    def about(self, _):
        """Versions of this side's libraries."""
        return self.module.versions()

    def prepare(self, job):
        """Make a job ready; tell how long a pass takes, and some of the values it computes."""
        settle_heap()
        arrays = inputs.draw(job["layer"], job["size"], with_lengths=job["what"] == "lengths")
        side = self.module.side(job["layer"], job["what"], arrays)
        self.runs[job["name"]] = timed(side, job["training"])
        start = CLOCK()
        values = computed(side, job["training"])
        seconds = CLOCK() - start
        if seconds < FIRST_SECONDS:  # a first pass may be slow; two long ones would take too long
            (seconds,) = turn(*self.runs[job["name"]], calls=1)
        steps = None if arrays.lengths is None else int(arrays.lengths.sum())
        sketches = [sketch(value) for value in values]
        return {"seconds": seconds, "sketch": sketches, "real_steps": steps}

    def turn(self, request):
        """Seconds of each of some passes, and of one before them that is not counted."""
        calls, run = request["calls"], self.runs[request["name"]]
        warm_up = calls > 1
        return {"seconds": turn(*run, calls + warm_up)[warm_up:]}

    def forget(self, _):
        """Drop what was prepared."""
        self.runs.clear()
        return {}

    def product(self, _):
        """Operations a second of a large matrix product in NumPy, the best of a few."""
        a, b = np.random.default_rng(0).standard_normal((2, 1024, 1024), dtype=np.float32)
        seconds = turn(lambda: None, lambda: a @ b, calls=4)
        return {"rate": 2 * 1024**3 / min(seconds)}

    def memory(self, job):
        """Bytes that a training pass adds to the most this process has held, and to Python's."""
        size = job["size"]
        one_pass(self.module, job, (1, 2, *size[2:]))  # what libraries make once is not counted
        side = one_pass(self.module, job, size, run=False)
        side.reset()
        before = fresh_peak_bytes()
        side.backward(side.forward()[1])
        answer = {"bytes": peak_bytes() - before}
        if "torch" not in sys.modules:
            answer["traced_bytes"] = traced_bytes(side)
        return answer


def one_pass(module, job, size, run=True):
    """A side at a size, after a training pass if ``run``."""
    side = module.side(job["layer"], "whole", inputs.draw(job["layer"], size))
    if run:
        side.reset()
        side.backward(side.forward()[1])
    return side


def settle_heap():
    """Free one large block, after which glibc keeps freed memory up to twice that size.

    A program that has read its data has done so. Without it, passes of some sizes give their
    memory back to the system and fetch it again each time, which costs up to half of the time.
    """
    block = np.ones(HEAP_BYTES, dtype=np.uint8)
    del block


def timed(side, training):
    """The pair (prepare, run) of a pass: prepare is not timed."""
    if training:
        return side.reset, lambda: side.backward(side.forward()[1])
    return side.reset, side.forward


def turn(prepare, run, calls):
    """Seconds of each of some calls of run()."""
    seconds = []
    gc.disable()
    for _ in range(calls):
        prepare()
        start = CLOCK()
        run()
        seconds.append(CLOCK() - start)
    gc.enable()
    return seconds


def computed(side, training):
    """The output of a side and, for training, dx."""
    side.reset()
    output, cache = side.forward()
    return (output, side.backward(cache)) if training else (output,)


def sketch(value):
    """A hundred entries of an array or tensor, by which two sides are compared."""
    entries = np.asarray(value.detach() if hasattr(value, "detach") else value).ravel()
    return [float(entry) for entry in entries[:: max(1, len(entries) // 100)]]


def peak_bytes():
    """The most memory that this process has held."""
    import resource

    kilo = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * kilo


def fresh_peak_bytes():
    """The peak after all unused memory is given back and, on Linux, the peak set to what is held.

    Without that, a pass would first fill what imports and the making of inputs have left.
    """
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", lambda _: None)(0)  # glibc's, not musl's
        with contextlib.suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return peak_bytes()


def traced_bytes(side):
    """The most that Python and NumPy hold during a training pass, counted to the byte."""
    import tracemalloc

    tracemalloc.start()
    side.backward(side.forward()[1])
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def main():
    """Answer requests until there are no more."""
    worker = Worker(sys.argv[1])
    if sys.argv[1] == "torch":
        import torch

        torch.set_num_threads(THREADS)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(getattr(worker, request["ask"])(request)), flush=True)


if __name__ == "__main__":
    main()
