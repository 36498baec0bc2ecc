"""`plan`: what it predicts for known and unknown machines, and how it speaks of finished runs."""
import json
import pathlib
import re
import subprocess
import time
import unittest

from harness import BOOKS, MPIEXEC, PROGRAM, ProgramTest, ranks_with, start

MACHINE = ["--dgemm-gflops", "40", "--sgemm-gflops", "80", "--memory-gbps", "8",
           "--read-gbps", "2", "--write-gbps", "1"]


class Plan(ProgramTest):
    def plan(self, *arguments, ranks=1):
        """The plan as a document."""
        file = self.folder / "plan.json"
        done = start(["plan", *arguments, "--json", file], ranks)
        self.assertEqual(done.returncode, 0, done.stderr + done.stdout)
        self.table = done.stdout
        return json.loads(file.read_text())

    def test_a_folder_on_a_given_machine(self):
        plan = self.plan("--model", BOOKS, "--ranks", 4, "--ranks-per-node", 2, *MACHINE)
        self.assertEqual(plan["model"]["matrices"], 56)
        self.assertEqual(plan["cluster"], {"ranks": 4, "ranks_per_node": 2,
                                           "memory_per_rank": None})
        self.assertEqual(sum(m["count"] for m in plan["matrices"]), 56)
        self.assertEqual(sum(s["matrices"] for s in plan["stages"]), 56)
        self.assertEqual([p["name"] for p in plan["phases"]],
                         ["start", "spectrum", "prune and write"])
        self.assertAlmostEqual(plan["seconds"], sum(p["seconds"] for p in plan["phases"]))
        self.assertEqual(plan["memory_per_rank"], max(p["memory_per_rank"]
                                                      for p in plan["phases"]))
        prune = plan["phases"][-1]
        self.assertEqual(prune["bytes_written"], plan["model"]["bytes"])
        self.assertEqual({r["known"] for r in plan["rates"][:5]}, {"given"})
        for word in ("56 prunable matrices", "4 ranks on 2 nodes", "load balance", "whole"):
            self.assertIn(word, self.table)

    def test_nodes_with_cards(self):
        request = ["--model", "70b", "--prune-method", "sparsegpt", "--ranks", 16, *MACHINE]
        processors = self.plan(*request, "--ranks-per-node", 8)
        self.assertNotIn("graphics card", self.table)
        plan = self.plan(*request, "--cards-per-node", 8)
        self.assertEqual(plan["cluster"], {"ranks": 16, "ranks_per_node": 8, "memory_per_rank": None,
                                           "cards_per_node": 8, "card_memory": 80 << 30})
        self.assertEqual({m["solver"] for m in plan["matrices"]}, {"cuda"})
        self.assertEqual(plan["teams"]["teams"], 16)
        card = next(p for p in plan["phases"] if p["name"] == "calibrate")["card_memory"]
        self.assertEqual(card["states"], 8 * 2048 * 8192 * 4)
        of_few_inputs = 2 * 8192 ** 2 + 2 * 1024 * 8192 + 2 * 8192 * 28672  # which are there thrice
        self.assertEqual(card["weights"], 2 * (3 * of_few_inputs + 8192 * 28672) + 2 * 4 * 8192)
        self.assertLess(plan["seconds"], processors["seconds"] / 10)
        self.assertIn("8 graphics cards per node of 86 GB; activations on cards", self.table)
        self.assertNotIn("more than the", self.table)
        self.plan(*request, "--cards-per-node", 8, "--card-memory", "16GiB")
        self.assertRegex(self.table, r"calibrate: \d+ GB of a card's memory: weights 4.2 GB.*\n"
                                     r"  more than the 17 GB that a card has: use more cards")
        faster = self.plan(*request, "--cards-per-node", 8, "--card-gflops", "1.56e6")
        self.assertLess(faster["seconds"], plan["seconds"])
        # With fewer cards than ranks, processors keep the activations.
        few = self.plan(*request, "--cards-per-node", 4, "--ranks-per-node", 8)
        self.assertIn("activations on processors", self.table)
        self.assertNotIn("card_memory", few["phases"][2])
        seconds = [{p["name"]: p["seconds"] for p in one["phases"]} for one in (few, processors)]
        self.assertEqual(seconds[0]["calibrate"], seconds[1]["calibrate"])
        self.assertLess(seconds[0]["spectrum"], seconds[1]["spectrum"])

    def test_the_same_request_gives_the_same_plan_on_any_ranks(self):
        arguments = ["--model", BOOKS, "--ranks", 8, "--ranks-per-node", 4, *MACHINE]
        self.assertEqual(self.plan(*arguments), self.plan(*arguments, ranks=3))

    def test_without_mpirun(self):
        done = subprocess.run([PROGRAM, "plan", "--model", BOOKS, "--ranks", "2", *MACHINE],
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("prune and write", done.stdout)

    def test_a_short_name_needs_no_weights_and_large_machines_form_groups(self):
        last = float("inf")
        for ranks in (64, 512, 4096, 100000):
            plan = self.plan("--model", "70b", "--ranks", ranks, "--ranks-per-node", 64, *MACHINE)
            self.assertEqual(plan["model"]["matrices"], 560)
            self.assertLess(plan["seconds"], last)
            last = plan["seconds"]
        self.assertGreater(plan["stages"][0]["group_ranks"], 1)
        self.assertGreater(plan["useful_ranks"], 512)

    def test_calibration_and_formats_count(self):
        def phases(*more):
            plan = self.plan("--model", BOOKS, "--ranks", 4, *MACHINE, *more)
            self.bytes = plan["model"]["bytes"]
            return {p["name"]: p for p in plan["phases"]}

        magnitude = phases("--format", "hdf5", "--format", "safetensors")
        self.assertEqual(magnitude["prune and write"]["bytes_written"], 2 * self.bytes)
        wanda = phases("--prune-method", "wanda", "--nsamples", "16", "--seqlen", "128")
        longer = phases("--prune-method", "wanda", "--nsamples", "64", "--seqlen", "128")
        self.assertGreater(longer["calibrate"]["seconds"], 2 * wanda["calibrate"]["seconds"])
        self.assertGreater(longer["calibrate"]["memory_per_rank"],
                           wanda["calibrate"]["memory_per_rank"])
        evaluated = phases("--eval", BOOKS / "eval.npy")
        self.assertGreater(evaluated["evaluate"]["seconds"], 0)
        uniform = phases("--allocation", "uniform")
        self.assertNotIn("spectrum", uniform)

    def test_what_does_not_fit_is_named(self):
        done = start(["plan", "--model", "405b", "--ranks", 8, "--ranks-per-node", 2,
                      "--memory-per-node", "800MiB", *MACHINE])
        self.assertEqual(done.returncode, 2, done.stdout)
        for word in ("mlp.gate_proj.weight", "53248 x 16384", "of memory per rank",
                     "fewer ranks on each node"):
            self.assertIn(word, done.stderr)

    def test_a_run_keeps_to_the_memory_it_is_given(self):
        model = self.folder / "model"
        model.mkdir()
        (model / "config.json").write_text(json.dumps({
            "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 384,
            "intermediate_size": 640, "num_hidden_layers": 1, "num_attention_heads": 4,
            "num_key_value_heads": 4, "vocab_size": 64, "max_position_embeddings": 64,
            "rms_norm_eps": 1e-5, "hidden_act": "silu", "torch_dtype": "bfloat16"}))
        arguments = ["--model", model, "--synthetic"]
        spectrum = self.plan(*arguments, "--ranks", 2, "--ranks-per-node", 2, *MACHINE,
                             "--dgemm-gflops", "40")["phases"][1]
        limit = spectrum["memory_per_rank"] - 1
        metrics = []
        for name, more in (("whole", []), ("shared", ["--memory-per-rank", limit])):
            output = self.folder / name
            done = start(["analyze", *arguments, "--output", output, *more], 2)
            self.assertEqual(done.returncode, 0, done.stderr)
            report = self.report(output)
            metrics.append([m["metrics"] for m in report["matrices"]])
        self.assertEqual(max(m["group_ranks"] for m in report["matrices"]), 2)
        self.assertEqual(*metrics)

    def test_validation_and_calibration_by_a_finished_run(self):
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--metric", "alpha_mid", ranks=2)
        run = self.report(output)["run"]
        comparison = self.plan("--validate", output)
        rows = {row["name"]: (row["predicted"], row["measured"], row["ratio"])
                for row in comparison["seconds"] + comparison["memory"]}
        self.assertEqual(list(rows), ["start", "spectrum", "prune and write", "whole",
                                      "memory a rank"])
        for name in rows:
            self.assertIn(name, self.table)
        phases = run["phases"]
        for name, seconds in (("spectrum", phases["spectrum"]),
                              ("prune and write", phases["prune"] + phases["write"]),
                              ("whole", run["seconds"]),
                              ("memory a rank", run["peak_memory"])):
            predicted, measured, ratio = rows[name]
            self.assertAlmostEqual(measured, seconds, delta=1e-9 * seconds)
            self.assertAlmostEqual(ratio, predicted / measured)
            self.assertGreater(predicted, 0)
        self.assertFalse(list(output.glob(".alphaprune*")))

        gflops = ["--dgemm-gflops", run["gemm_gflops"]]
        plan = self.plan("--model", BOOKS, "--ranks", 1, *gflops, "--calibrate-from", output)
        self.assertEqual(plan["calibrated_from"], str(output))
        matrices = self.report(output)["matrices"]
        spectrum = plan["phases"][1]["seconds"]  # on one rank: the sum of what was measured
        self.assertAlmostEqual(spectrum, sum(m["seconds"] for m in matrices), delta=0.2 * spectrum)

    def test_validation_of_a_calibrated_run(self):
        """Teams of both ranks: three sequences are not divided by two."""
        output = self.folder / "out"
        self.succeed(BOOKS, output, "--prune-method", "wanda", "--allocation", "uniform",
                     "--calibration", BOOKS / "calibration.npy", "--nsamples", "3", "--seqlen",
                     "256", "--eval", self.text_of(4 * 512), "--threads-per-rank", "1", ranks=2)
        run = self.report(output)["run"]
        comparison = self.plan("--validate", output)
        rows = {row["name"]: row for row in comparison["seconds"] + comparison["memory"]}
        self.assertEqual(list(rows), ["start", "prune and write", "evaluate", "whole",
                                      "memory a rank"])
        phases = run["phases"]
        measured = phases["prune"] + phases["write"]
        self.assertAlmostEqual(rows["prune and write"]["measured"], measured,
                               delta=1e-9 * measured)
        planned = self.plan("--model", BOOKS, "--prune-method", "wanda", "--allocation", "uniform",
                            "--nsamples", "3", "--seqlen", "256", "--ranks", "2",
                            "--ranks-per-node", "2", "--threads-per-rank", "1", *MACHINE)
        self.assertEqual(planned["teams"], {"sequences": 3, "teams": 1, "least_ranks": 2,
                                            "most_ranks": 2, "threads_per_rank": 1,
                                            "sequences_per_team": 3})
        self.assertIn("3 calibration sequences by 1 team of 2 ranks, at most 3 each", self.table)

    def memory_of(self, process):
        try:
            return pathlib.Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            return ""  # it has ended

    def test_measured_memory_counts_once_what_ranks_share(self):
        """As seen from outside: the largest part (Pss) of a rank, and not its resident set."""
        output = self.folder / "out"
        words = ["--model", BOOKS, "--output", output, "--prune-method", "wanda", "--allocation",
                 "uniform", "--blocks", "0-0", "--calibration", BOOKS / "calibration.npy",
                 "--nsamples", "64", "--seqlen", "512", "--threads-per-rank", "1"]
        seen = {"Rss": 0, "Pss": 0}
        with subprocess.Popen([MPIEXEC, "-n", "4", PROGRAM, *map(str, words)],
                              stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as running:
            ranks = []
            while running.poll() is None:
                ranks = ranks if len(ranks) == 4 else ranks_with(f"{output}")
                texts = [self.memory_of(rank) for rank in ranks]
                # Pages of ranks that have ended count in full for those that are left.
                if all(texts) and all(self.memory_of(rank) for rank in ranks):
                    for name, size in re.findall(r"^(Rss|Pss): +(\d+) kB", "".join(texts), re.M):
                        seen[name] = max(seen[name], 1024 * int(size))
                time.sleep(0.01)
            self.assertEqual(running.returncode, 0)
        memory = self.plan("--validate", output)["memory"][0]
        self.assertAlmostEqual(memory["measured"], seen["Pss"], delta=0.2 * seen["Pss"])
        self.assertLess(memory["measured"], 0.8 * seen["Rss"])
        self.assertTrue(0.75 < memory["ratio"] < 1.33, memory)

    def test_a_sweep_is_its_runs_and_once_what_they_share(self):
        calibrated = ["--nsamples", "8", "--seqlen", "128"]
        common = ["--model", BOOKS, "--eval", BOOKS / "eval.npy", "--ranks", 4, "--ranks-per-node", 2,
                  *MACHINE]
        sweep = self.plan(*common, *calibrated, "--prune-method", "wanda,magnitude", "--allocation",
                          "uniform,alphapruning", "--sparsity-ratio", "0.5:0.6:0.1")
        self.assertIn("wanda-alphapruning-0.6", self.table)
        self.assertIn("8 calibration sequences by 4 teams", self.table)
        shared = {phase["name"]: phase for phase in sweep["phases"]}
        self.assertEqual(list(shared), ["start", "spectrum", "evaluate"])
        self.assertEqual(len(sweep["runs"]), 8)
        for run in sweep["runs"]:
            method, allocation, ratio = run["name"].split("-")
            alone = self.plan(*common, *(calibrated if method == "wanda" else ["--seqlen", "128"]),
                              "--prune-method", method, "--allocation", allocation,
                              "--sparsity-ratio", ratio)
            alone = {phase["name"]: phase for phase in alone["phases"]}
            for phase in run["phases"]:
                name, seconds = phase["name"], phase["seconds"]
                if name == "evaluate":  # the pruned model here, the dense one once for all
                    seconds += shared[name]["seconds"]
                self.assertAlmostEqual(seconds, alone.pop(name)["seconds"])
            if allocation == "alphapruning":
                self.assertEqual(alone.pop("spectrum"), shared["spectrum"])
            self.assertEqual(alone, {})
        parts = [*sweep["phases"], *sweep["runs"]]
        self.assertAlmostEqual(sweep["seconds"], sum(part["seconds"] for part in parts))
        self.assertEqual(sweep["memory_per_rank"], max(part["memory_per_rank"] for part in parts))

    def test_what_a_run_of_a_sweep_finds_for_others_takes_time_once(self):
        common = ["--model", BOOKS, "--nsamples", "48", "--seqlen", "128", "--ranks", 2, *MACHINE]
        sweep = self.plan(*common, "--prune-method", "wanda,sparsegpt", "--damping", "auto",
                          "--allocation", "uniform,owl,dlp", "--sparsity-ratio", "0.5,0.6")
        runs = {run["name"]: {phase["name"]: phase["seconds"] for phase in run["phases"]}
                for run in sweep["runs"]}
        self.assertEqual({name for name, phases in runs.items() if "trials" in phases},
                         {"sparsegpt-uniform-0.5", "sparsegpt-uniform-0.6"})
        for name in ("wanda-owl-0.5", "wanda-owl-0.6", "sparsegpt-uniform-0.5", "sparsegpt-owl-0.5"):
            method, allocation, ratio = name.split("-")
            damping = ["--damping", "auto"] if method == "sparsegpt" else []
            alone = self.plan(*common, "--prune-method", method, *damping, "--allocation",
                              allocation, "--sparsity-ratio", ratio)
            alone = {phase["name"]: phase["seconds"] for phase in alone["phases"]}
            if name in ("wanda-owl-0.5", "sparsegpt-uniform-0.5"):  # the first that need it
                self.assertEqual(runs[name], alone)
            else:
                self.assertLess(runs[name]["calibrate"], alone["calibrate"])
                self.assertEqual(runs[name]["calibrate"],
                                 runs[f"{method}-uniform-{ratio}"]["calibrate"])

    def test_values_of_epsilon_that_a_sweep_tries_take_time(self):
        words = ["--model", BOOKS, "--prune-method", "wanda", "--nsamples", "8", "--seqlen", "128",
                 "--ranks", 2, *MACHINE]
        one = self.plan(*words, "--epsilon", "0.2,0.2")
        three = self.plan(*words, "--epsilon", "0.1,0.2,0.3")
        self.assertNotIn("trials", [phase["name"] for phase in one["runs"][0]["phases"]])
        self.assertIn("trials", [phase["name"] for phase in three["runs"][0]["phases"]])
        self.assertGreater(three["seconds"], one["seconds"])

    def test_bfloat16_products_are_assumed_where_no_machine_is_known(self):
        plan = self.plan("--model", "70b", "--prune-method", "wanda", "--ranks", 512,
                         "--ranks-per-node", 64, "--bf16-gflops", 400, *MACHINE)
        self.assertNotIn("bfloat16", [rate["name"] for rate in plan["rates"]])  # not asked for

    def test_a_run_whose_model_has_moved(self):
        model = self.copy_of(BOOKS)
        output = self.folder / "out"
        self.succeed(model, output, "--allocation", "uniform")
        moved = model.rename(self.folder / "moved")
        done = start(["plan", "--validate", output])
        self.assertEqual(done.returncode, 2, done.stdout)
        self.assertIn("--model", done.stderr)
        done = start(["plan", "--validate", output, "--model", moved])
        self.assertEqual(done.returncode, 0, done.stderr)


if __name__ == "__main__":
    unittest.main()
