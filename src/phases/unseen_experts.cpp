#include "unseen_experts.hpp"

#include "alphaprune/support/message.hpp"

namespace alphaprune::phases {
namespace {

const support::Warning<std::string> kNoTokens{
    "phases.expert-without-tokens",
    "{}: no token of the calibration reached this expert, whose matrices are pruned by magnitude",
    "the router of a mixture of experts sent the calibration's tokens to others",
    "calibrate on more or other text (--nsamples, --calibration)"};

}  // namespace

std::string note_of_unseen(const std::string& matrix) {
    return kNoTokens(matrix);
}

void prune_unseen(const parallel::Communicator& ranks,
                  std::span<const pruning::SiteMatrix> matrices, std::int64_t cols,
                  const pruning::PrunerSettings& settings) {
    const pruning::Pruner& magnitude = *pruning::find_pruner("magnitude");
    for (const pruning::SiteMatrix& matrix : matrices) {
        magnitude.prune_rows(ranks,
                             {std::as_writable_bytes(matrix.rows.weights),
                              support::ScalarType::float32, cols, false},
                             matrix.target, settings);
    }
}

}  // namespace alphaprune::phases
