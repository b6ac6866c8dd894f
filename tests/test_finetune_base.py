"""Which files can be trained on; the dequantizing itself is part of the training tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from gguf import GGUFWriter

from slm_core.errors import UserError
from slm_finetune.base import dequantized_base
from slm_finetune.gguf_file import read_file


def test_an_architecture_that_cannot_be_trained_is_refused_with_those_that_can(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "other.gguf", "exaone4")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(
        UserError, match=r"exaone4 cannot be trained(.|\n)*llama, qwen2(.|\n)*finetune convert"
    ):
        dequantized_base(tmp_path / "other.gguf", "0" * 64, tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_file_that_is_no_gguf_is_refused_by_its_path(tmp_path: Path) -> None:
    (tmp_path / "base.gguf").write_text("<html>moved</html>")
    with pytest.raises(UserError, match=r"base\.gguf: not a GGUF file"):
        dequantized_base(tmp_path / "base.gguf", "0" * 64, tmp_path / "home")


def test_a_file_whose_end_is_missing_is_refused_by_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "base.gguf"
    writer = GGUFWriter(path, "llama")
    writer.add_tensor("output.weight", np.zeros((2, 32), dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert list(read_file(path).tensors) == ["output.weight"]
    path.write_bytes(path.read_bytes()[:-4])
    for read in (read_file, lambda file: dequantized_base(file, "0" * 64, tmp_path / "home")):
        with pytest.raises(UserError, match=r"base\.gguf: the file is cut off.* output\.weight"):
            read(path)
