# shellcheck shell=bash
# To be sourced by scripts that start ranks on this machine: one BLAS thread per rank, and waiting
# ranks yield their core, so that more ranks than cores work as well.
export OPENBLAS_NUM_THREADS=${OPENBLAS_NUM_THREADS:-1}
export OMPI_MCA_rmaps_base_oversubscribe=1                     # Open MPI 4
export PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe    # Open MPI 5
export OMPI_MCA_mpi_yield_when_idle=1
if [[ $(id -u) -eq 0 ]]; then # root in a container: Open MPI requires both
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
fi
