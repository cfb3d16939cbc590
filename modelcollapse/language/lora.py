"""Low-rank adapters, of peft: trained beside a model's weights, and merged into them.

So what is sampled, judged and kept is a whole model, as without them.
"""

import importlib.util
import json
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import Any

from modelcollapse._support.errors import InvalidInput, missing, unknown
from modelcollapse.language.arguments import plain_data
from modelcollapse.language.base import Base, reason

KIND = "lora"
TAKEN = {  # of an adapter's configuration, what the loop says
    "task_type",
    "peft_type",
    "peft_version",
    "auto_mapping",
    "base_model_name_or_path",
    "revision",
    "inference_mode",
}


def checked_adapter(lora: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments of peft's LoraConfig as plain data.

    Raises
    ------
    InvalidInput
        If the loop says one of them, or its value is nothing that JSON can hold.
    """
    found = plain_data(KIND, lora, "LoraConfig")
    if said := sorted(TAKEN & found.keys()):
        raise InvalidInput(f"{KIND}: {said[0]} is said by the loop: leave it out")
    return found


def adapted(model: Any, lora: Mapping[str, Any]) -> Any:
    """Return a model with fresh adapters, which alone are trained."""
    from peft import LoraConfig, get_peft_model

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on what it sets right by itself, as for GPT-2
        return get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **lora))


def merged(model: Any) -> Any:
    """Return the whole model that an adapted one amounts to; it takes the other's weights."""
    return model.merge_and_unload()


def check_adapter(base: Base, lora: Mapping[str, Any]) -> int:
    """Return the number of weights that would be trained; nothing is loaded.

    Raises
    ------
    MissingDependency
        If peft is not installed.
    InvalidInput
        If peft refuses the configuration, as one that matches no module, or the adapters cannot be
        merged into the model.
    """
    if importlib.util.find_spec("peft") is None:
        raise missing("peft", KIND, "LoRA")
    from peft import LoraConfig

    known = [name for name in LoraConfig.__dataclass_fields__ if name not in TAKEN]
    for name in lora:
        if name not in known:
            raise unknown(f"{KIND} argument", name, known)
    model = base.empty()
    before, linear = _weights(model), ", ".join(_linear(model))
    try:
        # How adapters begin is no matter here, and some ways need the weights themselves.
        made = adapted(model, {**lora, "init_lora_weights": False})
        trained = int(sum(p.numel() for p in made.parameters() if p.requires_grad))
        beside = [id(layer.weight) for layer in _layers(made)]
        after = _weights(merged(made))
    except Exception as error:
        raise InvalidInput(
            f"{KIND} = {_told(lora)}: peft refuses it: {reason(error)} The modules to name in "
            f"target_modules are {linear}"
        ) from error
    names = Counter(number for _, number in before.values())
    if after != before or any(names[number] > 1 for number in beside):
        raise InvalidInput(
            f"{KIND} = {_told(lora)}: the adapted model cannot be made a whole one of the same "
            "architecture, as it has other layers, or weights that two modules share; adapt "
            f"others, such as {linear}"
        )
    return trained


def _told(lora: Mapping[str, Any]) -> str:
    return json.dumps(dict(lora))


def _weights(model: Any) -> dict[str, tuple[tuple[int, ...], int]]:
    """Return the shape of each weight, and what is equal for one that several modules have."""
    named = model.named_parameters(remove_duplicate=False)
    return {name: (tuple(weight.shape), id(weight)) for name, weight in named}


def _layers(model: Any) -> list[Any]:
    """Return the modules that adapters stand beside."""
    found = [module for module in model.modules() if hasattr(module, "lora_A")]
    return [module.get_base_layer() for module in found]


def _linear(model: Any) -> list[str]:
    """Return the names of the modules with a matrix, but embeddings and the last one."""
    found = {
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if "." in name
        and "Embedding" not in type(module).__name__
        and (weight := getattr(module, "weight", None)) is not None
        and weight.dim() > 1
    }
    return sorted(found)
