#include "model_pass.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/support/stop.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

ModelPass::ModelPass(const parallel::Communicator& ranks, const model::Catalogue& catalogue,
                     const model::RowSource& source)
    : ranks_(ranks),
      source_(source),
      node_(ranks.split_by_node()),
      plan_(parallel::run_collectively(ranks,
                                       [&] {
                                           ForwardPlan plan = make_forward_plan(catalogue);
                                           require_head(plan);
                                           return plan;
                                       })),
      runner_(make_cpu_block_runner(node_, plan_)) {}

void ModelPass::run(std::span<const std::span<const std::int32_t>> sequences,
                    const std::function<void()>& block_done) {
    parallel::run_collectively(ranks_, [&] { runner_->embed(sequences, source_); });
    for (int block = 0; block < static_cast<int>(plan_.blocks.size()); ++block) {
        parallel::run_collectively(ranks_, [&] {
            runner_->load(block, source_);
            for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                runner_->advance(s);
            }
        });
        block_done();
    }
    parallel::run_collectively(ranks_, [&] { runner_->load_head(source_); });
}

void ModelPass::for_each_vocabulary_part(std::uint64_t bytes, const UseVocabulary& use) {
    const model::TensorInfo& table = plan_.tensor(plan_.vocabulary);
    const std::int64_t length = table.row_length();
    const auto affordable = static_cast<std::int64_t>(bytes / sizeof(float)) / length;
    const std::int64_t high = std::clamp<std::int64_t>(affordable, 1, table.rows());
    const auto tokens = static_cast<std::int64_t>(runner_->state_size()) /
                        std::max<std::int64_t>(plan_.hidden_size(), 1);
    std::vector<float> features(static_cast<std::size_t>(tokens * length));
    parallel::NodeArray<float> part(node_, high * length);
    for (std::int64_t begin = 0; begin < table.rows(); begin += high) {
        const parallel::RowRange rows{begin, std::min(begin + high, table.rows())};
        const parallel::RowRange mine = parallel::share_of(rows.size(), node_.size(), node_.rank());
        parallel::run_collectively(ranks_, [&] {
            read_widened(source_, table, {rows.begin + mine.begin, rows.begin + mine.end},
                         part.values().subspan(static_cast<std::size_t>(mine.begin * length),
                                               static_cast<std::size_t>(mine.size() * length)));
        });
        part.sync();
        parallel::run_collectively(ranks_, [&] {
            support::check_stop();
            for (std::int64_t s = 0; s < runner_->sequences(); ++s) {
                runner_->features(s, features);
                use(static_cast<std::size_t>(s), {features.data(), tokens, length, length}, rows,
                    {part.values().data(), rows.size(), length, length});
            }
        });
        part.sync();  // before the next part takes its place
    }
}

}  // namespace alphaprune::transformer
