"""Execute the pages side by side, once, into a cache that knows what each depends on.

jupyter-cache keys a page by its code alone. Its results also depend on the pinned requirements,
which name the cache's folder, and on the modules and stored experiments that the page reaches by
its imports, which the folder's `inputs.json` holds for each page.
"""

import ast
import contextlib
import functools
import hashlib
import json
import os
import re
import shutil
import sys
from logging import INFO, getLogger
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.errors import ExtensionError
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
REQUIRED = ("pyproject.toml", "requirements*.txt", "constraints*.txt")
IMPORTED_FROM = (".", "book")  # where a page's imports are looked up, below the root
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def files_hash(root, paths, *words):
    """Hash (12 hexadecimal digits) of files by name and content, and of words."""
    digest = hashlib.sha256("\n".join(words).encode())
    for path in sorted(paths):
        digest.update(path.relative_to(root).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def requirements_hash(root):
    """Hash of what every page depends on: Python and the pinned packages."""
    found = (path for pattern in REQUIRED for path in Path(root).glob(pattern))
    return files_hash(root, found, sys.version)


@functools.cache  # most pages reach the same modules
def named_modules(code):
    """Dotted names that code imports, or that may be modules: also an experiment's, in a string."""
    names = set()
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except SyntaxError:  # executing the page will say where
        return names
    for node in nodes:
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Constant) and str(node.value).isidentifier():
            names.add(f"experiments.{node.value}")
    return names


def module_files(root, name):
    """The project's own files of a module: the packages above it, it, and its stored results."""
    parts = name.split(".")
    for folder in IMPORTED_FROM:
        for depth in range(1, len(parts) + 1):
            path = Path(root, folder, *parts[:depth])
            files = path / "__init__.py", path.with_suffix(".py")
            yield from (file for file in files if file.exists())
        if path.with_suffix(".py").exists() and path.with_suffix(".json").exists():
            yield path.with_suffix(".json")


@functools.cache
def named_files(root, code):
    """Notebooks and stored results whose path, or pattern of paths, stands in a string of code."""
    found = re.findall(r"""["']([\w*-]+(?:/[\w*.-]+)+\.(?:ipynb|json))["']""", code)
    return {path for pattern in found for path in Path(root).glob(pattern)}


def inputs_of(root, code):
    """Every file of the project that code reaches by its imports, and theirs, or that it names."""
    reached, pending = set(), [code]
    while pending:
        code = pending.pop()
        reached |= named_files(root, code)
        for name in named_modules(code):
            new = set(module_files(root, name)) - reached
            reached |= new
            pending += [file.read_text(encoding="utf8") for file in new if file.suffix == ".py"]
    return reached


def use_own_environment(build):
    """Shield the kernels from the reader's own Jupyter, IPython and matplotlib settings."""
    os.environ.pop("JUPYTER_PATH", None)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"
    os.environ["IPYTHONDIR"] = str(build / ".ipython")
    settings = build / ".ipython" / "profile_default" / "ipython_kernel_config.py"
    settings.parent.mkdir(parents=True, exist_ok=True)
    # Kernels talk over loopback here; their remark on that would worry a newcomer.
    settings.write_text("get_config().IPKernelApp.log_level = 'ERROR'\n", encoding="utf8")
    os.environ["MPLCONFIGDIR"] = str(build / ".matplotlib")
    os.environ["PYTHONHASHSEED"] = "0"
    for variable in THREAD_VARIABLES:
        os.environ[variable] = "1"  # several kernels run at once


def choose_cache(app, config):
    """Point MyST-NB at the cache folder of the present requirements, and drop the older ones."""
    build = Path(app.outdir).parent
    use_own_environment(build)
    folder = Path(app.srcdir, config.nb_execution_cache_path)
    config.nb_execution_cache_path = str(folder / requirements_hash(app.srcdir))
    for old in folder.glob("*"):
        if str(old) != config.nb_execution_cache_path:
            shutil.rmtree(old, ignore_errors=True)


def fill_cache(app, env, docnames):
    """Execute every page that is not in the cache, one process a core."""
    if app.config.nb_execution_mode != "cache":
        return
    cache = get_cache(app.config.nb_execution_cache_path)
    for record in cache.list_project_records():
        cache.remove_nb_from_project(record.pk)
    for name in docnames:
        path = env.doc2path(name)
        if is_myst_markdown_notebook(Path(path).read_text(encoding="utf8")):
            cache.add_nb_to_project(path, read_data={"type": "plugin", "name": "myst_nb_md"})
    drop_stale(cache, Path(app.srcdir))
    pending = cache.list_unexecuted()
    if pending:
        names = ", ".join(Path(record.uri).stem for record in pending)
        LOGGER.info("executing side by side, which takes some minutes: %s", names)
        progress = getLogger("pages")
        progress.setLevel(INFO)  # says of each page when it starts and when it is done
        runner = load_executor("local-parallel", cache, logger=progress)
        result = runner.run_and_cache(timeout=app.config.nb_execution_timeout)
        if failed := [*result.excepted, *result.errored]:
            raise ExtensionError(f"cells failed, as shown above, in {', '.join(failed)}")
    for record in cache.list_project_records():
        refuse_stderr(cache, record)


def drop_stale(cache, root):
    """Forget the results of every page that reaches a file which has changed since."""
    path = Path(cache.path, "inputs.json")
    known = json.loads(path.read_text(encoding="utf8")) if path.exists() else {}
    for record in cache.list_project_records():
        nb = cache.get_project_notebook(record.pk).nb
        code = "\n".join(cell.source for cell in nb.cells if cell.cell_type == "code")
        _, key = cache.create_hashed_notebook(nb)
        inputs = files_hash(root, inputs_of(root, code))
        if known.get(key) != inputs:
            known[key] = inputs
            with contextlib.suppress(KeyError):
                cache.remove_cache(cache.match_cache_notebook(nb).pk)
    path.write_text(json.dumps(known, indent=1), encoding="utf8")


def refuse_stderr(cache, record):
    """Warn of a page whose cells, even hidden ones, wrote to stderr: nobody would read it."""
    executed = cache.get_cached_project_nb(record.pk)
    for cell in cache.get_cache_bundle(executed.pk).nb.cells:
        for output in cell.get("outputs", ()):
            if output.get("name") == "stderr":
                LOGGER.warning("a cell of %s wrote to stderr:\n%s", record.uri, output.text)


def setup(app):
    app.connect("config-inited", choose_cache, priority=100)
    app.connect("env-before-read-docs", fill_cache)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
