#!/usr/bin/env python3
"""What `cmake --install` puts into a prefix works there, and needs nothing of the build."""
import shutil
import subprocess
import unittest

from harness import MPIEXEC, PROGRAM, ROOT, ProgramTest

BUILD = PROGRAM.rpartition("/")[0]


class Installed(ProgramTest):
    def setUp(self):
        super().setUp()
        built = self.folder / "built"
        subprocess.run(["cmake", "--install", BUILD, "--prefix", built], check=True,
                       capture_output=True)
        self.prefix = built.rename(self.folder / "moved")
        self.program = self.prefix / "bin/alphaprune_mpi"
        self.model = self.prefix / "share/alphaprune_mpi/books-7m"

    def start(self, *arguments):
        return subprocess.run([MPIEXEC, "-n", "2", self.program, *map(str, arguments)], check=False,
                              capture_output=True, text=True, timeout=100, cwd=self.folder)

    def test_finds_its_model_where_it_was_moved_to(self):
        done = self.start("--model", "books-7m", "--output", "pruned")
        self.assertEqual(done.returncode, 0, done.stderr)
        # The one beside the program, not the one in the sources: it is missed when it is damaged.
        (self.model / "config.json").write_text("{")
        done = self.start("--model", "books-7m", "--output", "again")
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertIn(str(self.model / "config.json"), done.stderr)

    def test_everything_is_there(self):
        doc = self.prefix / "share/doc/alphaprune_mpi"
        for file in (ROOT / "docs").glob("*.md"):
            self.assertTrue((doc / "docs" / file.name).is_file(), file.name)
        for file in (ROOT / "slurm").glob("*.sbatch"):
            self.assertTrue((doc / "slurm" / file.name).is_file(), file.name)
        for file, word in {"man/man1/alphaprune_mpi.1": ".SH SYNOPSIS",
                           "bash-completion/completions/alphaprune_mpi": "complete -F",
                           "zsh/site-functions/_alphaprune_mpi": "#compdef alphaprune_mpi",
                           "fish/vendor_completions.d/alphaprune_mpi.fish": "complete -c"}.items():
            self.assertIn(word, (self.prefix / "share" / file).read_text())
        self.assertTrue(list((self.prefix / "share/modulefiles/alphaprune_mpi").iterdir()))

    @unittest.skipUnless(shutil.which("dpkg-query"), "not on a Debian")
    def test_images_install_what_the_program_needs(self):
        version = subprocess.run([self.program, "--version"], check=True, capture_output=True,
                                 text=True).stdout
        if "without" in version:
            self.skipTest("built without optional libraries, which the images install")
        checked = subprocess.run([ROOT / "docker/runtime-packages.sh", "check", self.program],
                                 check=False, capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)


if __name__ == "__main__":
    unittest.main()
