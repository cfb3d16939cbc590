"""Parts of a language loop as somebody else would write them."""

from dataclasses import dataclass

from modelcollapse import InvalidInput
from modelcollapse.language import TransformersSampler, TransformersTrainer


@dataclass
class Sampler:
    """Transformers' own, from the folder, and a list of what it was asked for."""

    fault: str = ""

    def sample(self, model, prompts, *, max_length, temperature, seed):
        """Sample from the folder, as an engine would."""
        assert (model.folder / "model.safetensors").exists()
        inner = TransformersSampler(batch=64, precision="float32")
        limits = {"max_length": max_length, "temperature": temperature, "seed": seed}
        found = inner.sample(model, prompts, **limits)
        if self.fault == "rows":
            return found[1:]
        if self.fault == "tokens":
            return [[10_000]] * len(found)
        if self.fault == "end":
            return [row[:1] for row in found]
        return found


@dataclass
class Trainer:
    """Transformers' own, which returns a folder and takes no weights."""

    rate: float = 1e-3

    def train(self, base, rows, recipe, *, weights, seed, folder):
        """Write the model, and forget it."""
        if weights is not None:
            raise InvalidInput("trainer = mine: it cannot weight rows; choose another workflow")
        inner = TransformersTrainer()
        model = inner.train(base, rows, recipe, weights=None, seed=seed, folder=folder)
        return model.folder


class Sums:
    """A question and its solution, on one line."""

    columns = ("question", "solution")

    def write(self, row):
        """Return "Q: question A: solution"."""
        return f"Q: {row['question']} A: {row['solution']}"

    def read(self, text):
        """Return the two, or None."""
        head, found, solution = text.partition(" A: ")
        if not found or not head.startswith("Q: ") or not head[3:].strip() or not solution.strip():
            return None
        return {"question": head[3:], "solution": solution}


sums = Sums()


def letters(generation):
    """Measure the mean number of letters, and something random."""
    return {
        "letters": sum(map(len, generation.texts)) / len(generation.texts),
        "noise": generation.rng.random(),
        "tokens": float(sum(map(len, generation.token_ids))),
    }


def fails(generation):
    """Fail."""
    raise ZeroDivisionError(f"in generation {generation.number}")


def taken(generation):
    """Return a number whose name the loop uses."""
    del generation
    return {"loss": 1.0}
