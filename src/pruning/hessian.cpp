#include "alphaprune/pruning/sparsegpt.hpp"

#include <cassert>
#include <utility>

#include "damping.hpp"
#include "hessian_state.hpp"

namespace alphaprune::pruning {

Hessian::Hessian(const parallel::Communicator& ranks, std::int64_t order,
                 std::int64_t largest_local)
    : state_(std::make_unique<State>(
          State{order, linalg::make_outer_products(ranks, order, largest_local)})) {}
Hessian::Hessian(Hessian&&) noexcept = default;
Hessian& Hessian::operator=(Hessian&&) noexcept = default;
Hessian::~Hessian() = default;

void Hessian::add(std::span<const float> input, std::int64_t tokens) {
    state_->products->add(input, tokens);
}

std::uint64_t Hessian::memory_needed(std::int64_t order, int ranks, std::int64_t largest_local) {
    return linalg::outer_products_memory(ranks, order, largest_local);
}

struct InverseFactor::State {
    std::int64_t order = 0;
    std::unique_ptr<linalg::OuterProducts> products;
    std::vector<bool> dead;
    double damping = 0;
};

InverseFactor::InverseFactor([[maybe_unused]] const parallel::Communicator& ranks,
                             Hessian&& hessian, std::int64_t samples, const std::string& where)
    : state_(std::make_unique<State>()) {
    assert(samples > 0);
    state_->order = hessian.state_->order;
    state_->products = std::move(hessian.state_->products);
    std::vector<float> diagonal =
        state_->products->finish(static_cast<float>(2.0 / static_cast<double>(samples)));
    state_->dead = dead_among(diagonal);
    for (std::size_t i = 0; i < diagonal.size(); ++i) {
        diagonal[i] = state_->dead[i] ? 1.0F : diagonal[i];
    }
    state_->damping = factor_damped(*state_->products, diagonal, where);
}
InverseFactor::InverseFactor(InverseFactor&&) noexcept = default;
InverseFactor& InverseFactor::operator=(InverseFactor&&) noexcept = default;
InverseFactor::~InverseFactor() = default;

std::int64_t InverseFactor::order() const {
    return state_->order;
}

double InverseFactor::damping() const {
    return state_->damping;
}

const std::vector<bool>& InverseFactor::dead_inputs() const {
    return state_->dead;
}

std::vector<float> InverseFactor::panel(std::int64_t begin, std::int64_t end) const {
    assert(0 <= begin && begin < end && end <= state_->order);
    return state_->products->factor_rows(begin, end);
}

}  // namespace alphaprune::pruning
