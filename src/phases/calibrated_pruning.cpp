#include "calibrated_pruning.hpp"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <optional>
#include <utility>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/machine.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"
#include "block_delivery.hpp"
#include "block_notes.hpp"
#include "block_sites.hpp"
#include "calibration_pass.hpp"
#include "kept_zeros.hpp"
#include "pruned_outputs.hpp"
#include "tensor_stream.hpp"
#include "unseen_experts.hpp"

namespace alphaprune::phases {
namespace {

using parallel::Work;

/// Prunes a model whose blocks come by one after another.
class CalibratedRun {
  public:
    CalibratedRun(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                  const model::Catalogue& catalogue, const PruneRequest& request,
                  TensorStore& store)
        : ranks_(ranks),
          nodes_(nodes),
          catalogue_(catalogue),
          request_(request),
          store_(store),
          pass_(ranks, nodes, catalogue, request.calibration, request.forward, request.family),
          kept_zeros_(catalogue, request.mask),
          exchange_(ranks, nodes, catalogue),
          stream_(ranks, catalogue, store),
          delivery_(ranks, nodes.clock(), stream_, store),
          notes_(ranks, store.journal()) {
        StateKeeper::Passes passes{{resume::StatePass::prune, &pass_}};
        if (request.settings.outputs.any()) {
            dense_.emplace(ranks, nodes, catalogue, request.calibration, request.forward,
                           request.family, &pass_);
            dense_->runner().set_needs(input_needs(request));
            passes.insert(passes.begin(), {resume::StatePass::dense, &*dense_});
        }
        states_.emplace(ranks, store.journal(), std::move(passes));
        pass_.runner().set_needs(input_needs(request));
    }

    /// Takes over what an earlier attempt has done. Returns the block to begin with.
    int take_over() {
        stream_.take_over_finished();
        const int saved = states_->saved_block();
        const int first = saved > 0 && all_done(0, saved) ? saved : 0;
        first > 0 ? states_->restore() : void();
        for (int block = 0; block < first; ++block) {
            notes_.add_earlier(block);
        }
        if (store_.journal() != nullptr) {
            for (const auto& [index, fit] : store_.journal()->earlier().fits) {
                fits_[static_cast<std::size_t>(index)] = fit;
            }
        }
        return first;
    }

    void pass_through(int block) {
        before_load();
        pass_.pass_through(block);
        if (dense_) {
            dense_->pass_through(block);
        }
        delivery_.finish_writing();
        keep_states(block + 1);
    }

    /// After the last block that is pruned only the held-out sequences go on.
    void pass_scored_through(int block) {
        before_load();
        pass_.pass_through(block, request_.held_out);
        delivery_.finish_writing();
    }

    /// Tensors that an earlier attempt has done are read back.
    void prune_block(int block) {
        before_load();
        pass_.load(block);
        if (dense_) {
            dense_->load(block);
        }
        pass_.will_load(block + 1);
        sites_ = BlockSites(pass_.plan(), block);
        const auto pruner =
            pruning::begin_block(request_.pruner,
                                 sites_.inputs(ranks_, nodes_, pass_.teams().own(),
                                               request_.statistics(), pass_.runner().far()),
                                 request_.settings);
        notes_.add_earlier(block);
        request_.site_order == SiteOrder::sequential ? prune_one_by_one(*pruner, block)
                                                     : prune_together(*pruner, block);
        block + 1 < catalogue_.blocks() ? keep_states(block + 1) : void();
    }

    void finish_writing() { delivery_.finish_writing(); }

    void copy_the_rest() { stream_.copy_the_rest(clock()); }

    /// The loss of each sequence that is held out: the same on every rank.
    std::vector<double> held_out_losses() { return pass_.losses(request_.held_out); }

    PrunedModel result() {
        PrunedModel pruned{stream_.results(), notes_.all(), fits_};
        pruned.matrix_zeros = stream_.matrix_zeros(pruned.tensors);
        return pruned;
    }

  private:
    /// What is being written lies in the memory of the block before.
    void before_load() {
        if (!pass_.runner().keeps_stored_rows()) {
            delivery_.finish_writing();
        }
    }

    bool is_finished(int tensor) const { return store_.finished(tensor).has_value(); }
    const model::MatrixInfo& matrix(int index) const {
        return catalogue_.matrices[static_cast<std::size_t>(index)];
    }

    /// Of the blocks from `begin` to `end`.
    bool all_done(int begin, int end) const {
        return std::ranges::all_of(catalogue_.matrices, [&](const model::MatrixInfo& one) {
            return one.block < begin || one.block >= end || is_finished(one.tensor);
        });
    }

    bool is_done(const transformer::InputSite& site) const {
        return std::ranges::all_of(site.matrices,
                                   [&](int index) { return is_finished(matrix(index).tensor); });
    }

    parallel::WorkClock& clock() const { return nodes_.clock(); }
    CalibrationPass* dense() { return dense_ ? &*dense_ : nullptr; }

