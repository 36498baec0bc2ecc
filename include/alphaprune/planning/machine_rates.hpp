#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::planning {

/// What one core does while all others of its node do the same, and what a node reads and writes.
/// The initial values are assumptions about a common cluster node.
struct MachineRates {
    double dgemm_gflops = 30;    ///< of a core
    double sgemm_gflops = 60;    ///< of a core
    double memory_gbps = 8;      ///< of a core: bytes read and bytes written by a copy, together
    double read_gbps = 2;        ///< of a node: weights from the file system
    double write_gbps = 1;       ///< of a node: a checkpoint to the file system, made durable
    double storage_gbps = 200;   ///< of all nodes together: what the file system can do at most
    double network_gbps = 10;    ///< of a node, to others
    double generate_gbps = 0.4;  ///< of a core: synthetic weights, in bytes as stored
};

/// Bytes of a rank while they are measured.
inline constexpr std::uint64_t kProbeBytes = std::uint64_t{16} << 20;

/// Measures the first three in some hundredths of a second, all ranks at once, and takes the
/// slowest rank's; the others keep their initial values. Warns when the BLAS is a fallback far
/// below what the processor's vectors allow. Collective.
MachineRates measure_machine_rates(const parallel::Communicator& ranks);

/// Weights that a node of these ranks reads (synthetic: that a rank makes), in GB/s, from some
/// hundredths of a second. Files that the system still has in memory are read at its speed.
/// Collective. @throws Error
double measure_reading_gbps(const parallel::Communicator& ranks, const model::Catalogue& catalogue);

/// What a node of these ranks writes in that folder, made durable, in GB/s, from a scratch file a
/// rank. Collective. @throws Error
double measure_writing_gbps(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder);

}  // namespace alphaprune::planning
