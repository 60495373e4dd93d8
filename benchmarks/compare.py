"""Do jobs: start the processes of both sides, have them take turns, and sum up what they say."""

import contextlib
import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks import others, plan

ROOT = Path(__file__).resolve().parents[1]
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
SIDES = ("ours", "torch")
TURN_SECONDS = 0.02  # of short passes, several make one turn
IDLE_SECONDS = 0.04  # after which a library's idle threads have let go of their cores
PATIENCE = 6  # how many times the planned time a job may take for its fewest rounds


class Process:
    """The process of one side, with a number of threads. Use as ``with Process(…) as process``."""

    def __init__(self, side, threads):
        self.threads = threads
        environment = os.environ | {name: str(threads) for name in THREAD_VARIABLES}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", side],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def ask(self, what, /, **request):
        """The answer to a request, a dict."""
        self._process.stdin.write(json.dumps(request | {"ask": what}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the measuring process ended at {what} {request}")
        return json.loads(answer)


@contextlib.contextmanager
def both(threads):
    """The processes of both sides, as a context."""
    with Process(SIDES[0], threads) as ours, Process(SIDES[1], threads) as torchs:
        yield ours, torchs


def taking_turns(players, effort):
    """Seconds of every pass: one list of rounds for each of several players, who alternate.

    players: (process, name of a prepared pass, seconds it takes). Whatever else the machine does
    meets all players alike, for each round asks everyone, forward and backward in turn.
    """
    rounds = [[] for _ in players]
    start = time.perf_counter()
    while not _is_enough(len(rounds[0]), time.perf_counter() - start, effort):
        order = list(zip(players, rounds, strict=True))
        for (process, name, seconds), own in order if len(rounds[0]) % 2 else reversed(order):
            calls = max(1, min(50, round(TURN_SECONDS / seconds)))
            if process.threads > 1:
                time.sleep(IDLE_SECONDS)
            own.append(process.ask("turn", name=name, calls=calls)["seconds"])
    return rounds


def _is_enough(count, seconds, effort):
    if count == 0:
        return False
    if count < effort["rounds"]:
        return seconds > PATIENCE * effort["seconds"]
    return seconds > effort["seconds"] or count >= 100


def pair(job, ours, torchs):
    """Time our layer against torch's."""
    prepared = [process.ask("prepare", name="pass", **job) for process in (ours, torchs)]
    require_agreement(job, *(answer["sketch"] for answer in prepared))
    rate = ours.ask("product")["rate"]
    seconds = [answer["seconds"] for answer in prepared]
    with others.watched([os.getpid(), ours.pid, torchs.pid]) as seen:
        rounds = taking_turns([(ours, "pass", seconds[0]), (torchs, "pass", seconds[1])], job)
    for process in (ours, torchs):
        process.ask("forget")
    steps = prepared[0]["real_steps"]
    operations = plan.products(job["layer"], job["size"], job["training"], steps)
    fastest = min(min(turn) for turn in rounds[0])
    return ratios(*rounds) | seen | {"rate": operations / fastest, "product_rate": rate}


def require_agreement(job, ours, torchs):
    """Raise AssertionError unless both sides have computed the same values."""
    for one, other in zip(ours, torchs, strict=True):
        apart = max(abs(a - b) for a, b in zip(one, other, strict=True))
        if not apart <= 1e-3 * max(map(abs, other)):
            raise AssertionError(f"our values and torch's differ by {apart:.2g}: {job}")


def ratios(ours, torchs):
    """Medians of both sides, their ratio, and the middle 80 % of the ratios round by round."""
    ours, torchs = ([statistics.median(turn) for turn in side] for side in (ours, torchs))
    by_round = [a / b for a, b in zip(ours, torchs, strict=True)]
    tenths = statistics.quantiles(by_round, n=10, method="inclusive") if by_round[1:] else by_round
    medians = statistics.median(ours), statistics.median(torchs)
    return {
        "ours_seconds": medians[0],
        "torch_seconds": medians[1],
        "ratio": medians[0] / medians[1],
        "low": tenths[0],
        "high": tenths[-1],
        "rounds": len(by_round),
    }


def growth(job, ours):
    """Time our layer at one, two and four times as many steps or sequences."""
    players = []
    for times in (1, 2, 4):
        size = plan.grown(job["size"], job["axis"], times)
        answer = ours.ask("prepare", **job | {"name": str(times), "size": size})
        players.append((ours, str(times), answer["seconds"]))
    rounds = taking_turns(players, job)
    ours.ask("forget")
    medians = [statistics.median([statistics.median(turn) for turn in side]) for side in rounds]
    per_unit = [m / medians[0] / times for m, times in zip(medians, (1, 2, 4), strict=True)]
    return {"ours_seconds": medians, "per_unit": per_unit}


def memory(job):
    """Peak memory of one training pass of each side, in a fresh process each."""
    answer = {}
    for side in SIDES:
        with Process(side, 1) as process:
            answer[side] = process.ask("memory", **job)
    return answer
