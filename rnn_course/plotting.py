"""One look for all figures, legible on a phone and on a dark page.

Text keeps its default black and backgrounds stay transparent, so that the book can turn the
colours of a finished figure for its dark theme. matplotlib is imported where it is used.
"""

import numpy as np

# Chosen by search: each has a contrast of 4.5 or more on a light and on a dark page, and every
# two stay apart for readers with any common colour blindness (Machado et al., 2009).
PALETTE = {
    "blue": "#0072b2",
    "orange": "#c04a00",
    "violet": "#7500eb",
    "rose": "#995454",
    "plum": "#33001a",
    "navy": "#00005c",
}
BASELINE_COLOUR = "#666666"
LINE_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 1)))
MARKERS = ("o", "s", "^", "D", "v", "P")
WIDTH, HEIGHT = 5.2, 3.3  # inches; text stays above 10 px when shown 350 px wide


def house_settings():
    """Return the matplotlib settings of the house style as a dict."""
    from matplotlib import cycler

    return {
        "axes.prop_cycle": cycler(color=list(PALETTE.values()), linestyle=LINE_STYLES),
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.labelsize": 13,
        "axes.titlesize": 13,
        "figure.constrained_layout.use": True,
        "figure.facecolor": "none",
        "axes.facecolor": "none",
        "savefig.facecolor": "none",
        "figure.figsize": (WIDTH, HEIGHT),
        "font.size": 13,
        "grid.alpha": 0.25,
        "image.cmap": "cividis",
        "legend.frameon": False,
        "legend.fontsize": 12,
        "lines.linewidth": 2,
        "lines.markersize": 6,
        "lines.markeredgewidth": 0,
        "svg.hashsalt": "rnn-course",
        "xtick.labelsize": 12,
        "ytick.labelsize": 12,
    }


def apply_house_style():
    """Set the house style for all following figures; in a notebook they become plain SVG.

    The settings start from matplotlib's defaults, so a reader's own matplotlibrc has no effect,
    and the SVG carries no date, so the same data gives the same bytes.
    """
    import matplotlib as mpl

    backend = mpl.rcParams["backend"]
    mpl.rcdefaults()
    mpl.rcParams["backend"] = backend
    mpl.rcParams.update(house_settings())
    if "inline" in backend:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})


def series_style(index):
    """Return colour, line style and marker of the series with this index, as keyword arguments.

    Series stay distinct without colour: line style and marker differ too.
    """
    colours = list(PALETTE.values())
    return {
        "color": colours[index % len(colours)],
        "linestyle": LINE_STYLES[index % len(LINE_STYLES)],
        "marker": MARKERS[index % len(MARKERS)],
    }


def plot_with_spread(ax, x, values_by_seed, label, index=0, **line):
    """Draw the mean over seeds as a line, and the range from lowest to highest as a band.

    Args:
        ax: matplotlib axes.
        x: (N,) positions.
        values_by_seed: (S, N), one row a seed.
        label: name of the series.
        index: which series style to use, counted from 0.
        **line: passed to `ax.plot` after the style.

    Returns:
        The line of the mean.

    Raises:
        ValueError: the shapes disagree; the message names both.
    """
    x, values = np.asarray(x), np.asarray(values_by_seed)
    if x.ndim != 1 or values.ndim != 2 or values.shape[1] != len(x):
        raise ValueError(
            f"values_by_seed must be (seeds, {x.size}) to match x {x.shape}, got {values.shape}"
        )
    style = {**series_style(index), **line}
    (drawn,) = ax.plot(x, values.mean(axis=0), label=label, **style)
    ax.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=drawn.get_color(), alpha=0.18, lw=0
    )
    return drawn


def plot_baseline(ax, value, label):
    """Draw a trivial baseline as a thin dashed line across the axes."""
    return ax.axhline(value, color=BASELINE_COLOUR, linestyle=(0, (4, 3)), lw=1.4, label=label)


def direct_label(ax, line, text=None, offset=(6, 0)):
    """Write a line's name beside its last point, in its colour; no legend is needed then.

    Args:
        ax: the line's axes.
        line: a line as `ax.plot` returns it.
        text: the name; the line's label by default.
        offset: shift from the last point, in points.
    """
    x, y = line.get_xdata()[-1], line.get_ydata()[-1]
    name = text or line.get_label()
    return ax.annotate(
        name, (x, y), offset, textcoords="offset points", color=line.get_color(), va="center"
    )
