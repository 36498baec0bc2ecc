"""report.json of all kinds of runs against docs/report.schema.json: nothing that it forbids, and nothing
that it does not describe."""
import copy
import json
import unittest

from harness import BOOKS, ROOT, TINY, ProgramTest, start
from json_schema import faults_of, undescribed_in

try:
    import jsonschema
except ImportError:
    jsonschema = None

SCHEMA = json.loads((ROOT / "docs" / "report.schema.json").read_text())
SHORT = ["--calibration", BOOKS / "calibration.npy", "--nsamples", 6, "--seqlen", 64]
RUNS = {
    "magnitude": (TINY / "tiny-mistral", []),
    "patterns": (TINY / "tiny-mistral", ["--sparsity-type", "2:4", "--format", "safetensors"]),
    "slices": (TINY / "tiny-phi3", ["--metric", "alpha_mid", "--precision", "auto"]),
    "experts": (TINY / "tiny-mixtral-fused", ["--mapping-type", "expert_wise"]),
    "targets": (BOOKS, ["--prune-method", "alps", "--allocation", "owl", "--blocks", "0-1",
                        "--dense-target", "0.5", "--site-order", "sequential", *SHORT]),
    "search": (BOOKS, ["--prune-method", "wanda", "--allocation", "search", "--search-evaluations", 2,
                       "--blocks", "0-1", *SHORT]),
    "farms": (TINY / "tiny-mistral", ["--metric", "alpha_peak_farms"]),
}


class Schema(ProgramTest):
    def check(self, report):
        self.assertEqual(list(faults_of(report, SCHEMA)), [])
        self.assertEqual(list(undescribed_in(report, SCHEMA)), [])
        if jsonschema is not None:
            jsonschema.Draft202012Validator.check_schema(SCHEMA)
            jsonschema.Draft202012Validator(SCHEMA).validate(report)

    def test_reports_of_run(self):
        for name, (model, options) in RUNS.items():
            with self.subTest(run=name):
                if "--calibration" in options:
                    options = [*options, "--eval", self.text_of(8 * 64)]
                self.succeed(model, self.folder / name, *options, ranks=2)
                self.check(self.report(self.folder / name))

    def test_what_is_refused(self):
        self.succeed(TINY / "tiny-opt", self.folder / "out")
        report = self.report(self.folder / "out")
        self.check(report)
        for change, (words, apply) in {
                "rows": ("$.matrices[0].rows is missing", lambda r: r["matrices"][0].pop("rows")),
                "zeros": ("out of range", lambda r: r.update(zeros=-1)),
                "type": ("is no array", lambda r: r.update(notes="none")),
                "version": ("is not 1", lambda r: r.update(schema_version=2)),
                "enum": ("is none of", lambda r: r["model"].update(fused="half")),
                "pattern": ("does not match", lambda r: r.update(sparsity_type="4 of 8"))}.items():
            changed = copy.deepcopy(report)
            apply(changed)
            self.assertIn(words, "\n".join(faults_of(changed, SCHEMA)), change)
            if jsonschema is not None:
                self.assertFalse(jsonschema.Draft202012Validator(SCHEMA).is_valid(changed), change)
        report["matrices"][0]["surprise"] = 1
        self.assertEqual(list(undescribed_in(report, SCHEMA)), ["$.matrices[0].surprise"])

    def test_report_of_analyze(self):
        done = start(["analyze", "--model", TINY / "tiny-opt", "--output", self.folder / "out"])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.check(self.report(self.folder / "out"))


if __name__ == "__main__":
    unittest.main()
