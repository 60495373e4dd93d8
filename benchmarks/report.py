"""Tables for a terminal, made of results. A result is a job with what was measured added."""

from benchmarks.others import disturbed
from benchmarks.plan import size_text

MEGABYTE = 2**20


def timing_table(results):
    """Lines: our layers beside torch's, with one number of threads."""
    lines = [
        f"{'layer':11} {'pass':9} {'size BxTxDxH':>16} {'ours':>9} {'torch':>9}"
        f" {'ours/torch':>10} {'10-90 %':>11} {'of peak':>7}"
    ]
    peak = peak_rate(results)
    for result in results:
        start = f"{result['layer']:11} {pass_name(result):9} {size_text(result['size']):>16}"
        both = (milliseconds(result[side]) for side in ("ours_seconds", "torch_seconds"))
        spread = f"{result['low']:.2f}-{result['high']:.2f}"
        ends = f"{result['ratio']:10.2f} {spread:>11} {result['rate'] / peak:7.0%}"
        ends += " !" * disturbed(result)
        lines.append(" ".join((start, *both, ends)))
    return lines


def pass_name(result):
    """What was done: forward, training, both with a star for different lengths, or steps."""
    if result["what"] == "steps":
        return "steps"
    name = "training" if result["training"] else "forward"
    return name + "*" * (result["what"] == "lengths")


def peak_rate(results):
    """The best rate of a large matrix product among results, in operations a second."""
    return max(result["product_rate"] for result in results)


def milliseconds(seconds):
    """Seconds as a text of milliseconds, nine wide."""
    return f"{1000 * seconds:6.2f} ms"


def growth_table(results):
    """Lines: the time for each step or sequence, when there are two and four times as many."""
    lines = [f"{'layer':11} {'size BxTxDxH':>16}  grows  {'1':>6} {'x 2':>6} {'x 4':>6}"]
    for result in results:
        start = f"{result['layer']:11} {size_text(result['size']):>16}  {result['axis']:5}"
        shares = " ".join(f"{share:6.2f}" for share in result["per_unit"])
        lines.append(f"{start}  {shares}")
    return lines


def memory_table(results):
    """Lines: what a training pass adds to the most memory that each process has held."""
    lines = [
        f"{'layer':11} {'size BxTxDxH':>16} {'ours':>9} {'torch':>9}"
        f" {'ours/torch':>10} {'traced':>9}"
    ]
    for result in results:
        start = f"{result['layer']:11} {size_text(result['size']):>16}"
        ours, torch = result["ours"]["bytes"], result["torch"]["bytes"]
        traced = result["ours"]["traced_bytes"]
        ratio = f"{ours / torch:10.2f}" if torch else f"{'':10}"
        lines.append(f"{start} {megabytes(ours)} {megabytes(torch)} {ratio} {megabytes(traced)}")
    return lines


def megabytes(count):
    """Bytes as a text of megabytes, nine wide."""
    return f"{count / MEGABYTE:6.1f} MB"


def aims_table(rows):
    """Lines: each aim, its limit, and what was reached with each number of threads."""
    return [
        f"{row['aim']:52} {row['limit']:>7}   "
        + "   ".join(_reached(row, n) for n in row["reached"])
        for row in rows
    ]


def _reached(row, threads):
    value = row["reached"][threads]
    met = {True: "met", False: "not met", None: "unsure"}[row["met"][threads]]
    return f"{threads} thr. {value:4.2f} {met:7}"
