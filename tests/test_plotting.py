"""Figures: one style, the same bytes each time, distinct without colour."""

import io
import itertools
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


WORDS = ["the", "film", "cost", "$", "5", "and", "a_b", "$"]


def norms(ax):
    falling = {"RNN": np.exp(-np.outer([1, 2], np.arange(30))), "bag": np.full(30, 1 / 30)}
    return plotting.plot_gradient_norms(
        ax, np.arange(30), falling, {"$0.5^k$": 0.5 ** np.arange(30)}
    )


def spectrum(ax):
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    return plotting.plot_spectrum(ax, {"rotation": turn, "half": 0.5 * np.eye(2)})


def gates(ax):
    gate = np.linspace(0, 1, 8 * 5).reshape(8, 5)
    return plotting.plot_gates(ax, gate, WORDS, "forget gate")


def probe(ax):
    scores = {"RNN": np.array([[1.0, 0.5, 0.0], [0.8, 0.7, 0.0]]), "LSTM": np.ones(3)}
    return plotting.plot_probe(ax, [0, 4, 8], scores, 0.0)


def weights(T, S):
    p = np.random.default_rng(0).random((T, S))
    return p / p.sum(axis=1, keepdims=True)


def attention(ax):
    return plotting.plot_attention(ax, weights(3, 8), ["yes", "or", "no"], WORDS)


def large_attention(ax):
    return plotting.plot_attention(ax, weights(13, 8), list("what is it 4?"), WORDS)


def with_spread(ax):
    line = plotting.plot_with_spread(ax, np.arange(3), np.arange(6.0).reshape(2, 3), label="RNN")
    plotting.direct_label(ax, line)
    plotting.plot_baseline(ax, 2.0, label="majority")


DRAW = (norms, spectrum, gates, probe, attention, large_attention, with_spread)
every_figure = pytest.mark.parametrize("draw", DRAW)


def svg(draw):
    fig, ax = plt.subplots()
    draw(ax)
    buffer = io.BytesIO()
    fig.savefig(buffer, format="svg", metadata={"Date": None})
    return buffer.getvalue()


@every_figure
def test_svg_is_the_same_bytes_each_time(draw):
    """Does the same data give the same file, without a date?"""
    first = svg(draw)
    assert first == svg(draw)
    assert b"<dc:date>" not in first


@every_figure
def test_text_is_legible_on_a_phone(draw):
    """Is all text 10 px high or more where the figure is shown 350 px wide, and in black or grey,
    in a series' colour, or white on ink?"""
    fig, ax = plt.subplots()
    draw(ax)
    fig.canvas.draw()
    texts = [text for text in fig.findobj(matplotlib.text.Text) if text.get_text()]
    assert len(texts) > 4
    for text in texts:
        assert text.get_size() * 350 / (72 * plotting.WIDTH) >= 10, text
        assert text.get_color() in ("black", "white", *plotting.PALETTE.values()), text


@every_figure
def test_nothing_is_drawn_outside_the_figure(draw):
    """Do labels and legends stay inside, so that no page cuts them off?"""
    fig, ax = plt.subplots()
    draw(ax)
    fig.canvas.draw()
    tight = fig.get_tightbbox()
    assert tight.x0 >= 0 and tight.y0 >= 0
    assert tight.x1 <= plotting.WIDTH and tight.y1 <= plotting.HEIGHT


def texts_of(labels):
    return [label.get_text() for label in labels]


def legend_of(ax):
    return texts_of(ax.get_legend().get_texts())


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


@pytest.mark.parametrize(
    ("colour", "text"), [*zip(plotting.TENTHS, 5 * "k" + 5 * "w", strict=True)]
)
def test_numbers_are_legible_on_every_colour_of_a_map(colour, text):
    """Has black or white text the contrast of 4.5 to 1 on each, on light and dark pages?"""
    cell, text = (np.array(matplotlib.colors.to_rgb(each)) for each in (colour, text))
    assert contrast(cell, text) >= 4.5
    assert contrast(on_dark_page(cell), on_dark_page(text)) >= 4.5


def test_map_runs_from_the_page_to_ink():
    """Is each colour clearly darker than the one before, in grey and, turned, lighter?"""
    colours = [np.array(matplotlib.colors.to_rgb(each)) for each in plotting.TENTHS]
    for one, other in itertools.pairwise(colours):
        assert contrast(one, other) > 1.19
        assert contrast(on_dark_page(one), on_dark_page(other)) > 1.19
        assert brightness(one) > brightness(other)
        assert brightness(on_dark_page(one)) < brightness(on_dark_page(other))
    assert contrast(on_dark_page(colours[0]), np.array(matplotlib.colors.to_rgb("#121212"))) < 1.1


