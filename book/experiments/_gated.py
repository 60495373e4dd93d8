"""Chapter 5's drawing of the LSTM's cell, which is long and teaches nothing as code."""

from matplotlib.patches import Circle, Rectangle

from rnn_course.plotting import PALETTE

BLUE, ORANGE = PALETTE["blue"], PALETTE["orange"]
TIMES = "\N{MULTIPLICATION SIGN}"


def _box(ax, x, y, width, height, text, colour="black"):
    """A rectangle with a text, or a circle where the width is 0."""
    circle = Circle((x, y), 0.3, lw=1.6, ec=colour, fc="none")
    corner = (x - width / 2, y - height / 2)
    rectangle = Rectangle(corner, width, height, lw=1.6, ec=colour, fc="none")
    ax.add_patch(rectangle if width else circle)
    ax.text(x, y, text, ha="center", va="center", color=colour)


def _line(ax, *points, colour="black", width=1.4):
    ax.plot(*zip(*points, strict=True), color=colour, lw=width, ls="-", solid_capstyle="butt")
    style = {"arrowstyle": "-|>", "lw": width, "color": colour, "shrinkA": 0, "shrinkB": 0}
    ax.annotate("", points[-1], points[-2], arrowprops=style)


def draw_lstm_cell(ax):
    """Draw one step of the LSTM: the cell's line above, what decides below."""
    ax.set(xlim=(-0.4, 10.4), ylim=(-0.6, 6.4), aspect="equal")
    ax.axis("off")
    names = {(0, 5.5, BLUE): "c_{t-1}", (10, 5.5, BLUE): "c_t", (2.2, 3.9, ORANGE): "f"}
    names |= {(0, 1.4, "black"): "h_{t-1}", (10, 1.4, "black"): "h_t", (4.6, -0.35, "black"): "x_t"}
    names |= {(3.8, 3.5, ORANGE): "i", (5.8, 3.5, ORANGE): "g", (7.3, 3.55, ORANGE): "o"}
    for (x, y, colour), name in names.items():
        ax.text(x, y, f"${name}$", ha="center", va="center", color=colour)
    for start, end in ((0.5, 2.2), (2.8, 4.5), (5.1, 9.5)):
        _line(ax, (start, 5.5), (end, 5.5), colour=BLUE, width=3)
    for x, y, sign, colour in (
        (2.5, 5.5, TIMES, BLUE),
        (4.8, 5.5, "+", BLUE),
        (4.8, 4.2, TIMES, "black"),
    ):
        _box(ax, x, y, 0, 0, sign, colour)
    _box(ax, 8.2, 3.2, 0, 0, TIMES)
    _box(ax, 8.2, 4.4, 1.1, 0.6, "tanh")
    _box(ax, 4.6, 1.4, 5.2, 0.8, "$W_{xh} x_t + W_{hh} h_{t-1} + b_h$")
    for x, name in ((2.5, "$\\sigma$"), (4.1, "$\\sigma$"), (5.5, "tanh"), (6.8, "$\\sigma$")):
        _box(ax, x, 2.6, 1.0 if name == "tanh" else 0.7, 0.6, name, ORANGE)
        _line(ax, (x, 1.8), (x, 2.3))
    _line(ax, (0.5, 1.4), (2.0, 1.4))
    _line(ax, (4.6, 0), (4.6, 1.0))
    _line(ax, (2.5, 2.9), (2.5, 5.2))
    _line(ax, (4.1, 2.9), (4.1, 4.2), (4.5, 4.2))
    _line(ax, (5.5, 2.9), (5.5, 4.2), (5.1, 4.2))
    _line(ax, (4.8, 4.5), (4.8, 5.2))
    _line(ax, (8.2, 5.5), (8.2, 4.7))
    _line(ax, (8.2, 4.1), (8.2, 3.5))
    _line(ax, (6.8, 2.9), (6.8, 3.2), (7.9, 3.2))
    _line(ax, (8.2, 2.9), (8.2, 1.4), (9.5, 1.4))
