"""One generation as one would write it at first: map, Trainer and `generate` at batch 64."""

import tempfile
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DataCollatorForLanguageModeling,
    Trainer,
    TrainingArguments,
)

BATCH = 64  # sequences sampled at a time


@dataclass(frozen=True)
class Generation:
    """What a generation did.

    Attributes
    ----------
    model
        The trained model.
    steps
        Of the optimiser.
    tokens
        In the training rows, each epoch anew.
    loss
        Mean training loss, nats per token.
    lengths
        Tokens of each sequence sampled, the end included.
    texts
        The well-formed ones.
    """

    model: Any
    steps: int
    tokens: int
    loss: float
    lengths: list[int]
    texts: list[str]


def evaluated(folder, texts, recipe, model):
    """Return the Trainer's loss of a model on texts, nats per token.

    In one batch: of several, the Trainer averages the losses, however many tokens each has.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=arguments(scratch, recipe, 0, evaluated_at_once=len(texts)),
            eval_dataset=tokenized(tokenizer, texts),
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        )
        return trainer.evaluate()["eval_loss"]


def tokenized(tokenizer, texts):
    """Return texts with start and end as a data set of tokens."""
    wrapped = [f"{tokenizer.bos_token}{text}{tokenizer.eos_token}" for text in texts]
    return Dataset.from_dict({"text": wrapped}).map(
        lambda rows: tokenizer(rows["text"], add_special_tokens=False),
        batched=True,
        remove_columns=["text"],
    )


def arguments(scratch, recipe, seed, steps=0, evaluated_at_once=BATCH):
    """Return the recipe as the Trainer's arguments, everything else by default.

    The warm-up is said in steps, of which the Trainer would make another number of a share.
    """
    return TrainingArguments(
        output_dir=scratch,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=evaluated_at_once,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=int(recipe.warmup * steps),
        num_train_epochs=recipe.epochs,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
        seed=seed,
    )


def generation(folder, train, held_out, count, recipe, seed, read):
    """Fine-tune, evaluate and sample until so many texts are well-formed: `read` is not None."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    data = tokenized(tokenizer, train)
    steps = -(-len(data) // recipe.rows_per_step)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=arguments(scratch, recipe, seed, steps),
            train_dataset=data,
            eval_dataset=tokenized(tokenizer, held_out),
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        )
        output = trainer.train()
        trainer.evaluate()
    model.eval()
    lengths, texts = [], []
    while len(texts) < count:
        found = sampled(model, tokenizer, recipe)
        lengths += map(len, found)
        ended = [ids[:-1] for ids in found if ids[-1] == tokenizer.eos_token_id]
        texts += [text for text in tokenizer.batch_decode(ended) if read(text) is not None]
    tokens = sum(map(len, data["input_ids"])) * output.metrics["epoch"]
    return Generation(
        model, output.global_step, round(tokens), output.training_loss, lengths, texts[:count]
    )


def sampled(model, tokenizer, recipe):
    """Return a batch of sequences after the start, each up to its end if it has one."""
    start = torch.full((BATCH, 1), tokenizer.bos_token_id)
    output = model.generate(
        start,
        attention_mask=torch.ones_like(start),
        do_sample=True,
        top_k=0,
        max_new_tokens=recipe.max_length - 1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    end = tokenizer.eos_token_id
    rows = output[:, 1:].tolist()
    return [ids[: ids.index(end) + 1] if end in ids else ids for ids in rows]
