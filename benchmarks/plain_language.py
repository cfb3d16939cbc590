"""One generation as one would write it at first: map, Trainer and `generate` at batch 64."""

import tempfile

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


def evaluated(folder, texts, recipe, model):
    """Return the Trainer's loss of a model on texts, nats per token.

    In one batch: of several, the Trainer averages the losses, however many tokens each has.
    """
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=arguments(scratch, recipe, 0, len(texts)),
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


def arguments(scratch, recipe, seed, evaluated_at_once=BATCH):
    """Return the recipe as the Trainer's arguments, everything else by default."""
    return TrainingArguments(
        output_dir=scratch,
        per_device_train_batch_size=recipe.batch_size,
        per_device_eval_batch_size=evaluated_at_once,
        gradient_accumulation_steps=recipe.accumulation,
        learning_rate=recipe.learning_rate,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=recipe.warmup,
        num_train_epochs=recipe.epochs,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        use_cpu=True,
        dataloader_pin_memory=False,
        seed=seed,
    )


def generation(folder, train, held_out, count, recipe, seed):
    """Fine-tune, evaluate and sample; return (model, texts)."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager")
    with tempfile.TemporaryDirectory() as scratch:
        trainer = Trainer(
            model=model,
            args=arguments(scratch, recipe, seed),
            train_dataset=tokenized(tokenizer, train),
            eval_dataset=tokenized(tokenizer, held_out),
            data_collator=DataCollatorForLanguageModeling(tokenizer, mlm=False),
        )
        trainer.train()
        trainer.evaluate()
    model.eval()
    texts = []
    start = torch.full((BATCH, 1), tokenizer.bos_token_id)
    while len(texts) < count:
        output = model.generate(
            start,
            attention_mask=torch.ones_like(start),
            do_sample=True,
            top_k=0,
            max_new_tokens=recipe.max_length - 1,
        )
        texts += tokenizer.batch_decode(output, skip_special_tokens=True)
    return model, texts[:count]
