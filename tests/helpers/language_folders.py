"""Small run folders, written by hand: no model is trained."""

import numpy as np

from modelcollapse._support.sealed import write_json, write_table
from modelcollapse.language.folder import FORMAT

COLUMNS = ["prompt", "response"]
HELD_OUT = 40
ROWS = 12
TOKENS = np.arange(1, HELD_OUT + 1)  # of each held-out row


def parquet(path, columns):
    """Write columns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_table(path, columns)


def conversation(name, count=ROWS):
    """Return rows that tell where they are from."""
    return [{"prompt": f"{name} number {i}", "response": f"row {i} of it"} for i in range(count)]


def losses(*key):
    """Return the held-out losses of a generation: another array for another key."""
    salt = [ord(c) for part in key for c in str(part)]
    return np.random.default_rng(salt).exponential(20.0, HELD_OUT)


def write_rows(path, rows):
    """Write rows of text."""
    parquet(path, {name: [row[name] for row in rows] for name in rows[0]})


def run_folder(path, *, columns=COLUMNS, form=FORMAT):
    """Begin a run."""
    path.mkdir(parents=True, exist_ok=True)
    configuration = {"model": "tiny-gemma2", "data": "grammar", "columns": list(columns)}
    write_json(path / "run.json", {"format": form, "configuration": configuration})
    write_rows(path / "held_out.parquet", conversation("held out", HELD_OUT))
    return path


def real_batch(path, seed, rows=None):
    """Write batch 1 of a seed."""
    write_rows(path / f"seed-{seed}" / "real.parquet", rows or conversation(f"real {seed}"))


def generation(path, chain, seed, t, *, rows=None, hopeless=None, **changes):
    """Write a finished generation."""
    place = path / f"seed-{seed}" / chain / f"generation-{t:03}"
    parquet(place / "held_out.parquet", {"nats": losses(chain, seed, t), "tokens": TOKENS})
    record = {
        "workflow": "replace" if chain == "real" else chain,
        "seed": seed,
        "generation": t,
        "outcome": hopeless or "completed",
        "loss": 1.0 + 0.1 * t + 0.01 * seed,
        "tail_loss": 2.0 + 0.1 * t,
        "row_loss": 20.0,
        "training_rows": ROWS,
        "sampled": 0,
    }
    if hopeless is None:
        rows = rows or conversation(f"{chain} {seed} {t}")
        write_rows(place / "samples.parquet", rows)
        record |= {"sampled": len(rows), "tried": 1500, "acceptance": 0.9, "distinct_2": 0.5}
        record |= {"rejected": {"malformed": 3, "unfinished": 1200}, "entropy_2": 3.0}
    write_json(place / "metrics.json", record | changes)
    return place


def small_run(path, seeds=(0,), workflows=("accumulate", "replace"), generations=3):
    """Write a whole run."""
    run_folder(path)
    for seed in seeds:
        real_batch(path, seed)
        generation(path, "real", seed, 1)
        for workflow in workflows:
            for t in range(2, generations + 1):
                generation(path, workflow, seed, t)
    return path
