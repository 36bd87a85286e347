"""Phases of Hugging Face's Trainer: `Trainer(..., callbacks=[wattribute.huggingface.TrainerCallback()])`.

`on_evaluate` and `on_save` are called when the work is done. That it begins is known at the end of the step (or of
the epoch) before it: the control of the trainer, which callbacks may have changed, says what comes next.
https://github.com/huggingface/transformers/blob/v4.57.1/src/transformers/trainer_callback.py
"""

from __future__ import annotations

from typing import Any, Optional

from transformers import TrainerCallback as _TrainerCallback

from . import Client, shared


class TrainerCallback(_TrainerCallback):  # type: ignore[misc]
    """Marks `train`, and inside it `eval` and `checkpoint`; counts steps and samples of this process.

    Args:
        client: by default that of the process.
        starts_run: whether the begin of the training is that of a run.
    """

    def __init__(self, client: Optional[Client] = None, starts_run: bool = True) -> None:
        super().__init__()
        self._client = client or shared
        self._starts_run = starts_run
        # In which of eval and checkpoint it is; both have nothing inside them.
        self._inside: Optional[str] = None
        self._is_training = False

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._leave()
        if self._starts_run:
            self._client.run_start("train")
        else:
            self._client.begin("train")
        self._is_training = True

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._leave()

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._client.step(samples=_samples_of_step(args))
        self._enter_what_comes(control)

    def on_epoch_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._enter_what_comes(control)

    def on_prediction_step(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._enter("eval")  # of an evaluation that nobody has announced, as by trainer.evaluate()

    def on_evaluate(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._leave()
        if self._is_training and getattr(control, "should_save", False):
            self._enter("checkpoint")

    def on_predict(self, args: Any, state: Any, control: Any, metrics: Any, **kwargs: Any) -> None:
        self._leave()

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._leave()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._leave()
        self._is_training = False
        self._client.end("train")

    def _enter_what_comes(self, control: Any) -> None:
        """The trainer evaluates first, and then saves."""
        if getattr(control, "should_evaluate", False):
            self._enter("eval")
        elif getattr(control, "should_save", False):
            self._enter("checkpoint")

    def _enter(self, phase: str) -> None:
        if self._inside == phase:
            return
        self._leave()
        self._client.begin(phase)
        self._inside = phase

    def _leave(self) -> None:
        if self._inside is not None:
            self._client.end(self._inside)
            self._inside = None


def _samples_of_step(args: Any) -> int:
    """Of this process: the batch of one device, times its devices, times the batches of a step."""
    try:
        return int(args.train_batch_size) * int(args.gradient_accumulation_steps)
    except (AttributeError, TypeError, ValueError):
        return 0
