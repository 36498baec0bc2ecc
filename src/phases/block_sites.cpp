#include "block_sites.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <span>

#include "alphaprune/support/message.hpp"

namespace alphaprune::phases {
namespace {

const support::Warning<std::string, std::size_t, std::string> kNoTokens{
    "phases.experts-without-tokens",
    "{}: no token of the calibration reached {} experts (numbers {}), whose matrices are pruned by "
    "magnitude",
    "the router of a mixture of experts sent the calibration's tokens to others",
    "calibrate on more or other text (--nsamples, --calibration)"};

const support::Warning<std::string, std::size_t, std::string> kFewTokens{
    "phases.experts-with-few-tokens",
    "{}: {} experts (numbers {}) got fewer tokens of the calibration than a matrix of theirs has "
    "inputs; their statistics are blended with those of all experts' tokens",
    "the router of a mixture of experts sent most of the calibration's tokens to others",
    "calibrate on more or other text (--nsamples, --calibration)"};

/// The part of what its mixture divides that an expert is given.
bool reads_routed(const transformer::SitePlace& place) {
    return place.expert >= 0 && place.part == transformer::SitePlace::Part::first;
}

std::vector<std::string> notes_of(const std::string& where, const std::vector<int>& without,
                                  const std::vector<int>& few) {
    std::vector<std::string> notes;
    if (!without.empty()) {
        notes.push_back(
            kNoTokens(where, without.size(), fmt::format("{}", fmt::join(without, ", "))));
    }
    if (!few.empty()) {
        notes.push_back(kFewTokens(where, few.size(), fmt::format("{}", fmt::join(few, ", "))));
    }
    return notes;
}

}  // namespace

BlockSites::BlockSites(const transformer::ForwardPlan& plan, int block)
    : sites_(transformer::input_sites(plan, block)),
      places_(plan.block(block).sites),
      tokens_(sites_.size(), 0) {
    for (std::size_t site = 0; site < places_.size(); ++site) {
        const transformer::SitePlace& place = places_[site];
        if (reads_routed(place) && !sites_[site].matrices.empty() &&
            (mixtures_.empty() || mixtures_.back() != place.sublayer)) {
            mixtures_.push_back(place.sublayer);
            widths_.push_back(sites_[site].cols);
        }
    }
    for (const model::MatrixInfo& matrix : plan.catalogue->matrices) {
        if (matrix.block == block) {
            ++matrices_[matrix.tensor].all;
            ++matrices_[matrix.tensor].left;
        }
    }
}

pruning::BlockInputs BlockSites::inputs(const parallel::Communicator& ranks,
                                        const parallel::NodeMap& nodes, const parallel::Team& team,
                                        std::int64_t sequences, linalg::FarMemory* far) const {
    pruning::BlockInputs inputs{ranks, nodes, team, {}, sequences, widths_, far};
    for (std::size_t site = 0; site < count(); ++site) {
        inputs.sites.push_back(shape_of(site));
    }
    return inputs;
}

pruning::SiteShape BlockSites::shape_of(std::size_t site) const {
    const transformer::SitePlace& place = places_[site];
    pruning::SiteShape shape{sites_[site].cols, sites_[site].residual_rows, place.expert >= 0, {}};
    const auto mixture = std::ranges::find(mixtures_, place.sublayer);
    if (reads_routed(place) && mixture != mixtures_.end()) {
        shape.mixture = static_cast<std::size_t>(mixture - mixtures_.begin());
    }
    return shape;
}

std::optional<std::size_t> BlockSites::opened_mixture(std::size_t site) const {
    return places_[site].opens_mixture() ? shape_of(site).mixture : std::nullopt;
}

void BlockSites::sum_tokens(const parallel::Communicator& ranks, std::size_t first,
                            std::size_t end) {
    ranks.all_reduce_sum(std::span(tokens_).subspan(first, end - first));
}

BlockSites::Turn BlockSites::take_matrix_of(int tensor) {
    Matrices& matrices = matrices_.at(tensor);
    const bool first = matrices.left == matrices.all;
    return {first, --matrices.left == 0};
}

template <class Applies>
std::vector<int> BlockSites::experts_where(std::size_t mixture, Applies applies) const {
    std::vector<int> experts;
    for (std::size_t site = 0; site < count(); ++site) {
        const transformer::SitePlace& place = places_[site];
        const bool is_of_it = place.expert >= 0 && place.sublayer == mixtures_[mixture];
        if (is_of_it && !sites_[site].matrices.empty() && applies(site) &&
            (experts.empty() || experts.back() != place.expert)) {
            experts.push_back(place.expert);
        }
    }
    return experts;
}

std::vector<std::string> BlockSites::notes(int block, const PruneRequest& request) const {
    const bool blended = pruning::needs_hessians(request.pruner, request.settings);
    std::vector<std::string> all;
    for (std::size_t mixture = 0; mixture < mixtures_.size(); ++mixture) {
        const auto without = experts_where(mixture, [&](std::size_t s) { return tokens_[s] == 0; });
        const auto few = experts_where(mixture, [&](std::size_t s) {
            return blended && 0 < tokens_[s] && tokens_[s] < sites_[s].cols;
        });
        const auto notes = notes_of(fmt::format("block {}", block), without, few);
        all.insert(all.end(), notes.begin(), notes.end());
    }
    return all;
}

pruning::SiteInput as_statistics(const PruneRequest& request, const pruning::SiteInput& input) {
    if (input.tokens == 0 || !request.gives_statistics(input.sequence)) {
        return {};
    }
    pruning::SiteInput counted = input;
    counted.sequence -= std::ranges::count_if(
        request.held_out.first(
            std::min(static_cast<std::size_t>(input.sequence), request.held_out.size())),
        std::identity());
    return counted;
}

transformer::InputNeeds input_needs(const PruneRequest& request) {
    using enum transformer::InputNeeds;
    if (!pruning::needs_hessians(request.pruner, request.settings)) {
        return squares;
    }
    return request.pruner.needs == pruning::PrunerNeeds::input_norms ? values : products;
}

}  // namespace alphaprune::phases
