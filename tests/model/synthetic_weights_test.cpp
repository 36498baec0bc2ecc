#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "support/model_folder.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::model {
namespace {

/// A made-up model of that stored type, several pieces of the generator wide.
class Stand {
  public:
    explicit Stand(const std::string& type, int hidden = 96) {
        std::filesystem::create_directories(folder_ / "m");
        std::string config = test::llama_config(
            {.blocks = 6, .hidden = hidden, .intermediate = 4500, .vocabulary = 200});
        config.insert(config.find('{') + 1, "\"torch_dtype\": \"" + type + "\",");
        test::write_file(folder_ / "m/config.json", config);
        catalogue_ = synthetic_catalogue(folder_ / "m");
    }
    const Catalogue& catalogue() const { return catalogue_; }
    const TensorInfo& tensor(const std::string& name) const {
        return *catalogue_.find_tensor(name);
    }
    std::vector<std::byte> part(const TensorInfo& tensor, const linalg::Rectangle& part) const {
        std::vector<std::byte> bytes(static_cast<std::size_t>(part.size()) *
                                     support::size_of(tensor.scalar_type()));
        WeightReader(catalogue_).read_part(tensor, part, bytes);
        return bytes;
    }
    std::vector<std::byte> bytes(const TensorInfo& tensor) const {
        return part(tensor, {0, tensor.rows(), 0, tensor.row_length()});
    }
    std::vector<float> values(const std::string& name) const {
        const std::vector<std::byte> stored = bytes(tensor(name));
        std::vector<float> out(stored.size() / support::size_of(tensor(name).scalar_type()));
        support::widen(stored, tensor(name).scalar_type(), std::span(out));
        return out;
    }

  private:
    test::TemporaryFolder folder_;
    Catalogue catalogue_;
};

const std::string kUp = "model.layers.3.mlp.up_proj.weight";      // 4500 × 96
const std::string kDown = "model.layers.3.mlp.down_proj.weight";  // 96 × 4500

class SyntheticWeightsOfType : public testing::TestWithParam<const char*> {};

TEST_P(SyntheticWeightsOfType, AnyRectangleIsThatOfTheWholeMatrix) {
    const Stand model(GetParam());
    for (const std::string& name : {kUp, kDown}) {
        const TensorInfo& tensor = model.tensor(name);
        const std::vector<std::byte> whole = model.bytes(tensor);
        const std::size_t bytes = support::size_of(tensor.scalar_type());
        for (const linalg::Rectangle& part :
             {linalg::Rectangle{0, 1, 0, 1}, linalg::Rectangle{3, 90, 5, 93},
              linalg::Rectangle{95, 96, 0, 96},
              linalg::Rectangle{7, 11, tensor.row_length() - 3, tensor.row_length()},
              linalg::Rectangle{0, 96, 1, tensor.row_length() - 1},
              linalg::Rectangle{4, 4, 0, 9}}) {
            const std::vector<std::byte> made = model.part(tensor, part);
            std::vector<std::byte> expected;
            for (std::int64_t row = part.row_begin; row < part.row_end; ++row) {
                const auto first = whole.begin() + (row * tensor.row_length() + part.col_begin) *
                                                       static_cast<std::int64_t>(bytes);
                expected.insert(expected.end(), first,
                                first + part.cols() * static_cast<std::int64_t>(bytes));
            }
            EXPECT_EQ(made, expected) << name;
        }
    }
}

TEST_P(SyntheticWeightsOfType, AreTheFloat32OnesRounded) {
    const Stand model(GetParam());
    const Stand exact("float32");
    for (const TensorInfo& tensor : model.catalogue().tensors) {
        const std::vector<float> values = exact.values(tensor.name);
        std::vector<std::byte> rounded(values.size() * support::size_of(tensor.scalar_type()));
        support::narrow(values, tensor.scalar_type(), rounded);
        EXPECT_EQ(model.bytes(tensor), rounded) << tensor.name;
        EXPECT_EQ(support::count_non_finite(rounded, tensor.scalar_type()), 0U) << tensor.name;
    }
}

INSTANTIATE_TEST_SUITE_P(AllTypes, SyntheticWeightsOfType,
                         testing::Values("float32", "float16", "bfloat16"));

double mean(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values) {
        sum += value;
    }
    return sum / static_cast<double>(values.size());
}

