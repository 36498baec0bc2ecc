#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "alphaprune/report/run_report.hpp"

namespace alphaprune::report {

/// The matrices of a model by kind and block. Those that differ only in the number of their expert
/// are of one kind.
struct MatrixGrid {
    std::vector<std::string> kinds;  ///< "self_attn.q_proj", in the order of the model
    std::vector<int> blocks;         ///< ascending
    /// By index of kind and of block: the matrices there, in the order of the model.
    std::map<std::pair<std::size_t, std::size_t>, std::vector<std::size_t>> cells;
};

MatrixGrid grid_of(const RunReport& report);

/// What a matrix is called in every block: its name behind the block's number, without numbers of
/// experts and without ".weight"; where the name has no such number, all of it.
std::string kind_of(std::string_view name, int block);

}  // namespace alphaprune::report
