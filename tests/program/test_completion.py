"""What completes command lines, and the manual page, as the shells and roff themselves take them."""
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import PROGRAM

COMMANDS = {"run", "analyze", "plan", "verify", "evaluate", "export", "help"}


def text_of(*words):
    return subprocess.run([PROGRAM, "help", *words], capture_output=True, text=True, check=True).stdout


def options_of_help():
    return set(re.findall(r"^  (--[a-z0-9-]+)", text_of(), re.MULTILINE))


class Bash(unittest.TestCase):
    def complete(self, line):
        """The words that bash offers for the last word of the line."""
        words = re.findall(r"=|[^\s=]+", line) + ([""] if line.endswith((" ", "=")) else [])
        script = text_of("completion", "bash") + """
compopt() { :; }
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_alphaprune_mpi
printf '%s\\n' "${COMPREPLY[@]}"
"""
        array = " ".join("'" + word + "'" for word in words)
        done = subprocess.run(["bash", "-c", f"COMP_WORDS=({array})\n{script}"], capture_output=True,
                              text=True, check=True, cwd="/")
        self.assertEqual(done.stderr, "")
        return set(done.stdout.split())

    def test_commands_and_options(self):
        first = self.complete("alphaprune_mpi ")
        self.assertLessEqual(COMMANDS, first)
        self.assertIn("--sparsity-ratio", first)
        self.assertEqual(self.complete("alphaprune_mpi ev"), {"evaluate"})
        self.assertEqual(self.complete("alphaprune_mpi evaluate --sc"), {"--scores"})
        self.assertEqual(self.complete("alphaprune_mpi run --sc"), set())
        self.assertEqual(self.complete("alphaprune_mpi help "), {"errors", "completion", "man"})
        self.assertEqual(self.complete("alphaprune_mpi help completion "), {"bash", "zsh", "fish"})

    def test_values(self):
        self.assertEqual(self.complete("alphaprune_mpi --prune-method wa"), {"wanda"})
        self.assertEqual(self.complete("alphaprune_mpi --prune_method=wa"), {"wanda"})
        self.assertEqual(self.complete("alphaprune_mpi --recipe "), {"best", "published"})
        self.assertEqual(self.complete("alphaprune_mpi --format=safe"), {"safetensors"})
        self.assertEqual(self.complete("alphaprune_mpi --model et"), {"etc"})
        self.assertEqual(self.complete("alphaprune_mpi verify et"), {"etc"})
        self.assertEqual(self.complete("alphaprune_mpi --seqlen "), set())

    def test_every_option(self):
        offered = self.complete("alphaprune_mpi plan -") | self.complete("alphaprune_mpi analyze -")
        offered |= self.complete("alphaprune_mpi evaluate -") | self.complete("alphaprune_mpi sweep -")
        self.assertEqual(offered, options_of_help())

    def test_every_value_is_one_that_the_program_takes(self):
        script = text_of("completion", "bash")
        found = re.findall(r"^        (--[a-z0-9-]+)\) words='(.*)' ;;$", script, re.MULTILINE)
        self.assertGreater(len(found), 10)
        for option, values in found:
            for value in values.split():
                done = subprocess.run([PROGRAM, "plan", "--model", "no/such", option, value],
                                      capture_output=True, text=True, check=False)
                self.assertNotIn(f"{option} cannot be", done.stderr, value)


class Others(unittest.TestCase):
    @unittest.skipUnless(shutil.which("zsh"), "no zsh")
    def test_zsh(self):
        script = text_of("completion", "zsh")
        subprocess.run(["zsh", "-n", "/dev/stdin"], input=script, text=True, check=True)
        self.assertLessEqual(options_of_help(), set(re.findall(r"--[a-z0-9-]+", script)))

    @unittest.skipUnless(shutil.which("fish"), "no fish")
    def test_fish(self):
        with tempfile.NamedTemporaryFile("w", suffix=".fish") as file:
            file.write(text_of("completion", "fish"))
            file.flush()

            def complete(line):
                done = subprocess.run(
                    ["fish", "--no-config", "-c", f"source {file.name}; complete -C '{line}'"],
                    capture_output=True, text=True, check=True)
                return {offer.split("\t")[0] for offer in done.stdout.splitlines()}

            self.assertLessEqual(COMMANDS, complete("alphaprune_mpi "))
            self.assertEqual(complete("alphaprune_mpi --prune-method wa"), {"wanda"})
            self.assertEqual(complete("alphaprune_mpi evaluate --scor"), {"--scores"})
            self.assertEqual(complete("alphaprune_mpi run --scor"), set())

    def test_man_page(self):
        page = text_of("man")
        for name in options_of_help():
            self.assertIn("\\fB" + name.replace("-", "\\-") + "\\fR", page)
        if shutil.which("groff"):
            done = subprocess.run(["groff", "-man", "-ww", "-Kutf8", "-Tutf8"], input=page, text=True,
                                  capture_output=True, check=True)
            self.assertEqual(done.stderr, "")
            shown = set(re.sub(".\b", "", done.stdout).splitlines())  # without overstrikes
            self.assertLessEqual({"SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "NOTES",
                                  "EXIT STATUS", "EXAMPLES"}, shown)


if __name__ == "__main__":
    unittest.main()
