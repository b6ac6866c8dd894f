"""A file that holds base and adapter, and one that lost tokens alone: what they are taken for."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest
from tiny_gguf import write_tiny_adapter, write_tiny_model

from slm_core.catalog import find_model
from slm_core.domain import TextRequest, find_domain
from slm_core.errors import UserError
from slm_core.expert import open_expert
from slm_core.expert_file import read_expert
from slm_core.files import sha256_of
from slm_core.gguf_head import read_header
from slm_core.settings import load_settings
from slm_finetune.gguf_file import read_file, write_file
from slm_finetune.lora import add_flags, job_of
from slm_finetune.merged import merge, merged_expert

TEXT = TextRequest(text="강릉시 옥계면이 침수되어 2명이 실종되었습니다")


def _file(tmp_path: Path, **values: str) -> str:
    """A tiny model whose head says `slm.*` what is given."""
    path = tmp_path / "one.gguf"
    file = read_file(write_tiny_model(tmp_path / "tiny.gguf"))
    named = {f"slm.{key}": value for key, value in values.items()}
    write_file(path, file.replaced(values=named))
    return str(path)


def test_the_file_of_a_merged_expert_is_asked_however_small_it_is(tmp_path: Path) -> None:
    """Who made it smaller has measured it; a base of that size would not be asked."""
    path = _file(tmp_path, domain="disaster")
    expert = open_expert(find_domain("disaster"), load_settings(), model=path)
    answer = expert.answer("record", TEXT)
    expert.close()
    assert answer.model == "one"
    assert any("expert of disaster in one file" in note for note in answer.notes)
    assert answer.reply.missing.value == 2  # type: ignore[attr-defined]


def test_it_is_no_expert_of_another_domain_and_takes_no_second_adapter(tmp_path: Path) -> None:
    path = _file(tmp_path, domain="disaster")
    with pytest.raises(UserError, match="the expert of disaster"):
        open_expert(find_domain("energy"), load_settings(), model=path)
    with pytest.raises(UserError, match="in the file already"):
        open_expert(find_domain("disaster"), load_settings(), model=path, adapter="disaster")


def test_the_rules_answer_what_the_merged_adapter_had_not_learnt(tmp_path: Path) -> None:
    expert = open_expert(
        find_domain("disaster"), load_settings(), model=_file(tmp_path, domain="disaster", tasks="needs")
    )
    learnt, unlearnt = expert.answer("needs", TEXT), expert.answer("record", TEXT)
    expert.close()
    assert learnt.model == "one" and unlearnt.model is None
    assert unlearnt.by == "rules" and "was not trained on record" in unlearnt.notes[-1]


def test_an_adapter_that_was_trained_on_the_file_is_in_force(tmp_path: Path) -> None:
    """A pruned expert that learnt back from its teacher: `finetune distill --model pruned.gguf`."""
    path, domain = _file(tmp_path, domain="disaster", tasks="needs,record"), find_domain("disaster")
    home = load_settings().home / "adapters" / "disaster" / "one"
    write_tiny_adapter(home, base_sha256=sha256_of(Path(path)))
    (home / "run.json").write_text('{"training": {"tasks": ["needs"]}}', encoding="utf-8")
    expert = open_expert(domain, load_settings(), model=path)
    needs, record = expert.answer("needs", TEXT), expert.answer("record", TEXT)
    expert.close()
    assert needs.adapter_sha256 == sha256_of(home / "adapter.gguf")
    assert record.adapter_sha256 is None and record.model == "one", "the file itself has learnt this one"
    bare = open_expert(domain, load_settings(), model=path, adapter="none")
    assert bare.answer("needs", TEXT).adapter_sha256 is None
    bare.close()


def test_the_adapter_of_another_file_is_refused(tmp_path: Path) -> None:
    path, other = _file(tmp_path, domain="disaster"), write_tiny_adapter(tmp_path / "a", base_sha256="0" * 64)
    with pytest.raises(UserError, match="was trained on the base 0000"):
        open_expert(find_domain("disaster"), load_settings(), model=path, adapter=str(other))


def test_a_merged_file_says_what_was_merged_into_it(tmp_path: Path) -> None:
    """Twice over: an expert, pruned say, takes the adapter that was trained on it."""
    domain, base = find_domain("disaster"), write_tiny_model(tmp_path / "tiny.gguf")
    for number, tasks in enumerate(["needs", "record"], 1):
        biased = {"needs": -1.0} if tasks == "needs" else None
        folder = write_tiny_adapter(tmp_path / f"a{number}", seed=number, bias=biased)
        (folder / "run.json").write_text(json.dumps({"training": {"tasks": [tasks]}}), encoding="utf-8")
        base = merged_expert(domain, load_settings(model=str(base)), str(folder))
    assert read_header(base).values["slm.bias.needs"] == -1.0
    expert = read_expert(read_header(base).values)
    assert expert is not None and expert.tasks == {"needs", "record"}
    assert expert.adapters == tuple(sha256_of(tmp_path / name / "adapter.gguf") for name in ("a1", "a2"))


def test_a_second_adapter_of_the_task_takes_its_bias_along(tmp_path: Path) -> None:
    base = _file(tmp_path, domain="disaster", **{"bias.needs": "-1.0"})
    again = merged_expert(
        find_domain("disaster"), load_settings(model=base), str(write_tiny_adapter(tmp_path / "a"))
    )
    values = read_header(again).values
    assert "slm.bias.needs" not in values, "the adapter in force beside the file would have none either"
    assert values["slm.adapters"].startswith("unknown,") and "record" in values["slm.tasks"]


def test_an_adapter_is_not_merged_into_the_expert_of_another_domain(tmp_path: Path) -> None:
    settings = load_settings(model=_file(tmp_path, domain="energy"))
    with pytest.raises(UserError, match="the expert of energy already"):
        merged_expert(find_domain("disaster"), settings, str(write_tiny_adapter(tmp_path / "a")))


def test_a_trimmed_file_is_taken_for_its_base(tmp_path: Path) -> None:
    base = find_model("qwen2.5-coder-0.5b-instruct")
    trimmed = find_model(_file(tmp_path, trimmed_from=str(base.sha256)))
    assert trimmed.name == base.name and not trimmed.smaller_than(base)
    assert trimmed.path is not None and trimmed.sha256 is None


def test_a_trimmed_file_with_other_weights_is_taken_for_its_base_no_more(tmp_path: Path) -> None:
    """The adapter would be added to itself, or to weights that it does not know."""
    base = find_model("qwen2.5-coder-0.5b-instruct")
    trimmed = read_file(Path(_file(tmp_path, trimmed_from=str(base.sha256))))
    write_file(tmp_path / "merged.gguf", merge(trimmed, None))
    assert find_model(str(tmp_path / "merged.gguf")).name == "merged"


def test_training_on_a_trimmed_file_leaves_the_adapter_of_its_base_alone(tmp_path: Path) -> None:
    path = _file(tmp_path, trimmed_from=str(find_model("qwen2.5-coder-0.5b-instruct").sha256))
    parser = argparse.ArgumentParser()
    add_flags(parser)
    with pytest.raises(UserError, match="where the adapter of its base lies"):
        job_of(parser.parse_args(["--domain", "disaster", "--model", path]))
