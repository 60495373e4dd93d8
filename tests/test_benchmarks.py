"""`make bench` runs, compares the same numbers, and judges rightly. No test looks at the clock."""

import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks import (  # noqa: E402
    __main__,
    aims,
    compare,
    inputs,
    others,
    ours,
    plan,
    report,
    theirs,
    worker,
)

SIZE = (3, 5, 4, 8)
TIMED = {
    "others": 0.0,
    "ours_seconds": 0.3,
    "torch_seconds": 0.2,
    "ratio": 1.5,
    "low": 1.4,
    "high": 1.6,
}


def result(**changes):
    """A result of an LSTM's training with one thread."""
    made = {"layer": "lstm", "what": "whole", "training": True, "size": (64, 200, 128, 256)}
    return made | {"threads": 1, "rate": 9e10, "product_rate": 1e11} | TIMED | changes


@pytest.mark.parametrize("job", plan.timing_jobs(plan.LAYERS, [SIZE]), ids=str)
def test_both_sides_compute_the_same(job):
    """Do our layer and torch's give the same output and dx for the arrays that are timed?"""
    arrays = inputs.draw(job["layer"], job["size"], with_lengths=job["what"] == "lengths")
    sides = [which.side(job["layer"], job["what"], arrays) for which in (ours, theirs)]
    for side in sides:
        worker.computed(side, job["training"])  # leaves nothing behind for the next pass
    values = [worker.computed(side, job["training"]) for side in sides]
    assert len(values[0]) == len(values[1]) == 1 + job["training"]
    for one, other in zip(*values, strict=True):
        assert one.dtype == np.float32 and np.ptp(one) > 0.01
        np.testing.assert_allclose(one, other.detach().numpy(), rtol=1e-4, atol=1e-5)


def test_lengths_vary_and_one_fills_the_batch():
    """Are lengths between 1 and T, different, and one of them T?"""
    lengths = inputs.draw("rnn", (32, 50, 2, 2), with_lengths=True).lengths
    assert lengths.min() >= 1 and lengths.max() == 50 and len(set(lengths)) > 10


@pytest.mark.parametrize("wrong", [lambda s: [-v for v in s], lambda s: [float("nan")] * len(s)])
def test_disagreement_is_refused(wrong):
    """Is nothing timed where the two sides compute different numbers?"""
    sketch = worker.sketch(np.linspace(-1, 1, 1000))
    assert 100 <= len(sketch) <= 110
    compare.require_agreement({}, [sketch], [sketch])
    with pytest.raises(AssertionError, match="differ"):
        compare.require_agreement({}, [wrong(sketch)], [sketch])


@pytest.mark.parametrize("training, passes", [(False, "rf"), (True, "rfb")])
@pytest.mark.parametrize("calls, runs", [(1, 1), (3, 4)])
def test_worker_runs_what_is_timed(training, passes, calls, runs):
    """Is each pass reset, run whole, and is the first of several not counted?"""
    done = []
    side = ours.Side(
        forward=lambda: done.append("f") or ("output", "cache"),
        backward=lambda cache: done.append("b" if cache == "cache" else "?"),
        reset=lambda: done.append("r"),
    )
    process = worker.Worker("ours")
    process.runs["pass"] = worker.timed(side, training)
    assert len(process.turn({"name": "pass", "calls": calls})["seconds"]) == calls
    assert "".join(done) == passes * runs


def test_process_is_given_its_threads(monkeypatch):
    """Does linear algebra read the number of threads that was asked for?"""
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **options: Namespace(pid=0, **options))
    environment = compare.Process("ours", 3)._process.env
    assert {environment[name] for name in compare.THREAD_VARIABLES} == {"3"}


def test_sizes_grow_along_one_axis():
    """Are there more steps, or more sequences, and nothing else?"""
    assert plan.grown((2, 3, 4, 8), "T", 4) == (2, 12, 4, 8)
    assert plan.grown((2, 3, 4, 8), "B", 4) == (8, 3, 4, 8)


class Recorder:
    """Stands in for a measuring process, and notes when it was asked."""

    threads = 1

    def __init__(self, name, notes):
        self.name, self.notes = name, notes

    def ask(self, what, **request):
        self.notes.append((self.name, what, request["calls"]))
        return {"seconds": [1.0] * request["calls"]}


def test_players_take_turns_and_nobody_always_begins():
    """Does each round ask both, in alternating order, short passes several times a turn?"""
    notes = []
    players = [(Recorder("a", notes), "pass", 1.0), (Recorder("b", notes), "pass", 0.002)]
    rounds = compare.taking_turns(players, {"seconds": 3600, "rounds": 4})
    assert "".join(name for name, _, _ in notes) == "baab" * 50
    assert [len(turn) for turn in rounds[0]] == [1] * 100
    assert [len(turn) for turn in rounds[1]] == [10] * 100


