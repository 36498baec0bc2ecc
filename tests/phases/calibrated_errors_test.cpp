#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "alphaprune/phases/outlier_phase.hpp"
#include "phases/calibrated_runs.hpp"
#include "support/plain_errors.hpp"

namespace alphaprune::phases {
namespace {

using test::prune_calibrated;
using test::random_sequences;
using test::SharedModel;
using test::spread_over;
using test::world;

/// A model with one NaN, in the last value of a tensor.
SharedModel with_nan(const std::string& name) {
    return SharedModel([&](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes;
        auto tensors = test::llama_tensors(sizes, 3, support::ScalarType::bfloat16);
        for (test::StoredTensor& tensor : tensors) {
            if (tensor.name == name) {
                tensor.bytes.back() = std::byte{0x7f};
                tensor.bytes[tensor.bytes.size() - 2] = std::byte{0xc0};
            }
        }
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
}

/// The last row is that of token 31, which is among these.
model::TokenSequences all_tokens() {
    model::TokenSequences sequences{8, {}};
    for (std::int32_t id = 0; id < 32; ++id) {
        sequences.ids.push_back(id);
    }
    return sequences;
}

template <class Action>
void expect_agreed(Action action, const std::string& what, const std::string& where) {
    try {
        action();
        ADD_FAILURE() << "no error";
    } catch (const support::Error& error) {
        EXPECT_TRUE(error.agreed());
        EXPECT_NE(error.faults().at(0).what.find(what), std::string::npos) << error.what();
        EXPECT_NE(error.faults().at(0).where.find(where), std::string::npos) << error.what();
    }
}

class CalibratedErrors : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Methods, CalibratedErrors, testing::Values("wanda", "sparsegpt"));

TEST_P(CalibratedErrors, ANanIsNamedOnAllRanks) {
    for (const std::string name :
         {"model.embed_tokens.weight", "model.layers.0.input_layernorm.weight",
          "model.layers.1.mlp.up_proj.weight"}) {
        SCOPED_TRACE(name);
        const SharedModel model = with_nan(name);
        const std::vector<pruning::PruneTarget> targets(model.catalogue().matrices.size(),
                                                        {0.5, {}});
        const auto run = [&](const parallel::NodeMap& nodes) {
            auto store = test::nowhere();
            prune_calibrated(world(), nodes, model.catalogue(), GetParam(), all_tokens(), targets,
                             store);
        };
        expect_agreed([&] { run(parallel::NodeMap(world())); }, "1 values are NaN", name);
        expect_agreed([&] { run(spread_over(2)); }, "1 values are NaN", name);
    }
}

/// A model with the values of some tensors scaled. @param factors  by parts of their names
SharedModel with_scaled(const std::map<std::string, float>& factors) {
    return SharedModel([&](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes;
        auto tensors = test::llama_tensors(sizes, 3, support::ScalarType::float32);
        for (test::StoredTensor& tensor : tensors) {
            for (const auto& [part, factor] : factors) {
                if (tensor.name.find(part) != std::string::npos) {
                    auto values = test::widened(tensor.bytes, support::ScalarType::float32);
                    for (float& value : values) {
                        value *= factor;
                    }
                    support::narrow(values, support::ScalarType::float32, tensor.bytes);
                }
            }
        }
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
}

void prune_half(const SharedModel& model, std::string_view method) {
    const std::vector<pruning::PruneTarget> targets(model.catalogue().matrices.size(), {0.5, {}});
    auto store = test::nowhere();
    prune_calibrated(world(), parallel::NodeMap(world()), model.catalogue(), method,
                     random_sequences(5, 12), targets, store);
}

void measure_outliers(const SharedModel& model) {
    block_scores(world(), spread_over(2), model.catalogue(), random_sequences(5, 12), 5, {});
}

TEST_P(CalibratedErrors, InputsThatAreNoNumbersAreNamed) {
    const std::string what = "the inputs of a matrix are NaN or too large";
    // gate and up see finite squares, and their product is the input of down.
    const SharedModel last = with_scaled({{"layers.0.post_attention_layernorm", 3e10F}});
    expect_agreed([&] { prune_half(last, GetParam()); }, what, "layers.0.mlp.down_proj.weight");
    expect_agreed([&] { measure_outliers(last); }, what, "layers.0.mlp.down_proj.weight");
    const SharedModel first = with_scaled({{"layers.1.input_layernorm", 1e38F}});
    expect_agreed([&] { prune_half(first, GetParam()); }, what, "layers.1.self_attn.q_proj.weight");
    expect_agreed([&] { measure_outliers(first); }, what, "layers.1.self_attn.q_proj.weight");
}

TEST_P(CalibratedErrors, ScoresThatOverflowAreNamed) {
    const SharedModel inputs = with_scaled({{"layers.0.post_attention_layernorm", 1e3F}});
    prune_half(inputs, GetParam());  // fine with the weights as they are
    measure_outliers(inputs);
    const SharedModel both =
        with_scaled({{"layers.0.post_attention_layernorm", 1e3F}, {"layers.0.mlp.gate", 1e37F}});
    expect_agreed([&] { prune_half(both, GetParam()); }, "scores", "layers.0.mlp.gate_proj.weight");
    const SharedModel last =
        with_scaled({{"layers.0.mlp.up_proj", 1e3F}, {"layers.0.mlp.down_proj", 3e38F}});
    expect_agreed([&] { measure_outliers(last); }, "scores", "layers.0.mlp.down_proj.weight");
}

TEST_P(CalibratedErrors, AStoreThatFailsOnOneRankEndsAll) {
    const SharedModel model(support::ScalarType::bfloat16);
    const model::Catalogue& catalogue = model.catalogue();
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(), {0.5, {}});
    const int pruned = catalogue.matrices[4].tensor;
    const auto embedding = static_cast<int>(catalogue.find_tensor("model.embed_tokens.weight") -
                                            catalogue.tensors.data());
    for (const int guilty : {0, world().size() - 1}) {
        for (const int bad_tensor : {pruned, embedding}) {
            const auto run = [&] {
                test::RowsTo store(
                    [&](const resume::WrittenRows& written, std::span<const std::byte>) {
                        if (world().rank() == guilty && written.tensor == bad_tensor) {
                            throw support::failure("no space left", "checkpoint.h5");
                        }
                    });
                prune_calibrated(world(), spread_over(2), catalogue, GetParam(),
                                 random_sequences(5, 12), targets, store);
            };
            expect_agreed(run, "no space left", "checkpoint.h5");
        }
    }
}

TEST_P(CalibratedErrors, ATokenOutsideTheVocabularyEndsAllRanks) {
    const SharedModel model(support::ScalarType::bfloat16);
    const model::Catalogue& catalogue = model.catalogue();
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(), {0.5, {}});
    model::TokenSequences sequences = random_sequences(2, 4);
    sequences.ids.back() = 32;  // the vocabulary ends at 31
    const auto run = [&] {
        auto store = test::nowhere();
        prune_calibrated(world(), parallel::NodeMap(world()), catalogue, GetParam(), sequences,
                         targets, store);
    };
    expect_agreed(run, "32", "");
}

TEST_P(CalibratedErrors, ProgressIsToldOnTheRootAlone) {
    const SharedModel model(support::ScalarType::bfloat16);
    const model::Catalogue& catalogue = model.catalogue();
    const std::vector<pruning::PruneTarget> targets(catalogue.matrices.size(), {0.5, {}});
    std::vector<std::pair<std::int64_t, std::int64_t>> told;
    auto store = test::nowhere();
    prune_calibrated(world(), parallel::NodeMap(world()), catalogue, GetParam(),
                     random_sequences(3, 4), targets, store,
                     [&](std::int64_t done, std::int64_t all) { told.emplace_back(done, all); });
    const std::vector<std::pair<std::int64_t, std::int64_t>> expected{{1, 3}, {2, 3}, {3, 3}};
    EXPECT_EQ(told, world().is_root() ? expected : decltype(expected){});
}

TEST(SparseGptErrors, AnUpdateBeyondFloat16IsNamed) {
    const SharedModel model([](const std::filesystem::path& folder) {
        const test::LlamaSizes sizes;
        auto tensors = test::llama_tensors(sizes, 3, support::ScalarType::float16);
        for (test::StoredTensor& tensor : tensors) {
            if (tensor.name == "model.layers.1.mlp.gate_proj.weight") {
                // What a removed weight did goes to its neighbors, which are at the limit already.
                const std::vector<float> huge(tensor.bytes.size() / 2, 65000.0F);
                tensor = test::make_tensor(tensor.name, support::ScalarType::float16, tensor.shape,
                                           huge);
            }
        }
        test::write_model_folder(folder, test::llama_config(sizes), tensors);
    });
    const std::vector<pruning::PruneTarget> targets(model.catalogue().matrices.size(), {0.8, {}});
    const auto run = [&](std::string_view method) {
        auto store = test::nowhere();
        prune_calibrated(world(), parallel::NodeMap(world()), model.catalogue(), method,
                         random_sequences(3, 2), targets, store);
    };
    run("wanda");  // the weights themselves are in order
    expect_agreed([&] { run("sparsegpt"); }, "beyond the range of F16",
                  "model.layers.1.mlp.gate_proj.weight");
}

}  // namespace
}  // namespace alphaprune::phases
