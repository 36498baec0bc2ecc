#include "alphaprune/parallel/native_mpi.hpp"

#include <gtest/gtest.h>

#include "support/world.hpp"

namespace alphaprune::parallel {
namespace {

using test::world;

template <class Call>
void expect_failure(Call&& call, const std::string& text) {
    try {
        call();
        FAIL() << "no error";
    } catch (const support::Error& error) {
        EXPECT_EQ(error.status(), support::ExitStatus::failed);
        EXPECT_FALSE(error.agreed());
        EXPECT_NE(std::string(error.what()).find(text), std::string::npos) << error.what();
    }
}

TEST(MpiCall, SaysWhichCallHasFailedAndWhatMpiSaysOfIt) {
    EXPECT_NO_THROW(check_mpi(MPI_SUCCESS, "MPI_Bcast"));
    expect_failure([] { check_mpi(MPI_ERR_ROOT, "MPI_Bcast"); }, "MPI_Bcast failed: MPI_ERR_ROOT");
    expect_failure([] { check_mpi(-12345, "MPI_Bcast"); }, "MPI_Bcast failed");
}

TEST(MpiCall, ErrorsComeBackOnEveryKindOfCommunicator) {
    if (world().size() == 1) {
        GTEST_SKIP() << "one rank alone does not enter MPI";
    }
    const Communicator made[] = {world().duplicate(), world().split(0, world().rank()),
                                 world().split_by_node(), view(native(world()))};
    for (const Communicator& ranks : made) {
        int value = 0;
        const int nobody = ranks.size();
        expect_failure([&] { ranks.broadcast(std::span(&value, 1), nobody); }, "MPI_Bcast failed");
    }
}

}  // namespace
}  // namespace alphaprune::parallel
