#include "calibration_pass.hpp"

#include <vector>

#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {

CalibrationPass::CalibrationPass(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const model::TokenSequences& sequences)
    : ranks_(ranks),
      catalogue_(catalogue),
      sequences_(sequences),
      plan_(transformer::make_forward_plan(catalogue)),
      runner_(transformer::make_cpu_block_runner(nodes.node(), plan_)),
      reader_(catalogue),
      own_(parallel::share_of(sequences.count(), ranks.size(), ranks.rank())) {
    std::vector<std::span<const std::int32_t>> own;
    for (std::int64_t s = own_.begin; s < own_.end; ++s) {
        own.push_back(sequences.sequence(s));
    }
    parallel::run_collectively(ranks_, [&] { runner_->embed(own, finite_rows()); });
}

model::RowSource CalibrationPass::finite_rows() {
    return
        [this](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader_.read_rows(tensor, rows, out);
            model::require_finite(catalogue_, tensor, out);
        };
}

std::span<float> CalibrationPass::state(std::int64_t own) {
    return runner_->states().subspan(static_cast<std::size_t>(own) * state_size(), state_size());
}

void CalibrationPass::load(int block) {
    parallel::run_collectively(ranks_, [&] { runner_->load(block, finite_rows()); });
    block_ = block;
}

void CalibrationPass::observe(const SiteObserver& observer) {
    const std::size_t sites = transformer::input_sites(plan_, block_).size();
    const std::int64_t rounds = parallel::share_of(sequences_.count(), ranks_.size(), 0).size();
    support::FirstError problem;
    for (std::int64_t round = 0; round < rounds; ++round) {
        std::size_t next = 0;
        if (round < own_.size()) {
            problem.guard([&] {
                runner_->observe(round, [&](std::size_t site, std::span<const float> input,
                                            std::int64_t tokens) {
                    next = site + 1;
                    observer(site, own_.begin + round, input, tokens);
                });
            });
        }
        for (; next < sites; ++next) {  // no sequence left, or an error that the others await
            observer(next, 0, {}, 0);
        }
    }
    parallel::agree(ranks_, problem.get());
}

void CalibrationPass::advance() {
    parallel::run_collectively(ranks_, [&] {
        for (std::int64_t s = 0; s < own_.size(); ++s) {
            runner_->advance(s);
        }
    });
}

void CalibrationPass::pass_through(int block) {
    load(block);
    advance();
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
