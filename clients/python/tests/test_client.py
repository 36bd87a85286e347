import asyncio
import copy
import os
import pickle
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest

from wattribute import Client
from wattribute._client import _CAPACITY_LINES

from .listener import Listener


def nowhere():
    return os.path.join(tempfile.mkdtemp(prefix="wattribute-client-"), "marks.sock")


class TheClient(unittest.TestCase):
    def setUp(self):
        self.listener = Listener()
        self.client = Client(self.listener.path)
        self.addCleanup(self.client.close)

    def test_a_phase_lasts_as_long_as_its_block_also_when_that_raises(self):
        with self.assertRaises(KeyError):
            with self.client.phase("train"):
                with self.client.phase("eval"):
                    raise KeyError
        self.client.close()
        self.assertEqual(self.listener.lines, ["begin=train", "begin=eval", "end=eval", "end=train"])

    def test_decorates_functions_recursive_ones_and_coroutines(self):
        @self.client.phase("eval")
        def count(down):
            """Counts."""
            return 0 if down == 0 else 1 + count(down - 1)

        @self.client.phase("load")
        async def load():
            return 7

        self.assertEqual((count(1), count.__doc__, asyncio.run(load())), (1, "Counts.", 7))
        self.client.close()
        self.assertEqual(
            self.listener.lines,
            ["begin=eval", "begin=eval", "end=eval", "end=eval", "begin=load", "end=load"],
        )

    def test_close_sends_all_that_waits(self):
        self.client.set_phase("train")
        for _ in range(1000):
            self.client.step(samples=2)
            self.client.report("train/forward", 0.001)
        self.client.queries(3, input_tokens=5, model="m")
        self.client.close()
        steps = [line.split() for line in self.listener.lines if line.startswith("step=")]
        self.assertEqual(sum(int(words[0][5:]) for words in steps), 1000)
        self.assertEqual(sum(int(words[1][8:]) for words in steps), 2000)
        self.assertIn(
            "queries=3 input_tokens=5 cached_input_tokens=0 output_tokens=0 model=m", self.listener.lines
        )
        self.assertEqual(self.client.counts()["dropped"], 0)

    def test_what_is_wrong_is_logged_once_and_dropped(self):
        with self.assertLogs("wattribute", "WARNING") as logged:
            for _ in range(3):
                self.client.set_phase("a b")
            self.client.step(-1)
            self.client.report("train/forward", float("nan"))
            self.client.queries(1, input_tokens=1, cached_input_tokens=2)
            self.client.run_start(object())
            with self.client.phase(None):
                pass
        self.assertEqual(len(logged.records), 6)
        self.assertEqual(self.client.counts()["dropped"], 8)

    def test_refusals_are_heard(self):
        self.client.set_phase("train")
        self.listener.wait_for("phase=train")
        with self.assertLogs("wattribute", "WARNING") as logged:
            self.listener.answer("error: nobody may\n")
            self.client.set_phase("eval")
            self.listener.wait_for("phase=eval")
        self.assertIn("nobody may", logged.output[0])
        self.assertEqual(self.client.counts()["refused"], 1)

    def test_many_threads_are_one_sender(self):
        def work():
            for _ in range(200):
                self.client.step()

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.client.close()
        self.assertEqual(sum(int(line[5:]) for line in self.listener.lines), 1600)
        self.assertEqual(len(set(self.listener.senders)), 1)

    def test_a_forked_child_has_a_connection_and_phases_of_its_own(self):
        self.client.set_phase("train")
        self.listener.wait_for("phase=train")
        child = os.fork()
        if child == 0:
            self.client.begin("data")
            self.client.close()
            os._exit(0)
        os.waitpid(child, 0)
        self.listener.wait_for("begin=data")
        self.client.set_phase("eval")
        self.listener.wait_for("phase=eval")
        self.assertEqual(self.listener.lines, ["phase=train", "begin=data", "phase=eval"])
        first, child_sender, last = self.listener.senders
        self.assertEqual(first, last)
        self.assertNotEqual(first, child_sender)

    def test_a_block_that_began_before_the_fork_ends_in_the_parent_alone(self):
        with self.client.phase("train"):
            child = os.fork()
        self.client.close()
        if child == 0:
            os._exit(0 if self.client.counts() == {"sent": 0, "dropped": 0, "refused": 0} else 1)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual(self.listener.lines, ["begin=train", "end=train"])

    def test_a_handler_of_a_signal_may_mark_while_a_mark_is_made(self):
        before = signal.signal(signal.SIGALRM, lambda *_: self.client.set_phase("checkpoint"))
        self.addCleanup(signal.signal, signal.SIGALRM, before)
        with self.client._changed:
            os.kill(os.getpid(), signal.SIGALRM)
        self.listener.wait_for("phase=checkpoint")

    def test_a_copy_is_the_same_sender(self):
        self.assertIs(pickle.loads(pickle.dumps(self.client)), self.client)
        self.assertIs(copy.deepcopy(self.client), self.client)

    def test_an_exporter_that_was_started_anew_is_told_what_is_open(self):
        self.client.set_phase("train")
        self.client.begin("eval")
        self.listener.wait_for("begin=eval")
        self.listener.end()
        self.listener = Listener(self.listener.path)
        self.listener.wait_for("begin=eval")
        self.assertEqual(self.listener.lines, ["phase=train", "begin=eval"])


class WithoutAnExporter(unittest.TestCase):
    def test_nothing_waits_and_nothing_grows(self):
        client = Client(nowhere())
        for index in range(20 * _CAPACITY_LINES):
            client.set_phase("train" if index % 2 else "eval")
        self.assertLessEqual(len(client._book._lines), _CAPACITY_LINES)
        client.close()
        self.assertEqual(client.counts(), {"sent": 0, "dropped": 20 * _CAPACITY_LINES, "refused": 0})
        client.step()
        self.assertEqual(client.counts()["dropped"], 20 * _CAPACITY_LINES + 1)

    def test_impossible_paths_harm_nobody(self):
        for path in ("/dev/null", "/" + "a" * 300, "/\0"):
            client = Client(path)
            client.set_phase("train")
            client.close()
            self.assertEqual(client.counts()["sent"], 0)

    def test_a_socket_that_is_not_read_stops_nobody(self):
        path = nowhere()
        silent = socket.socket(socket.AF_UNIX)
        self.addCleanup(silent.close)
        silent.bind(path)
        silent.listen()
        client = Client(path)
        calls = 0
        # More than the socket and the queue hold: were there a wait in it, this would never end.
        while client.counts()["dropped"] < 5 * _CAPACITY_LINES:
            client.set_phase("train")
            calls += 1
        self.assertLessEqual(len(client._book._lines), _CAPACITY_LINES)
        client.close()
        self.assertFalse(client._thread.is_alive())
        self.assertGreaterEqual(client.counts()["dropped"], 5 * _CAPACITY_LINES)

    def test_a_script_ends_with_its_own_exit_code_and_without_a_word(self):
        script = (
            "import sys, wattribute\n"
            "wattribute.run_start()\n"
            "with wattribute.phase('train'): wattribute.step()\n"
            "sys.exit(3)\n"
        )
        ran = subprocess.run(
            [sys.executable, "-c", script],
            env={**os.environ, "WATTRIBUTE_MARKS_SOCKET": nowhere()},
            capture_output=True,
            timeout=60,
        )
        self.assertEqual((ran.returncode, ran.stdout, ran.stderr), (3, b"", b""))


if __name__ == "__main__":
    unittest.main()
