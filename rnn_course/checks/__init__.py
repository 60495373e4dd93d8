"""Checks of a learner's functions, for the graded notebooks.

A check compares a function with the reference of this package on seeded inputs and returns a
Verdict: which parts hold, what is wrong first, and the likely cause. grade prints the verdict and
turns it into points. A module holds the checks of one subject; rnn_course.examination is how each
of them examines.
"""

from rnn_course.checks.additive import check_additive_attention
from rnn_course.checks.additive_gradient import check_additive_attention_backward
from rnn_course.checks.attention import check_dot_product_attention
from rnn_course.checks.attention_gradient import check_attention_backward
from rnn_course.checks.batches import check_last_hidden, check_pad_batch
from rnn_course.checks.beam import check_beam_search
from rnn_course.checks.bptt import check_rnn_backward
from rnn_course.checks.caches import check_cached_step
from rnn_course.checks.causal import check_causal_attention
from rnn_course.checks.clipping import check_clip_by_global_norm
from rnn_course.checks.decoding import check_teacher_forcing
from rnn_course.checks.differences import check_numerical_gradient
from rnn_course.checks.direction_gradients import check_bidirectional_backward
from rnn_course.checks.directions import check_bidirectional_states
from rnn_course.checks.features import check_bag_of_tokens, check_window_features
from rnn_course.checks.gated import check_gated_forward
from rnn_course.checks.gradients import check_rnn_step_backward
from rnn_course.checks.greedy import check_greedy_decode
from rnn_course.checks.gru import check_gru_step_forward
from rnn_course.checks.gru_gradient import check_gru_step_backward
from rnn_course.checks.heads import check_multi_head_attention
from rnn_course.checks.jacobians import check_jacobian_product, check_state_jacobians
from rnn_course.checks.loss_gradient import check_cross_entropy_gradient
from rnn_course.checks.losses import check_log_softmax, check_masked_cross_entropy
from rnn_course.checks.lstm import check_lstm_step_forward
from rnn_course.checks.lstm_gradient import check_lstm_step_backward
from rnn_course.checks.norms import check_gradient_norms
from rnn_course.checks.recurrences import check_combine_segments, check_linear_recurrence
from rnn_course.checks.reversal import check_final_states, check_reverse_padded
from rnn_course.checks.rnn import check_rnn_forward, check_rnn_step_forward
from rnn_course.checks.scans import check_doubling_round
from rnn_course.checks.spectral import check_with_spectral_radius
from rnn_course.checks.stacks import check_apply_dropout, check_stacked_states
from rnn_course.checks.translation import check_encoder_decoder_logits
from rnn_course.checks.truncation import check_truncated_rnn_backward
from rnn_course.checks.update_gate import check_flip_update_gate
from rnn_course.checks.updates import check_adam_step
from rnn_course.checks.waves import check_sinusoidal_positions
from rnn_course.checks.weights import check_masked_softmax
from rnn_course.examination.verdict import Part, Verdict, grade, report

__all__ = [
    "Part",
    "Verdict",
    "check_adam_step",
    "check_additive_attention",
    "check_additive_attention_backward",
    "check_apply_dropout",
    "check_attention_backward",
    "check_bag_of_tokens",
    "check_beam_search",
    "check_bidirectional_backward",
    "check_bidirectional_states",
    "check_cached_step",
    "check_causal_attention",
    "check_clip_by_global_norm",
    "check_combine_segments",
    "check_cross_entropy_gradient",
    "check_dot_product_attention",
    "check_doubling_round",
    "check_encoder_decoder_logits",
    "check_final_states",
    "check_flip_update_gate",
    "check_gated_forward",
    "check_gradient_norms",
    "check_greedy_decode",
    "check_gru_step_backward",
    "check_gru_step_forward",
    "check_jacobian_product",
    "check_last_hidden",
    "check_linear_recurrence",
    "check_log_softmax",
    "check_lstm_step_backward",
    "check_lstm_step_forward",
    "check_masked_cross_entropy",
    "check_masked_softmax",
    "check_multi_head_attention",
    "check_numerical_gradient",
    "check_pad_batch",
    "check_reverse_padded",
    "check_rnn_backward",
    "check_rnn_forward",
    "check_rnn_step_backward",
    "check_rnn_step_forward",
    "check_sinusoidal_positions",
    "check_stacked_states",
    "check_state_jacobians",
    "check_teacher_forcing",
    "check_truncated_rnn_backward",
    "check_window_features",
    "check_with_spectral_radius",
    "grade",
    "report",
]
