#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "alphaprune/model/weight_reader.hpp"
#include "phases/planned_spectra.hpp"
#include "phases/shared_model.hpp"

namespace alphaprune::phases {
namespace {

using test::SharedModel;
using test::world;

/// A matrix that lies in memory.
class Copied : public linalg::MatrixSource {
  public:
    Copied(std::int64_t rows, std::int64_t cols, std::vector<double> values)
        : rows_(rows), cols_(cols), values_(std::move(values)) {}

    std::int64_t rows() const override { return rows_; }
    std::int64_t cols() const override { return cols_; }
    std::string name() const override { return "copy"; }
    void read(const linalg::Rectangle& part, std::span<double> out) override {
        auto next = out.begin();
        for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
            const auto* const from = &values_[static_cast<std::size_t>(row * cols_)];
            next = std::copy(from + part.col_begin, from + part.col_end, next);
        }
    }

  private:
    std::int64_t rows_;
    std::int64_t cols_;
    std::vector<double> values_;
};

/// FARMS as one would write it down: the whole matrix in memory, window after window cut out of it.
double plain_alpha(const model::Catalogue& catalogue, const model::MatrixInfo& matrix,
                   const spectrum::FarmsOptions& options) {
    model::WeightReader reader(catalogue);
    std::vector<double> all(static_cast<std::size_t>(matrix.size()));
    model::make_matrix_source(reader, matrix, true)->read({0, matrix.rows, 0, matrix.cols}, all);
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const auto height = std::min({options.largest_side, matrix.rows, matrix.cols});
    const auto width = static_cast<std::int64_t>(static_cast<double>(height) * options.aspect);
    const auto row_step = std::max<std::int64_t>(1, (matrix.rows - height) / (options.offsets - 1));
    const auto col_step = std::max<std::int64_t>(1, (matrix.cols - width) / (options.offsets - 1));
    std::vector<double> pool;
    for (int i = 0; i < options.offsets && i * row_step + height <= matrix.rows; ++i) {
        for (int j = 0; j < options.offsets && j * col_step + width <= matrix.cols; ++j) {
            std::vector<double> window;
            for (std::int64_t row = 0; row < height; ++row) {
                for (std::int64_t col = 0; col < width; ++col) {
                    window.push_back(all[static_cast<std::size_t>(
                        (i * row_step + row) * matrix.cols + j * col_step + col)]);
                }
            }
            Copied source(height, width, std::move(window));
            const auto spectrum =
                linalg::make_backend(linalg::best_serial_solver(std::min(height, width)), alone)
                    ->spectrum_of(source);
            pool.insert(pool.end(), spectrum.eigenvalues.begin(), spectrum.eigenvalues.end());
        }
    }
    std::ranges::sort(pool);
    return spectrum::rounded(spectrum::shape_metrics(pool)[spectrum::Metric::alpha_peak]);
}

void expect_same_bits(const std::vector<double>& a, const std::vector<double>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (std::size_t m = 0; m < a.size(); ++m) {
        EXPECT_EQ(std::bit_cast<std::uint64_t>(a[m]), std::bit_cast<std::uint64_t>(b[m])) << m;
    }
}

TEST(FarmsPhase, AgreesWithThePlainLoopForEveryAspectAndSide) {
    const SharedModel model(support::ScalarType::bfloat16);  // 32×32, 16×32, 56×32 and 32×56
    for (const spectrum::FarmsOptions& options :
         {spectrum::FarmsOptions{}, spectrum::FarmsOptions{1, 12, 4},
          spectrum::FarmsOptions{0.5, 20, 10}, spectrum::FarmsOptions{1.5, 10, 3},
          spectrum::FarmsOptions{2, 16, 10}}) {
        const FarmsResults found = compute_farms(world(), model.catalogue(), options, {}, {});
        std::vector<double> plain;
        std::int64_t windows = 0;
        for (const model::MatrixInfo& matrix : model.catalogue().matrices) {
            plain.push_back(plain_alpha(model.catalogue(), matrix, options));
            windows += std::ssize(spectrum::farms_windows(matrix.rows, matrix.cols, options));
        }
        expect_same_bits(found.alphas, plain);
        EXPECT_EQ(found.windows, windows);
        EXPECT_TRUE(std::ranges::any_of(plain, [](double alpha) { return alpha > 1; }));
    }
}

TEST(FarmsPhase, AnyNumberOfRanksFindsTheSameBits) {
    const SharedModel model(support::ScalarType::float32);
    const spectrum::FarmsOptions options{1, 8, 7};
    const parallel::Communicator alone = world().split(world().rank(), 0);
    const auto serial = compute_farms(alone, model.catalogue(), options, {}, {});
    expect_same_bits(compute_farms(world(), model.catalogue(), options, {}, {}).alphas,
                     serial.alphas);
    // A solver for groups has no say over windows.
    expect_same_bits(
        compute_farms(world(), model.catalogue(), options, linalg::Solver::scalapack, {}).alphas,
        serial.alphas);
}

TEST(FarmsPhase, AMatrixThatIsOneWindowHasItsOwnAlphaPeak) {
    const SharedModel model(support::ScalarType::float32);
    const auto spectra = compute_spectra(world(), model.catalogue(), {}, {});
    const auto farms = compute_farms(world(), model.catalogue(), {}, {}, {});
    int square = 0;
    for (std::size_t m = 0; m < spectra.matrices.size(); ++m) {
        EXPECT_TRUE(std::isnan(spectra.matrices[m].metrics[spectrum::Metric::alpha_peak_farms]));
        const model::MatrixInfo& matrix = model.catalogue().matrices[m];
        if (matrix.rows == matrix.cols) {
            EXPECT_EQ(farms.alphas[m], spectra.matrices[m].metrics[spectrum::Metric::alpha_peak]);
            ++square;
        }
    }
    EXPECT_EQ(square, 6);
}

TEST(FarmsPhase, ProgressEndsAtTheWhole) {
    const SharedModel model(support::ScalarType::float16);
    std::int64_t last = -1;
    const auto results = compute_farms(world(), model.catalogue(), {1, 10, 3}, {},
                                       [&](std::int64_t done, std::int64_t total) {
                                           EXPECT_GE(done, last);
                                           EXPECT_EQ(total, 21 * 9);
                                           last = done;
                                       });
    EXPECT_EQ(results.windows, 21 * 9);
    EXPECT_EQ(last, world().is_root() ? 21 * 9 : -1);
}

/// A model with a damaged tensor.
SharedModel damaged_model(const std::string& name) {
    return SharedModel([&](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes{3, 32, 56, 4, 2, 32};
        auto tensors = test::llama_tensors(sizes, 1, support::ScalarType::bfloat16);
        for (auto& tensor : tensors) {
            if (tensor.name == name) {
                tensor.bytes[0] = std::byte{0x80};  // the first value becomes an infinity
                tensor.bytes[1] = std::byte{0x7F};
            }
        }
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
}

TEST(FarmsPhase, AnErrorOnOneRankReachesAll) {
    const std::string name = "model.layers.1.mlp.up_proj.weight";
    const SharedModel model = damaged_model(name);
    for (int again = 0; again < 3; ++again) {
        try {
            compute_farms(world(), model.catalogue(), {1, 10, 3}, {},
                          [](std::int64_t, std::int64_t) {});
            ADD_FAILURE() << "no error";
        } catch (const support::Error& error) {
            EXPECT_TRUE(error.agreed());
            EXPECT_EQ(error.status(), support::ExitStatus::bad_request);
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find("rows 0 to 9"), std::string::npos);
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
