#include <cassert>
#include <numeric>
#include <utility>

#include "alphaprune/pruning/input_norms.hpp"
#include "alphaprune/support/message.hpp"
#include "sparsegpt.hpp"

namespace alphaprune::pruning {
namespace {

const support::Failure<> kNotPositiveDefinite{
    "pruning.hessian-not-positive-definite",
    "the Hessian of the inputs is not positive definite, not even with damping 1.0",
    "the calibration text is too short or repeats itself",
    "give more, or more varied, calibration sequences, or use --prune-method wanda"};

}  // namespace

Hessian::Hessian(const parallel::Communicator& ranks, std::int64_t order,
                 std::int64_t largest_local)
    : order_(order), products_(linalg::make_outer_products(ranks, order, largest_local)) {}

void Hessian::add(std::span<const float> input, std::int64_t tokens) {
    products_->add(input, tokens);
}

std::uint64_t Hessian::memory_needed(std::int64_t order, int ranks, int node_ranks,
                                     std::int64_t largest_local) {
    return linalg::outer_products_memory(ranks, node_ranks, order, largest_local);
}

InverseFactor::InverseFactor(Hessian&& hessian, std::int64_t samples, const std::string& where)
    : order_(hessian.order_), products_(std::move(hessian.products_)) {
    assert(samples > 0);
    std::vector<float> diagonal =
        products_->finish(static_cast<float>(2.0 / static_cast<double>(samples)));
    for (float& value : diagonal) {
        dead_.push_back(value == 0);
        value = value == 0 ? 1.0F : value;
    }
    damping_ = factor_damped(*products_, diagonal, where);
}

std::vector<float> InverseFactor::panel(std::int64_t begin, std::int64_t end) const {
    assert(0 <= begin && begin < end && end <= order_);
    return products_->factor_rows(begin, end);
}

double factor_damped(linalg::OuterProducts& hessian, const std::vector<float>& diagonal,
                     const std::string& where) {
    // The diagonal is enough: an element of H is bounded by those of its row and column there.
    require_finite_inputs(diagonal, where);
    const double mean = std::accumulate(diagonal.begin(), diagonal.end(), 0.0) /
                        static_cast<double>(diagonal.size());
    for (const double damping : {0.01, 0.1, 1.0}) {
        const auto added = static_cast<float>(damping * mean);
        std::vector<float> damped = diagonal;
        for (float& value : damped) {
            value += added;
        }
        if (hessian.factor_inverse(damped)) {
            return damping;
        }
    }
    throw kNotPositiveDefinite(where).mark_agreed();
}

}  // namespace alphaprune::pruning
