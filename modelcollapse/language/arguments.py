"""Arguments of transformers' Trainer that a recipe adds, and those that it leaves to others."""

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from tempfile import TemporaryDirectory
from types import NoneType
from typing import Any, get_args

from modelcollapse._support.errors import InvalidInput, invalid, unknown

CHECKPOINTS = "a generation is kept whole: see keep"
JUDGED = "models are judged by the loop: see held_out and metrics"
WHOLE = "a model is sampled, judged and saved whole here"
TRACKED = "say it by report_to"
LIKELIHOOD = "the loss is -log p of tokens: write a trainer of your own"
FIXED = "the loop says it"
TAKEN = {  # what the workflow or another option says
    "output_dir": "the run's folder says it: give output",
    "seed": "say it by seeds",
    "data_seed": "say it by seeds",
    "max_steps": "say it by steps",
    "num_train_epochs": "say it by epochs",
    "per_device_train_batch_size": "say it by batch_size",
    "gradient_accumulation_steps": "say it by accumulation",
    "auto_find_batch_size": "the size of batches is part of what is learned: say it by batch_size",
    "learning_rate": "say it by learning_rate",
    "warmup_steps": "say it by warmup",
    "bf16": "say it by precision",
    "fp16": "say it by precision, which knows bfloat16 and float32",
    "train_sampling_strategy": "say it by batching",
    "label_smoothing_factor": LIKELIHOOD,
    "run_name": TRACKED,
    "report_to": TRACKED,
    "use_cpu": "the GPUs that are visible are used: see CUDA_VISIBLE_DEVICES",
    "resume_from_checkpoint": "the same command goes on with a run",
    "dataloader_drop_last": "every row is trained on",
    **dict.fromkeys(("fsdp", "fsdp_config", "deepspeed", "parallelism_config"), WHOLE),
    **dict.fromkeys(
        ("load_best_model_at_end", "metric_for_best_model", "greater_is_better"), JUDGED
    ),
    **dict.fromkeys(("per_device_eval_batch_size", "prediction_loss_only"), JUDGED),
    **dict.fromkeys(("do_train", "do_eval", "do_predict", "local_rank", "disable_tqdm"), FIXED),
    **dict.fromkeys(("remove_unused_columns", "label_names", "length_column_name"), FIXED),
}
BEGINNINGS = {"save_": CHECKPOINTS, "eval_": JUDGED, "push_to_": CHECKPOINTS, "hub_": CHECKPOINTS}


def checked_names(training: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of the Trainer as plain data.

    Raises
    ------
    InvalidInput
        If one is said by another option, or its value is nothing that JSON can hold.
    """
    plain = plain_data("training", training, "TrainingArguments")
    for name in plain:
        beginning = next((own for own in BEGINNINGS if name.startswith(own)), None)
        if name in TAKEN or beginning is not None:
            remedy = TAKEN[name] if beginning is None else BEGINNINGS[beginning]
            raise InvalidInput(f"training: {name} is not for the Trainer to know: {remedy}")
    return plain


def plain_data(kind: str, values: Mapping[str, Any], of: str) -> dict[str, Any]:
    """Return names and values of a configuration as plain data, or raise InvalidInput."""
    if not isinstance(values, Mapping):
        raise invalid(kind, values, f"give names and values of {of}")
    try:
        plain: dict[str, Any] = json.loads(json.dumps(dict(values), allow_nan=False))
    except (TypeError, ValueError) as error:
        remedy = f"its values must be plain data ({error})"
        raise invalid(kind, dict(values), remedy) from error
    return plain


def check_arguments(training: Mapping[str, Any]) -> None:
    """Raise InvalidInput unless the installed transformers takes these arguments."""
    if not training:
        return
    from transformers import TrainingArguments

    known = {field.name: field for field in fields(TrainingArguments)}
    for name, value in training.items():
        if name not in known:
            raise unknown("training argument", name, [n for n in known if n not in TAKEN])
        kind = known[name].type
        kinds = set(get_args(kind) or (kind,)) - {NoneType}
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if kinds == {bool} and not isinstance(value, bool):
            raise invalid(f"training: {name}", value, "give true or false")
        if kinds <= {int, float} and not number:
            raise invalid(f"training: {name}", value, "give a number")
    try:
        with TemporaryDirectory() as folder:
            made({"output_dir": folder, "use_cpu": True, "report_to": "none", **training})
    except Exception as error:  # everybody checks in their own way
        told = " ".join(str(error).split())[:300]
        raise InvalidInput(f"training: transformers refuses {dict(training)!r}: {told}") from error


def made(arguments: Mapping[str, Any]) -> Any:
    """Return TrainingArguments; a name of old is as good as the one that has come for it."""
    from transformers import TrainingArguments

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        return TrainingArguments(**arguments)


def parse(given: Sequence[str], kind: str = "training") -> dict[str, Any]:
    """Return arguments from texts such as "weight_decay=0.1", or from JSON files of them.

    `kind` is the option that they are given by.

    Raises
    ------
    InvalidInput
        If a text is neither, or a name is given twice.
    """
    found: dict[str, Any] = {}
    for text in given:
        name, equals, value = text.partition("=")
        new = {name: _value(value)} if equals else _read(text, kind)
        if twice := sorted(found.keys() & new.keys()):
            raise InvalidInput(f"{kind}: {twice[0]} is given twice: leave one out")
        found |= new
    return found


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _read(path: str, kind: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        remedy = f"give name=value, or a JSON file of names and values ({error})"
        raise invalid(kind, path, remedy) from error
    if not isinstance(found, dict):
        raise invalid(kind, path, "the file holds no names and values")
    return found
