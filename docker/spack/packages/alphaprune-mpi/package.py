# Not run through Spack by us (docker/README.md says what was checked). There is no archive to
# download yet; in a checkout:
#   spack repo add docker/spack
#   spack dev-build --source-path "$PWD" alphaprune-mpi@0.1.0
from spack.package import *

try:
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:  # before Spack 1.0 it comes with spack.package
    pass


class AlphapruneMpi(CMakePackage):
    """Prunes large language models on a cluster: measures the eigenvalue spectrum of every weight
    matrix and prunes well trained blocks less than others (AlphaPruning)."""

    homepage = "https://arxiv.org/abs/2410.10912"

    version("0.1.0")

    depends_on("c", type="build")
    depends_on("cxx", type="build")
    depends_on("cmake@3.25:", type="build")
    depends_on("ninja", type="build")
    depends_on("pkgconfig", type="build")

    depends_on("mpi@3:")
    depends_on("blas")
    depends_on("lapack")
    depends_on("scalapack")
    depends_on("elpa~openmp+mpi")
    depends_on("hdf5@1.10:+mpi")
    depends_on("boost+program_options")
    depends_on("fmt@9:")
    depends_on("spdlog+fmt_external")  # of a version that goes with fmt's
    depends_on("nlohmann-json@3.11:")
    depends_on("sentencepiece")
    depends_on("pcre2")
    depends_on("xxhash@0.8:")
    depends_on("googletest", type="test")

    conflicts("%gcc@:11", msg="the program is C++20 as GCC 12 knows it")

    generator("ninja")

    def cmake_args(self):
        spec = self.spec
        return [
            self.define("ALPHAPRUNE_TESTS", self.run_tests),
            self.define("ALPHAPRUNE_BENCHMARKS", False),
            self.define("BLAS_LIBRARIES", spec["blas"].libs.joined(";")),
            self.define("LAPACK_LIBRARIES", spec["lapack"].libs.joined(";")),
            self.define("ScaLAPACK_LIBRARY", spec["scalapack"].libs[0]),
            # In a folder of ELPA's version, where find_path does not look by itself.
            self.define("ELPA_INCLUDE_DIR", spec["elpa"].headers.directories[0]),
            self.define("ELPA_LIBRARY", spec["elpa"].libs[0]),
        ]

    def check(self):
        """The areas' tests that need no mpirun; all of them take a quarter of an hour."""
        with working_dir(self.build_directory):
            ctest("-L", "unit", "-LE", "mpi", "--no-tests=error", "--output-on-failure")

    def setup_run_environment(self, env):
        # A rank is one thread to BLAS; the program shares cores out itself.
        env.set("OPENBLAS_NUM_THREADS", "1")
