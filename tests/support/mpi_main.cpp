// Runs GoogleTest on every rank of MPI_COMM_WORLD; see rank_listener.hpp.
#include <gtest/gtest.h>

#include "alphaprune/parallel/runtime.hpp"
#include "support/rank_listener.hpp"
#include "support/world.hpp"

#ifndef __has_feature  // GCC
#define __has_feature(name) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
// Open MPI unloads its plugins at the end, after which the leak checker can no longer tell whose
// the memory was that they still hold: keep them loaded, so that lsan.supp finds their names.
extern "C" int dlclose(void*) {
    return 0;
}
#endif

int main(int argc, char** argv) {
    alphaprune::parallel::MpiRuntime runtime(argc, argv);
    testing::InitGoogleTest(&argc, argv);
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    delete listeners.Release(listeners.default_result_printer());
    listeners.Append(new alphaprune::test::RankListener(alphaprune::test::world()));
    const bool failed = RUN_ALL_TESTS() != 0;
    return alphaprune::test::world().any(failed) ? 1 : 0;
}
