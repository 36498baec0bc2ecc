"""evaluate --choices against lm-evaluation-harness 0.4.13, whose own log-likelihoods and accuracies of
made-up items lie in tests/data/choices (made by tests/data/make_choice_tasks.py)."""
import json
import shutil
import subprocess
import sys
import unittest

from harness import BOOKS, ROOT, ProgramTest, is_built_with, start

CHOICES = ROOT / "tests" / "data" / "choices"
GOLDEN = json.loads((CHOICES / "golden.json").read_text())
TOKENIZERS = {"llama": "llama2", "gpt2": "gpt2"}
TASKS = ("plain", "close", "several", "inside")


class ChoiceTasks(ProgramTest):
    def model(self, name):
        folder = self.copy_of(CHOICES / name, name)
        shutil.copy(ROOT / "tests/data/tokenizers" / TOKENIZERS[name] / "tokenizer.json", folder)
        return folder

    def task(self, name):
        """The harness' log of a task as the program reads it."""
        done = subprocess.run(
            [sys.executable, ROOT / "jobs/choices-from-harness.py", "--samples",
             CHOICES / f"samples_{name}.jsonl"], capture_output=True, text=True, check=True)
        return self.written(done.stdout, f"{name}.jsonl")

    def written(self, text, name="task.jsonl"):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def evaluate(self, model, *more, ranks=1):
        done = start(["evaluate", "--model", model, *more], ranks)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        return done

    def refused(self, model, text, *words):
        done = start(["evaluate", "--model", model, "--choices", self.written(text)], 2)
        self.assertEqual(done.returncode, 2, done.stderr + done.stdout)
        for word in words:
            self.assertIn(word, done.stderr)


class AgainstTheHarness(ChoiceTasks):
    def test_likelihoods_and_accuracies(self):
        for model in TOKENIZERS:
            folder = self.model(model)
            for task in TASKS:
                with self.subTest(model=model, task=task):
                    golden = GOLDEN[model][task]
                    scores = self.folder / "scores.jsonl"
                    done = self.evaluate(folder, "--choices", self.task(task), "--scores", scores)
                    items = [json.loads(line) for line in scores.read_text().splitlines()]
                    self.assertEqual(len(items), len(golden["loglikelihoods"]))
                    for item, expected in zip(items, golden["loglikelihoods"]):
                        self.assertEqual(len(item["loglikelihoods"]), len(expected))
                        for found, value in zip(item["loglikelihoods"], expected):
                            self.assertAlmostEqual(found, value, delta=3e-5)
                    self.assertEqual(
                        done.stdout.splitlines()[-1],
                        f"choices acc {golden['acc']:.6g} acc_norm {golden['acc_norm']:.6g} "
                        f"(items {len(items)})")

    def test_the_same_bits_on_any_number_of_ranks(self):
        folder, task = self.model("llama"), self.task("plain")
        found = []
        for ranks in (1, 2, 3):
            scores = self.folder / f"scores{ranks}.jsonl"
            self.evaluate(folder, "--choices", task, "--scores", scores, ranks=ranks)
            found.append(scores.read_bytes())
        self.assertEqual(len(set(found)), 1)

    def test_a_context_that_is_too_long_loses_its_beginning(self):
        folder, task = self.model("gpt2"), self.task("plain")
        self.assertIn("lost their beginning", self.evaluate(folder, "--choices", task).stderr)
        short = [self.folder / name for name in ("20.jsonl", "48.jsonl")]
        for length, scores in zip((20, 48), short):
            self.evaluate(folder, "--choices", task, "--seqlen", length, "--scores", scores)
        self.assertNotEqual(*[path.read_text() for path in short])


class OtherTasks(ChoiceTasks):
    def test_white_space_alone_is_the_token_that_begins_a_sequence(self):
        """The harness ends with an assertion where the tokenizer begins a text with no token."""
        folder, found = self.model("gpt2"), []
        for context in ("", " \n"):
            item = {"context": context, "choices": ["nothing", "before it"], "answer": 0,
                    "delimiter": "" if context else " \n"}
            scores = self.folder / "scores.jsonl"
            self.evaluate(folder, "--choices", self.written(json.dumps(item)), "--scores", scores)
            found.append(json.loads(scores.read_text())["loglikelihoods"])
        self.assertEqual(*found)

    @unittest.skipUnless(is_built_with("SentencePiece"), "built without SentencePiece")
    def test_a_model_that_knows_the_answers(self):
        items = [("It is a truth universally", ["acknowledged", "spoon", "of of"], 0),
                 ("She looked at him and", ["zebra", "said"], 1)]
        task = self.written("".join(
            json.dumps({"context": c, "choices": o, "answer": a}) + "\n" for c, o, a in items))
        done = self.evaluate(BOOKS, "--choices", task, "--choices", task, "--eval",
                             self.text_of(8 * 512), ranks=2)
        lines = done.stdout.splitlines()
        self.assertEqual(lines[:4], [str(task), "choices acc 1 acc_norm 1 (items 2)"] * 2)
        self.assertRegex(lines[4], r"^perplexity 2\d\.\d+ \(seqlen 512, windows \d+\)$")

    def test_what_is_wrong_with_items(self):
        folder = self.model("llama")
        good = {"context": "One", "choices": ["two", "three"], "answer": 1}
        wrong = [({"context": "One", "choices": ["two"]}, "answer"), ({**good, "answer": 2}, "answer 2"),
                 ({**good, "choices": []}, "no choices"), ({**good, "choices": ["a", ""]}, "empty one"),
                 ({**good, "context": ["One"]}, "1 contexts for 2 choices"),
                 ({**good, "context": ["One", "Two"]}, "no continuation"),
                 ({**good, "context": "The cat sat on the m", "choices": ["at"], "answer": 0,
                   "delimiter": ""}, "no tokens of its own"),
                 ({**good, "choices": ["two", "word " * 60]}, "of 40 that the model reads")]
        text = "".join(json.dumps(item) + "\n" for item in [good, *[item for item, _ in wrong]])
        self.refused(folder, text, *[word for _, word in wrong],
                     *[f"line {number}" for number in range(2, 2 + len(wrong))])
        self.refused(folder, "\n", "no item")
        self.refused(folder, "{", "line 1")

    def test_options_that_belong_together(self):
        done = start(["evaluate", "--model", BOOKS])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--choices", done.stderr)
        done = start(["evaluate", "--model", BOOKS, "--eval", BOOKS / "eval_short.npy", "--scores", "x"])
        self.assertEqual(done.returncode, 2)
        self.assertIn("--scores has no effect", done.stderr)


if __name__ == "__main__":
    unittest.main()