def test_ratios_are_of_medians_with_a_spread_round_by_round():
    """Is one slow call without weight, and the spread that of the rounds?"""
    summed = compare.ratios([[2.0, 2.0, 90.0], [3.0], [9.0]], [[1.0], [1.0], [2.0]])
    assert (summed["ours_seconds"], summed["torch_seconds"], summed["ratio"]) == (3, 1, 3)
    assert (summed["low"], summed["high"]) == pytest.approx((2.2, 4.2))


def test_products_are_counted():
    """Are a layer's operations those of its matrix products, and of real steps only?"""
    B, T, D, H = size = (2, 3, 4, 8)
    assert plan.products("lstm", size, training=False) == 2 * B * T * 4 * H * (D + H)
    assert plan.products("gru", size, training=True) == 3 * 2 * B * T * 3 * H * (D + H)
    assert plan.products("rnn", size, training=False, real_steps=5) == 2 * 5 * H * (D + H)
    assert plan.products("attention", size, training=False) == 2 * (2 * B * T * T * H)
    projections = 2 * B * T * (4 * H * H + 2 * 4 * H * H)
    assert plan.products("transformer", size, False) == projections + 4 * B * T * T * H


@pytest.mark.parametrize("share, met", [(0.9, True), (0.7, False)])
def test_aims_are_judged(share, met):
    """Is each aim met on its own side of its limit, per number of threads?"""
    results = [
        result(ratio=1.1, rate=share * 1e11),
        result(ratio=1.7, size=(1, 50, 32, 64), rate=0.1e11 if met else 1e11),
        result(ratio=0.5, threads=2),
        result(ratio=0.2, what="steps", training=False),
        result(layer="attention", ratio=0.8, size=(16, 256, 128, 128)),
        result(layer="attention", ratio=1.8, size=(1, 1024, 64, 64)),
    ]
    rows = {row["aim"]: row for row in aims.judge(results)}
    assert rows["LSTM training, one sequence"]["met"] == {1: False}
    assert rows["LSTM training, 16 sequences or more"]["met"] == {1: True, 2: True}
    assert rows["LSTM training, median over the sizes"]["reached"] == {1: 1.4, 2: 0.5}
    assert rows["LSTM step by step, every size"]["met"] == {1: True}
    assert rows["LSTM training, share of peak at the largest size"]["met"][1] is met
    assert rows["attention, training up to length 256"]["reached"] == {1: 0.8}
    assert not any("GRU" in aim for aim in rows)
    assert "not met" in report.aims_table(list(rows.values()))[0]


def test_others_are_seen_but_not_oneself():
    """Does the work of a process that is not named count, and that of a named one not?"""
    if not others.STAT.exists():
        pytest.skip("only Linux tells")
    code = "import sys; print(flush=True); [None for _ in iter(int, 1)]"
    busy = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    busy.stdout.readline()
    with others.watched([]) as all_work, others.watched([busy.pid]) as without_it:
        while others._own_seconds([busy.pid]) < 0.3:
            pass
    busy.kill()
    busy.communicate()
    assert all_work["others"] > without_it["others"]


def test_disturbed_times_are_not_judged():
    """Is an aim left open where others were at work, but not for one thread's own time?"""
    (row,) = (
        row
        for row in aims.judge([result(others=0.5), result(others=0.5, threads=2)])
        if row["aim"] == "LSTM training, median over the sizes"
    )
    assert row["met"] == {1: False, 2: None}
    assert "unsure" in report.aims_table([row])[0]
    calm, loud = report.timing_table([result(threads=2), result(threads=2, others=0.5)])[1:]
    assert "!" in loud and "!" not in calm


@pytest.mark.parametrize("words", [["--only", "lstn"], ["--sizes", "3x4"], ["--parts", "time"]])
def test_wrong_options_are_refused(words, capsys):
    """Does an option that names nothing end the command with a hint?"""
    with pytest.raises(SystemExit):
        __main__.arguments(words)
    assert "choose from" in (said := capsys.readouterr().err) or "BxTxDxH" in said


def test_command_prints_tables_and_stores_results(tmp_path):
    """Does the whole command run at a tiny size, with its columns, aims and JSON?"""
    options = "--quick --only lstm --threads 1 --sizes 2x3x4x8 --json"
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", *options.split(), tmp_path / "results.json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for column in ("ours", "torch", "ours/torch", "10-90 %", "of peak", "traced", "x 4"):
        assert column in done.stdout
    assert "LSTM training, median over the sizes" in done.stdout
    stored = json.loads((tmp_path / "results.json").read_text())
    assert stored["machine"].keys() >= {"date", "cpu", "cores", "python", "numpy", "torch"}
    assert {(r["what"], r["training"]) for r in stored["timing"]} == {
        ("whole", False),
        ("whole", True),
        ("lengths", False),
        ("lengths", True),
        ("steps", False),
    }
    assert [r["axis"] for r in stored["growth"]] == ["T", "B"]
    assert stored["memory"][0]["ours"]["traced_bytes"] > 0
