"""Wrong and right answers to every graded function, which its check has to tell apart.

One module a task. A *mistake* is a program that a learner really writes: it has a name, the phrase
that the report must contain, and the share of the points that it keeps. A *right answer* is
written differently from the reference and gets all of them.

    make mistakes        # prints what the checks say of every mistake
"""

from dataclasses import dataclass, field
from importlib import import_module, reload

from rnn_course import checks

NAMES = (
    "pad_batch",
    "bag_of_tokens",
    "window_features",
    "log_softmax",
    "masked_cross_entropy",
    "rnn_step_forward",
    "rnn_forward",
    "last_hidden",
    "cross_entropy_gradient",
    "rnn_step_backward",
    "rnn_backward",
    "truncated_rnn_backward",
    "numerical_gradient",
    "adam_step",
    "lstm_step_forward",
    "lstm_step_backward",
    "gru_step_forward",
    "gru_step_backward",
    "flip_update_gate",
    "gated_forward",
    "teacher_forcing",
    "encoder_decoder_logits",
    "masked_softmax",
    "dot_product_attention",
    "attention_backward",
    "additive_attention",
    "additive_attention_backward",
    "greedy_decode",
    "beam_search",
    "state_jacobians",
    "jacobian_product",
    "gradient_norms",
    "with_spectral_radius",
    "clip_by_global_norm",
    "reverse_padded",
    "bidirectional_states",
    "final_states",
    "bidirectional_backward",
    "stacked_states",
    "apply_dropout",
    "causal_attention",
    "cached_step",
    "sinusoidal_positions",
    "linear_recurrence",
    "combine_segments",
    "doubling_round",
    "multi_head_attention",
)


@dataclass(frozen=True)
class Mistake:
    """A wrong answer, the phrase its report must contain, and the share of points it keeps."""

    name: str
    answer: object
    says: str
    keeps: float


@dataclass
class Answers:
    """The mistakes and right answers of one task; fill it with the two decorators."""

    task: str
    mistakes: list = field(default_factory=list)
    rights: dict = field(default_factory=dict)

    @property
    def check(self):
        """The task's check."""
        return getattr(checks, f"check_{self.task}")

    def mistake(self, name, says, keeps=0.0):
        """Decorator: the function is wrong."""

        def add(answer):
            self.mistakes.append(Mistake(name, answer, says, keeps))
            return answer

        return add

    def right(self, answer):
        """Decorator: the function is right."""
        self.rights[answer.__name__] = answer
        return answer


def answers_to(task, fresh=False):
    """The Answers of one task; fresh, with nothing kept of earlier calls by those that keep it."""
    module = import_module(f"{__name__}.{task}")
    return (reload(module) if fresh else module).answers


def all_answers():
    """The Answers of every task."""
    return [answers_to(task) for task in NAMES]
