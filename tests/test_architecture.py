"""The arrows between modules go one way, and importing the package needs NumPy alone."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "rnn_course"

# From the ground up; a module may import modules of lower levels only
LEVELS = [
    {"_validate"},
    {
        "_time_blocks",
        "_torch_modules",
        "_torch_names",
        "activations",
        "checkpoint",
        "data",
        "decoding",
        "gradient_check",
        "initialisation",
        "memory_tasks",
        "metrics",
        "optimisers",
        "real_data",
        "scan",
        "schedules",
        "text",
    },
    {
        "_minimal",
        "attention",
        "gru",
        "layers",
        "losses",
        "lstm",
        "normalisation",
        "positions",
        "rnn",
    },
    {
        "_seq2seq",
        "bridge",
        "memory_attention",
        "mingru",
        "minlstm",
        "multi_head_attention",
        "streaming",
    },
    {"transformer_layer"},
    {"encoders", "feedforward_encoders", "transformer"},
    {"diagnostics", "models", "probes"},
    {"seq2seq"},
    {"conversion", "training"},
    {"examination"},
    {
        "checks",
        "class_summary",
        "collecting",
        "feedback",
        "grading",
        "plotting",
    },  # the edge: tools for readers and graders
]
LEVEL = {name: level for level, names in enumerate(LEVELS) for name in names}
EDGE = LEVELS[-1]
CORE = sorted(set(LEVEL) - EDGE)
ALONE = [*CORE, "checks"]  # run where there is NumPy and nothing else, as in a browser
STRANGERS = {"book", "exercises", "solutions", "tests", "tools"}


def top_level(path):
    """Nodes that run when the module is imported: everything outside functions."""
    waiting = [ast.parse(path.read_text(encoding="utf-8"))]
    while waiting:
        node = waiting.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            waiting.extend(ast.iter_child_nodes(node))


def imported(nodes):
    """Dotted names of all modules that the given nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_modules(names):
    """The package's own modules among dotted names."""
    parts = (name.split(".") for name in names)
    return {part[1] for part in parts if part[0] == "rnn_course" and len(part) > 1} & set(LEVEL)


def sources(module):
    """The file of a module, or all files of a subpackage."""
    file = PACKAGE / f"{module}.py"
    return [file] if file.exists() else sorted((PACKAGE / module).rglob("*.py"))


def all_nodes(module):
    return [
        node for file in sources(module) for node in ast.walk(ast.parse(file.read_text("utf-8")))
    ]


MODULES = sorted(
    path.stem
    for path in PACKAGE.iterdir()
    if path.stem != "__init__" and (path.suffix == ".py" or (path / "__init__.py").exists())
)


def test_every_module_has_a_level():
    """Is every module of the package placed in the order above?"""
    assert set(MODULES) <= set(LEVEL), "give the new module its level in this file"


@pytest.mark.parametrize("module", MODULES)
def test_module_imports_lower_levels_only(module):
    """Does every arrow, also from inside functions, point down, and so never in a circle?"""
    for target in own_modules(imported(all_nodes(module))) - {module}:
        assert LEVEL[target] < LEVEL[module] or {target, module} <= EDGE, f"{module} -> {target}"


@pytest.mark.parametrize("module", MODULES)
def test_module_knows_nothing_of_the_book(module):
    """Is no book page, solution, test or tool imported, not even inside a function?"""
    assert not {name.split(".")[0] for name in imported(all_nodes(module))} & STRANGERS


@pytest.mark.parametrize("module", ALONE)
def test_core_module_needs_numpy_alone(module):
    """Does importing the module need nothing outside the standard library and NumPy?"""
    known = sys.stdlib_module_names | {"numpy", "rnn_course"}
    for file in sources(module):
        needed = {name.split(".")[0] for name in imported(top_level(file))}
        assert needed <= known, f"{file.name} needs {sorted(needed - known)}"


def test_a_wrong_arrow_is_seen(tmp_path):
    """Are imports found in every form, and those inside functions told apart?"""
    file = tmp_path / "module.py"
    file.write_text(
        "import numpy as np, rnn_course.models\n"
        "from rnn_course import training\n"
        "from rnn_course.text import tokenise\n"
        "try:\n    import tqdm\nexcept ImportError:\n    pass\n"
        "def f():\n    import torch\n"
    )
    everywhere = set(imported(ast.walk(ast.parse(file.read_text()))))
    assert own_modules(everywhere) == {"models", "training", "text"}
    assert {"tqdm", "torch"} <= everywhere
    assert "tqdm" in set(imported(top_level(file)))
    assert "torch" not in set(imported(top_level(file)))


REFUSE_ALL_BUT_NUMPY = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("numpy", "rnn_course"):
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)

sys.meta_path.insert(0, Refuse())
"""


def python(code):
    """Run code in a fresh interpreter in which every warning is an error."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def test_package_imports_with_numpy_alone():
    """Do the package, its core and the checks import where nothing but NumPy is installed?"""
    imports = "\n".join(f"import rnn_course.{module}" for module in ALONE)
    result = python(f"{REFUSE_ALL_BUT_NUMPY}import rnn_course\n{imports}")
    assert result.returncode == 0, result.stderr
    assert result.stdout == result.stderr == ""


def test_package_import_is_refused_what_is_missing():
    """Would the interpreter of the test above notice another library?"""
    result = python(f"{REFUSE_ALL_BUT_NUMPY}import torch")
    assert result.returncode == 1
    assert "torch is not installed here" in result.stderr


def test_package_import_leaves_heavy_libraries_alone():
    """Are torch, matplotlib and the like still unloaded after the core modules are imported?"""
    imports = "\n".join(f"import rnn_course.{module}" for module in ALONE)
    heavy = "{'torch', 'matplotlib', 'tqdm', 'babel', 'num2words', 'nbgrader', 'IPython', "
    heavy += "'music21', 'sklearn', 'statsmodels', 'pandas', 'scipy'}"
    code = f"import sys, rnn_course\n{imports}\nprint(sorted({heavy} & set(sys.modules)))"
    assert python(code).stdout == "[]\n"
