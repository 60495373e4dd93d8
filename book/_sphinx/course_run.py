"""Execute the chapters side by side, once, into a cache that knows what they depend on.

jupyter-cache keys a notebook by its code alone. The results also depend on the package, on the
helpers and on the pinned requirements, so the cache folder carries a hash of those.
"""

import hashlib
import os
import shutil
import sys
from pathlib import Path

from jupyter_cache import get_cache
from jupyter_cache.executors import load_executor
from myst_nb.core.read import is_myst_markdown_notebook
from sphinx.errors import ExtensionError
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)
DEPENDENCIES = (
    "rnn_course/**/*.py",
    "book/measured.py",
    "book/experiments/*.py",
    "book/experiments/*.json",
    "pyproject.toml",
    "requirements*.txt",
    "constraints*.txt",
)
# No page imports these, nor does any other module of the package; a test reads the imports.
EDGE = (
    "rnn_course/checks/",
    "rnn_course/collecting.py",
    "rnn_course/feedback.py",
    "rnn_course/grading.py",
)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def dependency_hash(root):
    """Hash (12 hexadecimal digits) of every file that the chapters' results depend on."""
    digest = hashlib.sha256(sys.version.encode())
    for pattern in DEPENDENCIES:
        for path in sorted(Path(root).glob(pattern)):
            name = path.relative_to(root).as_posix()
            if not name.startswith(EDGE):
                digest.update(name.encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


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
    """Point MyST-NB at the cache folder of the present package, and drop the older ones."""
    build = Path(app.outdir).parent
    use_own_environment(build)
    folder = Path(app.srcdir, config.nb_execution_cache_path)
    config.nb_execution_cache_path = str(folder / dependency_hash(app.srcdir))
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
    pending = cache.list_unexecuted()
    if pending:
        names = ", ".join(Path(record.uri).stem for record in pending)
        LOGGER.info("executing side by side, which takes a minute or two: %s", names)
        runner = load_executor("local-parallel", cache)
        result = runner.run_and_cache(timeout=app.config.nb_execution_timeout)
        if failed := [*result.excepted, *result.errored]:
            raise ExtensionError(f"cells failed, as shown above, in {', '.join(failed)}")
    for record in cache.list_project_records():
        refuse_stderr(cache, record)


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
