#include "calibration_pass.hpp"

#include <algorithm>

#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {

CalibrationPass::CalibrationPass(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const model::TokenSequences& sequences)
    : ranks_(ranks),
      nodes_(nodes),
      catalogue_(catalogue),
      sequences_(sequences),
      transformer_(catalogue),
      reader_(catalogue),
      own_(parallel::share_of(sequences.count(), ranks.size(), ranks.rank())) {
    states_.resize(state_size() * static_cast<std::size_t>(own_.size()));
    scratch_.resize(own_.empty() ? 0 : state_size());
    parallel::run_collectively(ranks_, [&] {
        const model::RowSource source = finite_rows();
        for (std::int64_t s = 0; s < own_.size(); ++s) {
            transformer_.embed(source, sequences_.sequence(own_.begin + s), state(s));
        }
    });
}

model::RowSource CalibrationPass::finite_rows() {
    return
        [this](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader_.read_rows(tensor, rows, out);
            model::require_finite(catalogue_, tensor, out);
        };
}

std::size_t CalibrationPass::state_size() const {
    return static_cast<std::size_t>(sequences_.length * transformer_.hidden_size());
}

std::span<float> CalibrationPass::state(std::int64_t own) {
    return std::span(states_).subspan(static_cast<std::size_t>(own) * state_size(), state_size());
}

transformer::SharedWeights CalibrationPass::load(int block) {
    transformer::SharedWeights weights(nodes_.node(), catalogue_,
                                       transformer_.block_tensors(block));
    parallel::run_collectively(ranks_, [&] { weights.load(finite_rows()); });
    return weights;
}

void CalibrationPass::observe(int block, const transformer::SharedWeights& weights,
                              const SiteObserver& observer) {
    const std::size_t sites = transformer_.input_sites(block).size();
    const std::int64_t rounds = parallel::share_of(sequences_.count(), ranks_.size(), 0).size();
    support::FirstError problem;
    for (std::int64_t round = 0; round < rounds; ++round) {
        std::size_t site = 0;
        if (round < own_.size()) {
            problem.guard([&] {
                std::ranges::copy(state(round), scratch_.begin());
                transformer_.run_block(
                    block, weights, scratch_, sequences_.length,
                    [&](std::span<const int>, std::span<const float> input, std::int64_t tokens) {
                        observer(site++, own_.begin + round, input, tokens);
                    });
            });
        }
        for (; site < sites; ++site) {  // no sequence left, or an error that the others await
            observer(site, 0, {}, 0);
        }
    }
    parallel::agree(ranks_, problem.get());
}

void CalibrationPass::advance(int block, const transformer::SharedWeights& weights) {
    parallel::run_collectively(ranks_, [&] {
        for (std::int64_t s = 0; s < own_.size(); ++s) {
            transformer_.run_block(block, weights, state(s), sequences_.length, {});
        }
    });
}

void CalibrationPass::pass_through(int block) {
    const transformer::SharedWeights weights = load(block);
    advance(block, weights);
}

StateKeeper::StateKeeper(const parallel::Communicator& ranks, resume::Journal* journal,
                         resume::StatePass which)
    : ranks_(ranks), journal_(journal), which_(which) {}

int StateKeeper::saved_block() const {
    if (journal_ == nullptr) {
        return 0;
    }
    const auto& states = journal_->earlier().states;
    const auto found = states.find(which_);
    return found == states.end() ? 0 : found->second.block;
}

void StateKeeper::restore(CalibrationPass& pass) const {
    const resume::SavedStates& saved = journal_->earlier().states.at(which_);
    parallel::run_collectively(ranks_, [&] {
        for (std::int64_t s = 0; s < pass.own().size(); ++s) {
            const auto sequence = static_cast<std::size_t>(pass.own().begin + s);
            journal_->read_state(saved.sequences[sequence], pass.state(s));
        }
    });
}

bool StateKeeper::due() const {
    constexpr double kLargestShare = 0.02;  // of the time
    return ranks_.any(ranks_.is_root() && since_.seconds() * kLargestShare >= cost_);
}

void StateKeeper::at_entrance(int block, CalibrationPass& pass,
                              const std::function<void()>& before) {
    if (journal_ == nullptr || !due()) {
        return;
    }
    const support::Stopwatch watch;
    parallel::run_collectively(ranks_, [&] {
        if (before) {
            before();
        }
        journal_->save_states(which_, block, pass.own().begin, pass.states(), pass.state_size());
    });
    if (ranks_.is_root()) {
        journal_->drop_states(which_, block - 1);
    }
    cost_ = watch.seconds();
    since_.restart();
}

}  // namespace alphaprune::phases
