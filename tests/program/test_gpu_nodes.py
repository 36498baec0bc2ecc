"""slurm/gpu-nodes.sbatch: the ranks and cores that it asks srun for, which a stand-in writes down."""
import os
import subprocess
import unittest

from harness import ROOT, ProgramTest

SRUN = """#!/bin/bash
echo "$SLURM_NTASKS $SLURM_TASKS_PER_NODE" "$@" >>"$LAUNCHED"
exit "${SRUN_STATUS:-0}"
"""


class GpuNodes(ProgramTest):
    def submitted(self, **job):
        """The words of the first srun, after SLURM_NTASKS and SLURM_TASKS_PER_NODE."""
        programs = self.folder / "programs"
        programs.mkdir(exist_ok=True)
        for name, text in (("srun", SRUN), ("scontrol", '#!/bin/bash\necho "$@" >>"$LAUNCHED"\n')):
            (programs / name).write_text(text)
            (programs / name).chmod(0o755)
        self.launched = self.folder / "launched"
        self.launched.unlink(missing_ok=True)
        surroundings = {name: value for name, value in os.environ.items()
                        if not name.startswith("SLURM_")}
        surroundings |= {"PATH": f"{programs}:{os.environ['PATH']}", "LAUNCHED": str(self.launched),
                         "PROGRAM": "prune", "OUTPUT": str(self.folder / "out"),
                         "OPTIONS": "--sparsity-ratio 0.6", "SLURM_JOB_ID": "7",
                         "SLURM_JOB_NODELIST": "n[1-2]", **job}
        self.done = subprocess.run(["bash", ROOT / "slurm" / "gpu-nodes.sbatch"], text=True,
                                   capture_output=True, env=surroundings, timeout=60, check=False)
        self.assertEqual(self.done.stderr, "")
        return self.launched.read_text().splitlines()[0].split()

    def test_one_rank_a_card_and_the_cores_divided_by_them(self):
        words = self.submitted(SLURM_JOB_NUM_NODES="2", SLURM_GPUS_ON_NODE="4",
                               SLURM_JOB_CPUS_PER_NODE="72,64")
        self.assertEqual(words[:2], ["8", "4(x2)"])
        self.assertIn("--cpus-per-task=16", words)
        self.assertEqual(words[words.index("prune"):][-5:],
                         ["--device", "cuda", "--sparsity-ratio", "0.6", "--resume"])
        self.assertEqual(self.done.returncode, 0)

    def test_what_sbatch_was_given_comes_first(self):
        words = self.submitted(SLURM_JOB_NUM_NODES="2", SLURM_GPUS_ON_NODE="8", SLURM_NTASKS="4",
                               SLURM_TASKS_PER_NODE="2(x2)", SLURM_JOB_CPUS_PER_NODE="96(x2)")
        self.assertEqual(words[:2], ["4", "2(x2)"])
        self.assertIn("--cpus-per-task=48", words)
        words = self.submitted(SLURM_JOB_NUM_NODES="1", SLURM_GPUS_ON_NODE="8",
                               SLURM_CPUS_PER_TASK="5", SLURM_JOB_CPUS_PER_NODE="96")
        self.assertEqual(words[0], "8")
        self.assertIn("--cpus-per-task=5", words)

    def test_a_run_that_stopped_is_requeued(self):
        self.submitted(SLURM_JOB_NUM_NODES="1", SLURM_GPUS_ON_NODE="2",
                       SLURM_JOB_CPUS_PER_NODE="32", SRUN_STATUS="75")
        self.assertEqual(self.launched.read_text().splitlines()[-1], "requeue 7")
        self.assertEqual(self.done.returncode, 75)


if __name__ == "__main__":
    unittest.main()
