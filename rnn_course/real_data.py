"""Data recorded in the world that installed packages carry, so that nothing is downloaded.

Series, music, pictures and programs. Each function reads its package when it is called and states
the source and its licence; the course ships none of this data.
"""

import io
import keyword
import tokenize
from pathlib import Path

import numpy as np

CODE_TAGS = ("space", "name", "keyword", "number", "string", "comment", "operator")
LOWEST_PITCH = 21  # MIDI number of the lowest key of a piano
NUM_PITCHES = 88


def sunspots():
    """Mean number of sunspots in each year from 1700 to 2008.

    Returns:
        years: (309,) integers. values: (309,) float.

    Source: National Geophysical Data Center, bundled in statsmodels; public domain.
    """
    from statsmodels.datasets import sunspots as dataset

    table = dataset.load_pandas().data
    return table["YEAR"].to_numpy().astype(int), table["SUNACTIVITY"].to_numpy()


def carbon_dioxide():
    """Monthly mean of the carbon dioxide in the air at Mauna Loa, March 1958 to December 2001.

    The weekly flask samples of a month are averaged; months without one lie on a straight line
    between their neighbours.

    Returns:
        months: (526,) months since January of the year 0. values: (526,) parts per million.

    Source: Keeling and Whorf (2004), Scripps Institution of Oceanography, bundled in statsmodels;
    public domain.
    """
    from statsmodels.datasets import co2 as dataset

    weekly = dataset.load_pandas().data["co2"].dropna()
    month_of = (weekly.index.year * 12 + weekly.index.month - 1).to_numpy()  # (weeks,)
    samples = weekly.to_numpy()
    known = np.unique(month_of)
    means = np.array([samples[month_of == month].mean() for month in known])
    months = np.arange(known[0], known[-1] + 1)
    return months, np.interp(months, known, means)


def digit_images():
    """Handwritten digits of 8 by 8 pixels.

    Returns:
        images: (1797, 8, 8) grey levels from 0 to 1; row, column. labels: (1797,) digits.

    Source: Alpaydin and Kaynak (1998), doi:10.24432/C50P49, test set, bundled in scikit-learn;
    licence CC BY 4.0.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    return bunch.images / 16, bunch.target


def chorales(limit=None):
    """Bach's chorales in four voices, a frame a quarter note.

    Args:
        limit: how many to read, in the order of their file names; None for all, which takes a
            minute.

    Returns:
        names: list of strings, such as "bwv10.7". pieces: list of (T, 88) boolean arrays, True
        where the key of a piano sounds at the frame's start.

    Source: the corpus inside the package music21, whose encodings are licensed for use with
    possible restrictions on commercial use (corpus/license.txt there); read, never copied.
    """
    from music21 import corpus

    names, pieces = [], []
    for path in sorted(Path(path) for path in corpus.getComposer("bach")):
        if limit is not None and len(pieces) == limit:
            break
        if path.suffix == ".mxl":
            score = corpus.parse(path)
            if len(score.parts) == 4:
                names.append(path.stem)
                pieces.append(_piano_roll(score))
    return names, pieces


def _piano_roll(score):
    """(T, 88) boolean: which keys sound at each quarter note of a music21 score."""
    roll = np.zeros((int(np.ceil(score.highestTime)), NUM_PITCHES), dtype=bool)  # (T, 88)
    for note in score.flatten().notes:
        start, end = float(note.offset), float(note.offset + note.quarterLength)
        frames = slice(int(np.ceil(start)), int(np.ceil(end)))
        for pitch in note.pitches:
            roll[frames, pitch.midi - LOWEST_PITCH] = True
    return roll


def code_lines(module_names):
    """Lines of Python programs with the role of each character.

    Lines inside a string that runs over several are left out, as are lines without a letter.

    Args:
        module_names: modules of the standard library that are Python files, such as "argparse".

    Returns:
        lines: list of strings, without the space at both ends. tags: list of (T,) indices into
        CODE_TAGS. owners: list of the module names, one a line.

    Source: the standard library of the running Python; Python Software Foundation licence 2.
    """
    import importlib.util

    lines, tags, owners = [], [], []
    for name in module_names:
        text = Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
        for line, row in _tagged_lines(text):
            lines.append(line)
            tags.append(row)
            owners.append(name)
    return lines, tags, owners


def _tag(token):
    """Index into CODE_TAGS for a token of the tokenize module."""
    kinds = {tokenize.NUMBER: "number", tokenize.STRING: "string", tokenize.COMMENT: "comment"}
    if token.type == tokenize.NAME:
        return CODE_TAGS.index("keyword" if keyword.iskeyword(token.string) else "name")
    return CODE_TAGS.index(kinds.get(token.type, "operator"))


def _tagged_lines(text):
    """Yield (line, (T,) tags) for each line of a program that stands for itself."""
    rows = text.splitlines()
    tags, broken = [np.zeros(len(row), dtype=np.int64) for row in rows], set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        (first, start), (last, stop) = token.start, token.end
        if first != last:
            broken |= set(range(first - 1, last))
        elif token.string.strip():
            tags[first - 1][start:stop] = _tag(token)
    for number, (row, row_tags) in enumerate(zip(rows, tags, strict=True)):
        margin = len(row) - len(row.lstrip())
        line = row.strip()
        if number not in broken and any(map(str.isalpha, line)):
            yield line, row_tags[margin : margin + len(line)]
