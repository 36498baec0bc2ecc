#include "alphaprune/phases/calibrated_phase.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/support/error.hpp"
#include "alphaprune/support/scalar.hpp"
#include "alphaprune/support/stop.hpp"
#include "block_pruner.hpp"
#include "calibration_pass.hpp"
#include "state_keeper.hpp"
#include "tensor_stream.hpp"

namespace alphaprune::phases {
namespace {

/// The pruned rows of one matrix on every node: each node has those of its own ranks.
void exchange_between_nodes(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                            transformer::BlockRunner& runner, int matrix, std::int64_t rows) {
    runner.sync();
    if (nodes.nodes() == 1) {
        return;
    }
    for (int rank = 0; rank < ranks.size(); ++rank) {
        const parallel::RowRange theirs = parallel::share_of(rows, ranks.size(), rank);
        if (!theirs.empty()) {
            nodes.broadcast_from_node_of(rank, runner.rows(matrix, theirs));
        }
    }
    runner.sync();
}

/// Prunes a model whose blocks come by one after another.
class CalibratedRun {
  public:
    CalibratedRun(const parallel::Communicator& ranks, const parallel::NodeMap& nodes,
                  const model::Catalogue& catalogue, pruning::CalibratedMethod method,
                  const model::TokenSequences& sequences, std::span<const PruneTarget> targets,
                  const RowSink& sink, const EarlierTensors& earlier)
        : ranks_(ranks),
          nodes_(nodes),
          catalogue_(catalogue),
          method_(method),
          sequences_(sequences),
          targets_(targets),
          earlier_(earlier),
          pass_(ranks, nodes, catalogue, sequences),
          stream_(ranks, catalogue, sink),
          states_(ranks, earlier.journal, resume::StatePass::prune) {}

    /// Takes over what an earlier attempt has done. Returns the block to begin with.
    int take_over() {
        for (int t = 0; t < tensors() && ranks_.is_root(); ++t) {
            if (earlier_.has(t)) {
                stream_.take_over(t, earlier_);
            }
        }
        const int saved = states_.saved_block();
        const int first = saved > 0 && all_done_before(saved) ? saved : 0;
        if (first > 0) {
            states_.restore(pass_);
        }
        for (int block = 0; block < first; ++block) {
            add_earlier_notes(block);
        }
        return first;
    }

    void pass_through(int block) {
        pass_.pass_through(block);
        states_.at_entrance(block + 1, pass_, earlier_.make_durable);
    }

    /// Matrices that an earlier attempt has done are read back.
    void prune_block(int block) {
        pass_.load(block);
        const std::vector<transformer::InputSite> sites =
            transformer::input_sites(pass_.plan(), block);
        const auto pruner = make_block_pruner(method_, ranks_, sites, sequences_.count());
        gather_statistics(*pruner, sites);
        add_earlier_notes(block);
        FirstError problem;
        for (std::size_t site = 0; site < sites.size(); ++site) {
            if (!is_done(sites[site])) {
                const int first = sites[site].matrices.front();
                pruner->finish_statistics(site, catalogue_.name_of(matrix(first)));
                keep_notes(block, pruner->notes());
            }
            for (const int index : sites[site].matrices) {
                earlier_.has(matrix(index).tensor) ? read_back_matrix(index, problem)
                                                   : prune_matrix(*pruner, site, index, problem);
            }
        }
        parallel::agree(ranks_, problem.get());
        if (block + 1 < catalogue_.blocks()) {
            pass_.advance();
            states_.at_entrance(block + 1, pass_, earlier_.make_durable);
        }
    }

    void copy_the_rest() {
        FirstError problem;
        for (int t = 0; t < tensors(); ++t) {
            if (catalogue_.tensors[static_cast<std::size_t>(t)].matrix < 0 && !earlier_.has(t)) {
                problem.guard([&] {
                    support::check_stop();
                    stream_.copy(t);
                });
            }
        }
        parallel::agree(ranks_, problem.get());
    }

    CalibratedResult result() const { return {stream_.results(), notes_}; }

  private:
    int tensors() const { return static_cast<int>(catalogue_.tensors.size()); }
    const model::MatrixInfo& matrix(int index) const {
        return catalogue_.matrices[static_cast<std::size_t>(index)];
    }

    bool all_done_before(int block) const {
        return std::ranges::all_of(catalogue_.matrices, [&](const model::MatrixInfo& one) {
            return one.block >= block || earlier_.has(one.tensor);
        });
    }

    bool is_done(const transformer::InputSite& site) const {
        return std::ranges::all_of(site.matrices,
                                   [&](int index) { return earlier_.has(matrix(index).tensor); });
    }

