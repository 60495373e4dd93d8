"""One look for all figures, legible on a phone and on a dark page.

Text keeps its default black and backgrounds stay transparent, so that the book can turn the
colours of a finished figure for its dark theme. matplotlib is imported where it is used.
"""

import numpy as np

from rnn_course._validate import require_shape

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
# For maps: from the page's own colour to ink. On the first five black text has a contrast of 4.5
# or more on both pages, on the others white text; the gap between the fifth and the sixth is why.
TENTHS = ("#ffffff", "#dde8f2", "#bcd1e6", "#9abada", "#78a3cd")
TENTHS += ("#2a72b8", "#205696", "#153974", "#0a1c52", "#000030")
BASELINE_STYLE = {"color": BASELINE_COLOUR, "linestyle": (0, (4, 3)), "lw": 1.4}
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


def plot_with_spread(ax, x, values_by_seed, label, index=0, mean=np.mean, **line):
    """Draw the mean over seeds as a line, and the range from lowest to highest as a band.

    Args:
        ax: matplotlib axes.
        x: (N,) positions.
        values_by_seed: (S, N), one row a seed.
        label: name of the series.
        index: which series style to use, counted from 0.
        mean: function of the values and an axis; `geometric_mean` for a log scale.
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
    (drawn,) = ax.plot(x, mean(values, axis=0), label=label, **style)
    ax.fill_between(
        x, values.min(axis=0), values.max(axis=0), color=drawn.get_color(), alpha=0.18, lw=0
    )
    return drawn


def geometric_mean(values, axis):
    """Mean on a log scale; 0 where a value is 0."""
    with np.errstate(divide="ignore"):
        return np.exp(np.log(values).mean(axis=axis))


def plot_baseline(ax, value, label):
    """Draw a trivial baseline as a thin dashed line across the axes."""
    return ax.axhline(value, label=label, **BASELINE_STYLE)


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


def legend_above(ax, ncols=2):
    """Put the legend on top of the axes, where it hides no data."""
    place = {"loc": "lower center", "bbox_to_anchor": (0.5, 1), "borderaxespad": 0.2}
    return ax.legend(ncols=ncols, columnspacing=1.2, handlelength=2.6, **place)


def _plot_series(ax, x, values_by_name, **line):
    """Each series of a dict, (N,) or (S, N) with a row a seed; at most twelve markers a line."""
    return [
        plot_with_spread(
            ax, x, np.atleast_2d(values), name, index, markevery=-(-len(x) // 12) or 1, **line
        )
        for index, (name, values) in enumerate(values_by_name.items())
    ]


def plot_gradient_norms(ax, distances, norms_by_name, predicted=None):
    """Draw how a gradient's norm falls or grows with distance, on a log scale.

    A line is the geometric mean over seeds, its band the range. A norm of 0 is below every axis:
    where gradients cannot reach, the line drops out of the picture.

    Args:
        ax: matplotlib axes.
        distances: (N,) steps back.
        norms_by_name: {name: (N,) or (S, N)}, one row a seed.
        predicted: {name: (N,)} of thin dotted lines, such as powers of a spectral radius; or None.

    Returns:
        list of the lines, those of the predictions last.
    """
    lines = _plot_series(ax, distances, norms_by_name, mean=geometric_mean)
    for name, values in (predicted or {}).items():
        lines += ax.plot(distances, values, color="black", linestyle=":", lw=1.2, label=name)
    ax.set(yscale="log", xlabel="steps back, k", ylabel="norm of the gradient")
    legend_above(ax)
    return lines


def plot_probe(
    ax, distances, scores_by_name, baseline, baseline_name="baseline", ylabel="$R^2$, held out"
):
    """Draw how well something is read out of states, by distance, beside its baseline.

    Args:
        ax: matplotlib axes.
        distances: (N,) steps ago.
        scores_by_name: {name: (N,) or (S, N)}, one row a seed.
        baseline: score without any state: a number, or (N,) one a distance. baseline_name: of it.
        ylabel: what the score is, such as "accuracy, held out".

    Returns:
        list of the lines, that of the baseline last.
    """
    lines = _plot_series(ax, distances, scores_by_name)
    baselines = np.broadcast_to(baseline, np.shape(distances))  # (N,)
    lines += ax.plot(distances, baselines, label=baseline_name, **BASELINE_STYLE)
    ax.set(xlabel="steps ago, k", ylabel=ylabel)
    legend_above(ax)
    return lines


def plot_spectrum(ax, matrices_by_name):
    """Draw eigenvalues in the complex plane; outside the unit circle they make states grow.

    Args:
        ax: matplotlib axes.
        matrices_by_name: {name: (H, H)}.

    Returns:
        list of the series of points, one a matrix.
    """
    angle = np.linspace(0, 2 * np.pi, 200)  # (200,)
    ax.plot(np.cos(angle), np.sin(angle), label="unit circle", **BASELINE_STYLE)
    drawn = []
    for index, (name, W) in enumerate(matrices_by_name.items()):
        values = np.linalg.eigvals(W)  # (H,)
        points = series_style(index) | {"linestyle": "none", "markersize": 5}
        drawn += ax.plot(values.real, values.imag, label=name, **points)
    ax.set(xlabel="real part", ylabel="imaginary part", aspect="equal")
    ax.locator_params(nbins=5)
    legend_above(ax)
    return drawn


def _token_ticks(axis, tokens):
    """Name the places of an axis; upright columns where the names would run into each other."""
    crowded = axis.axis_name == "x" and len(tokens) * max(map(len, tokens), default=0) > 28
    turn = {"rotation": 90} if crowded else {}
    axis.set_ticks(range(len(tokens)), tokens, parse_math=False, **turn)  # "$" is a token, too


def _plot_map(ax, values, highest):
    """A map in ten colours, one for each tenth from 0 to ``highest``."""
    from matplotlib.colors import ListedColormap

    image = ax.imshow(
        values, ListedColormap(TENTHS), vmin=0, vmax=highest, aspect="auto", interpolation="none"
    )
    ax.grid(False)
    ax.spines[:].set_visible(True)
    ax.tick_params(length=0)
    return image


def plot_gates(ax, gate, tokens, name="gate"):
    """Draw what one gate does while a sentence is read: a column a word, a row a unit.

    Units stand in the order of their means, the most open gate on top.

    Args:
        ax: matplotlib axes.
        gate: (T, H), entries in [0, 1].
        tokens: T names; beyond 23 a phone has no room for them.
        name: of the gate, for the colour bar.

    Returns:
        The image.

    Raises:
        ValueError: not one token a step.
    """
    gate = np.asarray(gate)
    require_shape("gate", gate, (len(tokens), None), f"{len(tokens)} tokens")
    order = np.argsort(-gate.mean(axis=0), kind="stable")  # (H,)
    image = _plot_map(ax, gate[:, order].T, highest=1)
    _token_ticks(ax.xaxis, tokens)
    ax.set(yticks=[], ylabel=f"{gate.shape[1]} units")
    ax.figure.colorbar(image, ax=ax, label=name)
    return image


def plot_attention(ax, p, target, source, highest=1):
    """Draw attention weights as a map: a row for each word written, a column for each looked at.

    Up to 12 by 12 the cells hold the weights in percent, and none where that is 0 when rounded;
    larger maps have a colour bar.

    Args:
        ax: matplotlib axes.
        p: (T, S) weights of one head, entries in [0, 1].
        target, source: T and S names of what looks and of what is looked at.
        highest: the weight at the end of the scale; below 1 where all are small.

    Returns:
        The image.

    Raises:
        ValueError: not one name a row and a column.
    """
    p = np.asarray(p)
    names = f"{len(target)} target and {len(source)} source tokens"
    require_shape("p", p, (len(target), len(source)), names)
    image = _plot_map(ax, p, highest)
    ax.xaxis.tick_top()
    _token_ticks(ax.xaxis, source)
    _token_ticks(ax.yaxis, target)
    if max(p.shape) > 12:
        ax.figure.colorbar(image, ax=ax, label="attention weight")
        return image
    for (t, s), weight in np.ndenumerate(p):
        if weight >= 0.005:
            colour = "white" if weight / highest >= 0.5 else "black"
            ax.text(s, t, f"{100 * weight:.0f}", ha="center", va="center", color=colour, size=11)
    return image
