# docker/README.md says what was built with it. There is no archive to download yet; in a checkout:
#   spack repo add docker/spack
#   spack dev-build --source-path "$PWD" alphaprune-mpi@0.1.0
from spack.package import *

try:
    from spack_repo.builtin.build_systems.cmake import CMakePackage
except ImportError:  # before Spack 1.0 it is part of spack.package
    pass


class AlphapruneMpi(CMakePackage):
    """Prunes large language models on a cluster: measures the eigenvalue spectrum of every weight
    matrix and prunes well-trained blocks less than others (AlphaPruning)."""

    homepage = "https://arxiv.org/abs/2410.10912"

    version("0.1.0")

    variant("cuda", default=False, description="Build the module for NVIDIA's cards")

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
    depends_on("spdlog@1.10:")  # in Spack always with fmt as a library of its own
    depends_on("fmt@:10", when="^spdlog@:1.14")  # which Spack before 1.0 does not know
    depends_on("nlohmann-json@3.11:")
    depends_on("onednn@2.6: cpu_runtime=omp", when="target=x86_64:")
    depends_on("sentencepiece")
    depends_on("cuda@12:", when="+cuda")
    depends_on("pcre2@10.40:")
    depends_on("utf8proc")
    depends_on("xxhash@0.8:")
    depends_on("googletest", type="test")

    conflicts("%gcc@:11", msg="the program needs C++20 as supported by GCC 12")

    generator("ninja")

    def cmake_args(self):
        spec = self.spec
        return [
            self.define("ALPHAPRUNE_TESTS", self.run_tests),
            self.define("ALPHAPRUNE_BENCHMARKS", False),
            self.define_from_variant("ALPHAPRUNE_CUDA", "cuda"),
            self.define("CMAKE_UNITY_BUILD", True),  # as the preset release: a quarter of the steps
            self.define("BLAS_LIBRARIES", spec["blas"].libs.joined(";")),
            self.define("LAPACK_LIBRARIES", spec["lapack"].libs.joined(";")),
            self.define("ScaLAPACK_LIBRARY", spec["scalapack"].libs[0]),
            # In a versioned folder, which find_path does not search by default.
            self.define("ELPA_INCLUDE_DIR", spec["elpa"].headers.directories[0]),
            self.define("ELPA_LIBRARY", spec["elpa"].libs[0]),
        ]

    def check(self):
        """The unit tests that need no mpirun; the whole suite takes a quarter of an hour."""
        with working_dir(self.build_directory):
            ctest("-L", "unit", "-LE", "mpi", "--no-tests=error", "--output-on-failure")

    def setup_run_environment(self, env):
        # One BLAS thread per rank; the program assigns cores itself.
        env.set("OPENBLAS_NUM_THREADS", "1")
