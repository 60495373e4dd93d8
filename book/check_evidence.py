"""What the page for instructors shows of an exercise: its own words, and how good its checks are.

`check_evidence.json` holds what `make mistakes OPTIONS="--seeds 1000 --store"` counted: for each
task its right answers, named mistakes and mechanical mutants, and how often each cause was named.
"""

import functools
import json
import re
from pathlib import Path

from IPython.display import Markdown

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = "solutions/*/*.ipynb"
STORED = "book/check_evidence.json"
SHOWN = 6  # causes of one task on the page


@functools.cache
def stored():
    """The content of check_evidence.json."""
    return json.loads((ROOT / STORED).read_text(encoding="utf8"))


@functools.cache
def exercises():
    """{stem: Exercise} in the order of the chapters."""
    return {path.stem: Exercise(path) for path in sorted(ROOT.glob(NOTEBOOKS))}


class Exercise:
    """One exercise as its instructor's notebook has it.

    Attributes:
        title, minutes. tasks: list of dicts with the keys title, function, points.
        by_hand: points of the written answer. question, rubric: its text and what a point is for.
    """

    def __init__(self, path):
        cells = json.loads(path.read_text(encoding="utf8"))["cells"]
        texts = ["".join(cell["source"]) for cell in cells]
        markers = [cell["metadata"].get("nbgrader", {}) for cell in cells]
        self.title = _capital(re.match(r"# Exercise \d+: (.*)", texts[0])[1])
        self.minutes = int(re.search(r"about (\d+) minutes", texts[0])[1])
        self.tasks = list(self._tasks(texts, markers))
        for k, marker in enumerate(markers):
            if marker.get("grade") and marker["solution"]:
                self.by_hand, self.question = marker["points"], texts[k - 1]
                self.rubric = _one_line(texts[k].partition("*Points:* ")[2])

    @staticmethod
    def _tasks(texts, markers):
        title = ""
        for text, marker in zip(texts, markers, strict=True):
            found = re.match(r"## Task \d+: (.*)", text)
            title = _capital(found[1]) if found else title
            if marker.get("grade") and not marker["solution"]:
                function = re.search(r"checks\.check_(\w+)", text)[1]
                yield {"title": title, "function": function, "points": marker["points"]}

    @property
    def by_machine(self):
        """Points that the checks give."""
        return sum(task["points"] for task in self.tasks)


def _capital(text):
    return text[0].upper() + text[1:]


def _one_line(text):
    return " ".join(text.split())


def _plain(text):
    """Text in which no character means anything to Markdown."""
    return re.sub(r"([\\\\`*_\[\]{}<>$|])", r"\\\1", _one_line(text))


def total(tasks, name):
    """Sum of one count over tasks of check_evidence.json."""
    return sum(task[name] for task in tasks)


def wrong_programs(task):
    """How many wrong programs a check has rejected: named mistakes and mutants."""
    return task["rejected"] + task["mutants"] - task["equivalent"]


def named(task):
    """How many of them got a cause."""
    return sum(task["causes"].values())


def _table(head, rows):
    lines = [head, ["---"] + ["--:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def overview():
    """One row an exercise: time, points, and how good its checks are."""
    tasks, rows = stored()["tasks"], []
    for stem, exercise in exercises().items():
        mine = [tasks[task["function"]] for task in exercise.tasks]
        rejected, caught = sum(map(wrong_programs, mine)), sum(map(named, mine))
        rows.append(
            [
                f"[{int(stem[2:4])}. {exercise.title}](#{anchor(stem)})",
                exercise.minutes,
                f"{exercise.by_machine:g} + {exercise.by_hand:g}",
                len(mine),
                rejected,
                f"{caught / rejected:.0%}",
            ]
        )
    head = ["exercise", "minutes", "points", "tasks", "wrong programs rejected", "cause named"]
    return Markdown(_table(head, rows))


def anchor(stem):
    """Label of an exercise's section."""
    return f"sec-instructors-{stem[:4]}"


def task_table(stem):
    """One row a task: points, and what its check was tried on."""
    tasks, rows = stored()["tasks"], []
    for k, task in enumerate(exercises()[stem].tasks, 1):
        seen = tasks[task["function"]]
        rows.append(
            [
                f"{k}. {task['title']}<br>`{task['function']}`",
                f"{task['points']:g}",
                seen["accepted"],
                seen["hinted"],
                f"{seen['mutants'] - seen['equivalent']} + {seen['equivalent']}",
                f"{named(seen) / wrong_programs(seen):.0%}",
            ]
        )
    head = ["task", "points", "right", "mistakes", "mutants", "cause named"]
    return Markdown(_table(head, rows))


def usual_mistakes(stem):
    """The causes that a check named most often, of every task, folded up."""
    tasks, blocks = stored()["tasks"], []
    for task in exercises()[stem].tasks:
        seen = tasks[task["function"]]
        causes = list(seen["causes"].items())
        lines = [f"**{task['title']}** ({wrong_programs(seen)} wrong programs)", ""]
        lines += [f"- {number}: {_plain(cause)}" for cause, number in causes[:SHOWN]]
        if causes[SHOWN:]:
            others = sum(number for _, number in causes[SHOWN:])
            lines.append(f"- {others}: one of {len(causes) - SHOWN} other causes")
        blocks.append("\n".join(lines))
    return Markdown(_folded("Usual mistakes, and how often each was named", "\n\n".join(blocks)))


def written_answer(stem):
    """The question that a person grades, and what each point is for, folded up."""
    exercise = exercises()[stem]
    text = f"{exercise.question}\n\n*Points:* {exercise.rubric}"
    return Markdown(_folded(f"Written answer: {exercise.by_hand:g} points by hand", text))


def _folded(title, text):
    return f":::{{dropdown}} {title}\n{text}\n:::"