    void gather_statistics(BlockPruner& pruner, std::span<const transformer::InputSite> sites) {
        if (std::ranges::all_of(
                sites, [&](const transformer::InputSite& site) { return is_done(site); })) {
            return;
        }
        pass_.observe([&](std::size_t site, std::int64_t sequence, std::span<const float> input,
                          std::int64_t tokens) {
            if (!is_done(sites[site])) {
                pruner.observe(site, sequence, input, tokens);
            }
        });
    }

    void add_earlier_notes(int block) {
        if (earlier_.journal == nullptr) {
            return;
        }
        const auto& notes = earlier_.journal->earlier().notes;
        if (const auto found = notes.find(block); found != notes.end()) {
            notes_.insert(notes_.end(), found->second.begin(), found->second.end());
        }
    }

    /// Before the matrices they are about: those may be the last of their block to be done again.
    void keep_notes(int block, const std::vector<std::string>& notes) {
        parallel::together(ranks_, [&] {
            for (const std::string& note : notes) {
                if (std::ranges::find(notes_, note) != notes_.end()) {
                    continue;
                }
                notes_.insert(notes_.end(), note);
                if (ranks_.is_root() && earlier_.journal != nullptr) {
                    earlier_.journal->add_note(block, note);
                }
            }
        });
    }

    void prune_matrix(BlockPruner& pruner, std::size_t site, int index, FirstError& problem) {
        const int number = matrix(index).tensor;
        const model::TensorInfo& tensor = catalogue_.tensor_of(matrix(index));
        const parallel::RowRange mine = stream_.share(tensor);
        const std::span<float> rows = pass_.runner().rows(index, mine);
        pruner.prune(site, rows, targets_[static_cast<std::size_t>(index)], tensor.name);
        std::vector<std::byte>& stored = stream_.room_for(tensor, mine);
        support::narrow(rows, tensor.scalar_type(), stored);
        problem.guard([&] {
            require_in_range(tensor, stored);
            stream_.deliver(number, mine, stored);
        });
        put_back(index, stored);
    }

    void read_back_matrix(int index, FirstError& problem) {
        const int number = matrix(index).tensor;
        const model::TensorInfo& tensor = catalogue_.tensor_of(matrix(index));
        const parallel::RowRange mine = stream_.share(tensor);
        std::vector<std::byte>& stored = stream_.room_for(tensor, mine);
        problem.guard([&] {
            support::check_stop();
            earlier_.read(number, mine, stored);
        });
        put_back(index, stored);
    }

    /// The next block sees what the checkpoint holds.
    void put_back(int index, std::span<const std::byte> stored) {
        const model::TensorInfo& tensor = catalogue_.tensor_of(matrix(index));
        support::widen(stored, tensor.scalar_type(),
                       pass_.runner().rows(index, stream_.share(tensor)));
        exchange_between_nodes(ranks_, nodes_, pass_.runner(), index, tensor.rows());
    }

    /// What SparseGPT makes of the weights that stay may be too large for float16.
    void require_in_range(const model::TensorInfo& tensor,
                          std::span<const std::byte> stored) const {
        if (const std::size_t bad = support::count_non_finite(stored, tensor.scalar_type());
            bad > 0) {
            throw support::failure(
                fmt::format("{} pruned weights are beyond the range of {}", bad,
                            tensor.type.name()),
                model::place_of(catalogue_, tensor),
                "ask for a lower sparsity ratio, or prune with a method that changes no "
                "other weights (--prune-method wanda or magnitude)");
        }
    }

    const parallel::Communicator& ranks_;
    const parallel::NodeMap& nodes_;
    const model::Catalogue& catalogue_;
    pruning::CalibratedMethod method_;
    const model::TokenSequences& sequences_;
    std::span<const PruneTarget> targets_;
    const EarlierTensors& earlier_;
    CalibrationPass pass_;
    TensorStream stream_;
    StateKeeper states_;
    std::vector<std::string> notes_;
};

}  // namespace

CalibratedResult prune_calibrated(const parallel::Communicator& ranks,
                                  const parallel::NodeMap& nodes, const model::Catalogue& catalogue,
                                  pruning::CalibratedMethod method,
                                  const model::TokenSequences& sequences,
                                  std::span<const PruneTarget> targets, const RowSink& sink,
                                  const Progress& progress, const EarlierTensors& earlier) {
    assert(targets.size() == catalogue.matrices.size());
    CalibratedRun run(ranks, nodes, catalogue, method, sequences, targets, sink, earlier);
    const std::vector<int> prunable = catalogue.prunable_blocks();
    for (int block = run.take_over(); block < catalogue.blocks(); ++block) {
        parallel::check_stop_together(ranks);
        std::ranges::binary_search(prunable, block) ? run.prune_block(block)
                                                    : run.pass_through(block);
        if (progress && ranks.is_root()) {
            progress(block + 1, catalogue.blocks());
        }
    }
    run.copy_the_rest();
    return run.result();
}

}  // namespace alphaprune::phases