    /// Tells the pruner about the sites from `begin` to `end` that are still to be done.
    /// @param counts  whether this is the first time: tokens and what routers divide are taken in
    SiteObserver observer(pruning::BlockPruner& pruner, std::size_t begin, std::size_t end,
                          bool counts) {
        return
            [this, &pruner, begin, end, counts](std::size_t site, const pruning::SiteInput& input,
                                                const pruning::RoutedInput& routed) {
                const pruning::SiteInput counted = as_statistics(request_, input);
                sites_.add_tokens(site, counts && pass_.teams().is_first() ? counted.tokens : 0);
                if (const auto mixture = sites_.opened_mixture(site); mixture && counts) {
                    pruner.observe_routed(*mixture, request_.gives_statistics(input.sequence)
                                                        ? routed
                                                        : pruning::RoutedInput{});
                }
                if (begin <= site && site < end && !is_done(sites_[site])) {
                    pruner.observe(site, counted);
                }
            };
    }

    /// What comes out of the last block is for the sequences that are scored.
    bool goes_on_after(int block) const {
        return block + 1 < catalogue_.blocks() || !request_.held_out.empty();
    }

    void prune_one_by_one(pruning::BlockPruner& pruner, int block) {
        for (std::size_t site = 0; site < sites_.count(); ++site) {
            pass_.step(site, observer(pruner, site, site + 1, true), dense());
            delivery_.finish_writing();
            sites_.sum_tokens(ranks_, site, site + 1);
            if (site + 1 == sites_.count()) {
                notes_.keep(block, sites_.notes(block, request_));
            }
            prune_site(pruner, block, site);
        }
        delivery_.begin_writing();
        goes_on_after(block) ? pass_.leave() : void();
    }

    /// In turns, the last sites first: what is pruned leaves the inputs of the sites before as they
    /// were.
    void prune_together(pruning::BlockPruner& pruner, int block) {
        const bool gathers = dense_ || !all_done(block, block + 1);  // dense states go on anyway
        const std::vector<std::size_t> turns = request_.turns_of(block);
        std::size_t end = sites_.count();
        for (auto begin = turns.rbegin(); begin != turns.rend(); end = *begin++) {
            if (gathers) {
                gather(pruner, block, *begin, end);
            }
            for (std::size_t site = *begin; site < end; ++site) {
                prune_site(pruner, block, site);
            }
        }
        delivery_.begin_writing();
        goes_on_after(block) ? pass_.advance() : void();
    }

    /// Statistics of the sites from `begin` to `end`; with those of the last ones, which come
    /// first, all tokens are counted.
    void gather(pruning::BlockPruner& pruner, int block, std::size_t begin, std::size_t end) {
        const bool is_first = end == sites_.count();
        pass_.observe(observer(pruner, begin, end, is_first), dense(), begin == 0);
        delivery_.finish_writing();
        if (is_first) {
            sites_.sum_tokens(ranks_, 0, sites_.count());
            notes_.keep(block, sites_.notes(block, request_));
        }
    }

    void prune_site(pruning::BlockPruner& pruner, int block, std::size_t site) {
        const transformer::InputSite& matrices = sites_[site];
        if (!is_done(matrices) && sites_.tokens(site) > 0) {
            const auto factoring = clock().during(Work::prune);
            pruner.finish_statistics(site, catalogue_.name_of(matrix(matrices.matrices.front())));
            notes_.keep(block, pruner.notes());
        }
        prune_unfinished(pruner, site, matrices.matrices);
        for (const int index : matrices.matrices) {
            const int tensor = matrix(index).tensor;
            const BlockSites::Turn turn = sites_.take_matrix_of(tensor);
            if (is_finished(tensor)) {
                // Not before the inputs of all its sites are known, or as soon as others see it.
                const bool now =
                    request_.site_order == SiteOrder::together ? turn.last : turn.first;
                now ? read_back(tensor) : void();
            } else if (turn.last) {
                delivery_.deliver(pass_.runner(), tensor);
            }
        }
        pruner.release(site);
        support::return_freed_memory();  // a larger site may come next
    }

    /// Those of a site's matrices that no earlier attempt has done, where they lie in memory: each
    /// rank some outputs of each, which then are on all nodes.
    void prune_unfinished(pruning::BlockPruner& pruner, std::size_t site,
                          std::span<const int> matrices) {
        std::vector<int> unfinished;
        std::ranges::copy_if(matrices, std::back_inserter(unfinished),
                             [&](int index) { return !is_finished(matrix(index).tensor); });
        if (unfinished.empty()) {
            return;
        }
        std::vector<std::vector<std::uint8_t>> gone;
        parallel::work_collectively(ranks_, clock(), Work::read,
                                    [&] { gone = kept_zeros_.of_shares(ranks_, unfinished); });
        const bool is_seen = sites_.tokens(site) > 0;
        const bool is_there = is_seen && prunes_where_rows_are(pass_.runner(), request_);
        std::vector<pruning::SiteMatrix> pruned;
        for (std::size_t i = 0; i < unfinished.size(); ++i) {
            const int index = unfinished[i];
            const parallel::RowRange outputs = own_outputs(index);
            const auto rows = is_there ? std::span<float>{} : own_rows(index);
            pruned.push_back({{rows, outputs.begin, gone[i]},
                              request_.targets[static_cast<std::size_t>(index)],
                              catalogue_.name_of(matrix(index))});
            is_there
                ? prune_there(pruned.back(), pass_.runner(), request_, catalogue_, index, outputs)
                : void();
        }
        const auto pruning = clock().during(Work::prune);
        std::vector<std::optional<pruning::Fit>> fits;
        if (is_seen) {
            fits = pruner.prune(site, pruned);
        } else {
            prune_unseen(ranks_, pruned, matrix(unfinished.front()).inputs(), request_.settings);
        }
        support::FirstError problem;
        problem.guard([&] {
            for (std::size_t i = 0; i < fits.size(); ++i) {
                keep_fit(unfinished[i], fits[i]);
            }
        });
        for (const int index : unfinished) {
            const auto rows = is_there ? std::span<float>{} : own_rows(index);
            problem.guard([&] {  // the next block sees what the checkpoint holds
                round_to_stored(nodes_.threads(), catalogue_, catalogue_.tensor_of(matrix(index)),
                                rows);
            });
            exchange_.share(pass_.runner(), index);
        }
        const auto waiting = clock().during(Work::wait);
        parallel::agree(ranks_, problem.get());
    }

