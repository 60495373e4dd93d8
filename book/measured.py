"""Carry measured numbers from a chapter's cells into its prose and onto the claims page.

Everything travels in the outputs of the executed notebook, so it survives the cache and
side-by-side execution. Both functions are called in cells tagged `remove-cell`:

    from measured import glue_numbers, record_claim

    glue_numbers(ch01_accuracy=accuracy.mean(), ch01_majority=baseline)
    record_claim(
        "F1",
        verdict="holds",
        measured="held-out accuracy of the RNN",
        value=accuracy,  # one entry a seed
        baseline=0.5,
        baseline_name="majority class",
        figure="fig-ch01-order",
        format=".1%",
    )

In the text {glue:text}`ch01_accuracy:.1%` inserts the number, and a `claim` directive with the
argument F1 shows the claim with its verdict.
"""

import html
import json

import numpy as np

VERDICTS = ("holds", "holds, with conditions", "does not hold here")
INTERACTIVE = ("unrolled", "gradient", "gates", "attention")
# So that no word of the data can end the element that holds it
HTML_SAFE = str.maketrans({"<": r"\u003c", ">": r"\u003e", "&": r"\u0026"})


def glue_numbers(**values):
    """Make numbers available to the prose of the same chapter.

    Args:
        **values: name = a number (Python's or NumPy's, of size one) or a string. Names begin with
            the chapter, `ch01_...`, and are unique in the book.

    Raises:
        TypeError: a value is neither a single number nor a string; the message names it.
        ValueError: a number is not finite.
    """
    from myst_nb import glue

    for name, value in values.items():
        glue(name, value if isinstance(value, str) else plain_number(name, value), display=False)


def plain_number(name, value):
    """Return a Python int or float for any finite number of size one."""
    array = np.asarray(value)
    if array.size != 1 or array.dtype.kind not in "biuf":
        raise TypeError(f"{name} must be one number, got {array.dtype} of shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} is {array.item()}")
    return array.item()


def record_claim(
    id,
    *,
    verdict,
    measured,
    value,
    figure,
    baseline=None,
    baseline_name="",
    conditions="",
    format=".3g",
):
    """Record what this chapter measured about one claim of `claims.yml`.

    Args:
        id: the claim's id, such as "F1".
        verdict: one of VERDICTS. "holds, with conditions" needs `conditions`.
        measured: what `value` is, in words ("held-out accuracy of the RNN at distance 20").
        value: a number, or one number a seed: then the mean is shown with the lowest and the
            highest seed.
        figure: label of the figure (or table) that shows it; it must exist in the book.
        baseline: the trivial baseline in the same unit, a number, or one a seed, if there is one.
        baseline_name: what the baseline is, in words; required with `baseline`.
        conditions: when it holds, or why it does not, in one sentence.
        format: format specification of the numbers, such as ".1%" or ".2f".

    Raises:
        ValueError: the verdict is not one of the three, or a description is missing.
    """
    from IPython.display import display

    if verdict not in VERDICTS:
        raise ValueError(f"{id}: the verdict is {verdict!r}, expected one of {VERDICTS}")
    if verdict == "holds, with conditions" and not conditions:
        raise ValueError(f"{id}: say which conditions")
    if baseline is not None and not baseline_name:
        raise ValueError(f"{id}: say what the baseline is")
    record = {
        "id": id,
        "verdict": verdict,
        "measured": measured,
        "value": summarise(value, format),
        "baseline": None if baseline is None else summarise(baseline, format),
        "baseline_name": baseline_name,
        "conditions": conditions,
        "figure": figure,
    }
    # The form in which MyST-NB stores glued values, so its own machinery carries the record.
    prefix = "application/papermill.record/"
    display(
        {prefix + "text/plain": json.dumps(record)},
        raw=True,
        metadata={"scrapbook": {"name": f"claim {id}", "mime_prefix": prefix}},
    )


def summarise(value, format):
    """Write a number, or the mean of one a seed with its lowest and highest."""
    seeds = np.atleast_1d(np.asarray(value, dtype=float))
    if seeds.ndim != 1 or not np.isfinite(seeds).all():
        raise ValueError(f"expected a finite number, or one a seed, got {value!r}")
    mean, low, high = (f"{number:{format}}" for number in (seeds.mean(), seeds.min(), seeds.max()))
    if len(seeds) == 1:
        return mean
    return f"{mean} ({low} to {high} over {len(seeds)} seeds)"


def interactive(kind, *, figure, data, digits=4):
    """Let the reader operate a figure of this page: what it shows, from the same data.

    The picture, its caption and its alternative text stay as the chapter's cell drew them; where
    scripts run, `figures.js` puts controls and a drawing in the picture's place. Called in a cell
    of its own, after the one that draws the picture, tagged `remove-input`:

        interactive("gates", figure="fig-ch05-gates", data={"variants": [...]})

    Args:
        kind: one of INTERACTIVE; `book/_sphinx/assets/figures.js` says what each one reads.
        figure: label of the figure on this page that it takes the place of.
        data: dicts, lists, strings, numbers and arrays, nested as the kind wants them.
        digits: significant digits of each number on the page.

    Raises:
        ValueError: the kind is unknown, or a number is not finite; the message says which.
        TypeError: something that is neither text nor a number; the message says which.
    """
    from IPython.display import display

    if kind not in INTERACTIVE:
        raise ValueError(f"{figure}: the kind is {kind!r}, expected one of {INTERACTIVE}")
    text = json.dumps(plain_data(figure, data, digits), ensure_ascii=False, separators=(",", ":"))
    names = f'kind="{kind}" figure="{html.escape(figure)}"'
    script = f'<script type="application/json">{text.translate(HTML_SAFE)}</script>'
    page = f"<course-figure {names}>{script}</course-figure>"
    display({"text/html": page, "text/plain": ""}, raw=True)


def plain_data(name, value, digits):
    """Return nested data as JSON has it, each number rounded; `name` says where an error is."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        return {str(key): plain_data(f"{name}.{key}", v, digits) for key, v in value.items()}
    if isinstance(value, (list, tuple)) or np.ndim(value) > 0:
        return [plain_data(f"{name}[{index}]", v, digits) for index, v in enumerate(value)]
    number = plain_number(name, value)
    return float(f"{number:.{digits}g}") if isinstance(number, float) else number
