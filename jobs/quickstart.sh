#!/usr/bin/env bash
# From nothing to a pruned model: installs, builds, and prunes the model in data/books-7m to 70 %
# sparsity with AlphaPruning on 2 MPI ranks.
#   jobs/quickstart.sh [OUTPUT_FOLDER]
set -euo pipefail
cd "$(dirname "$0")/.."

output=${1:-out/quickstart}
jobs/install-dependencies.sh
jobs/build.sh release alphaprune_mpi
source jobs/mpi-environment.sh

program=build/release/alphaprune_mpi
mkdir -p "$(dirname "$output")"
mpirun -n 2 "$program" --model data/books-7m --sparsity-ratio 0.7 --metric alpha_mid \
    --output "$output" --overwrite
mpirun -n 2 "$program" verify "$output"
cat <<EOF

Results in $output:
  checkpoint.h5   the pruned model, with every spectrum and metric (HDF5)
  report.html     ratios and spectra as pictures: open it in a browser
  report.json     the same numbers for scripts
  matrices.csv    one line a matrix
  metrics/        one .npy a metric, for --metric-cache
EOF