def test_geometric_mean_is_the_middle_of_a_log_scale():
    """Is it 10 between 1 and 100, and 0 with a 0, without a warning?"""
    values = np.array([[1.0, 0.0], [100.0, 5.0]])
    np.testing.assert_allclose(plotting.geometric_mean(values, axis=0), [10, 0])


def test_gradient_norms_are_drawn_on_a_log_scale():
    """Is each line the geometric mean over seeds, the prediction last, each named?"""
    _, ax = plt.subplots()
    rnn, bag, predicted = norms(ax)
    assert (ax.get_yscale(), ax.get_xlabel()) == ("log", "steps back, k")
    assert ax.get_ylabel() == "norm of the gradient"
    np.testing.assert_allclose(rnn.get_ydata(), np.exp(-1.5 * np.arange(30)))
    np.testing.assert_allclose(bag.get_ydata(), 1 / 30)
    np.testing.assert_allclose(predicted.get_ydata(), 0.5 ** np.arange(30))
    assert [rnn.get_color(), bag.get_color()] == [*plotting.PALETTE.values()][:2]
    assert legend_of(ax) == ["RNN", "bag", "$0.5^k$"]
    assert rnn.get_markevery() == 3


def test_gradient_of_zero_drops_out_of_the_picture():
    """Does a window's line end below the axis, and do zeros leave the scale alone?"""
    fig, ax = plt.subplots()
    (line,) = plotting.plot_gradient_norms(ax, range(4), {"window": [1.0, 0.1, 0.0, 0.0]})
    fig.canvas.draw()
    low, high = ax.get_ylim()
    assert 0.01 < low < 0.1 < 1 < high
    heights = ax.transData.transform(line.get_xydata())[:, 1]
    assert (heights[2:] < ax.get_window_extent().y0).all()


def test_series_of_another_length_are_refused():
    """Is a series that does not fit its distances named with both shapes?"""
    _, ax = plt.subplots()
    for draw in (plotting.plot_gradient_norms, lambda *a: plotting.plot_probe(*a, 0)):
        with pytest.raises(ValueError, match=r"\(seeds, 3\).*got \(1, 4\)"):
            draw(ax, np.arange(3), {"RNN": np.ones(4)})


