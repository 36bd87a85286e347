"""The callback, called in the order of Trainer (transformers v5: src/transformers/trainer.py, _run_epoch and
_maybe_log_save_evaluate)."""

import unittest
from types import SimpleNamespace

from wattribute import Client

from .libraries import stand_in
from .listener import Listener

stand_in()

from wattribute.huggingface import TrainerCallback  # noqa: E402


class TheTrainer:
    """Calls what Trainer calls, when it calls it."""

    def __init__(self, callback, evaluate_at=(), save_at=()):
        self.callback = callback
        self.evaluate_at = evaluate_at
        self.save_at = save_at
        self.args = SimpleNamespace(train_batch_size=8, gradient_accumulation_steps=2)
        self.control = SimpleNamespace(should_evaluate=False, should_save=False)

    def call(self, event, **more):
        # The control of on_evaluate and on_save has its own flag put back beforehand (CallbackHandler).
        if event == "on_evaluate":
            self.control.should_evaluate = False
        if event == "on_save":
            self.control.should_save = False
        getattr(self.callback, event)(self.args, SimpleNamespace(), self.control, model=None, **more)

    def train(self, steps):
        self.call("on_train_begin")
        self.call("on_epoch_begin")
        for step in range(1, steps + 1):
            self.call("on_step_begin")
            self.call("on_substep_end")
            self.call("on_pre_optimizer_step")
            self.call("on_optimizer_step")
            self.control.should_evaluate = step in self.evaluate_at
            self.control.should_save = step in self.save_at
            self.call("on_step_end")
            self.log_save_evaluate()
        self.call("on_epoch_end")
        self.log_save_evaluate()
        self.call("on_train_end")

    def log_save_evaluate(self):
        if self.control.should_evaluate:
            self.evaluate()
        if self.control.should_save:
            self.call("on_save")

    def evaluate(self):
        for _ in range(3):
            self.call("on_prediction_step")
        self.call("on_evaluate", metrics={})


class HuggingFace(unittest.TestCase):
    def setUp(self):
        self.listener = Listener()
        self.client = Client(self.listener.path)
        self.callback = TrainerCallback(self.client)

    def said(self):
        self.client.close()
        return self.listener.lines

    def test_evaluations_and_checkpoints_begin_where_the_step_before_them_ends(self):
        TheTrainer(self.callback, evaluate_at=(1, 2), save_at=(2, 3)).train(3)
        self.assertEqual(
            self.said(),
            [
                "run=start phase=train",
                "step=1 samples=16",
                "begin=eval",
                "end=eval",
                "step=1 samples=16",
                "begin=eval",
                "end=eval",
                "begin=checkpoint",
                "end=checkpoint",
                "step=1 samples=16",
                "begin=checkpoint",
                "end=checkpoint",
                "end=train",
            ],
        )

    def test_an_evaluation_alone_begins_with_its_first_batch(self):
        TheTrainer(self.callback).evaluate()
        self.assertEqual(self.said(), ["begin=eval", "end=eval"])

    def test_an_announced_checkpoint_that_is_not_made_ends_with_the_next_step(self):
        trainer = TheTrainer(self.callback)
        trainer.call("on_train_begin")
        trainer.control.should_save = True
        trainer.call("on_step_end")
        trainer.control.should_save = False
        trainer.call("on_step_begin")
        self.assertEqual(
            self.said(),
            ["run=start phase=train", "step=1 samples=16", "begin=checkpoint", "end=checkpoint"],
        )

    def test_predictions_are_evaluations_and_arguments_may_lack(self):
        trainer = TheTrainer(self.callback)
        trainer.args = SimpleNamespace()
        trainer.call("on_step_end")
        trainer.call("on_prediction_step")
        trainer.call("on_predict", metrics={})
        self.assertEqual(self.said(), ["step=1", "begin=eval", "end=eval"])


if __name__ == "__main__":
    unittest.main()
