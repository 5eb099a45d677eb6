import pytest
import torch

pytest.importorskip("transformers")

from halflife.models import GLACache, truncated_backward

from .test_model import model, tokens


def gradients(made):
    return {name: p.grad for name, p in made.named_parameters() if p.grad is not None}


def test_one_segment_is_plain_back_propagation():
    plain, made, ids = model().train(), model().train(), tokens()
    loss = plain(ids, labels=ids).loss
    loss.backward()
    total, _ = truncated_backward(made, ids, 12)
    torch.testing.assert_close(total, loss.detach())
    for name, gradient in gradients(plain).items():
        torch.testing.assert_close(gradients(made)[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("segment", [1, 4, 5, 12, 99])
def test_the_loss_does_not_depend_on_the_segment(segment):
    made, ids = model().train(), tokens()
    loss, state = truncated_backward(made, ids, segment)
    torch.testing.assert_close(loss, made(ids, labels=ids).loss.detach(), rtol=1e-4, atol=1e-5)
    assert state.get_seq_length() == 12
    whole = GLACache(made.config)
    made(ids, past_key_values=whole)
    for one, other in zip(state.layers, whole.layers, strict=True):
        torch.testing.assert_close(
            one.recurrent_states[0], other.recurrent_states[0], rtol=1e-4, atol=1e-5
        )


def test_the_gradient_stops_where_a_segment_begins():
    """It is that of the second half with the state of the first as a constant, and the first's."""
    made, ids = model().train(), tokens()
    truncated_backward(made, ids, 6)
    expected = model().train()
    targets = torch.nn.functional.pad(ids, (0, 1), value=-100)[:, 1:]
    count = 2 * 11
    with torch.no_grad():
        frozen = expected(ids[:, :6], use_cache=True).past_key_values
    expected(ids[:, :6], shift_labels=targets[:, :6].contiguous(), num_items_in_batch=count)[
        "loss"
    ].backward()
    expected(
        ids[:, 6:],
        past_key_values=frozen,
        shift_labels=targets[:, 6:].contiguous(),
        num_items_in_batch=count,
    ).loss.backward()
    for name, gradient in gradients(expected).items():
        torch.testing.assert_close(gradients(made)[name], gradient, rtol=1e-4, atol=1e-6)
    full = model().train()
    full(ids, labels=ids).loss.backward()
    keys = "model.layers.0.attn.k_proj.weight"
    assert (gradients(full)[keys] - gradients(made)[keys]).abs().max() > 1e-4


def test_checkpointing_does_not_touch_the_states_twice():
    ids, found = tokens(), []
    for checkpointing in (False, True):
        made = model().train()
        if checkpointing:
            made.activation_checkpointing_enable()
        loss, state = truncated_backward(made, ids, 5)
        found.append((loss, gradients(made), state))
    (loss, plain, state), (again, checkpointed, same) = found
    torch.testing.assert_close(loss, again)
    for name, gradient in plain.items():
        torch.testing.assert_close(checkpointed[name], gradient)
    for one, other in zip(state.layers, same.layers, strict=True):
        torch.testing.assert_close(one.recurrent_states[0], other.recurrent_states[0])


def test_a_longer_text_goes_on_from_the_returned_state():
    made, ids = model().train(), tokens(time=20)
    _, state = truncated_backward(made, ids[:, :8], 4)
    _, state = truncated_backward(made, ids[:, 8:], 4, state=state)
    _, whole = truncated_backward(model().train(), ids, 4)
    for one, other in zip(state.layers, whole.layers, strict=True):
        torch.testing.assert_close(
            one.recurrent_states[0], other.recurrent_states[0], rtol=1e-4, atol=1e-5
        )


def test_padding_is_not_predicted_and_not_remembered():
    made, ids = model().train(), tokens(rows=1, time=9)
    padded = torch.cat([torch.zeros(1, 4, dtype=torch.long), ids], 1)
    labels = padded.masked_fill(padded == 0, -100)
    labels[0, 4] = -100  # the first real token has nothing before it
    loss, state = truncated_backward(
        made, padded, 3, attention_mask=(padded > 0).long(), labels=labels
    )
    bare, expected = truncated_backward(model().train(), ids, 3)
    torch.testing.assert_close(loss, bare, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(
        state.layers[1].recurrent_states[0],
        expected.layers[1].recurrent_states[0],
        rtol=1e-4,
        atol=1e-5,
    )


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match="must be at least 1, got 0"):
        truncated_backward(model(), tokens(), 0)
    with pytest.raises(ValueError, match="nothing to predict"):
        truncated_backward(model(), tokens(), 4, labels=torch.full((2, 12), -100))
