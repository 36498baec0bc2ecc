#include "vocabulary_parts.hpp"

#include <algorithm>

#include "alphaprune/parallel/agreement.hpp"
#include "alphaprune/parallel/node.hpp"
#include "alphaprune/support/stop.hpp"
#include "shared_weights.hpp"

namespace alphaprune::transformer {

void for_each_vocabulary_rows(
    const parallel::Communicator& ranks, const parallel::Communicator& node,
    const ForwardPlan& plan, const model::RowSource& source, std::uint64_t bytes,
    const std::function<void(parallel::RowRange rows, linalg::ConstFloatView weights)>& use) {
    const model::TensorInfo& table = plan.tensor(plan.vocabulary);
    const std::int64_t length = table.row_length();
    const auto affordable = static_cast<std::int64_t>(bytes / sizeof(float)) / length;
    const std::int64_t high = std::clamp<std::int64_t>(affordable, 1, table.rows());
    parallel::NodeArray<float> part(node, high * length);
    for (std::int64_t begin = 0; begin < table.rows(); begin += high) {
        const parallel::RowRange rows{begin, std::min(begin + high, table.rows())};
        const parallel::RowRange mine = parallel::share_of(rows.size(), node.size(), node.rank());
        parallel::run_collectively(ranks, [&] {
            read_widened(source, table, {rows.begin + mine.begin, rows.begin + mine.end},
                         part.values().subspan(static_cast<std::size_t>(mine.begin * length),
                                               static_cast<std::size_t>(mine.size() * length)));
        });
        part.sync();
        parallel::run_collectively(ranks, [&] {
            support::check_stop();
            use(rows, {part.values().data(), rows.size(), length, length});
        });
        part.sync();  // before the next part takes its place
    }
}

}  // namespace alphaprune::transformer
