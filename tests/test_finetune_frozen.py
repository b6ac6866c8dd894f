import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")

from slm_finetune.examples import Example  # noqa: E402
from slm_finetune.frozen import choose_layers, fits, lower_states, only_layers  # noqa: E402


@pytest.fixture(scope="module")
def model():
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=97,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=2,
        tie_word_embeddings=False,
    )
    return Qwen2ForCausalLM(config).eval()


EXAMPLES = [Example((1, 2, 3), (4, 5)), Example((9, 8, 7, 6, 5, 4), (3,)), Example((11,), (12, 13))]


def test_upper_layers_on_stored_states_give_what_the_whole_model_gives(model) -> None:
    states = lower_states(model.model, EXAMPLES, first=2, pad=0)
    for example, state in zip(EXAMPLES, states, strict=True):
        ids = torch.tensor([example.prompt + example.target])
        with torch.no_grad():
            whole = model.model(input_ids=ids, use_cache=False).last_hidden_state
            with only_layers(model.model, 2, 4):
                upper = model.model(inputs_embeds=state[None], use_cache=False).last_hidden_state
        assert torch.allclose(whole, upper, atol=1e-5)


def test_the_model_is_whole_again_after_its_layers_were_taken_apart(model) -> None:
    with pytest.raises(RuntimeError), only_layers(model.model, 0, 1):
        raise RuntimeError("stopped in the middle")
    assert len(model.model.layers) == model.config.num_hidden_layers == 4
    assert type(model.model.norm).__name__ == "Qwen2RMSNorm"


def test_a_cpu_adapts_half_of_the_layers_and_a_gpu_all_with_the_reason() -> None:
    assert choose_layers(0, 24, "qwen2", on_gpu=False)[0] == 12
    assert choose_layers(0, 24, "qwen2", on_gpu=True)[0] == 24
    layers, reason = choose_layers(0, 26, "gemma3_text", on_gpu=False)
    assert layers == 26 and "gemma3_text" in reason
    assert choose_layers(99, 24, "qwen2", on_gpu=False)[0] == 24


def test_states_that_do_not_fit_the_limit_are_not_kept() -> None:
    assert fits(EXAMPLES, width=896, limit_gib=1.0)[0]
    assert not fits(EXAMPLES * 1000, width=896, limit_gib=0.001)[0]
