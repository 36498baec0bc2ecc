// The metrics of the embedded model, from float64 spectra, against those that the published code
// gave (float32 on a GPU).
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/npy.hpp"
#include "alphaprune/spectrum/metrics.hpp"
#include "alphaprune/support/file.hpp"

namespace alphaprune::spectrum {
namespace {

const std::filesystem::path kFolder =
    std::filesystem::path(ALPHAPRUNE_SOURCE_DIR) / "tests/data/reference";

class Reference : public testing::Test {
  protected:
    void SetUp() override {
        const std::filesystem::path file = kFolder / "books-7m-reference.json";
        json_ = formats::Json::parse(support::read_text(file), file.string());
        const formats::NpyNumbers table =
            formats::read_npy_numbers(kFolder / "books-7m-eigenvalues-f64.npy");
        const auto columns = static_cast<std::size_t>(table.shape.at(1));
        for (std::size_t at = 0; at < table.values.size(); at += columns) {
            std::vector<double> spectrum;
            for (std::size_t i = at; i < at + columns && !std::isnan(table.values[i]); ++i) {
                spectrum.push_back(table.values[i]);
            }
            metrics_.push_back(shape_metrics(spectrum));
        }
        ASSERT_EQ(metrics_.size(), 56U);
    }

    void expect_metric(Metric metric, const std::string& reference, double tolerance) const {
        const formats::Json::Array& values = json_.find("metrics")->find(reference)->elements();
        ASSERT_EQ(values.size(), metrics_.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            const double expected = values[i].as_number().value();
            EXPECT_NEAR(metrics_[i][metric], expected, tolerance * expected)
                << json_.find("matrices")->elements()[i].as_string().value();
        }
    }

    formats::Json json_;
    std::vector<ShapeMetrics> metrics_;
};

TEST_F(Reference, AlphaMid) {
    expect_metric(Metric::alpha_mid, "alpha_mid_f64", 1e-12);
    expect_metric(Metric::alpha_mid, "alpha_mid", 1e-5);
}

TEST_F(Reference, AlphaPeak) {
    expect_metric(Metric::alpha_peak, "alpha_peak", 1e-5);
}

TEST_F(Reference, AlphaKsIsWhatThePublishedCodeCallsFree) {
    expect_metric(Metric::alpha_ks, "alpha_free", 1e-5);
}

TEST_F(Reference, Norms) {
    expect_metric(Metric::spectral_norm, "spectral_norm", 1e-5);
    expect_metric(Metric::frobenius_sq, "frobenius_sq", 1e-5);
}

}  // namespace
}  // namespace alphaprune::spectrum
