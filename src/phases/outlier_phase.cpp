#include "alphaprune/phases/outlier_phase.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/pruning/row_pruning.hpp"
#include "alphaprune/support/message.hpp"
#include "calibration_pass.hpp"

namespace alphaprune::phases {
namespace {

const support::Failure<> kScoresTooLarge{
    "phases.scores-too-large", "scores (weight times norm of its input) are too large for float32",
    "weights or activations overflowed: damaged weights, or tokens of another model",
    "check the model's weights and the calibration tokens"};

/// The matrices of a block with the norms of their inputs.
struct ScoredBlock {
    const parallel::Communicator& ranks;
    const model::Catalogue& catalogue;
    transformer::BlockRunner& runner;
    std::vector<transformer::InputSite> sites;
    std::vector<std::vector<float>> norms;

    /// use(rows, cols, norms, total rows, first row) for this rank's rows of each matrix.
    template <class Use>
    void for_each_matrix(Use use) {
        for (std::size_t site = 0; site < sites.size(); ++site) {
            for (const int index : sites[site].matrices) {
                const model::MatrixInfo& matrix =
                    catalogue.matrices[static_cast<std::size_t>(index)];
                const parallel::RowRange mine =
                    parallel::share_of(matrix.outputs(), ranks.size(), ranks.rank());
                use(matrix, mine, std::span<const float>(runner.rows(index, mine)),
                    std::span<const float>(norms[site]));
            }
        }
    }
};

/// Mean score of the block: sums of rows, added in row order, whoever holds the rows.
double mean_score(ScoredBlock& block) {
    double sum = 0;
    double weights = 0;
    block.for_each_matrix([&](const model::MatrixInfo& matrix, parallel::RowRange mine,
                              std::span<const float> rows, std::span<const float> norms) {
        std::vector<double> by_row(static_cast<std::size_t>(matrix.outputs()));
        const auto cols = static_cast<std::size_t>(matrix.inputs());
        for (std::int64_t r = mine.begin; r < mine.end; ++r) {
            by_row[static_cast<std::size_t>(r)] = pruning::sum_of_scores(
                rows.subspan(static_cast<std::size_t>(r - mine.begin) * cols, cols),
                matrix.inputs(), norms);
        }
        block.ranks.all_reduce_sum(std::span(by_row));
        sum = std::accumulate(by_row.begin(), by_row.end(), sum);
        if (!std::isfinite(sum)) {
            throw kScoresTooLarge(block.catalogue.name_of(matrix)).mark_agreed();
        }
        weights += static_cast<double>(matrix.size());
    });
    return sum / weights;
}

/// The share of outliers, or without a multiple the mean.
double value_of(ScoredBlock& block, std::optional<double> multiple) {
    const double mean = mean_score(block);
    if (!multiple) {
        return mean;
    }
    std::int64_t outliers = 0;
    std::int64_t weights = 0;
    block.for_each_matrix([&](const model::MatrixInfo& matrix, parallel::RowRange,
                              std::span<const float> rows, std::span<const float> norms) {
        outliers += pruning::count_outliers(rows, matrix.inputs(), norms, mean, *multiple);
        weights += matrix.size();
    });
    return static_cast<double>(block.ranks.sum(outliers)) / static_cast<double>(weights);
}

/// The value of one block, which then becomes the input of the next.
double measure_block(CalibrationPass& pass, int block, const parallel::Communicator& ranks,
                     const model::Catalogue& catalogue, std::int64_t sequences,
                     std::optional<double> multiple) {
    pass.load(block);
    ScoredBlock scored{
        ranks, catalogue, pass.runner(), transformer::input_sites(pass.plan(), block), {}};
    std::vector<pruning::InputNorms> gathered;
    for (const transformer::InputSite& site : scored.sites) {
        gathered.emplace_back(site.cols, pass.teams().own());
    }
    pass.observe([&](std::size_t site, const pruning::SiteInput& input, const auto&) {
        if (input.tokens > 0) {
            gathered[site].add_sequence(input);
        }
    });
    for (std::size_t site = 0; site < gathered.size(); ++site) {
        const std::vector<int>& matrices = scored.sites[site].matrices;
        if (matrices.empty()) {  // all of them stay dense
            scored.norms.emplace_back();
            continue;
        }
        const auto first = static_cast<std::size_t>(matrices.front());
        scored.norms.push_back(
            gathered[site].norms(ranks, sequences, catalogue.name_of(catalogue.matrices[first])));
    }
    const double value = value_of(scored, multiple);
    if (block + 1 < catalogue.blocks()) {
        pass.advance();
    }
    return value;
}

/// What an earlier attempt has found.
std::optional<double> share_in(const resume::Journal* journal, int block) {
    if (journal == nullptr) {
        return std::nullopt;
    }
    const auto& outliers = journal->earlier().outliers;
    const auto found = outliers.find(block);
    return found == outliers.end() ? std::nullopt : std::optional(found->second);
}

void record(double share, int block, const parallel::Communicator& ranks,
            resume::Journal* journal) {
    parallel::run_collectively(ranks, [&] {
        if (ranks.is_root() && journal != nullptr) {
            journal->add_outliers(block, share);
        }
    });
}

/// The block to begin with: that of the states that are kept, if all shares before it are known.
int first_block(const StateKeeper& states, const resume::Journal* journal,
                std::span<const int> prunable) {
    const int saved = states.saved_block();
    const bool all_known = saved > 0 && std::ranges::all_of(prunable, [&](int block) {
                               return block >= saved || share_in(journal, block);
                           });
    return all_known ? saved : 0;
}

}  // namespace

std::vector<double> block_scores(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const model::TokenSequences& sequences,
                                 std::optional<double> multiple, const Progress& progress,
                                 resume::Journal* journal,
                                 const transformer::ForwardSettings& forward) {
    CalibrationPass pass(ranks, nodes, catalogue, sequences, forward);
    pass.runner().set_needs(transformer::InputNeeds::squares);
    const std::vector<int> prunable = catalogue.prunable_blocks();
    StateKeeper states(ranks, journal, {{resume::StatePass::outliers, &pass}});
    const int first = first_block(states, journal, prunable);
    if (first > 0) {
        states.restore();
    }
    std::vector<double> shares;
    for (int block = 0; block < catalogue.blocks(); ++block) {
        const bool measured = std::ranges::binary_search(prunable, block);
        const std::optional<double> known = share_in(journal, block);
        if (measured && known) {
            shares.push_back(*known);
        }
        if (block < first) {
            continue;
        }
        parallel::check_stop_collectively(ranks);
        if (measured && !known) {
            shares.push_back(
                measure_block(pass, block, ranks, catalogue, sequences.count(), multiple));
            record(shares.back(), block, ranks, journal);
        } else {
            pass.pass_through(block);
        }
        if (block + 1 < catalogue.blocks()) {
            states.at_entrance(block + 1, {});
        }
        if (progress && ranks.is_root()) {
            progress(block + 1, catalogue.blocks());
        }
    }
    return shares;
}

}  // namespace alphaprune::phases
