#pragma once

#include <cstdint>
#include <filesystem>

#include "alphaprune/linalg/forward_precision.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::planning {

/// Speed of products in bfloat16 over that of SGEMM where it is neither given nor measured: with
/// AMX.
inline constexpr double kBf16OverSgemm = 4;

/// What one core does while all others of its node do the same, and what a node reads and writes.
/// The initial values are assumptions about a common cluster node.
struct MachineRates {
    double dgemm_gflops = 30;                  ///< of a core
    double sgemm_gflops = 60;                  ///< of a core
    double bf16_gflops = 60 * kBf16OverSgemm;  ///< of a core: packed products in bfloat16
    double memory_gbps = 8;      ///< of a core: bytes read and bytes written by a copy, together
    double read_gbps = 2;        ///< of a node: weights from the file system
    double write_gbps = 1;       ///< of a node: a checkpoint to the file system, made durable
    double storage_gbps = 200;   ///< of all nodes together: what the file system can do at most
    double network_gbps = 10;    ///< of a node, to others
    double generate_gbps = 0.4;  ///< of a core: synthetic weights, in bytes as stored
    double card_gflops = 780e3;  ///< of a graphics card: products in bfloat16, as on an H200
};

/// What a graphics card does besides, as it was measured on an H200.
struct CardRates {
    double bf16_gflops;
    double attention_gflops;  ///< products of queries, keys and values in bfloat16
    double tf32_gflops;       ///< Hessians summed up, rounding to TF32 included
    double sgemm_gflops;
    double dgemm_gflops;        ///< factorizations, too
    double memory_gbps = 2500;  ///< as norms, gates and splitting reach it
    double link_gbps = 45;      ///< between the card and the memory of its node
};

/// Products in proportion to those in bfloat16.
CardRates card_rates(const MachineRates& rates);

/// Bytes of a rank while they are measured.
inline constexpr std::uint64_t kProbeBytes = std::uint64_t{16} << 20;

/// Measures the first four in some hundredths of a second, all ranks at once, and takes the slowest
/// rank's; the others keep their initial values. A rate of bfloat16 that is not measured is
/// kBf16OverSgemm times SGEMM's. Warns when the BLAS is a fallback far
/// below what the processor's vectors allow. Collective.
/// @param products  of the forward pass: only where they are in bfloat16 is the rate of those
/// measured
MachineRates measure_machine_rates(
    const parallel::Communicator& ranks,
    linalg::ForwardPrecision products = linalg::ForwardPrecision::float32);

/// Weights that a node of these ranks reads (synthetic: that a rank makes), in GB/s, from some
/// hundredths of a second. Files that the system still has in memory are read at its speed.
/// Collective. @throws Error
double measure_reading_gbps(const parallel::Communicator& ranks, const model::Catalogue& catalogue);

/// What a node of these ranks writes in that folder, made durable, in GB/s, from a scratch file a
/// rank. Collective. @throws Error
double measure_writing_gbps(const parallel::Communicator& ranks,
                            const std::filesystem::path& folder);

}  // namespace alphaprune::planning
