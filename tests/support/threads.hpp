#pragma once

#include <memory>
#include <vector>

#include "alphaprune/parallel/thread_pool.hpp"

namespace alphaprune::test {

/// So many threads, 1 to 3, the same whenever they are asked for.
inline std::shared_ptr<const parallel::ThreadPool> threads_of(int count) {
    static const std::vector<std::shared_ptr<const parallel::ThreadPool>> kPools{
        std::make_shared<const parallel::ThreadPool>(1),
        std::make_shared<const parallel::ThreadPool>(2),
        std::make_shared<const parallel::ThreadPool>(3)};
    return kPools[static_cast<std::size_t>(count - 1)];
}

}  // namespace alphaprune::test
