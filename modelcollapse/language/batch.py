"""The batch that a generation's model samples: its rows, what was rejected, and what is known."""

from collections.abc import Callable, Sequence
from pathlib import Path

from modelcollapse._support.sealed import read_table, write_table
from modelcollapse.language.folder import REJECTED, TOKENS, Record, write_samples
from modelcollapse.language.judging import Judge
from modelcollapse.language.sampling import HopelessError, Samples, sample
from modelcollapse.language.template import Row
from modelcollapse.language.trained import TrainedModel

SHOWN_CHARACTERS = 120  # of a rejected sample, in a message


def write_batch(
    judge: Judge,
    model: TrainedModel,
    count: int,
    seed: int,
    partial: Path | None,
    advance: Callable[[float], None],
    real: Sequence[Row] | None,
) -> tuple[Samples, Record, str]:
    """Sample a batch and write it.

    Parameters
    ----------
    judge
        What rows are judged by; it has the encoder and the recipe.
    model
        The trained model.
    count
        The rows wanted.
    seed
        Of the sampling.
    partial
        The folder, or None where another process writes.
    advance
        Called with the finished share.
    real
        Rows whose prompts are kept, or None where prompts are sampled.

    Returns
    -------
    tuple
        What was sampled, what is recorded of it, and the outcome: "completed", or why there is
        no batch.
    """
    setup, outcome = judge.setup, "completed"
    try:
        samples = sample(
            model,
            setup.encoder,
            count,
            setup.recipe,
            seed,
            sampler=setup.settings.sampler,
            real=real,
            advance=advance,
        )
    except HopelessError as hopeless:
        samples, outcome = hopeless.samples, str(hopeless)
    if partial is not None and samples.shown:
        _write_rejected(partial / REJECTED, model, samples)
    if outcome != "completed":
        return samples, {"sampled": 0, **_counts(samples)}, outcome
    if partial is not None:
        write_samples(partial / "samples.parquet", samples.rows, samples.ids)
    record = {
        "sampled": len(samples.rows),
        **_counts(samples),
        "respelled": samples.respelled,
        **judge.variety(samples.rows),
    }
    return samples, record, outcome


def _write_rejected(path: Path, model: TrainedModel, samples: Samples) -> None:
    """Write the first rejected samples: the reason, the text and the tokens of each."""
    reasons, tokens = map(list, zip(*samples.shown, strict=True))
    texts = model.tokenizer.batch_decode(tokens, skip_special_tokens=False)
    write_table(path, {"reason": reasons, "text": texts, TOKENS: tokens})


def rejected_in(place: Path) -> str:
    """Return where the first rejected samples of a generation are, and the first one."""
    first = read_table(place / REJECTED).row(0, named=True)
    text = first["text"]
    cut = text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
    return f"rejected samples are in {place / REJECTED}, the first one, {first['reason']}: {cut!r}"


def _counts(samples: Samples) -> Record:
    """Return what is recorded of sampling, whatever its outcome."""
    known: Record = {} if samples.divergence is None else {"sampler_divergence": samples.divergence}
    if samples.replaced:
        known["prompts_left_out"] = samples.replaced
    return {
        **known,
        "tried": samples.tried,
        "acceptance": samples.acceptance,
        "rejected": samples.rejected,
        "sampled_tokens": samples.tokens,
        "sampling_seconds": samples.seconds,
    }
