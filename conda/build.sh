#!/usr/bin/env bash
# What conda/recipe.yaml runs, in the root of the sources, in an environment that has CMAKE_ARGS and PREFIX.
set -euo pipefail

read -ra arguments <<<"${CMAKE_ARGS:-}"
cmake --preset release -B build/conda "${arguments[@]}" -DCMAKE_INSTALL_PREFIX="${PREFIX:?}" \
    -DALPHAPRUNE_TESTS=OFF -DALPHAPRUNE_BENCHMARKS=OFF -DALPHAPRUNE_CUDA=OFF
cmake --build build/conda --parallel "${CPU_COUNT:-2}"
cmake --install build/conda --strip
