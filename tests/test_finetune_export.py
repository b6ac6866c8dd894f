"""`finetune export --to peft`: what was trained comes back, number for number."""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slm_finetune.adapter_gguf import Shape, set_metadata, write_adapter
from slm_finetune.cli import main

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.filterwarnings(
    "ignore:.is_gradient_checkpointing.:FutureWarning"
)  # of PEFT's own making
FAMILIES = ["qwen2", "llama"]
PEFT = {
    "task_type": "CAUSAL_LM",
    "r": 4,
    "lora_alpha": 8,
    "layers_to_transform": [1, 2],
    "layers_pattern": "layers",
}


@dataclass(frozen=True)
class Trained:
    """A tiny model in Transformers with a random adapter, and that adapter as the device's folder."""

    base: Any
    tensors: dict[str, Any]
    logits: Any
    folder: Path
    gguf: Path


def tiny_base(family: str) -> Any:
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    kinds = {"qwen2": (Qwen2Config, Qwen2ForCausalLM), "llama": (LlamaConfig, LlamaForCausalLM)}
    config, model = kinds[family]
    torch.manual_seed(0)
    sizes = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 64}
    return model(config(**sizes, **heads)).eval()


@pytest.fixture(params=FAMILIES)
def trained(request: pytest.FixtureRequest, tmp_path: Path) -> Trained:
    from peft import LoraConfig, get_peft_model

    from slm_finetune.training import LINEAR, adapter_tensors

    lora = PEFT | {"target_modules": list(LINEAR)}
    base = tiny_base(request.param)
    model = get_peft_model(base, LoraConfig(**lora)).eval()
    for parameter in model.parameters():
        if parameter.requires_grad:  # float16 numbers, so that the device's file holds them exactly
            parameter.data = (torch.randn_like(parameter) * 0.5).half().float()
    tensors = adapter_tensors(model)
    folder = tmp_path / "adapter"
    folder.mkdir()
    shape = Shape.of(base.config)
    write_adapter(
        folder / "adapter.gguf", tensors, shape, alpha=8, name="tiny", metadata={"slm.domain": "tiny"}
    )
    config = lora | {"peft_type": "LORA", "base_model_name_or_path": "someone/tiny"}
    (folder / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "README.md").write_text("# 카드\n", encoding="utf-8")
    with torch.no_grad():
        logits = model(input_ids=torch.arange(12)[None]).logits
    return Trained(base, tensors, logits, folder, base_header(tmp_path, request.param))


def base_header(folder: Path, family: str) -> Path:
    """The base's file, as far as the export reads it: its figures."""
    from gguf import GGUFWriter

    writer = GGUFWriter(str(folder / f"tiny-{family}.gguf"), family)
    writer.add_block_count(3)
    writer.add_embedding_length(32)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_tensor("token_embd.weight", np.zeros((64, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return folder / f"tiny-{family}.gguf"


def export(trained: Trained, out: Path, *flags: str) -> int:
    flags = flags or ("--model", str(trained.gguf), "--adapter", str(trained.folder))
    return main(["export", "--to", "peft", "--domain", "disaster", *flags, "--out", str(out)])


def test_every_number_comes_back_at_float16(trained: Trained, tmp_path: Path) -> None:
    from safetensors.numpy import load_file

    assert export(trained, tmp_path / "peft") == 0
    found = load_file(tmp_path / "peft" / "adapter_model.safetensors")
    assert found.keys() == trained.tensors.keys()
    for name, tensor in trained.tensors.items():
        assert found[name].dtype == np.float16
        np.testing.assert_array_equal(found[name], tensor.astype(np.float16), err_msg=name)


def test_peft_loads_the_folder_and_says_what_was_trained(trained: Trained, tmp_path: Path) -> None:
    from peft import PeftModel

    export(trained, tmp_path / "peft")
    fresh = tiny_base(trained.base.config.model_type)
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)  # PEFT warns of missing and of left-over keys
        model = PeftModel.from_pretrained(fresh, tmp_path / "peft").eval()
    with torch.no_grad():
        logits = model(input_ids=torch.arange(12)[None]).logits
    torch.testing.assert_close(logits, trained.logits)


def test_the_folder_names_the_hub_and_holds_no_pickle_and_no_local_path(
    trained: Trained, tmp_path: Path
) -> None:
    export(trained, tmp_path / "peft")
    names = {path.name for path in (tmp_path / "peft").iterdir()}
    assert names == {"adapter_model.safetensors", "adapter_config.json", "README.md"}
    config = (tmp_path / "peft" / "adapter_config.json").read_text(encoding="utf-8")
    assert json.loads(config)["base_model_name_or_path"] == "someone/tiny"
    assert str(tmp_path) not in config
    assert (tmp_path / "peft" / "README.md").read_text(encoding="utf-8") == "# 카드\n"


def test_a_local_path_as_base_is_refused_where_no_hub_name_is_known(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = trained.folder / "adapter_config.json"
    config.write_text(
        config.read_text(encoding="utf-8").replace("someone/tiny", "/home/me/base"), encoding="utf-8"
    )
    assert export(trained, tmp_path / "peft") == 2
    assert "'/home/me/base' is no Hub name" in capsys.readouterr().err
    assert not (tmp_path / "peft").exists()


def test_another_base_is_refused_with_both_hashes(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    set_metadata(trained.folder / "adapter.gguf", {"slm.base_sha256": "ab" * 32})
    assert export(trained, tmp_path / "peft") == 2
    assert "ab" * 32 in capsys.readouterr().err


def test_without_an_adapter_it_says_how_to_get_one(
    trained: Trained, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(trained, tmp_path / "peft", "--model", str(trained.gguf)) == 2
    assert "finetune lora" in capsys.readouterr().err


def test_the_adapters_own_folder_is_not_written_over(
    trained: Trained, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(trained, trained.folder) == 2
    assert "own folder" in capsys.readouterr().err
