"""Does a Transformer write better than recurrent networks of its size in the same time?

Two tasks with an answer at every step: the next character of Python's help texts, and spelled-out
numbers from English into French, by word. All networks have about as many parameters, the same
batches and the same processor time; the learning rate of each is chosen on validation data with a
seed that is not reported.
"""

import numpy as np

from experiments import _transformer as shared
from rnn_course import data
from rnn_course.encoders import GRUEncoder, LSTMEncoder
from rnn_course.memory_attention import DotProductAttention
from rnn_course.metrics import exact_match
from rnn_course.models import SequenceModel, count_parameters
from rnn_course.seq2seq import EncoderDecoder, TransformerEncoderDecoder
from rnn_course.text import Vocabulary, pad_sequences, tokenise
from rnn_course.transformer import TransformerDecoder

SETTINGS = {"rates": [0.003, 0.01], "seconds": 1.6, "choosing_seed": 10}
SETTINGS |= {"seeds": [0, 1, 2, 3, 4], "tasks": ["help text", "numbers"]}
SMALL = SETTINGS | {"rates": [0.01], "seconds": 2.0, "seeds": [0], "tasks": ["numbers"]}
STEPS = 64  # characters in a piece of the help texts


def help_text():
    """(inputs, targets) of training, validation and test topics, and the size of the alphabet."""
    texts = list(data.python_help_text().values())
    learn, rest = data.split_rows(len(texts), np.random.default_rng(1000), 0.3)
    half = len(rest) // 2
    rows = {"train": learn, "validation": rest[:half], "test": rest[half:]}
    words = Vocabulary("".join(texts[row] for row in learn))

    def pieces(chosen):
        stream = words.encode("".join(texts[row] for row in chosen))
        count = (len(stream) - 1) // STEPS
        cut = lambda start: np.array(stream[start : start + count * STEPS]).reshape(-1, STEPS)  # noqa: E731
        return cut(0), cut(1)

    return {name: pieces(chosen) for name, chosen in rows.items()}, len(words)


def _bits(model, inputs, targets):
    return float(model.loss(inputs[:300], targets[:300])) / np.log(2)


def _help_text(settings, progress):
    split, size = help_text()

    def model_of(encoder, rng):
        return SequenceModel(encoder, size, rng, size, shared.D)

    build = shared.builder(model_of, causal=True)
    score = lambda model, part: -_bits(model, *split[part])  # noqa: E731
    names = [*shared.RECURRENT, "Transformer"]
    results = shared.compare(build, split["train"], score, names, settings, progress)
    counts = np.bincount(split["train"][0].ravel(), minlength=size) + 1
    log_p = np.log2(counts / counts.sum())
    return results | {"unigram": float(log_p[split["test"][1][:300]].mean())}


def numbers(stop=3000):
    """(source, lengths, target, lengths) of training, validation and test numbers, vocabularies."""
    order = np.random.default_rng(1000).permutation(stop)
    texts = [
        [tokenise(text) for _, text in data.spelled_numbers(language, stop)]
        for language in ("en", "fr")
    ]
    words = [Vocabulary(word for text in side for word in text) for side in texts]
    end = len(words[1]) + 1  # after the start token
    source = [words[0].encode(text) for text in texts[0]]
    target = [[*words[1].encode(text), end] for text in texts[1]]
    columns = *pad_sequences(source), *pad_sequences(target)
    rows = {"train": order[:2000], "validation": order[2000:2200], "test": order[2200:2600]}
    split = {name: [column[r] for column in columns] for name, r in rows.items()}
    return split, len(words[0]), end


def _numbers(settings, progress):
    split, source_size, end = numbers()
    sizes = source_size, end + 1, end - 1, end

    def recurrent(make, H, rng):
        encoder, decoder = (make(shared.D, H, rng, dtype=np.float32) for _ in range(2))
        attention = DotProductAttention(H, H, rng, dtype=np.float32)
        return EncoderDecoder(encoder, decoder, *sizes, rng, attention)

    def attending(rng):
        encoder = shared.transformer(rng, 1)
        decoder = TransformerDecoder(shared.D, 4, 64, 1, rng, dtype=np.float32)
        return TransformerEncoderDecoder(encoder, decoder, *sizes, rng)

    rng = np.random.default_rng(0)
    target, makers = count_parameters(attending(rng)), {"LSTM": LSTMEncoder, "GRU": GRUEncoder}
    hidden = {
        name: shared.of_size(lambda H, make=make: recurrent(make, H, rng), target)
        for name, make in makers.items()
    }

    def build(name, rng):
        if name == "Transformer":
            return attending(rng)
        return recurrent(makers[name], hidden[name], rng)

    def score(model, part):
        source, source_lengths, target, lengths = split[part]
        wanted = [list(row[: n - 1]) for row, n in zip(target, lengths, strict=True)]
        return float(exact_match(model.greedy_decode(source, source_lengths, 24), wanted))

    names = [*makers, "Transformer"]
    return shared.compare(build, split["train"], score, names, settings, progress)


def run(settings, progress):
    """Return, by task, each network's results, beside what needs no network."""
    tasks = {"help text": _help_text, "numbers": _numbers}
    return {name: tasks[name](settings, progress) for name in settings["tasks"]}
