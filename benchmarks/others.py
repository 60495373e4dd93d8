"""How much of the machine other programs use meanwhile, on Linux; elsewhere it is not known."""

import contextlib
import os
import time
from pathlib import Path

STAT = Path("/proc/stat")
TOO_MUCH = 0.1


@contextlib.contextmanager
def watched(pids):
    """Yields a dict that holds {"others": share} at the end: of all cores, 0 to 1, or None."""
    seen = {"others": None}
    if not STAT.exists():
        yield seen
        return
    start, others = time.perf_counter(), _busy_seconds() - _own_seconds(pids)
    yield seen
    others = _busy_seconds() - _own_seconds(pids) - others
    seen["others"] = max(0, others) / (time.perf_counter() - start) / os.cpu_count()


def disturbed(result):
    """Whether the times of a result mean little: several threads, and others at work."""
    return result["threads"] > 1 and (result["others"] or 0) > TOO_MUCH


def _busy_seconds():
    """Seconds that all cores together have been at work, since the machine started."""
    user, nice, system, _, _, *rest = map(int, STAT.read_text().split("\n")[0].split()[1:9])
    return (user + nice + system + sum(rest)) / os.sysconf("SC_CLK_TCK")


def _own_seconds(pids):
    """Seconds that these processes have been at work; names in parentheses may hold spaces."""
    fields = [Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split() for pid in pids]
    return sum(int(own[11]) + int(own[12]) for own in fields) / os.sysconf("SC_CLK_TCK")
