# shellcheck shell=bash
# To be sourced by scripts that start ranks on this machine: one BLAS thread a rank, and ranks that
# wait give their core away, so that more ranks than cores work too.
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
export OMPI_MCA_rmaps_base_oversubscribe=1
export OMPI_MCA_mpi_yield_when_idle=1
if [[ $(id -u) -eq 0 ]]; then # a container's root: Open MPI asks to be told twice
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