    parallel::RowRange own_outputs(int index) const {
        return parallel::share_of(matrix(index).outputs(), ranks_.size(), ranks_.rank());
    }
    std::span<float> own_rows(int index) { return pass_.runner().rows(index, own_outputs(index)); }

    /// Before the rows: with them the matrix is done.
    void keep_fit(int index, const std::optional<pruning::Fit>& fit) {
        fits_[static_cast<std::size_t>(index)] = fit;
        if (fit && ranks_.is_root() && store_.journal() != nullptr) {
            store_.journal()->add_fit(index, *fit);
        }
    }

    /// Each node reads the whole tensor.
    void read_back(int index) {
        delivery_.finish_writing();
        parallel::work_collectively(ranks_, clock(), Work::read, [&] {
            pass_.runner().load_tensor(index, stream_.finished_rows(index));
        });
    }

    /// States are worth nothing without the rows that led to them.
    void keep_states(int block) {
        const auto writing = clock().during(Work::write);
        states_->at_entrance(block, [&] {
            delivery_.finish_writing();
            store_.make_durable();
        });
    }

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    const model::Catalogue& catalogue_;
    const PruneRequest& request_;
    TensorStore& store_;
    CalibrationPass pass_;
    std::optional<CalibrationPass> dense_;  ///< where outputs have targets
    KeptZeros kept_zeros_;
    OutputExchange exchange_;
    TensorStream stream_;
    BlockDelivery delivery_;
    BlockSites sites_;  ///< of the block that is pruned
    std::optional<StateKeeper> states_;
    BlockNotes notes_;
    std::vector<std::optional<pruning::Fit>> fits_ =
        std::vector<std::optional<pruning::Fit>>(catalogue_.matrices.size());
};

class NoStore : public TensorStore {
    void write_rows(const resume::WrittenRows&, std::span<const std::byte>) override {}
};

/// Prunes block after block. Returns after the last.
void run_blocks(const parallel::Communicator& ranks, parallel::WorkClock& clock,
                const model::Catalogue& catalogue, std::optional<int> most_blocks,
                CalibratedRun& run, const Progress& progress) {
    std::vector<int> prunable = catalogue.prunable_blocks();
    const bool partly = most_blocks && std::cmp_less(*most_blocks, prunable.size());
    if (partly) {
        prunable.resize(static_cast<std::size_t>(*most_blocks));
    }
    for (int block = run.take_over(); block < catalogue.blocks(); ++block) {
        parallel::check_stop_collectively(ranks);
        clock.begin_block(block);
        if (std::ranges::binary_search(prunable, block)) {
            run.prune_block(block);
        } else if (partly && block > prunable.back()) {
            run.pass_scored_through(block);
        } else {
            run.pass_through(block);
        }
        if (progress && ranks.is_root()) {
            progress(block + 1, catalogue.blocks());
        }
    }
    run.finish_writing();
    clock.end_blocks();
}

}  // namespace

std::vector<double> losses_after_pruning(const parallel::Communicator& ranks,
                                         const parallel::NodeMap& nodes,
                                         const model::Catalogue& catalogue,
                                         const PruneRequest& request) {
    assert(request.statistics() > 0 && request.statistics() < request.calibration.count());
    assert(request.gives_statistics(0) && request.most_blocks.value_or(1) > 0);
    NoStore nowhere;
    CalibratedRun run(ranks, nodes, catalogue, request, nowhere);
    run_blocks(ranks, nodes.clock(), catalogue, request.most_blocks, run, {});
    return run.held_out_losses();
}

PrunedModel prune_block_by_block(const parallel::Communicator& ranks,
                                 const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                 const PruneRequest& request, TensorStore& store,
                                 const Progress& progress) {
    CalibratedRun run(ranks, nodes, catalogue, request, store);
    run_blocks(ranks, nodes.clock(), catalogue, request.most_blocks, run, progress);
    run.copy_the_rest();
    return run.result();
}

}  // namespace alphaprune::phases