def test_spectrum_shows_every_eigenvalue_and_the_unit_circle():
    """Do points stand at the eigenvalues, without a line, on axes of one scale?"""
    _, ax = plt.subplots()
    turn, half = spectrum(ax)
    np.testing.assert_allclose(sorted(turn.get_ydata()), [-1, 1])
    np.testing.assert_allclose(turn.get_xdata(), 0, atol=1e-12)
    np.testing.assert_allclose(half.get_xdata(), 0.5)
    assert turn.get_linestyle() == "None" and turn.get_marker() != half.get_marker()
    assert ax.get_aspect() == 1
    np.testing.assert_allclose(np.hypot(*ax.lines[0].get_data()), 1)
    assert legend_of(ax) == ["unit circle", "rotation", "half"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("real part", "imaginary part")


def test_gates_stand_in_the_order_of_their_means():
    """Is a column a word, a row a unit, the most open one on top, on a scale from 0 to 1?"""
    fig, ax = plt.subplots()
    gate = np.array([[0.1, 0.9, 0.5], [0.2, 0.7, 0.6]])
    image = plotting.plot_gates(ax, gate, ["not", "good"], "forget gate")
    np.testing.assert_allclose(image.get_array(), [[0.9, 0.7], [0.5, 0.6], [0.1, 0.2]])
    assert image.get_clim() == (0, 1)
    assert image.get_cmap().N == 10
    assert texts_of(ax.get_xticklabels()) == ["not", "good"]
    assert ax.get_xticklabels()[0].get_rotation() == 0
    assert ax.get_ylabel() == "3 units"
    assert fig.axes[1].get_ylabel() == "forget gate"


def test_words_are_named_as_they_are():
    """Do dollar signs and underscores stay, though mathematics begins with them?"""
    fig, ax = plt.subplots()
    gates(ax)
    fig.canvas.draw()
    assert texts_of(ax.get_xticklabels()) == WORDS
    assert not any(label.get_parse_math() for label in ax.get_xticklabels())


@pytest.mark.parametrize(("count", "rotation"), [(2, 0), (7, 0), (8, 90), (15, 90), (23, 90)])
def test_words_do_not_run_into_each_other(count, rotation):
    """Do up to 23 names have room, upright where they are many, beside a colour bar too?"""
    fig, ax = plt.subplots()
    plotting.plot_gates(ax, np.ones((count, 2)), ["word"] * count)
    fig.canvas.draw()
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {rotation}
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    assert all(one.x1 < other.x0 for one, other in itertools.pairwise(boxes))


def test_probe_stands_beside_its_baseline():
    """Are scores the means over seeds, the baseline last, one number or one a distance?"""
    _, ax = plt.subplots()
    rnn, lstm, baseline = probe(ax)
    np.testing.assert_allclose(rnn.get_ydata(), [0.9, 0.6, 0.0])
    np.testing.assert_allclose(lstm.get_xdata(), [0, 4, 8])
    np.testing.assert_allclose(baseline.get_ydata(), 0)
    assert baseline.get_color() == plotting.BASELINE_COLOUR
    assert legend_of(ax) == ["RNN", "LSTM", "baseline"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("steps ago, k", "$R^2$, held out")
    *_, baseline = plotting.plot_probe(
        ax, [0, 4, 8], {}, [0.2, 0.3, 0.4], baseline_name="majority", ylabel="accuracy"
    )
    np.testing.assert_allclose(baseline.get_ydata(), [0.2, 0.3, 0.4])
    assert (baseline.get_label(), ax.get_ylabel()) == ("majority", "accuracy")


def test_attention_writes_percent_into_the_cells():
    """Are weights where they belong, white on ink, and cells that round to 0 empty?"""
    fig, ax = plt.subplots()
    p = np.array([[0.004, 0.496, 0.5], [0.0, 0.006, 0.994]])
    image = plotting.plot_attention(ax, p, ["not", "good"], ["pas", "bon", "."])
    np.testing.assert_array_equal(image.get_array(), p)
    cells = {text.get_position(): (text.get_text(), text.get_color()) for text in ax.texts}
    assert cells == {
        (1, 0): ("50", "black"),
        (2, 0): ("50", "white"),
        (1, 1): ("1", "black"),
        (2, 1): ("99", "white"),
    }
    assert texts_of(ax.get_xticklabels()) == ["pas", "bon", "."]
    assert texts_of(ax.get_yticklabels()) == ["not", "good"]
    assert len(fig.axes) == 1


def test_attention_scale_may_end_below_one():
    """Do colours and the ink under white text follow the given end of the scale?"""
    _, ax = plt.subplots()
    image = plotting.plot_attention(ax, [[0.04, 0.06]], ["a"], ["b", "c"], highest=0.1)
    assert image.get_clim() == (0, 0.1)
    assert [text.get_color() for text in ax.texts] == ["black", "white"]
    for text, weight in zip(ax.texts, [0.04, 0.06], strict=True):
        ink = image.cmap(image.norm(weight))[:3]
        assert contrast(np.array(ink), np.array(matplotlib.colors.to_rgb(text.get_color()))) >= 4.5


def test_large_attention_maps_have_a_colour_bar_instead():
    """Are cells too small for numbers left without, and named on both axes?"""
    fig, ax = plt.subplots()
    large_attention(ax)
    assert len(ax.texts) == 0
    assert fig.axes[1].get_ylabel() == "attention weight"
    assert len(ax.get_yticklabels()) == 13


def test_cell_numbers_fit_their_cells():
    """Does "100" stay inside its cell in the largest map that has numbers?"""
    fig, ax = plt.subplots(figsize=(5.2, 4.2))
    names = 12 * ["maison"]
    plotting.plot_attention(ax, np.ones((12, 12)), names, names)
    fig.canvas.draw()
    cell = ax.get_window_extent()
    for text in ax.texts:
        box = text.get_window_extent()
        assert box.width < cell.width / 12 and box.height < cell.height / 12


def test_maps_refuse_names_that_do_not_fit():
    """Does a transposed map, or a missing word, raise and name both sizes?"""
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"gate has shape \(3, 2\), but 2 tokens needs"):
        plotting.plot_gates(ax, np.ones((3, 2)), ["a", "b"])
    with pytest.raises(ValueError, match=r"p has shape \(3, 2\), but 2 target and 3 source"):
        plotting.plot_attention(ax, np.ones((3, 2)), ["a", "b"], ["c", "d", "e"])
