#include <gtest/gtest.h>

#include <chrono>

#include "alphaprune/phases/spectrum_phase.hpp"
#include "alphaprune/support/stop.hpp"
#include "phases/shared_model.hpp"

namespace alphaprune::phases {
namespace {

using test::SharedModel;
using test::world;

/// All matrices of a model, a minute before the end.
class SpectrumDeadline : public testing::Test {
  protected:
    SpectrumDeadline() {
        support::set_deadline(std::chrono::steady_clock::now() + std::chrono::minutes(1),
                              "the end");
        for (planning::ShardStage& stage : plan_.stages) {
            for (planning::PlannedMatrix& matrix : stage.matrices) {
                matrix.seconds = 3600;
            }
        }
    }
    ~SpectrumDeadline() override { support::reset_stop(); }

    planning::PlannedMatrix& shortest() { return plan_.stages.back().matrices.back(); }

    /// What ends the phase; the matrices that were done before, on rank 0.
    support::Error end_of_phase() {
        try {
            compute_spectra(world(), model_.catalogue(), {}, plan_,
                            [this](std::int64_t done, std::int64_t) { done_ = done; });
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            return error;
        }
        ADD_FAILURE() << "no error";
        return support::stop_error();
    }

    SharedModel model_{support::ScalarType::bfloat16};
    planning::ShardPlan plan_ = plan_spectra(world(), model_.catalogue(), {});
    std::int64_t done_ = 0;
};

TEST_F(SpectrumDeadline, WhatCannotEndInTimeIsNotBegun) {
    shortest().seconds = 0.001;
    EXPECT_EQ(end_of_phase().status(), support::ExitStatus::stopped);
    EXPECT_EQ(done_, world().is_root() ? 1 : 0);
    EXPECT_EQ(support::stop_reason(), "the time left is too short for the matrices that remain");
}

TEST_F(SpectrumDeadline, WhereNothingCanEndInTimeAnotherAttemptIsOfNoUse) {
    const support::Error error = end_of_phase();
    EXPECT_EQ(error.status(), support::ExitStatus::failed);
    EXPECT_NE(error.faults()[0].what.find("the quickest one left takes about 1 h"),
              std::string::npos)
        << error.what();
    EXPECT_FALSE(support::stop_requested());
}

TEST_F(SpectrumDeadline, AStopIsNoLackOfTime) {
    if (world().is_root()) {
        support::request_stop("the user wants it");
    }
    EXPECT_EQ(end_of_phase().status(), support::ExitStatus::stopped);
}

}  // namespace
}  // namespace alphaprune::phases
