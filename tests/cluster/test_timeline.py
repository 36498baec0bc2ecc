"""Four hosts of two ranks each, network namespaces, with fewer sequences of calibration than hosts,
as many as make all ranks work, and more: what one rank computes, and from the timeline in report.json
that no rank was without work. Needs root; exit status 77 says why it is skipped."""
import json

import numpy as np

from hosts import BOOKS, HOSTS, PROGRAM, HostsTest, main, mpirun
from watched import MPIEXEC, Job

RANKS = 2 * HOSTS
TOKENS = ("--calibration", BOOKS / "calibration.npy", "--seqlen", 64)
TARGETS = ("--dense-target", 0.5, "--residual-target", 0.2)
METHODS = {"wanda": ((), (3, 4, 6, 16)), "sparsegpt": ((), (3, 6)), "alps": (TARGETS, (3, 16))}
FOR_ALL = (4, 16)  # numbers of sequences of which every rank has a part; of 6, six ranks have one
LAST_BLOCK = 1  # that is pruned: what comes after need not be run
FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}


class Cluster(HostsTest):
    def results(self, name, *options):
        """(checkpoint, perplexities, timeline) on one rank and on the ranks of all hosts."""
        found = []
        for launcher, ranks in (([MPIEXEC], 1), (mpirun(), RANKS)):
            output = self.folder / f"{name}-{ranks}"
            with Job([*launcher, "-n", ranks, PROGRAM, "run", "--model", BOOKS, "--output", output,
                      "--blocks", f"0-{LAST_BLOCK}", "--allocation", "uniform", "--threads-per-rank", 1,
                      *options], FIXED_CLOCK) as job:
                self.assertEqual(job.finish(100), 0, job.stderr())
                log = job.stderr()
            report = json.loads((output / "report.json").read_text())
            self.assertEqual(len(report["run"]["hosts"]), HOSTS if ranks > 1 else 1)
            for phase in report["run"]["timeline"]:
                self.assertIn(f"{phase}: ranks busy", log)
            found.append(((output / "checkpoint.h5").read_bytes(), report["perplexity"],
                          report["run"]["timeline"]))
        (alone, perplexity, _), (bytes_of_all, perplexity_of_all, timeline) = found
        self.assertTrue(alone == bytes_of_all, f"{name}: not the checkpoint of one rank")
        self.assertEqual(perplexity, perplexity_of_all, name)
        for phase in timeline.values():
            self.check_sums(phase)
        return timeline

    def check_sums(self, phase):
        """What holds of any timeline."""
        columns = list(phase["ranks"].values())
        for column in columns:
            self.assertEqual(len(column), RANKS)
            self.assertGreaterEqual(min(column), 0)
        totals = [sum(seconds) for seconds in zip(*columns)]
        self.assertAlmostEqual(max(totals), phase["seconds"], places=4)
        shares = [1 - wait / total for wait, total in zip(phase["ranks"]["wait"], totals)]
        self.assertAlmostEqual(min(shares), phase["least_busy"]["busy"], places=3)
        self.assertAlmostEqual(shares[phase["least_busy"]["rank"]], min(shares), places=4)
        for block in phase["blocks"]:
            self.assertLessEqual(block["least_busy"], block["mean_busy"])
            self.assertLessEqual(block["mean_busy"], block["most_busy"])
            self.assertLessEqual(block["most_busy"], block["seconds"])
            self.assertIn(block["slowest_rank"], range(RANKS))

    def assert_all_have(self, work, phase):
        """A rank without any has next to nothing of it, whatever else the machine does."""
        seconds = phase["ranks"][work]
        self.assertGreater(min(seconds), 0.01 * max(seconds), f"{work}: {seconds}")

    def test_calibrated_methods(self):
        for method, (options, counts) in METHODS.items():
            for sequences in counts:
                with self.subTest(method=method, sequences=sequences):
                    timeline = self.results(f"{method}-{sequences}", "--prune-method", method,
                                            *options, *TOKENS, "--nsamples", sequences)["prune"]
                    self.assertEqual([block["block"] for block in timeline["blocks"]],
                                     list(range(LAST_BLOCK + 1)))
                    self.assert_all_have("prune", timeline)
                    if sequences in FOR_ALL:
                        self.assert_all_have("forward", timeline)
                    if sequences < HOSTS:  # the ranks of a host share a sequence; one has none
                        forward = timeline["ranks"]["forward"]
                        first, second = sorted(range(RANKS), key=forward.__getitem__)[:2]
                        self.assertEqual(first // 2, second // 2, forward)

    def test_magnitude_and_evaluation(self):
        text = self.folder / "text.npy"
        np.save(text, np.load(BOOKS / "eval_short.npy")[:32 * 64])
        timeline = self.results("magnitude", "--prune-method", "magnitude", "--eval", text,
                                "--seqlen", 64)
        self.assert_all_have("prune", timeline["prune"])
        self.assert_all_have("forward", timeline["evaluate"])
        self.assertEqual([block["block"] for block in timeline["evaluate"]["blocks"]],
                         list(range(8)))


if __name__ == "__main__":
    main()
