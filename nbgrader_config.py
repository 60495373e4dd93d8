"""Settings of nbgrader for this course; "Teach" in the README shows the commands."""

import os
import sys
from pathlib import Path

import nbgrader
from nbconvert.preprocessors import CSSHTMLHeaderPreprocessor
from nbgrader.preprocessors import (
    AssignLatePenalties,
    CheckCellMetadata,
    ClearOutput,
    LimitOutput,
    OverwriteCells,
    OverwriteKernelspec,
    SaveAutoGrades,
)

from rnn_course.feedback import FeedbackExporter
from rnn_course.grading import ExportWithNotes, GetScores, Rebuild, Run, Settle

c = get_config()  # noqa: F821 - nbgrader provides it

# nbgrader starts `alembic` by name, which fails where the environment is not activated.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])

# On arrays as small as those of the exercises, threads of the linear algebra wait for each other.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

c.CourseDirectory.course_id = "rnn-course"
c.CourseDirectory.source_directory = "solutions"
c.CourseDirectory.release_directory = "exercises"

c.Autograde.sanitize_preprocessors = [
    Rebuild,
    ClearOutput,
    OverwriteKernelspec,
    OverwriteCells,
    CheckCellMetadata,
]
c.Autograde.autograde_preprocessors = [
    Run,
    Settle,
    LimitOutput,
    SaveAutoGrades,
    AssignLatePenalties,
    CheckCellMetadata,
]
c.ExportApp.plugin_class = ExportWithNotes

# Cells and outputs travel encrypted between nbgrader and the kernel, not in plain text.
c.KernelManager.transport_encryption = "required"

c.GenerateFeedback.preprocessors = [GetScores, CSSHTMLHeaderPreprocessor]
c.GenerateFeedback.exporter_class = FeedbackExporter
c.FeedbackExporter.template_name = "course_feedback"
c.FeedbackExporter.template_file = "course.html.j2"
c.FeedbackExporter.extra_template_basedirs = [
    str(Path(__file__).parent / "tools" / "nbgrader_templates"),
    str(Path(nbgrader.__file__).parent / "server_extensions" / "formgrader" / "templates"),
]
