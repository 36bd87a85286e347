"""The callback, called in the order that Lightning documents
(https://lightning.ai/docs/pytorch/stable/common/lightning_module.html#hooks)."""

import unittest
from types import SimpleNamespace

from wattribute import Client

from .libraries import stand_in
from .listener import Listener

stand_in()

from wattribute.lightning import Callback  # noqa: E402


class Lightning(unittest.TestCase):
    def setUp(self):
        self.listener = Listener()
        self.client = Client(self.listener.path)
        self.callback = Callback(self.client)
        self.trainer = SimpleNamespace(global_step=0)

    def call(self, hook, *words):
        getattr(self.callback, hook)(self.trainer, None, *words)

    def said(self):
        self.client.close()
        return self.listener.lines

    def batch(self, index, batch, is_step):
        self.call("on_train_batch_start", batch, index)
        self.trainer.global_step += is_step
        self.call("on_train_batch_end", None, batch, index)

    def test_a_fit_with_sanity_check_accumulation_validation_and_a_checkpoint(self):
        batch = {"input_ids": SimpleNamespace(shape=(4, 128))}
        self.call("setup", "fit")
        self.call("on_validation_start")
        self.call("on_validation_end")
        self.call("on_train_start")
        self.call("on_train_epoch_start")
        self.batch(0, batch, 0)
        self.batch(1, batch, 1)
        self.call("on_validation_start")
        self.call("on_save_checkpoint", {})
        self.call("on_validation_end")
        self.call("on_save_checkpoint", {})
        self.batch(2, [SimpleNamespace(shape=(3,)), None], 1)
        self.call("on_train_end")
        self.call("teardown", "fit")
        self.assertEqual(
            self.said(),
            [
                "run=start phase=init",
                "begin=eval",
                "end=eval",
                "phase=train",
                "step=1 samples=8",
                "begin=eval",
                "begin=checkpoint",
                "end=checkpoint",
                "end=eval",
                "begin=checkpoint",
                "end=checkpoint",
                "step=1 samples=3",
                "end=train",
            ],
        )

    def test_an_exception_leaves_nothing_open(self):
        self.call("setup", "fit")
        self.call("on_train_start")
        self.call("on_validation_start")
        self.call("on_exception", KeyboardInterrupt())
        self.assertEqual(self.client._book.open_names, [])

    def test_other_stages_start_no_run(self):
        self.call("setup", "predict")
        self.call("on_predict_start")
        self.call("on_predict_end")
        self.call("setup", "test")
        self.call("on_test_start")
        self.call("on_test_end")
        self.assertEqual(self.said(), ["begin=inference", "end=inference", "begin=eval", "end=eval"])


if __name__ == "__main__":
    unittest.main()
