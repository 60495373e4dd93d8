"""Figures: one style, the same bytes each time, distinct without colour."""

import io
import re
from pathlib import Path

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")
from matplotlib import pyplot as plt

from rnn_course import plotting


@pytest.fixture(autouse=True)
def styled():
    with matplotlib.rc_context():
        plotting.apply_house_style()
        yield
        plt.close("all")


def drawn_svg():
    fig, ax = plt.subplots()
    line = plotting.plot_with_spread(ax, np.arange(3), np.arange(6.0).reshape(2, 3), label="RNN")
    plotting.direct_label(ax, line)
    plotting.plot_baseline(ax, 2.0, label="majority")
    buffer = io.BytesIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


def test_svg_is_the_same_bytes_each_time():
    """Does the same data give the same file, without a date?"""
    first = drawn_svg()
    assert first == drawn_svg()
    assert b"<dc:date>" not in first


def test_house_style_ignores_earlier_settings():
    """Does a reader's own setting survive? It must not."""
    plt.rcParams["lines.linewidth"] = 17
    plt.rcParams["axes.edgecolor"] = "red"
    plotting.apply_house_style()
    assert plt.rcParams["lines.linewidth"] == plotting.house_settings()["lines.linewidth"]
    assert plt.rcParams["axes.edgecolor"] == "black"


def test_backgrounds_are_transparent():
    """Does the page show through, so that a dark page can turn the colours?"""
    fig, ax = plt.subplots()
    assert fig.get_facecolor()[3] == 0
    assert ax.get_facecolor()[3] == 0


def test_spread_shows_mean_and_range_over_seeds():
    """Is the line the mean, and the band from the lowest to the highest seed?"""
    _, ax = plt.subplots()
    values = np.array([[1.0, 5.0], [2.0, 9.0], [6.0, 7.0]])
    line = plotting.plot_with_spread(ax, [10, 20], values, label="RNN")
    np.testing.assert_array_equal(line.get_ydata(), [3.0, 7.0])
    corners = ax.collections[0].get_paths()[0].vertices
    for x, low, high in ((10, 1.0, 6.0), (20, 5.0, 9.0)):
        at_x = corners[corners[:, 0] == x, 1]
        assert (at_x.min(), at_x.max()) == (low, high)


def test_spread_names_both_shapes_when_they_disagree():
    """Does a transposed array meet a message that helps?"""
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"\(seeds, 3\).*got \(3, 2\)"):
        plotting.plot_with_spread(ax, np.arange(3), np.zeros((3, 2)), label="RNN")


def test_series_differ_without_colour():
    """Can two series be told apart in grey, by marker and by line style?"""
    styles = [plotting.series_style(index) for index in range(len(plotting.PALETTE))]
    for name in ("color", "linestyle", "marker"):
        assert len({str(style[name]) for style in styles}) == len(styles)


def brightness(colour):
    """Return the relative luminance (WCAG 2) of (3,) sRGB values."""
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    return linear @ (0.2126, 0.7152, 0.0722)


def contrast(one, other):
    low, high = sorted((brightness(one), brightness(other)))
    return (high + 0.05) / (low + 0.05)


def on_dark_page(colour):
    """Apply the filter that the book's style sheet puts on figures of a dark page."""
    styles = Path(__file__).parents[1] / "book" / "_sphinx" / "assets" / "course.css"
    amount = float(re.search(r"invert\(([\d.]+)\) hue-rotate\(180deg\)", styles.read_text())[1])
    turned = colour * (1 - 2 * amount) + amount
    grey = np.array([0.213, 0.715, 0.072])
    return np.clip(2 * turned @ grey - turned, 0, 1)


@pytest.mark.parametrize("name", plotting.PALETTE)
def test_colours_are_legible_on_light_and_dark_pages(name):
    """Has a label in this colour the contrast that small text needs, 4.5 to 1, on both?"""
    colour = np.array(matplotlib.colors.to_rgb(plotting.PALETTE[name]))
    assert contrast(colour, np.ones(3)) >= 4.5
    assert contrast(on_dark_page(colour), np.array(matplotlib.colors.to_rgb("#121212"))) >= 4.5


def test_direct_label_stands_at_the_last_point_in_the_colour_of_its_line():
    """Does the name sit where the line ends?"""
    _, ax = plt.subplots()
    line = plotting.plot_with_spread(ax, [1, 2], [[3.0, 4.0]], label="RNN", index=1)
    text = plotting.direct_label(ax, line)
    assert (text.get_text(), text.xy) == ("RNN", (2, 4.0))
    assert text.get_color() == line.get_color() == plotting.PALETTE["orange"]
