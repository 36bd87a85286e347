"""Phases of Lightning's Trainer: `Trainer(callbacks=[wattribute.lightning.Callback()])`.

https://lightning.ai/docs/pytorch/stable/api/lightning.pytorch.callbacks.Callback.html
"""

from __future__ import annotations

from typing import Any, Optional

try:
    from lightning.pytorch.callbacks import Callback as _Callback
except ImportError:  # the same library by its older name
    from pytorch_lightning.callbacks import Callback as _Callback

from . import Client, shared


class Callback(_Callback):  # type: ignore[misc]
    """Marks `init`, `train`, `eval`, `inference` and `checkpoint`; counts optimizer steps and samples of this process.

    A checkpoint begins when its state is gathered (`on_save_checkpoint`) and ends with the next hook, since there is
    none for its end.

    Args:
        client: by default that of the process.
        starts_run: whether the begin of `fit` is that of a run.
    """

    def __init__(self, client: Optional[Client] = None, starts_run: bool = True) -> None:
        super().__init__()
        self._client = client or shared
        self._starts_run = starts_run
        self._is_saving = False
        self._steps = 0

    def setup(self, trainer: Any, pl_module: Any, stage: Any) -> None:
        if getattr(stage, "value", stage) != "fit":
            return
        if self._starts_run:
            self._client.run_start("init")
        else:
            self._client.set_phase("init")

    def on_train_start(self, trainer: Any, pl_module: Any) -> None:
        self._is_saving = False
        self._steps = _steps_of(trainer)
        self._client.set_phase("train")

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        self._saved()

    def on_train_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        steps = _steps_of(trainer)
        self._client.step(max(0, steps - self._steps), samples=_samples_of(batch))
        self._steps = steps

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        self._saved()

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        self._saved()
        self._client.begin("eval")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        self._saved()
        self._client.end("eval")

    def on_test_start(self, trainer: Any, pl_module: Any) -> None:
        self._client.begin("eval")

    def on_test_end(self, trainer: Any, pl_module: Any) -> None:
        self._client.end("eval")

    def on_predict_start(self, trainer: Any, pl_module: Any) -> None:
        self._client.begin("inference")

    def on_predict_end(self, trainer: Any, pl_module: Any) -> None:
        self._client.end("inference")

    def on_save_checkpoint(self, trainer: Any, pl_module: Any, checkpoint: Any) -> None:
        if not self._is_saving:
            self._is_saving = True
            self._client.begin("checkpoint")

    def on_train_end(self, trainer: Any, pl_module: Any) -> None:
        self._saved()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        self._ended()

    def teardown(self, trainer: Any, pl_module: Any, stage: Any) -> None:
        self._ended()

    def _saved(self) -> None:
        if self._is_saving:
            self._is_saving = False
            self._client.end("checkpoint")

    def _ended(self) -> None:
        self._saved()
        for phase in ("eval", "inference", "train", "init"):
            self._client.end(phase)


def _steps_of(trainer: Any) -> int:
    """Steps of optimizers so far: with accumulated gradients fewer than batches."""
    steps = getattr(trainer, "global_step", 0)
    return steps if isinstance(steps, int) else 0


def _samples_of(batch: Any) -> int:
    """The first dimension of the first thing in a batch that has one; 0 where nothing has."""
    for _ in range(4):
        shape = getattr(batch, "shape", None)
        if shape is not None:
            return int(shape[0]) if len(shape) > 0 else 0
        if isinstance(batch, dict):
            batch = next(iter(batch.values()), None)
        elif isinstance(batch, (list, tuple)) and len(batch) > 0:
            batch = batch[0]
        else:
            return 0
    return 0
