// Runs with the module that is made up for tests and, where there is a card, with the true one.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <map>
#include <numeric>

#include "alphaprune/device/card_module.hpp"
#include "alphaprune/linalg/spectral_pipeline.hpp"
#include "linalg/test_matrices.hpp"

namespace alphaprune::linalg {
namespace {

using namespace test;

/// A setting of the made-up module, for as long as it lives.
class Told {
  public:
    Told(const char* name, const char* value) : name_(name) { ::setenv(name, value, 1); }
    ~Told() { ::unsetenv(name_); }
    Told(const Told&) = delete;
    Told& operator=(const Told&) = delete;

  private:
    const char* name_;
};

class CudaPipeline : public testing::Test {
  protected:
    void SetUp() override {
        const device::CardModule& module = device::CardModule::get();
        if (module.cards().empty()) {
            GTEST_SKIP() << "no card: " << module.reason();
        }
        is_made_up_ = module.cards().front().name == "made-up card";
    }

    /// All of these at once; results by number.
    std::map<std::int64_t, PipelineResult> results_of(const std::vector<MemorySource>& matrices) {
        const auto pipeline = make_cuda_pipeline(0, lanes_, matrices.front());
        for (std::size_t m = 0; m < matrices.size(); ++m) {
            pipeline->submit(static_cast<std::int64_t>(m),
                             std::make_unique<MemorySource>(matrices[m]));
        }
        std::map<std::int64_t, PipelineResult> results;
        for (std::size_t m = 0; m < matrices.size(); ++m) {
            PipelineResult result = pipeline->next();
            const std::int64_t id = result.id;
            EXPECT_TRUE(results.emplace(id, std::move(result)).second) << "twice " << id;
        }
        capacity_ = pipeline->capacity();
        return results;
    }

    bool is_made_up_ = false;
    int lanes_ = 4;
    int capacity_ = 0;  ///< at the end
};

void expect_spectrum(const PipelineResult& result, MemorySource matrix, int exponent = 0) {
    ASSERT_FALSE(result.error) << result.error->what();
    std::vector<double> expected = reference_spectrum(matrix);
    for (double& value : expected) {
        value = std::ldexp(value, exponent);
    }
    EXPECT_LE(largest_difference(result.spectrum.eigenvalues, expected), tolerance_for(expected))
        << matrix.rows() << 'x' << matrix.cols();
    EXPECT_FALSE(result.spectrum.in_single);
}

TEST_F(CudaPipeline, AgreesWithJacobiOnAllKindsOfShapes) {
    const Told shuffles("FAKE_CARD_SHUFFLES", "1");
    std::vector<MemorySource> matrices;
    for (std::int64_t n = 1; n <= 100; n += n < 6 ? 1 : 17) {
        for (const Shape shape : {Shape{n, n}, Shape{n, 2 * n + 3}, Shape{2 * n + 3, n}}) {
            matrices.push_back(spiked_matrix(shape, static_cast<std::uint64_t>(n)));
        }
    }
    const auto results = results_of(matrices);
    ASSERT_EQ(results.size(), matrices.size());
    for (std::size_t m = 0; m < matrices.size(); ++m) {
        expect_spectrum(results.at(static_cast<std::int64_t>(m)), matrices[m]);
    }
    EXPECT_GE(capacity_, 1);
}

/// A matrix whose singular values grow by the same factor from one to the next, and its spectrum.
std::pair<MemorySource, std::vector<double>> known_matrix(Shape shape) {
    const auto order = std::min(shape.rows, shape.cols);
    std::vector<double> singular;
    std::vector<double> expected;
    for (std::int64_t i = 0; i < order; ++i) {
        singular.push_back(std::pow(1e4, static_cast<double>(i) / static_cast<double>(order)));
        expected.push_back(singular.back() * singular.back());
    }
    return {matrix_with_singular_values(shape, singular), expected};
}

/// Orders about the least for which a band is made, about multiples of its width and of the panels
/// that are put off, and of several groups of rows.
TEST_F(CudaPipeline, FindsKnownSingularValuesByWayOfABandAndWithout) {
    std::vector<MemorySource> matrices;
    std::vector<std::vector<double>> expected;
    for (const Shape shape : {Shape{1100, 1301}, Shape{255, 400}, Shape{256, 256}, Shape{300, 257},
                              Shape{319, 333}, Shape{320, 321}, Shape{577, 544}, Shape{600, 545}}) {
        auto [matrix, spectrum] = known_matrix(shape);
        matrices.push_back(std::move(matrix));
        expected.push_back(std::move(spectrum));
    }
    for (const int lanes : {1, 3}) {
        lanes_ = lanes;
        const auto results = results_of(matrices);
        for (std::size_t m = 0; m < matrices.size(); ++m) {
            const PipelineResult& result = results.at(static_cast<std::int64_t>(m));
            ASSERT_FALSE(result.error) << result.error->what();
            EXPECT_LE(largest_difference(result.spectrum.eigenvalues, expected[m]),
                      1e-12 * expected[m].back())
                << matrices[m].rows() << 'x' << matrices[m].cols() << ", lanes " << lanes;
        }
    }
}

TEST_F(CudaPipeline, GivesTheSameBitsEachTime) {
    const std::vector<MemorySource> matrices(5, spiked_matrix({301, 400}, 1));
    const auto first = results_of(matrices);
    const auto second = results_of(matrices);
    for (const auto& [id, result] : first) {
        ASSERT_FALSE(result.error);
        EXPECT_EQ(result.spectrum.eigenvalues, first.at(0).spectrum.eigenvalues);
        EXPECT_EQ(result.spectrum.eigenvalues, second.at(id).spectrum.eigenvalues);
    }
}

TEST_F(CudaPipeline, TakesMatricesOfLowRankAndAnySize) {
    MemorySource one({300, 300}, std::vector<double>(90000));
    for (std::int64_t i = 0; i < 300; ++i) {
        one.at(i, i % 7) = 1e-130 * static_cast<double>(i + 1);
    }
    const MemorySource zeros({300, 400}, std::vector<double>(120000));
    const auto results = results_of({one, zeros});
    ASSERT_FALSE(results.at(0).error) << results.at(0).error->what();
    const std::vector<double> found = results.at(0).spectrum.eigenvalues;
    double largest = 0;  // the columns are orthogonal
    for (int i = 5; i < 300; i += 7) {
        largest += std::pow(1e-130 * (i + 1), 2);
    }
    EXPECT_LT(found[292], 1e-12 * found[299]);
    EXPECT_GT(found[293], 0.5 * found[299]);
    EXPECT_NEAR(found[299] / largest, 1, 1e-12);
    ASSERT_FALSE(results.at(1).error) << results.at(1).error->what();
    EXPECT_EQ(results.at(1).spectrum.eigenvalues, std::vector<double>(300));
}

TEST_F(CudaPipeline, TakesAMatrixOfZeros) {
    const auto results = results_of({MemorySource({4, 9}, std::vector<double>(36))});
    ASSERT_FALSE(results.at(0).error);
    EXPECT_EQ(results.at(0).spectrum.eigenvalues, std::vector<double>(4));
}

TEST_F(CudaPipeline, RefusesValuesThatAreNoNumbersAndGoesOnWithTheOthers) {
    std::vector<MemorySource> matrices(3, spiked_matrix({20, 33}, 1));
    matrices[1].at(19, 32) = std::numeric_limits<double>::infinity();
    matrices[1].at(0, 0) = std::numeric_limits<double>::quiet_NaN();
    const auto results = results_of(matrices);
    expect_spectrum(results.at(0), matrices[0]);
    expect_spectrum(results.at(2), matrices[2]);
    ASSERT_TRUE(results.at(1).error);
    EXPECT_EQ(results.at(1).error->status(), support::ExitStatus::bad_request);
    EXPECT_NE(std::string(results.at(1).error->what()).find("2 of 660 values"), std::string::npos);
}

TEST_F(CudaPipeline, RefusesSquaresThatOverflow) {
    const auto results = results_of({MemorySource({2, 2}, {1e200, 0, 0, 1})});
    ASSERT_TRUE(results.at(0).error);
    EXPECT_EQ(results.at(0).error->status(), support::ExitStatus::bad_request);
}

TEST_F(CudaPipeline, AMatrixThatCannotBeReadIsAnErrorOfThatMatrix) {
    std::vector<MemorySource> matrices(2, spiked_matrix({20, 33}, 1));
    matrices[0].on_read = [](const Rectangle&) {
        throw support::Error(support::ExitStatus::failed, {{"made up", "file", ""}});
    };
    const auto results = results_of(matrices);
    ASSERT_TRUE(results.at(0).error);
    EXPECT_EQ(results.at(0).error->faults().front().what, "made up");
    expect_spectrum(results.at(1), matrices[1]);
}

class FailingCard : public CudaPipeline {
  protected:
    void SetUp() override {
        CudaPipeline::SetUp();
        if (!IsSkipped() && !is_made_up_) {
            GTEST_SKIP() << "a true card does not fail on demand";
        }
    }

