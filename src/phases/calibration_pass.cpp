#include "calibration_pass.hpp"

#include <algorithm>
#include <functional>
#include <set>
#include <utility>
#include <vector>

#include "alphaprune/model/weight_check.hpp"
#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/transformer/perplexity.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {
namespace {

/// The rows of an expert's input, in one model and in the other, that are of the same tokens.
/// @param one, other  the tokens of each row, ascending
std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> common_rows(
    std::span<const std::int32_t> one, std::span<const std::int32_t> other) {
    std::pair<std::vector<std::int32_t>, std::vector<std::int32_t>> rows;
    std::size_t j = 0;
    for (std::size_t i = 0; i < one.size(); ++i) {
        while (j < other.size() && other[j] < one[i]) {
            ++j;
        }
        if (j < other.size() && other[j] == one[i]) {
            rows.first.push_back(static_cast<std::int32_t>(i));
            rows.second.push_back(static_cast<std::int32_t>(j));
        }
    }
    return rows;
}

}  // namespace

CalibrationPass::CalibrationPass(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const model::TokenSequences& sequences,
                                 const transformer::ForwardSettings& forward,
                                 const model::Family* family, CalibrationPass* beside)
    : ranks_(ranks),
      nodes_(nodes),
      catalogue_(catalogue),
      sequences_(sequences),
      plan_(family == nullptr ? transformer::make_forward_plan(catalogue)
                              : transformer::make_forward_plan(catalogue, *family)),
      teams_(ranks, nodes, sequences.count(), forward.teams()),
      runner_(transformer::make_block_runner(nodes.node(), teams_.own(), plan_, forward,
                                             beside == nullptr ? nullptr : &beside->runner())),
      reader_(catalogue) {
    std::vector<std::span<const std::int32_t>> of_team;
    for (std::int64_t s = own().begin; s < own().end; ++s) {
        of_team.push_back(sequences.sequence(s));
    }
    parallel::work_collectively(ranks_, clock(), parallel::Work::read,
                                [&] { runner_->embed(of_team, finite_rows()); });
}

model::RowSource CalibrationPass::finite_rows() {
    return
        [this](const model::TensorInfo& tensor, parallel::RowRange rows, std::span<std::byte> out) {
            reader_.read_rows(tensor, rows, out);
            model::require_finite(catalogue_, tensor, out);
        };
}

void CalibrationPass::load(int block) {
    parallel::work_collectively(ranks_, clock(), parallel::Work::read,
                                [&] { runner_->load(block, finite_rows()); });
    block_ = block;
    multipliers_.clear();
    for (const transformer::InputSite& site : transformer::input_sites(plan_, block)) {
        multipliers_.push_back(site.multiplier);
    }
}

void CalibrationPass::will_load(int block) {
    std::vector<model::NeededRows> needed;
    const parallel::Communicator& node = nodes_.node();
    if (block < catalogue_.blocks()) {
        for (const int index : plan_.block(block).tensors) {
            const model::TensorInfo& tensor = plan_.tensor(index);
            needed.push_back({tensor, parallel::share_of(tensor.rows(), node.size(), node.rank())});
        }
    }
    reader_.will_need(needed);
}

template <class ObserveOne>
void CalibrationPass::tell(std::size_t first, std::size_t end, const SiteObserver& observer,
                           CalibrationPass* dense, ObserveOne observe_one) {
    support::FirstError problem;
    // Of each round the first site whose input was not told: it may be told rounds later.
    std::vector<std::size_t> next(static_cast<std::size_t>(teams_.rounds()), first);
    for (std::int64_t round = 0; round < teams_.rounds(); ++round) {
        const auto seen = [&, round](const transformer::ObservedInput& present) {
            next[static_cast<std::size_t>(round)] = present.site + 1;
            const auto told = [&](pruning::SiteInput input, const pruning::RoutedInput& routed) {
                const auto gathering = clock().during(parallel::Work::statistics);
                input.sequence = own().begin + round;
                observer(present.site, input, routed);
            };
            dense == nullptr ? told({0, present.tokens, present.values, {}, {}, present.squares},
                                    routed(present, {}))
                             : dense->observe_beside(round, present, told);
        };
        bool runs = round < own().size();
        if (runs) {
            const auto running = clock().during(parallel::Work::forward);
            problem.guard([&] { observe_one(round, seen); });
            runs = !problem.get();
        }
        const auto gathering = clock().during(parallel::Work::statistics);
        auto& site = next[static_cast<std::size_t>(round)];
        for (; !runs && site < end; ++site) {  // no sequence left, or an error that others await
            observer(site, {}, {});
        }
    }
    problem.guard([&] { runner_->finish_observing(); });
    const auto waiting = clock().during(parallel::Work::wait);
    parallel::agree(ranks_, problem.get());
}

