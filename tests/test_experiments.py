"""Experiments that run by a command: stored with how they came about, and never stale."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "book")]

import experiments  # noqa: E402

CODE = '''"""Count to a number."""

SETTINGS = {"limit": 3, "seeds": (0, 1)}
SMALL = {"limit": 1, "seeds": (0,)}


def run(settings, progress):
    return {"counted": [n for n in progress(range(settings["limit"]))]}
'''


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder with one experiment, in place of the course's own."""
    (tmp_path / "counting.py").write_text(CODE)
    monkeypatch.setattr(experiments, "FOLDER", tmp_path)
    monkeypatch.setattr(experiments, "__path__", [str(tmp_path)])
    yield tmp_path
    sys.modules.pop("experiments.counting", None)


@pytest.mark.parametrize("name", experiments.names())
def test_experiment_is_stored_with_its_present_settings(name):
    """Are results there, run with the settings that stand in the module, and said how?"""
    kept = experiments.stored(name)
    assert kept.results
    assert kept.seconds > 0
    assert f"make experiment NAME={name}" in kept.provenance


@pytest.mark.parametrize("name", experiments.names())
def test_experiment_has_a_small_version(name):
    """Does each say what it asks, and have small settings with the same keys?"""
    experiment = experiments.load(name)
    assert experiment.__doc__.splitlines()[0].endswith((".", "?"))
    assert experiment.SMALL.keys() == experiment.SETTINGS.keys()


def test_experiment_comes_back_as_it_was_stored(folder):
    """Do results, settings and provenance survive the file?"""
    path = experiments.run_and_store("counting")
    assert path == folder / "counting.json"
    kept = experiments.stored("counting")
    assert kept.results == {"counted": [0, 1, 2]}
    assert kept.settings == {"limit": 3, "seeds": [0, 1]}
    assert set(json.loads(path.read_text())["versions"]) == {"Python", "NumPy"}


def test_experiment_with_changed_settings_is_refused(folder):
    """Is a stored file of other settings an error that names the command?"""
    path = experiments.run_and_store("counting")
    path.write_text(path.read_text().replace('"limit": 3', '"limit": 4'))
    with pytest.raises(ValueError, match=r"other settings .* make experiment NAME=counting"):
        experiments.stored("counting")


def test_experiment_not_yet_run_or_unknown_is_refused(folder):
    """Are a missing file and a wrong name said plainly?"""
    with pytest.raises(ValueError, match=r"no stored results; run it with: make experiment NAME="):
        experiments.stored("counting")
    with pytest.raises(ValueError, match="no experiment 'contuing'; there are counting"):
        experiments.stored("contuing")


def test_command_refuses_an_unknown_name():
    """Does the command exit with the reason and no traceback?"""
    command = [sys.executable, str(ROOT / "book" / "experiments"), "nothing"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "there is no experiment 'nothing'" in result.stderr
    assert "Traceback" not in result.stderr
