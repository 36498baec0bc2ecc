#!/usr/bin/env python3
"""report.html in a browser: no word on the console, nothing asked of a network, legible and usable
by keyboard, at two widths, light and dark. Skipped where there is no Chromium. Where the environment
variable AXE_CORE names an axe.min.js, its rules are checked as well."""
import json
import os
import pathlib
import unittest

from browser import Browser, find_browser
from harness import BOOKS, ProgramTest

CHECKS = (pathlib.Path(__file__).parent / "page_checks.js").read_text(encoding="utf-8")
WIDTHS = (1280, 420)
SCHEMES = ("light", "dark")
MATRICES = 28
BROWSER = find_browser()


@unittest.skipUnless(BROWSER, "no Chromium here: jobs/install-dependencies.sh --checks")
class ReportPage(ProgramTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.browser = Browser(BROWSER)
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        super().setUp()
        self.browser.forget()
        self.output = self.folder / "out"

    @property
    def page(self):
        return self.output / "report.html"

    def prune(self, *more, ranks=2):
        self.succeed(BOOKS, self.output, "--sparsity-ratio", "0.7", "--metric", "alpha_mid",
                     "--calibration", BOOKS / "calibration.npy", "--nsamples", "8", "--seqlen",
                     "128", *more, ranks=ranks)
        return self.report(self.output)

    def show_errors_and_perplexity(self):
        """A run whose page has all that a page can have, but a search: one for all tests."""
        self.output = self.shared / "out"
        if not self.output.exists():
            self.prune("--prune-method", "alps", "--blocks", "0-3", "--eval", self.text_of(8 * 128),
                       ranks=1)
        return self.report(self.output)

    def text(self, selector):
        return self.browser.evaluate(f"document.querySelector({selector!r}).textContent")

    def assert_usable(self):
        for scheme in SCHEMES:
            for width in WIDTHS:
                with self.subTest(width=width, scheme=scheme):
                    self.browser.look(width, scheme=scheme)
                    self.browser.open(self.page)
                    self.browser.evaluate("document.querySelectorAll('details').forEach("
                                          "(one) => { one.open = true; })")
                    self.assertEqual(self.browser.evaluate(CHECKS), [])
        if axe := os.environ.get("AXE_CORE"):
            self.browser.evaluate(pathlib.Path(axe).read_text(encoding="utf-8") + ";0")
            found = json.loads(self.browser.evaluate(
                "axe.run().then((run) => JSON.stringify(run.violations.map("
                "(one) => [one.id, one.nodes.map((node) => node.html)])))"))
            self.assertEqual(found, [])

    def assert_quiet(self):
        self.assertEqual(self.browser.console, [])
        self.assertEqual({url for url in self.browser.requests if url != self.page.as_uri()}, set())

    def test_answers_from_the_page_alone(self):
        report = self.show_errors_and_perplexity()
        self.assert_usable()
        self.browser.look()
        self.browser.open(self.page)
        answer = self.text("#answer")
        measured = report["perplexity"][0]
        for word in ("books-7m", "alps", "alphapruning on alpha_mid", "70.00 %",
                     f"{report['zeros']:,} of {report['model']['prunable_parameters']:,}",
                     f"{measured['dense']:.4g} → {measured['pruned']:.4g}", "not run",
                     "--allocation uniform"):
            self.assertIn(word, answer)
        # Every matrix stands in the maps of ratios, exponents and errors, and in the table.
        for number, matrix in enumerate(report["matrices"]):
            told = self.browser.evaluate(
                f"[...document.querySelectorAll('[data-m=\"{number}\"] title')]"
                ".map((one) => one.textContent.split(': ')[1])")
            expected = (matrix["sparsity_ratio"], matrix["metrics"]["alpha_mid"],
                        100 * matrix["relative_error"])
            self.assertEqual(len(told), 3)
            for text, value in zip(told, expected):
                self.assertAlmostEqual(float(text), value, delta=6e-3 * abs(value))
            law = self.text(f"#m{number} figcaption")
            self.assertIn(f"{matrix['fit']['tail']} of ", law)
            self.assertAlmostEqual(matrix["fit"]["alpha"], matrix["metrics"]["alpha_mid"], places=8)
        self.assert_quiet()

    def test_uniform_ratios_are_run_by_the_command_it_names(self):
        self.prune("--prune-method", "wanda", "--epsilon", "0.2")
        self.browser.open(self.page)
        words = self.text("#answer pre").split()
        self.assertEqual(words[:2], ["mpirun", "-n"])
        self.succeed(*self.model_and_output(words), *self.others(words))
        report = self.report(pathlib.Path(f"{self.output}-uniform"))
        self.assertEqual({matrix["sparsity_ratio"] for matrix in report["matrices"]}, {0.7})

    @staticmethod
    def model_and_output(words):
        return words[words.index("--model") + 1], words[words.index("--output") + 1]

    @staticmethod
    def others(words):
        """What stands behind the program, but model and output."""
        rest = words[4:]
        for name in ("--model", "--output"):
            at = rest.index(name)
            del rest[at:at + 2]
        return rest

    def test_a_search_stands_beside_uniform_ratios(self):
        report = self.prune("--prune-method", "wanda", "--allocation", "search",
                            "--search-evaluations", "3")
        self.browser.open(self.page)
        uniform = next(one for one in report["search"] if one["change"] == "uniform")
        self.assertIn(f"sequences is {uniform['perplexity']:.4g}, that of the best of all 3", self.text("#answer"))
        self.assertEqual(self.browser.evaluate(
            "document.querySelectorAll('#search circle').length"), 3)
        self.assert_usable()
        self.assert_quiet()

    def test_opens_sorts_and_filters(self):
        self.show_errors_and_perplexity()
        browser = self.browser
        browser.look()
        browser.open(self.page)
        opened = "document.querySelectorAll('#spectra-list details[open]').length"
        self.assertEqual(browser.evaluate(opened), 0)
        browser.evaluate("document.querySelector('#spectra-list summary').focus()")
        browser.press("Enter")
        self.assertEqual(browser.evaluate(opened), 1)
        browser.evaluate("document.querySelector('rect[data-m=\"9\"]').dispatchEvent("
                         "new MouseEvent('click', {bubbles: true}))")
        self.assertTrue(browser.evaluate("document.getElementById('m9').open"))
        first = "document.querySelector('#spectra-list').firstElementChild.id"
        heaviest = browser.evaluate(first)
        choose = ("(() => { const one = document.querySelector('.controls select'); "
                  "one.selectedIndex = 1; one.onchange(); })()")
        browser.evaluate(choose)
        self.assertNotEqual(browser.evaluate(first), heaviest)
        browser.evaluate("(() => { const one = document.querySelector('.controls input'); "
                         "one.value = 'block 3, q_proj'; one.oninput(); })()")
        self.assertEqual(browser.evaluate(
            "document.querySelectorAll('#spectra-list > :not([hidden])').length"), 1)
        # By keyboard: every column of the table can be sorted, numbers as numbers.
        browser.evaluate("document.querySelectorAll('.sortable th button')[6].focus()")
        browser.press("Enter")
        zeros = browser.evaluate("[...document.querySelectorAll('.sortable tbody tr')]"
                                 ".map((row) => Number(row.cells[6].textContent))")
        self.assertEqual(zeros, sorted(zeros))
        self.assertEqual(len(zeros), MATRICES)
        self.assert_quiet()

    def test_nothing_is_lost_without_the_script_or_on_paper(self):
        self.show_errors_and_perplexity()
        browser = self.browser
        browser.call("Emulation.setScriptExecutionDisabled", value=True)
        browser.look(medium="print")
        browser.open(self.page)
        browser.call("Emulation.setScriptExecutionDisabled", value=False)
        self.assertEqual(browser.evaluate("document.querySelectorAll('#spectra-list svg').length"), MATRICES)
        self.assertEqual(browser.evaluate("document.querySelectorAll('.controls').length"), 0)
        self.assertEqual(browser.evaluate("document.querySelectorAll('.trio svg').length"), 3)
        self.assertFalse(browser.evaluate("document.querySelector('nav').checkVisibility()"))
        self.assert_quiet()


if __name__ == "__main__":
    unittest.main()