pruning::RoutedInput CalibrationPass::routed(const transformer::ObservedInput& present,
                                             std::span<const float> dense) const {
    return {static_cast<std::int64_t>(present.routed.size()) / plan_.hidden_size(), present.routed,
            dense};
}

void CalibrationPass::use_common_tokens(const transformer::ObservedInput& present,
                                        const transformer::ObservedInput& dense,
                                        const UseInput& use) {
    const pruning::RoutedInput all = routed(present, dense.routed);
    if (present.tokens == 0 || dense.tokens == 0) {
        use({}, all);
        return;
    }
    const std::size_t width = present.values.size() / static_cast<std::size_t>(present.tokens);
    const auto [here, there] = common_rows(present.of_expert, dense.of_expert);
    const auto count = static_cast<std::int64_t>(here.size());
    if (linalg::FarMemory* const far = runner_->far()) {
        const auto size = static_cast<std::int64_t>(width);
        use({0,
             count,
             far->gather(linalg::FarRoom::present_rows, present.values, size, here),
             far->gather(linalg::FarRoom::dense_rows, dense.values, size, there),
             {},
             {}},
            all);
        return;
    }
    const auto gathered = [width](std::span<const float> values,
                                  const std::vector<std::int32_t>& which) {
        std::vector<float> rows;
        for (const std::int32_t row : which) {
            const auto from = values.subspan(static_cast<std::size_t>(row) * width, width);
            rows.insert(rows.end(), from.begin(), from.end());
        }
        return rows;
    };
    use({0, count, gathered(present.values, here), gathered(dense.values, there), {}, {}}, all);
}

void CalibrationPass::observe_beside(std::int64_t round, const transformer::ObservedInput& present,
                                     const UseInput& use) {
    const auto seen = [&](const transformer::ObservedInput& dense) {
        if (!present.of_expert.empty() || !dense.of_expert.empty() || !present.routed.empty()) {
            use_common_tokens(present, dense, use);
            return;
        }
        use({0,
             dense.tokens,
             present.values,
             dense.values,
             drift_of(present.residual, dense.residual, multipliers_[present.site]),
             {}},
            {});
    };
    present.site + 1 == multipliers_.size() ? runner_->step_and_leave(round, seen)
                                            : runner_->step(round, present.site, seen);
}

std::span<const float> CalibrationPass::drift_of(std::span<const float> present,
                                                 std::span<const float> dense, double multiplier) {
    const auto share = static_cast<float>(1 / multiplier);
    if (linalg::FarMemory* const far = runner_->far()) {
        return far->difference(linalg::FarRoom::drift, dense, present, share);
    }
    if (!drift_) {
        drift_.emplace(teams_.own().ranks(), static_cast<std::int64_t>(state_size()));
    }
    constexpr std::int64_t kSlice = 1 << 16;
    const auto size = static_cast<std::int64_t>(dense.size());
    teams_.own().share_slices(size, kSlice, [&](parallel::RowRange some) {
        for (auto i = static_cast<std::size_t>(some.begin); i < static_cast<std::size_t>(some.end);
             ++i) {
            drift_->values()[i] = (dense[i] - present[i]) * share;
        }
    });
    return drift_->values().first(dense.size());
}

void CalibrationPass::observe(const SiteObserver& observer, CalibrationPass* dense, bool goes_on) {
    tell(0, sites(), observer, dense, [&](std::int64_t round, const auto& seen) {
        const bool comes_back = dense != nullptr && !goes_on;
        if (comes_back) {
            dense->runner_->keep_state(round);
        }
        runner_->observe(round, seen);
        if (comes_back) {
            dense->runner_->put_back_state(round);
        }
    });
}

void CalibrationPass::step(std::size_t site, const SiteObserver& observer, CalibrationPass* dense) {
    tell(site, site + 1, observer, dense,
         [&](std::int64_t round, const auto& seen) { runner_->step(round, site, seen); });
}

void CalibrationPass::leave() {
    parallel::work_collectively(ranks_, clock(), parallel::Work::forward, [&] {
        for (std::int64_t s = 0; s < own().size(); ++s) {
            runner_->leave(s);
        }
    });
}

