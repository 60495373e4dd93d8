"""Check of the encoder-decoder: one network reads the source, another writes the target."""

import numpy as np

from rnn_course.checks.decoding import START
from rnn_course.checks.rnn import draw_weights
from rnn_course.checks.translators import translate
from rnn_course.checks.wrong_translators import SUSPECTS
from rnn_course.examination.examine import Aspect, Task, examine
from rnn_course.examination.rounding import measured_rounding

LENGTHS = (4, 5, 2)
S, T, D, H = 6, 4, 5, 7
V_SOURCE, V = 11, 9


def _draw_net(rng, V, D=D, H=H):
    return {"E": rng.normal(0, 1, (V, D))} | draw_weights(rng, D, H)


def _draw_words(rng, words, B, steps):
    """(B, steps) words, none of them twice in a row of the batch."""
    return np.stack([rng.choice(words, steps, replace=False) for _ in range(B)])


def _draw(rng, lengths=LENGTHS, S=S, T=T, D=D, H=H, vocabularies=(V_SOURCE, V), first=3):
    """Arguments; ``first`` is the smallest number of a word, but for START."""
    lengths, words = np.array(lengths), np.arange(first, vocabularies[1])
    source, inputs = (_draw_words(rng, words, len(lengths), steps) for steps in (S, T))
    inputs[:, 0] = START
    encoder, decoder = (_draw_net(rng, V, D, H) for V in vocabularies)
    V = vocabularies[1]
    decoder |= {"W_hy": rng.normal(0, 1, (V, H)), "b_y": rng.normal(0, 1, V)}
    source = source * (np.arange(S) < lengths[:, None])
    given = {"source": source, "lengths": lengths, "inputs": inputs}
    return given | {"encoder": encoder, "decoder": decoder}


def _draw_telling(rng):
    """Arguments with which the decoder would not write the words that it is fed."""
    while True:
        given = _draw(rng)
        own = translate(*given.values()).argmax(axis=2)
        if (own[:, :-1] != given["inputs"][:, 1:]).all() and (own != START).all():
            return given


def _task(seed):
    rng = np.random.default_rng(seed)
    main, dirty = _draw_telling(rng), _draw(rng, (2, 3, 1), 4)
    dirty["source"] = rng.integers(3, V_SOURCE, dirty["source"].shape)
    alone = _draw(rng, (3, 2), 4)
    alone["encoder"] = {name: 0 * array for name, array in alone["encoder"].items()}
    full, short = _draw(rng, (5, 5), 5), _draw(rng, (1,), 1, 1)
    same = _draw(rng, (3, 3, 3), 3, 3, 3, 3, (3, 3), 0)
    return Task(
        name="encoder_decoder_logits",
        outputs=("y",),
        reference=translate,
        aspects=(
            Aspect("all logits, for three sources of different lengths", 3, (main,)),
            Aspect("the first step: what the decoder starts from", 2, (main,),
                   where=lambda given: np.arange(T)[:, None] == 0),
            Aspect("the decoder by itself (the encoder's parameters are zero)", 2, (alone,)),
            Aspect("sources without padding; one source, of one word; one step", 2, (full, short)),
            Aspect("padding other than 0", 1, (dirty,)),
        ),
        suspects={"y": SUSPECTS},
        fallbacks=(same,),
        rounding=measured_rounding(translate, (S + T) * (H + D + 3)),
        shapes={"y": "(B, T, V)"},
    )  # fmt: skip


def check_encoder_decoder_logits(answer, seed=7005):
    """Check answer(source, lengths, inputs, encoder, decoder) -> y (B, T, V); returns a Verdict."""
    return examine(_task(seed), answer)
