from pathlib import Path

import pytest

from slm_core.errors import UserError
from slm_finetune.recipe import Recipe, help_table, load_recipe


def test_set_wins_over_the_file_and_the_file_over_the_default(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("r: 4\nepochs: 1\n")
    recipe = load_recipe(file, ["r=16"])
    assert (recipe.r, recipe.epochs, recipe.batch) == (16, 1.0, Recipe().batch)


@pytest.mark.parametrize(
    ("text", "said"),
    [("rang=8", "unknown key"), ("r=eight", "is no int"), ("r", "key=value"), ("r=0", "out of range")],
)
def test_a_wrong_assignment_says_what_and_where(text: str, said: str) -> None:
    with pytest.raises(UserError, match=said) as error:
        load_recipe(None, [text])
    assert error.value.where == "--set"


def test_an_unknown_key_in_the_file_names_the_file_and_the_nearest_key(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_text("learning_rat: 1e-4\n")
    with pytest.raises(UserError, match="learning_rate") as error:
        load_recipe(file, [])
    assert str(file) in str(error.value)


def test_the_help_lists_every_key_with_its_default() -> None:
    table = help_table()
    assert all(key in table for key in Recipe().as_dict())
