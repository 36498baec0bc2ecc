"""Jobs on a real Slurm of four nodes on this machine: stopped before the time limit, requeued by
themselves and completed to the same bytes; the same when a node is lost."""
import json
import pathlib
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "program"))
import slurm_cluster  # noqa: E402
from harness import PROGRAM, TINY, ProgramTest, start  # noqa: E402

FIXED_CLOCK = {"SOURCE_DATE_EPOCH": "1700000000"}
# One-stage reduction: the most seconds for the fewest bytes.
OPTIONS = "--synthetic --threads-per-rank 1 --solver lapack1 --metric alpha_mid --sparsity-ratio 0.6"
SHAPE = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 256,
         "hidden_size": 2048, "intermediate_size": 2048, "num_attention_heads": 16,
         "num_key_value_heads": 16, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
         "tie_word_embeddings": False, "torch_dtype": "bfloat16"}


class Slurm(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.models = pathlib.Path(tempfile.mkdtemp(prefix="alphaprune-"))
        cls.addClassCleanup(shutil.rmtree, cls.models, ignore_errors=True)
        cls.cluster = slurm_cluster.Cluster(nodes=4)
        cls.addClassCleanup(cls.cluster.manage, "stop")
        cls.long_model = None

    def submit(self, script, output, model, *options):
        return self.cluster.submit(
            script, self.folder / f"{output.name}.log", *options, **FIXED_CLOCK, PROGRAM=PROGRAM,
            MODEL=str(model), OUTPUT=str(output), OPTIONS=OPTIONS)

    def shape(self, blocks):
        """A model of so many blocks, made of its configuration alone."""
        folder = self.models / f"{blocks}-blocks"
        folder.mkdir(exist_ok=True)
        config = {**SHAPE, "num_hidden_layers": blocks}
        (folder / "config.json").write_text(json.dumps(config))
        return folder

    def model_of_most_of_a_minute(self):
        """A model that four ranks on four nodes are busy with for about so long, which mpirun in
        sbatch finds out, and the checkpoint of an uninterrupted run."""
        if not self.long_model:
            output = self.folder / "probe"
            job = self.submit("mpirun.sbatch", output, self.shape(2), "--ntasks-per-node=1")
            job.wait_until_ended(100)
            self.assertEqual(job.statuses(), [0], job.log())
            run = self.report(output)["run"]
            self.assertEqual((run["ranks"], len(run["hosts"])), (4, 4))
            model = self.shape(max(3, round(50 / (run["seconds"] / 2))))
            done = start(["--model", model, "--output", self.models / "uninterrupted",
                          *OPTIONS.split()], ranks=2, environment=FIXED_CLOCK, timeout=200)
            self.assertEqual(done.returncode, 0, done.stderr)
            Slurm.long_model = model
        return self.long_model

    def assert_resumed_to_the_same_bytes(self, output, job):
        self.assertGreater(self.report(output)["run"]["resumed_matrices"], 0, job.log())
        self.assertEqual((output / "checkpoint.h5").read_bytes(),
                         (self.models / "uninterrupted" / "checkpoint.h5").read_bytes())

    def test_scripts_end_alike(self):
        ends = {script.read_text().partition("# --- from here on")[2]
                for script in (slurm_cluster.ROOT / "slurm").glob("*.sbatch")}
        self.assertEqual(len(ends), 1)
        self.assertNotIn("", ends)

    def ranks_and_hosts(self, script, *options):
        output = self.folder / "-".join(["ranks", script, *options]).replace("=", "")
        job = self.submit(script, output, self.shape(1), *options)
        job.wait_until_ended(90)
        self.assertEqual(job.statuses(), [0], job.log())
        run = self.report(output)["run"]
        return run["ranks"], len(run["hosts"])

    def test_one_rank_a_core_unless_told_otherwise(self):
        cores = min(2, slurm_cluster.cores())  # a node has 2, and the machine may have fewer
        self.assertEqual(self.ranks_and_hosts("one-node.sbatch"), (cores, 1))
        self.assertEqual(self.ranks_and_hosts("many-nodes.sbatch", "--nodes=2"), (2 * cores, 2))
        self.assertEqual(self.ranks_and_hosts("mpirun.sbatch", "--nodes=2"), (2 * cores, 2))
        self.assertEqual(self.ranks_and_hosts("one-node.sbatch", "--ntasks=1"), (1, 1))
        self.assertEqual(self.ranks_and_hosts("many-nodes.sbatch", "--nodes=2",
                                              "--cpus-per-task=2"), (2, 2))

    def test_srun_without_pmi(self):
        step = ("srun", "--mpi=none", "--nodes=1")
        analyze = ("analyze", "--model", str(TINY / "tiny-mistral"), "--output")
        helped = self.cluster.run(*step, "--ntasks=2", PROGRAM, "--help")
        self.assertEqual(helped.count("Exit status"), 1)
        with self.assertRaisesRegex(AssertionError, "(?s)srun has started 2 tasks.*--mpi=pmix"):
            self.cluster.run(*step, "--ntasks=2", PROGRAM, *analyze, str(self.folder / "two"))
        self.assertFalse((self.folder / "two").exists())
        self.cluster.run(*step, "--ntasks=1", PROGRAM, *analyze, str(self.folder / "one"))
        self.assertEqual(self.report(self.folder / "one")["run"]["ranks"], 1)

    def test_a_shell_of_a_job(self):
        """One program after the other, with and without MPI, whatever PMI is around them."""
        model = TINY / "tiny-mistral"
        for mpi in ("none", "pmi2", "pmix"):
            output = self.folder / mpi
            commands = [f"{PROGRAM} analyze --model {model} --output {output}-{solver}{time} "
                        f"--solver {solver}" for time in (1, 2) for solver in ("lapack1", "scalapack")]
            self.cluster.run("srun", f"--mpi={mpi}", "--ntasks=1", "bash", "-c",
                             " && ".join(commands))

    def test_stopped_before_the_limit_and_requeued_by_itself(self):
        model = self.model_of_most_of_a_minute()
        output = self.folder / "stopped"
        # The limit is a minute. Slurm looks every half minute whether it is time for the signal, which
        # so comes after 10 to 40 s.
        job = self.submit("many-nodes.sbatch", output, model, "--ntasks-per-node=1", "--time=1",
                          "--signal=B:USR1@50")
        job.wait_until_ended(300)
        log = job.log()
        self.assertEqual(job.field("JobState"), "COMPLETED", log)
        self.assertGreaterEqual(int(job.field("Restarts")), 1, log)
        self.assertEqual(set(job.statuses()[:-1]), {75}, log)
        self.assertEqual(job.statuses()[-1], 0, log)
        self.assertIn("asked to stop", log)
        self.assertEqual(len(self.report(output)["run"]["hosts"]), 4)
        self.assert_resumed_to_the_same_bytes(output, job)

    def test_a_lost_node(self):
        model = self.model_of_most_of_a_minute()
        output = self.folder / "lost"
        job = self.submit("many-nodes.sbatch", output, model, "--ntasks-per-node=1", "--nodes=3")
        slurm_cluster.wait_for(
            lambda: any(file.stat().st_size > 0 for file in output.glob("journal/records*")),
            60, "the first results")
        self.cluster.manage("crash", "n2")
        job.wait_until_ended(300)
        self.assertEqual(job.field("JobState"), "COMPLETED", job.log())
        self.assertEqual(job.field("Restarts"), "1", job.log())
        self.assertIn("rank 1 (host n2)", job.log())
        self.assertEqual(self.report(output)["run"]["hosts"], ["n1", "n3", "n4"])
        self.assert_resumed_to_the_same_bytes(output, job)
        self.cluster.manage("boot", "n2")
        slurm_cluster.wait_for(lambda: self.cluster.idle_nodes() == 4, 30, "n2 to come back")


if __name__ == "__main__":
    reason = slurm_cluster.why_not()
    if reason:
        print(f"skipped: {reason}")
        sys.exit(77)
    unittest.main()
