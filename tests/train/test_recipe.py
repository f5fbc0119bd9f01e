from pathlib import Path

import pytest

from sdfl.errors import ConfigError
from sdfl.train.detector_recipe import is_detector_recipe, load_detector_recipe
from sdfl.train.recipe import find_recipe, load_recipe

RECIPES = Path(__file__).parents[2] / "train" / "recipes"
MINIMAL = '[about]\nname = "a"\n[data]\ntrain = ["x"]\n'


@pytest.mark.parametrize("path", [pytest.param(path, id=path.stem) for path in sorted(RECIPES.glob("*.toml"))])
def test_shipped_recipes_are_valid(path: Path) -> None:
    if is_detector_recipe(path):
        assert load_detector_recipe(path).about.licence
        return
    recipe = load_recipe(path)
    from_checkpoint = recipe.quantize is not None  # fine-tuning keeps what the fp32 checkpoint says
    assert recipe.about.licence or from_checkpoint, "an exported model must say what its data's terms are"


def test_the_papers_recipe_is_the_papers() -> None:
    recipe = load_recipe(RECIPES / "paper_300w.toml")
    assert (recipe.optimizer.name, recipe.optimizer.learning_rate, recipe.optimizer.momentum) == ("sgd", 0.01, 0.9)
    assert (recipe.optimizer.weight_decay, recipe.train.batch_size, recipe.train.epochs) == (5e-4, 64, 500)
    assert (recipe.optimizer.schedule, recipe.optimizer.step_epochs, recipe.optimizer.step_factor) == ("step", 100, 0.2)
    assert recipe.train.imagenet == ""
    assert (recipe.model.neighbours, recipe.model.hidden, recipe.model.blocks, recipe.model.weights) == (
        3,
        128,
        4,
        "single",
    )
    assert (recipe.loss.omega_1, recipe.loss.omega_2, recipe.loss.epsilon, recipe.loss.relative) == (2, 20, 0.5, 1)
    assert (recipe.augment.rotation_deg, recipe.augment.translation_px, recipe.augment.rescale) == (40, 30, 0.10)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        pytest.param(
            ["optimizer.warmup_epochs=9", "train.epochs=5"],
            r"r\.toml: optimizer\.warmup_epochs \(9\) must be smaller than train\.epochs \(5\)",
            id="warmup longer than training",
        ),
        pytest.param(["train.epochs=0"], r"train\.epochs must be positive, got 0", id="no epochs"),
        pytest.param(["data.train=[]"], r"data\.train must name at least one folder", id="no folders"),
        pytest.param(["optimizer.name='lion'"], r"optimizer\.name must be adamw or sgd, got 'lion'", id="optimizer"),
        pytest.param(["data.balance='copy'"], r"data\.balance must be draw or repeat, got 'copy'", id="balance"),
        pytest.param(
            ["optimizer.milestones=[350, 200]"],
            r"optimizer\.milestones must rise from 1, got \[350, 200\]",
            id="milestones",
        ),
        pytest.param(["optimizer.clip_norm=-1"], r"optimizer\.clip_norm must not be negative, got -1", id="clip"),
        pytest.param(["train.epoch=3"], r"train\.epoch is not a known key; train takes epochs", id="typo"),
        pytest.param(["data.no_face=1.5"], r"data\.no_face must lie in 0\.\.1, got 1\.5", id="share above one"),
        pytest.param(["data.balance_max_repeat=0"], r"data\.balance_max_repeat must be at least 1, got 0", id="never"),
        pytest.param(
            ["train.precision='fp8'"], r"train\.precision must be one of .*32-true.*, got 'fp8'", id="precision"
        ),
    ],
)
def test_wrong_values_quote_file_and_key(tmp_path: Path, overrides: list[str], message: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(MINIMAL)
    with pytest.raises(ConfigError, match=message):
        load_recipe(path, overrides)


def test_recipes_are_found_by_name_and_the_error_lists_them() -> None:
    found = find_recipe(Path("paper_300w"))
    assert (found.name, load_recipe(found).about.name) == (
        "paper_300w.toml",
        load_recipe(RECIPES / "paper_300w.toml").about.name,
    )
    with pytest.raises(ConfigError, match=r"nothing: no such recipe; give a \.toml file or one of .*paper_300w"):
        find_recipe(Path("nothing"))


def test_other_pictures_replace_the_shares_too() -> None:
    """Whoever trains a recipe of the package on pictures of their own need not know of its shares."""
    assert load_recipe(RECIPES / "small.toml").data.shares
    recipe = load_recipe(RECIPES / "small.toml", ["data.train=['mine']", "data.holdout.every=0"])
    assert (recipe.data.train, recipe.data.shares) == (("mine",), {})
    kept = load_recipe(RECIPES / "small.toml", ["data.train=['mine','b']", "data.shares={b=0.5}"])
    assert kept.data.shares == {"b": 0.5}
