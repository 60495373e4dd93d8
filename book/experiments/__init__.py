"""Experiments that need more time than a build has: run once, stored, and read by the pages.

Each module here is one experiment. Its docstring says what it asks; `SETTINGS` is what was run and
stored, `SMALL` a version that takes a few seconds and runs in the build beside the stored one; and
`run(settings, progress)` returns the results as plain lists, numbers and strings.

    make experiment NAME=adding_problem     run it and store the results
    from experiments import stored          read them on a page: stored("adding_problem")
"""

import datetime
import importlib
import json
import platform
import resource
from pathlib import Path
from typing import NamedTuple

import numpy as np

FOLDER = Path(__file__).parent


class Stored(NamedTuple):
    """Results of an experiment that was run before, and how they came about.

    Attributes:
        results: what `run` returned. settings: what it was run with.
        seconds: processor time of the whole run. provenance: command, versions and date in words.
    """

    results: dict
    settings: dict
    seconds: float
    provenance: str


def names():
    """Return the names of all experiments."""
    return sorted(path.stem for path in FOLDER.glob("*.py") if not path.stem.startswith("_"))


def load(name):
    """Import one experiment; ValueError with the known names if there is none."""
    if name not in names():
        raise ValueError(f"there is no experiment {name!r}; there are {', '.join(names())}")
    return importlib.import_module(f"experiments.{name}")


def run_and_store(name, progress=lambda things: things):
    """Run one experiment with its full settings and write its results beside it.

    progress: function that wraps an iterable and shows how far it is, such as tqdm.
    Returns the path written.
    """
    experiment = load(name)
    before = _processor_seconds()
    results = experiment.run(experiment.SETTINGS, progress)
    record = {
        "command": f"make experiment NAME={name}",
        "date": datetime.date.today().isoformat(),
        "versions": {"Python": platform.python_version(), "NumPy": np.__version__},
        "seconds": round(_processor_seconds() - before, 1),
        "settings": experiment.SETTINGS,
        "results": results,
    }
    path = FOLDER / f"{name}.json"
    path.write_text(json.dumps(record, indent=1, allow_nan=False) + "\n", encoding="utf8")
    return path


def stored(name):
    """Read the stored results of an experiment.

    Raises:
        ValueError: no such experiment, nothing stored yet, or stored with other settings than the
            module has now; the message has the command that mends it.
    """
    experiment, path = load(name), FOLDER / f"{name}.json"
    mend = f"run it with: make experiment NAME={name}"
    if not path.exists():
        raise ValueError(f"{name} has no stored results; {mend}")
    record = json.loads(path.read_text(encoding="utf8"))
    if record["settings"] != json.loads(json.dumps(experiment.SETTINGS)):
        raise ValueError(f"{name} was stored with other settings than it has now; {mend}")
    versions = ", ".join(f"{tool} {version}" for tool, version in record["versions"].items())
    provenance = f"{record['command']}, {record['date']}, {versions}"
    return Stored(record["results"], record["settings"], record["seconds"], provenance)


def _processor_seconds():
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)