double mean_square(const std::vector<float>& values) {
    double sum = 0;
    for (const float value : values) {
        sum += static_cast<double>(value) * value;
    }
    return sum / static_cast<double>(values.size());
}

TEST(SyntheticWeights, KeepSignalsAtTheirSize) {
    const Stand model("bfloat16");
    for (const MatrixInfo& matrix : model.catalogue().matrices) {
        const std::string& name = model.catalogue().name_of(matrix);
        const std::vector<float> values = model.values(name);
        const double deviation = std::sqrt(mean_square(values) * static_cast<double>(matrix.cols));
        EXPECT_GT(deviation, 0.6) << name;
        EXPECT_LT(deviation, 1.6) << name;
        EXPECT_LT(std::abs(mean(values)), 0.1 * std::sqrt(mean_square(values))) << name;
    }
    for (const float weight : model.values("model.norm.weight")) {
        EXPECT_NEAR(weight, 1, 0.5);
    }
}

/// Signs of the weights: free of the scales, so that only the generator is judged.
std::vector<int> signs(const std::vector<float>& values) {
    std::vector<int> all;
    for (const float value : values) {
        all.push_back(value > 0 ? 1 : -1);
    }
    return all;
}

double agreement(const std::vector<int>& a, const std::vector<int>& b, std::size_t shift) {
    double sum = 0;
    for (std::size_t i = 0; i + shift < a.size(); ++i) {
        sum += a[i] * b[i + shift];
    }
    const double count = static_cast<double>(a.size() - shift);
    return std::abs(sum) / std::sqrt(count);  // of the order of one when they are independent
}

TEST(SyntheticWeights, NeighboursAndTensorsAreIndependent) {
    const Stand model("float32");
    const std::vector<int> up = signs(model.values(kUp));
    for (const std::size_t shift : {1U, 2U, 4U, 16U, 95U, 96U, 97U, 192U}) {
        EXPECT_LT(agreement(up, up, shift), 4.5) << shift;
    }
    EXPECT_LT(agreement(up, signs(model.values("model.layers.2.mlp.up_proj.weight")), 0), 4.5);
    EXPECT_LT(agreement(up, signs(model.values("model.layers.3.mlp.gate_proj.weight")), 0), 4.5);
}

TEST(SyntheticWeights, TailsAreHeavyAndLightenWithDepth) {
    const Stand model("float32", 512);
    const auto kurtosis = [&](int block) {
        double fourth = 0;
        const std::vector<float> values =
            model.values("model.layers." + std::to_string(block) + ".mlp.up_proj.weight");
        for (const float value : values) {
            fourth += std::pow(static_cast<double>(value), 4) / static_cast<double>(values.size());
        }
        return fourth / std::pow(mean_square(values), 2);
    };
    std::set<double> all;
    for (int block = 0; block < 6; ++block) {
        EXPECT_GT(kurtosis(block), 2.75);  // the bell alone: 2.7
        all.insert(kurtosis(block));
    }
    EXPECT_EQ(all.size(), 6U);
    EXPECT_GT(kurtosis(0) + kurtosis(1), kurtosis(4) + kurtosis(5));
}

/// Calculated apart, in Python, from the formulas in docs/methods.md.
TEST(SyntheticWeights, StayWhatTheyAre) {
    const Catalogue catalogue = synthetic_catalogue(*shape_named("llama2-70b"));
    const TensorInfo& down = *catalogue.find_tensor("model.layers.79.mlp.down_proj.weight");
    std::vector<std::byte> bytes(8);
    WeightReader(catalogue).read_part(down, {8191, 8192, 28668, 28672}, bytes);
    std::vector<std::uint16_t> bits(4);
    std::memcpy(bits.data(), bytes.data(), 8);
    EXPECT_EQ(bits, (std::vector<std::uint16_t>{15287, 15300, 15233, 15166}));
}

TEST(SyntheticWeights, TravelWithTheCatalogue) {
    const Stand model("bfloat16");
    const Catalogue sent = deserialize_catalogue(serialize(model.catalogue()));
    const TensorInfo& tensor = *sent.find_tensor(kUp);
    std::vector<std::byte> bytes(tensor.bytes());
    WeightReader(sent).read_rows(tensor, {0, tensor.rows()}, bytes);
    EXPECT_EQ(bytes, model.bytes(model.tensor(kUp)));
}

}  // namespace
}  // namespace alphaprune::model