void CalibrationPass::advance(std::span<const std::uint8_t> only) {
    parallel::work_collectively(ranks_, clock(), parallel::Work::forward, [&] {
        for (std::int64_t s = 0; s < own().size(); ++s) {
            if (only.empty() || only[static_cast<std::size_t>(own().begin + s)] != 0) {
                runner_->advance(s);
            }
        }
    });
}

void CalibrationPass::pass_through(int block, std::span<const std::uint8_t> only) {
    load(block);
    advance(only);
}

std::vector<double> CalibrationPass::losses(std::span<const std::uint8_t> which) {
    std::vector<std::pair<std::int64_t, std::span<const std::int32_t>>> scored;
    std::vector<std::size_t> places;
    std::size_t count = 0;
    for (std::int64_t s = 0; s < sequences_.count(); ++s) {
        if (which[static_cast<std::size_t>(s)] == 0) {
            continue;
        }
        if (own().begin <= s && s < own().end) {
            scored.emplace_back(s - own().begin, sequences_.sequence(s));
            places.push_back(count);
        }
        ++count;
    }
    const model::RowSource source = finite_rows();
    parallel::run_collectively(ranks_, [&] { runner_->load_head(source); });
    const auto running = clock().during(parallel::Work::forward);
    const std::vector<double> found = transformer::token_losses(ranks_, nodes_.node(), teams_.own(),
                                                                plan_, *runner_, source, scored);
    // Each in its place, zero from all ranks but one: adding those changes no bit.
    std::vector<double> all(count);
    for (std::size_t i = 0; i < found.size() && teams_.is_first(); ++i) {
        all[places[i]] = found[i] / static_cast<double>(sequences_.length - 1);
    }
    ranks_.all_reduce_sum(std::span(all));
    return all;
}

StateKeeper::StateKeeper(const parallel::Communicator& ranks, resume::Journal* journal,
                         Passes passes)
    : ranks_(ranks), journal_(journal), passes_(std::move(passes)) {
    constexpr double kSoonDone = 64e6;  // bytes, whose cost is found out by saving them
    constexpr double kBytesPerSecond = 1e9;
    double bytes = 0;
    for (const auto& kept : passes_) {
        bytes += static_cast<double>(kept.second->own().size()) * sizeof(float) *
                 static_cast<double>(kept.second->state_size());
    }
    bytes = ranks.max(bytes);
    cost_ = bytes > kSoonDone ? bytes / kBytesPerSecond : 0;
}

int StateKeeper::saved_block() const {
    std::set<int> blocks;
    for (const auto& [which, pass] : passes_) {
        const auto* states = journal_ == nullptr ? nullptr : &journal_->earlier().states;
        const bool found = states != nullptr && states->contains(which);
        blocks.insert(found ? states->at(which).block : 0);
    }
    return blocks.size() == 1 ? *blocks.begin() : 0;
}

void StateKeeper::restore() const {
    for (const auto& kept : passes_) {
        const resume::SavedStates& saved = journal_->earlier().states.at(kept.first);
        CalibrationPass& pass = *kept.second;
        parallel::run_collectively(ranks_, [&] {
            std::vector<float> state(pass.state_size());
            for (std::int64_t s = 0; s < pass.own().size() && pass.teams().is_first(); ++s) {
                const auto sequence = static_cast<std::size_t>(pass.own().begin + s);
                journal_->read_state(saved.sequences[sequence], state);
                pass.runner().put_state(s, state);
            }
        });
        pass.teams().own().sync();
    }
}

bool StateKeeper::due() const {
    constexpr double kLargestShare = 0.02;  // of the time
    return ranks_.any(ranks_.is_root() && since_.seconds() * kLargestShare >= cost_);
}

void StateKeeper::at_entrance(int block, const std::function<void()>& before) {
    if (journal_ == nullptr || !due()) {
        return;
    }
    const support::Stopwatch watch;
    parallel::run_collectively(ranks_, [&] {
        if (before) {
            before();
        }
        for (const auto& kept : passes_) {
            CalibrationPass* const pass = kept.second;
            if (pass->teams().is_first()) {
                journal_->save_states(kept.first, block, pass->own(), [=](std::int64_t sequence) {
                    return pass->runner().state(sequence - pass->own().begin);
                });
            }
        }
    });
    for (const auto& [which, pass] : passes_) {
        if (ranks_.is_root()) {
            journal_->drop_states(which, block - 1);
        }
    }
    cost_ = watch.seconds();
    since_.restart();
}

}  // namespace alphaprune::phases
