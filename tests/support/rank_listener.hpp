#pragma once

#include <gtest/gtest.h>

#include <string>

#include "alphaprune/parallel/communicator.hpp"

namespace alphaprune::test {

/// Prints the course of the tests on rank 0, with the failures of every rank under the test they
/// belong to. A test counts as passed only when it passed on every rank.
class RankListener : public testing::EmptyTestEventListener {
  public:
    explicit RankListener(const parallel::Communicator& ranks) : ranks_(ranks) {}

    void OnTestStart(const testing::TestInfo& test) override;
    void OnTestPartResult(const testing::TestPartResult& part) override;
    void OnTestEnd(const testing::TestInfo& test) override;
    void OnTestProgramEnd(const testing::UnitTest& all) override;

  private:
    const parallel::Communicator& ranks_;
    std::string failures_;
    int passed_ = 0;
    int failed_ = 0;
    int skipped_ = 0;
};

}  // namespace alphaprune::test