    /// The errors of six matrices where the card does this wrong with the second that it takes up;
    /// the other results are right.
    std::vector<std::string> errors_when(const char* fault) {
        const Told told(fault, "2");
        const MemorySource matrix = spiked_matrix({20, 33}, 1);
        std::vector<std::string> errors;
        for (const auto& [id, result] : results_of(std::vector<MemorySource>(6, matrix))) {
            if (result.error) {
                EXPECT_EQ(result.error->status(), support::ExitStatus::failed);
                EXPECT_EQ(result.error->faults().front().where, "test.weight in memory");
                errors.push_back(result.error->faults().front().what);
            } else {
                expect_spectrum(result, matrix);
            }
        }
        return errors;
    }
};

TEST_F(FailingCard, OneMatrixThatDoesNotFitIsLeftToOthers) {
    const auto errors = errors_when("FAKE_CARD_FULL");
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_EQ(errors.front(), "the graphics card: made up: out of memory");
    EXPECT_GE(capacity_, 1);
}

TEST_F(FailingCard, AWrongSpectrumIsFound) {
    const auto errors = errors_when("FAKE_CARD_WRONG");
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_NE(errors.front().find("do not belong to the matrix"), std::string::npos);
}

TEST_F(FailingCard, ASolverThatFailsIsNamed) {
    const auto errors = errors_when("FAKE_CARD_INFO");
    ASSERT_EQ(errors.size(), 1U);
    EXPECT_NE(errors.front().find("cuda"), std::string::npos);
    EXPECT_NE(errors.front().find("info = 7"), std::string::npos);
}

TEST_F(FailingCard, ALostCardFailsAllThatComesAfter) {
    lanes_ = 1;  // else others may be at work, and end well, while it is lost
    const auto errors = errors_when("FAKE_CARD_LOST");
    EXPECT_EQ(errors.size(), 5U);
    EXPECT_EQ(capacity_, 0);
}

}  // namespace
}  // namespace alphaprune::linalg
