import unittest

from wattribute import _lines
from wattribute._book import MOST_OPEN, MOST_SUMS, Book


def said(book):
    return [line.rpartition(" t=")[0] or line for line in book.take(10_000)]


class TheBook(unittest.TestCase):
    def setUp(self):
        self.book = Book(capacity=8)

    def test_marks_become_lines_in_order_each_with_its_time(self):
        self.book.set("train", 12.5)
        self.book.begin("eval", 13)
        self.book.end_innermost(None, 14.25)
        self.assertEqual(
            self.book.take(10), ["phase=train t=12.500000", "begin=eval t=13.000000", "end=eval t=14.250000"]
        )

    def test_what_adds_up_is_said_before_the_phase_changes(self):
        self.book.set("train", 0)
        self.book.done(1, 32)
        self.book.done(1, 32)
        self.book.report("train/forward", 0.25, 1)
        self.book.report("train/forward", 0.5, 2)
        self.book.begin("eval", 0)
        self.assertEqual(
            said(self.book),
            ["phase=train", "phase=train/forward dur=0.750000000 n=3", "step=2 samples=64", "begin=eval"],
        )

    def test_a_phase_that_ends_out_of_turn_takes_no_other_with_it(self):
        first = self.book.begin("eval", 0)
        self.book.begin("checkpoint", 0)
        said(self.book)
        self.book.end(first, 0)
        self.assertEqual(said(self.book), ["phase=checkpoint"])
        self.book.end(first, 0)
        self.assertEqual(said(self.book), [])

    def test_end_with_a_name_ends_all_inside_it(self):
        for name in ("train", "eval", "checkpoint"):
            self.book.begin(name, 0)
        self.book.end_innermost("eval", 0)
        self.book.end_innermost("never", 0)
        self.assertEqual(self.book.open_names, ["train"])
        self.assertEqual(said(self.book)[-1], "end=eval")

    def test_lines_that_wait_are_bounded_and_what_is_open_is_said_after_a_loss(self):
        for index in range(100):
            self.book.set(f"own-{index}", 0)
        self.assertEqual(self.book.dropped, 92)
        self.assertEqual(said(self.book), [*(f"phase=own-{index}" for index in range(8)), "phase=own-99"])
        self.assertFalse(self.book.has_lines)

    def test_a_lost_end_is_made_good(self):
        self.book.set("train", 0)
        said(self.book)
        self.book.end_innermost(None, 0)
        self.book.forget()
        self.assertEqual(self.book.dropped, 1)
        self.assertEqual(said(self.book), ["phase=train", "end=train"])

    def test_a_new_exporter_is_told_the_run_and_all_that_is_open(self):
        self.book.run_start("init", 0)
        self.book.begin("load", 0)
        self.book.forget()
        self.assertEqual(said(self.book), ["run=start", "phase=init", "begin=load"])
        self.book.forget(["end=load"])
        self.assertEqual(said(self.book), ["phase=init", "begin=load"])

    def test_nothing_is_said_again_where_nothing_was_open(self):
        self.book.done(1, 0)
        self.book.forget()
        self.assertFalse(self.book.has_lines)
        self.assertEqual(said(self.book), [])
        self.assertEqual(self.book.dropped, 1)

    def test_open_phases_and_sums_are_bounded(self):
        for _ in range(MOST_OPEN + 5):
            self.book.begin("eval", 0)
        self.assertEqual(len(self.book.open_names), MOST_OPEN)
        book = Book(capacity=1000)
        for index in range(MOST_SUMS + 5):
            book.report(f"train/{index}", 1, 1)
            book.count(f"model-{index}", (1, 2, 1, 3))
        book.pour()
        self.assertEqual(len(said(book)), 2 * MOST_SUMS)
        self.assertEqual(book.dropped, 10)

    def test_queries_are_added_up_by_model(self):
        self.book.count("llama", (1, 100, 20, 7))
        self.book.count("llama", (2, 20, 0, 3))
        self.book.count(None, (1, 0, 0, 0))
        self.book.pour()
        self.assertEqual(
            said(self.book),
            [
                "queries=3 input_tokens=120 cached_input_tokens=20 output_tokens=10 model=llama",
                "queries=1 input_tokens=0 cached_input_tokens=0 output_tokens=0",
            ],
        )


class Lines(unittest.TestCase):
    def test_names_are_checked_before_they_are_sent(self):
        self.assertEqual(_lines.phase_name("Train/Forward"), "train/forward")
        for wrong in ("", "a b", "a\nphase=b", "a/b/c/d", "ü", "a" * 41, None, 5):
            with self.assertRaises(_lines.Unsayable):
                _lines.phase_name(wrong)
        for wrong in ("a b", "", "ü", "m\n", "m" * 129, 5):
            with self.assertRaises(_lines.Unsayable):
                _lines.model_name(wrong)

    def test_numbers_are_checked_before_they_are_sent(self):
        self.assertEqual(_lines.whole(3.0, 10), 3)
        self.assertEqual(_lines.duration(1), 1.0)
        for wrong in (-1, 11, 1.5, float("nan"), float("inf"), None, "x"):
            with self.assertRaises(_lines.Unsayable):
                _lines.whole(wrong, 10)
        for wrong in (-1, 1e6, float("nan"), float("inf"), None, "x"):
            with self.assertRaises(_lines.Unsayable):
                _lines.duration(wrong)


if __name__ == "__main__":
    unittest.main()
