#!/usr/bin/env bash
# From a fresh clone to a pruned model: installs, builds, prunes the model in data/books-7m to 70 %
# sparsity with AlphaPruning on 2 MPI ranks, and shows what the allocation gains: the perplexity
# after Wanda with uniform ratios and with AlphaPruning's, and with the best that the program can do.
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
    --eval data/books-7m/eval_short.npy --output "$output" --overwrite
mpirun -n 2 "$program" verify "$output"
cat <<EOF

Results in $output:
  checkpoint.h5   the pruned model, with every spectrum and metric (HDF5)
  report.html     what was pruned, how much, whether it hurt, and why there
  report.json     the same numbers for scripts
  matrices.csv    one line per matrix
  metrics/        one .npy per metric, for --metric-cache

Wanda with uniform ratios and with AlphaPruning's against the recipe best, at 70 %:
EOF

# Prunes with the given options, and prints the dense and the pruned perplexity.
perplexity() {
    mpirun -n 2 "$program" --model data/books-7m --sparsity-ratio 0.7 \
        --calibration data/books-7m/calibration.npy --nsamples 32 \
        --eval data/books-7m/eval_short.npy --log-level warning \
        --output "$output-compared" --overwrite "$@" |
        sed -n 's/^perplexity \([0-9.]*\) dense, \([0-9.]*\) pruned.*/\1 \2/p'
}
read -r dense uniform < <(perplexity --prune-method wanda --allocation uniform)
read -r dense alpha < <(perplexity --prune-method wanda --metric alpha_mid)
read -r dense best < <(perplexity --recipe best)
cat <<EOF

  model                            perplexity on 64 windows of held-out text
  dense                            $dense
  70 % zeros, Wanda, uniform       $uniform
  70 % zeros, Wanda, AlphaPruning  $alpha
  70 % zeros, --recipe best        $best

Open in a browser:
  $output/report.html           the first run, by magnitude
  $output-compared/report.html  the last one, by --recipe best
EOF
