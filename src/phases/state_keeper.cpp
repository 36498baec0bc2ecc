#include "state_keeper.hpp"

#include "alphaprune/parallel/agreement.hpp"

namespace alphaprune::phases {

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
    parallel::together(ranks_, [&] {
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
    parallel::together(ranks_, [&] {
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
