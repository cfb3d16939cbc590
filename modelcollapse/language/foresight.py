"""What is known before anything is trained against a recipe on so much data."""

from modelcollapse._support.words import many
from modelcollapse.language import backend
from modelcollapse.language.checkpoints import COUNTED
from modelcollapse.language.settings import Setup
from modelcollapse.language.training import planned_steps

# The largest sum of learning rates over the steps after which a checkpoint is known to have written
# no well-formed row. The paper's recipe on its 12,500 rows has twice as much.
UNLEARNED = 4e-4
FEW_ROWS = 16  # per step: below, a mean over tokens is far from one over rows


def foreseen(setup: Setup, rows: int) -> list[str]:
    """Return what is known against training on so few rows, and few per step, as lines."""
    r = setup.recipe
    counted = setup.settings.model in COUNTED
    return (
        []
        if r.packed or counted
        else [*_shortened(setup), *_unlearned(setup, planned_steps(rows, r))]
    )


def _shortened(setup: Setup) -> list[str]:
    rows = setup.recipe.rows_per_step * backend.world()
    if setup.recipe.loss == "rows" or rows >= FEW_ROWS:
        return []
    told = (
        f"{many(rows, 'row')} per optimiser step: its loss is a mean over its tokens, so that "
        "those of short rows count more, and samples get shorter from generation to "
        "generation, by about a share of CV^2 over this number, where CV is the standard "
        "deviation of lengths over their mean. Train on loss = rows, or on "
        f"{FEW_ROWS} rows per step and more"
    )
    return [told]


def _unlearned(setup: Setup, steps: int) -> list[str]:
    r = setup.recipe
    if setup.settings.from_scratch or steps * r.learning_rate > UNLEARNED:
        return []
    told = (
        f"{many(steps, 'optimiser step')} at a learning rate of {r.learning_rate:g} may be too "
        "few to learn how a row is written. What is known: SmolLM2-135M-Instruct wrote no "
        "well-formed row (of 64) after 4 steps at 1e-4, and 88 % were after 8 at 5e-4. The "
        "first 64 samples will show it; to be surer give more epochs or steps, smaller "
        "batches, less accumulation or a higher learning rate"
    )
    return [told]
