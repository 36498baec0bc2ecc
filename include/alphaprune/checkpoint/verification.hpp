#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::checkpoint {

/// What a checkpoint is expected to hold, according to a run's report.
struct ExpectedMatrix {
    std::string name;
    std::int64_t rows = 0;
    std::int64_t cols = 0;
    std::int64_t zeros = 0;
    double sparsity_ratio = 0;
    std::string tensor = {};  ///< that it is a slice of; empty: it is the tensor of that name
    model::MatrixInfo slice = {};
};

struct Verification {
    std::int64_t tensors = 0;
    std::int64_t values = 0;
    std::int64_t zeros = 0;
    std::uint64_t bytes = 0;
    std::vector<std::string>
        problems;  ///< each one line: what is wrong with what; empty when sound
};

/// Re-reads the whole checkpoint, the rows of every tensor distributed over the ranks, and checks:
/// all tensors declared are there, checksums, zeros, sparsity attributes, NaN and Inf in tensors
/// that are pruned or that the forward pass uses, and, against `expected`, shapes, zeros and ratios
/// of every prunable matrix. Collective; every rank returns the same. @throws Error when the file
/// cannot be read at all
Verification verify_checkpoint(const parallel::Communicator& ranks,
                               const std::filesystem::path& path,
                               const std::vector<ExpectedMatrix>& expected);

}  // namespace alphaprune::checkpoint
