"""Data of installed packages: the right shapes and units, in a fixed order."""

import keyword

import numpy as np
import pytest

from rnn_course import real_data


def test_sunspots_are_yearly_counts_with_the_known_maximum():
    """Is there a value a year, none negative, with the largest in 1957?"""
    pytest.importorskip("statsmodels")
    years, values = real_data.sunspots()
    np.testing.assert_array_equal(years, np.arange(1700, 2009))
    assert values.min() >= 0
    assert years[values.argmax()] == 1957


def test_carbon_dioxide_is_monthly_and_whole():
    """Is there a value for each month, rising, with its maximum in the northern spring?"""
    pytest.importorskip("statsmodels")
    months, values = real_data.carbon_dioxide()
    np.testing.assert_array_equal(np.diff(months), 1)
    assert divmod(months[0], 12) == (1958, 2) and divmod(months[-1], 12) == (2001, 11)
    assert np.isfinite(values).all() and values[-1] - values[0] > 50
    trend = np.convolve(values, np.ones(12) / 12, "same")
    by_month = [(values - trend)[12:-12][months[12:-12] % 12 == m].mean() for m in range(12)]
    assert np.argmax(by_month) == 4  # May


def test_carbon_dioxide_keeps_the_mean_of_a_month():
    """Is a month the plain mean of its weekly samples?"""
    datasets = pytest.importorskip("statsmodels.datasets")
    weekly = datasets.co2.load_pandas().data["co2"].dropna()
    months, values = real_data.carbon_dioxide()
    (january,) = values[months == 1990 * 12]
    assert january == pytest.approx(weekly["1990-01"].mean())


def test_digit_images_are_grey_levels_with_labels():
    """Are the levels between 0 and 1, and do the labels tell the pictures apart?"""
    pytest.importorskip("sklearn")
    images, labels = real_data.digit_images()
    assert images.shape == (1797, 8, 8)
    assert images.min() == 0 and images.max() == 1
    assert set(labels) == set(range(10))
    means = np.stack([images[labels == digit].mean(axis=0) for digit in range(10)])
    nearest = ((images[:, None] - means) ** 2).sum(axis=(2, 3)).argmin(axis=1)
    assert np.mean(nearest == labels) > 0.85


def test_chorales_sound_in_up_to_four_voices():
    """Are the first ones rolls of 88 keys, with the limit kept and the notes held?"""
    pytest.importorskip("music21")
    names, pieces = real_data.chorales(limit=2)
    assert names == ["bwv10.7", "bwv101.7"]
    for piece in pieces:
        assert piece.shape[1] == 88 and piece.dtype == bool
        voices = piece.sum(axis=1)
        assert voices.max() <= 4 and np.median(voices) == 4
        assert np.flatnonzero(piece.any(axis=0)).min() + 21 >= 36  # nobody sings lower


def test_chorale_frames_hold_the_notes_that_sound_at_a_quarter():
    """Does a note fill the frames from its start to its end, and an off-beat one none?"""
    music21 = pytest.importorskip("music21")
    score = music21.stream.Score()
    for start, length, pitch in ((0, 2, 60), (0.5, 0.5, 62), (1, 1.5, 64)):
        note = music21.note.Note(pitch, quarterLength=length)
        score.insert(start, note)
    roll = real_data._piano_roll(score)
    assert [list(np.flatnonzero(frame) + 21) for frame in roll] == [[60], [60, 64], [64]]


def test_code_lines_carry_the_role_of_each_character():
    """Is each character tagged by hand-made truth, and nothing of a long string kept?"""
    text = 'x = 12  # if "a"\n\ndef f():\n    """Two\n    lines."""\n    return f("if")\n'
    lines = dict(real_data._tagged_lines(text))
    shown = {line: "".join(" nk1s#+"[tag] for tag in row) for line, row in lines.items()}
    assert shown == {
        'x = 12  # if "a"': "n + 11  ########",
        "def f():": "kkk n+++",
        'return f("if")': "kkkkkk n+ssss+",
    }


def test_code_lines_of_the_library_are_whole_lines():
    """Do lines, tags and owners go together, and are keywords tagged as such?"""
    lines, tags, owners = real_data.code_lines(("calendar", "cmd"))
    assert len(lines) == len(tags) == len(owners) > 300
    assert dict.fromkeys(owners) == dict.fromkeys(("calendar", "cmd"))
    for line, row in zip(lines, tags, strict=True):
        assert len(line) == len(row) and line == line.strip()
        first = line.split()[0]
        if keyword.iskeyword(first) and row[0] == real_data.CODE_TAGS.index("keyword"):
            return
    raise AssertionError("no line begins with a keyword")
