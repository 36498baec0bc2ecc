#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "block_names.hpp"
#include "find_matrices.hpp"
#include "name_list.hpp"

namespace alphaprune {
namespace {

/// A prefix that may be the one before the block numbers, and the matrices under it.
struct Candidate {
    struct Matrix {
        std::int64_t block;
        int tensor;
    };
    std::string_view prefix;
    std::set<std::int64_t> numbers;
    std::vector<Matrix> matrices;
};

/// "<any>.<number>.<any>.weight" of two dimensions, by what stands before the number. A name with
/// two numbers counts under both prefixes.
std::vector<Candidate> find_candidates(const Catalogue& catalogue) {
    std::map<std::string_view, Candidate> by_prefix;
    for (std::size_t i = 0; i < catalogue.tensors.size(); ++i) {
        const TensorInfo& tensor = catalogue.tensors[i];
        if (!is_matrix(tensor) || !std::string_view(tensor.name).ends_with(".weight")) {
            continue;
        }
        for (const NumberedName& part : numbered_parts(tensor.name)) {
            if (part.rest == "weight") {
                continue;
            }
            Candidate& candidate = by_prefix[part.prefix];
            candidate.prefix = part.prefix;
            candidate.numbers.insert(part.number);
            candidate.matrices.push_back({part.number, static_cast<int>(i)});
        }
    }
    std::vector<Candidate> candidates;
    for (auto& [prefix, candidate] : by_prefix) {
        candidates.push_back(std::move(candidate));
    }
    return candidates;
}

bool has_all_below(const std::set<std::int64_t>& numbers, std::int64_t count) {
    const auto below = std::distance(numbers.begin(), numbers.lower_bound(count));
    return below == count;
}

/// Numbers past the announced blocks (extra prediction heads) are no blocks of the decoder.
void keep_below(Candidate& candidate, std::int64_t blocks) {
    auto& matrices = candidate.matrices;
    std::erase_if(matrices,
                  [&](const Candidate::Matrix& matrix) { return matrix.block >= blocks; });
    candidate.numbers.erase(candidate.numbers.lower_bound(blocks), candidate.numbers.end());
}

std::int64_t weights_under(const Candidate& candidate, const Catalogue& catalogue) {
    std::int64_t weights = 0;
    for (const Candidate::Matrix& matrix : candidate.matrices) {
        const TensorInfo& tensor = catalogue.tensors[static_cast<std::size_t>(matrix.tensor)];
        weights += tensor.shape[0] * tensor.shape[1];
    }
    return weights;
}

/// The candidate with the numbers 0..N-1 that holds most of the model; several blocks are more
/// likely than one. Of equals the shortest prefix: the outer number is the block.
const Candidate* choose(std::vector<Candidate>& candidates, const Catalogue& catalogue) {
    const std::int64_t announced = catalogue.configuration.blocks;
    const auto rank = [&](const Candidate& candidate) {
        const auto length = -static_cast<std::int64_t>(candidate.prefix.size());
        return std::tuple(candidate.numbers.size() > 1, weights_under(candidate, catalogue),
                          length);
    };
    const Candidate* best = nullptr;
    for (Candidate& candidate : candidates) {
        const std::int64_t blocks =
            announced > 0 ? announced : static_cast<std::int64_t>(candidate.numbers.size());
        if (!has_all_below(candidate.numbers, blocks)) {
            continue;
        }
        keep_below(candidate, blocks);
        if (best == nullptr || rank(candidate) > rank(*best)) {
            best = &candidate;
        }
    }
    return best;
}

void add_no_blocks(const std::vector<Candidate>& candidates, const Catalogue& catalogue,
                   FaultList& faults) {
    std::vector<std::string> seen;
    for (const Candidate& candidate : candidates) {
        seen.push_back(fmt::format("{}<{}>", candidate.prefix, list_numbers(candidate.numbers)));
    }
    const std::int64_t announced = catalogue.configuration.blocks;
    const std::string what =
        announced > 0 ? fmt::format("the {} blocks that config.json announces", announced)
                      : std::string("decoder blocks numbered from 0");
    faults.add(fmt::format("{} cannot be found among the two-dimensional weights; numbered names: "
                           "{}",
                           what, seen.empty() ? "none" : list_names(seen)),
               catalogue.folder.string(),
               "blocks are recognised by names like model.layers.0.mlp.up_proj.weight; check that "
               "config.json and the weights belong to the same model");
}

}  // namespace

void find_generic_matrices(Catalogue& catalogue, FaultList& faults) {
    std::vector<Candidate> candidates = find_candidates(catalogue);
    const Candidate* chosen = choose(candidates, catalogue);
    if (chosen == nullptr) {
        add_no_blocks(candidates, catalogue, faults);
        return;
    }
    std::vector<Candidate::Matrix> matrices = chosen->matrices;
    // Stable: inside a block the order of the files stays.
    std::stable_sort(
        matrices.begin(), matrices.end(),
        [](const Candidate::Matrix& a, const Candidate::Matrix& b) { return a.block < b.block; });
    for (const Candidate::Matrix& matrix : matrices) {
        add_matrix(catalogue, matrix.tensor, matrix.block);
    }
}

}  // namespace alphaprune
