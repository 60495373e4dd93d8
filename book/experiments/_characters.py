"""Help texts as characters, split by topic, in windows; shared by experiments of chapter 6."""

import numpy as np

from rnn_course import data
from rnn_course.text import Vocabulary


def help_characters(max_size=64):
    """(training, held-out) tokens of the help texts, and their vocabulary, by topic."""
    texts = list(data.python_help_text().values())
    sides = (
        "".join(text for row, text in enumerate(texts) if (row % 5 == 0) == held_out)
        for held_out in (False, True)
    )
    train, test = (" ".join(side.split()) for side in sides)
    characters = Vocabulary(train, max_size)
    return characters.encode(train), characters.encode(test), characters


def windows(tokens, T, step):
    """(N, T) pieces of a text, one every ``step`` characters."""
    starts = np.arange(0, len(tokens) - T + 1, step)
    return tokens[starts[:, None] + np.arange(T)]
