"""Measure our NumPy layers beside torch.nn, in turn and with the same number of threads.

Both sides compute the same numbers in float32, which is checked: forward passes as in training
(everything needed for the backward pass is kept), and forward and backward passes down to x's
gradient. Times are medians; the spread is the middle 80 % of the ratios of single rounds. With one
thread they are processor time, which other programs hardly change; with more they are real time,
so keep the machine free. "of peak" is the rate of the matrix products that our layer needs over
NumPy's rate for large ones, each at its quickest. A "!" marks several threads beside other programs
at work, where times mean little. A star marks sequences of different lengths,
which torch's side packs; "steps" streams the sequence, one step at a time, on torch's side in
inference mode. Memory is what one training pass adds to the most that a process has held.
"""

import argparse
import datetime
import importlib.util
import json
import os
import platform
import sys
from pathlib import Path

from tqdm import tqdm

from benchmarks import aims, compare, others, plan, report

PARTS = ("timing", "growth", "memory")


def arguments(words=None):
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    option = parser.add_argument
    option(
        "--quick", action="store_true", help="fewer rounds and sizes, two minutes instead of ten"
    )
    layers, parts = ",".join(plan.LAYERS), ",".join(PARTS)
    option("--only", type=_layers, default=plan.LAYERS, metavar="LAYERS", help=f"of {layers}")
    option("--parts", type=_parts, default=PARTS, metavar="PARTS", help=f"of {parts}")
    option("--threads", type=_numbers, default=(1, 2), metavar="NUMBERS", help="1,2 unless given")
    option("--sizes", type=_sizes, metavar="SIZES", help="BxTxDxH, as in 1x50x32x64,32x50x32x64")
    option("--json", type=Path, metavar="FILE", help="where to store all results")
    return parser.parse_args(words)


def _layers(text):
    return _chosen(text, plan.LAYERS)


def _parts(text):
    return _chosen(text, PARTS)


def _chosen(text, possible):
    words = tuple(text.lower().split(","))
    if not set(words) <= set(possible):
        raise argparse.ArgumentTypeError(f"choose from {','.join(possible)}")
    return words


def _numbers(text):
    return tuple(int(part) for part in text.split(","))


def _sizes(text):
    try:
        return tuple(plan.parse_size(part) for part in text.split(","))
    except ValueError as reason:
        raise argparse.ArgumentTypeError(str(reason)) from None


def measure(options):
    """All results: versions and machine, then lists of results by kind."""
    chosen = options.only, options.sizes, options.quick
    jobs = {
        "timing": plan.timing_jobs(*chosen),
        "growth": plan.growth_jobs(*chosen),
        "memory": plan.memory_jobs(*chosen),
    }
    if importlib.util.find_spec("resource") is None:
        del jobs["memory"]  # Windows does not tell how much a process has held
    jobs = {part: jobs[part] if part in options.parts else [] for part in jobs}
    results = {"machine": machine()} | {part: [] for part in jobs}
    total = sum(map(len, jobs.values())) + len(jobs["timing"]) * (len(options.threads) - 1)
    with tqdm(total=total, file=sys.stderr, leave=False) as bar:

        def do(part, job, measure_it, *processes, **more):
            bar.set_description(f"{job['layer']} {plan.size_text(job['size'])}")
            results[part].append(job | more | measure_it(job, *processes))
            bar.update()

        for job in jobs.get("memory", ()):
            do("memory", job, compare.memory)
        for threads in options.threads:
            with compare.both(threads) as (ours, torchs):
                results["machine"] |= ours.ask("about") | torchs.ask("about")
                for job in jobs["timing"]:
                    do("timing", job, compare.pair, ours, torchs, threads=threads)
                for job in jobs["growth"] if threads == options.threads[0] else ():
                    do("growth", job, compare.growth, ours, threads=threads)
    return results | {"aims": aims.judge(results["timing"])}


def machine():
    """Where and when this runs, and how busy the machine was before."""
    load = round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None
    return {
        "date": datetime.datetime.now().isoformat(timespec="seconds"),
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "load_before": load,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def _cpu():
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def show(results):
    """Print all tables."""
    about = results["machine"]
    print("\n".join(f"{name:12} {value}" for name, value in about.items()))
    if any(map(others.disturbed, results["timing"])):
        print("! Other programs took more than a tenth of the machine: these times mean little.")
    for threads in sorted({result["threads"] for result in results["timing"]}):
        own = [result for result in results["timing"] if result["threads"] == threads]
        _section(
            f"{threads} thread(s); large products: {report.peak_rate(own) / 1e9:.0f} GFLOP/s",
            report.timing_table(own),
        )
    if results["growth"]:
        title = "Our time for each step (T) or sequence (B), beside that at the given size"
        _section(title, report.growth_table(results["growth"]))
    if results.get("memory"):
        title = "Peak memory of one training pass (traced: by Python and NumPy alone)"
        _section(title, report.memory_table(results["memory"]))
    if results["aims"]:
        _section("Aims: ours/torch, and shares of the peak", report.aims_table(results["aims"]))


def _section(title, lines):
    print(f"\n{title}\n" + "\n".join(lines))


def main(words=None):
    """Measure, print, and store if asked to."""
    options = arguments(words)
    results = measure(options)
    show(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
