// A model with several matrices in a tensor becomes, bit for bit, what the same model becomes with
// tensors of their own.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <optional>
#include <string>

#include "alphaprune/model/matrix_slices.hpp"
#include "alphaprune/support/checksum.hpp"
#include "model/fused_family.hpp"
#include "phases/calibrated_runs.hpp"

namespace alphaprune::phases {
namespace {

using test::FusedKind;
using test::Pruned;
using test::SharedModel;
using test::spread_over;
using test::world;

constexpr test::LlamaSizes kFusedSizes{2, 32, 56, 4, 2, 32};

/// Biases everywhere, so that these are cut, too.
std::string config_with_biases() {
    std::string config = test::llama_config(kFusedSizes);
    config.insert(config.find('{') + 1, R"("attention_bias": true, "mlp_bias": true, )");
    return config;
}

std::vector<test::StoredTensor> tensors_with_biases(support::ScalarType type) {
    auto tensors = test::llama_tensors(kFusedSizes, 7, type);
    const std::size_t weights = tensors.size();
    for (std::size_t t = 0; t < weights; ++t) {
        const auto end = tensors[t].name.find("_proj.weight");
        if (end != std::string::npos) {
            tensors.push_back(test::random_tensor(tensors[t].name.substr(0, end) + "_proj.bias",
                                                  type, {tensors[t].shape.front()}, 100 + t, 0.1F));
        }
    }
    return tensors;
}

/// How a model is pruned.
struct Way {
    const char* pruner;
    pruning::OutputTargets outputs = {};
    SiteOrder order = SiteOrder::together;
};
constexpr Way kWays[] = {{"wanda"},
                         {"sparsegpt"},
                         {"sparsegpt", {}, SiteOrder::sequential},
                         {"alps", {0.5, 0.5}, SiteOrder::sequential}};

class FusedModel {
  public:
    FusedModel(FusedKind kind, support::ScalarType type, model::Fused fused = model::Fused::split)
        : kind_(kind),
          model_([&](const std::filesystem::path& folder) {
              test::write_fused_folder(folder, config_with_biases(), tensors_with_biases(type),
                                       kind);
          }),
          catalogue_(test::read_fused_catalogue(model_.catalogue().folder, config_with_biases(),
                                                kind, fused)) {}

    const model::Catalogue& catalogue() const { return catalogue_; }
    const model::Family& family() const { return test::fused_family(kind_); }
    /// What came of the separate tensors, as this model stores them.
    std::vector<std::byte> fused(const model::Catalogue& separate, const Pruned& pruned,
                                 const std::string& name) const {
        std::vector<test::StoredTensor> tensors;
        for (std::size_t t = 0; t < pruned.tensors.size(); ++t) {
            const model::TensorInfo& tensor = separate.tensors[t];
            tensors.push_back({tensor.name, tensor.type.name(), tensor.shape, pruned.tensors[t]});
        }
        tensors = test::fused_tensors(std::move(tensors), separate.configuration, kind_);
        return test::tensor_named(tensors, name).bytes;
    }

  private:
    FusedKind kind_;
    SharedModel model_;
    model::Catalogue catalogue_;
};

/// Keeps what comes, and fails at a write if told so.
class KeepingStore : public TensorStore {
  public:
    explicit KeepingStore(const model::Catalogue& catalogue) : catalogue_(catalogue) {
        for (const model::TensorInfo& tensor : catalogue.tensors) {
            received_.emplace_back(tensor.bytes(), 0);
        }
        finished_.resize(catalogue.tensors.size());
    }

    void write_rows(const resume::WrittenRows& rows, std::span<const std::byte> bytes) override {
        if (fails_after_ && --*fails_after_ < 0) {
            throw support::failure("the power is off", "the store", "none");
        }
        const auto t = static_cast<std::size_t>(rows.tensor);
        auto at = static_cast<std::size_t>(rows.rows.begin) * catalogue_.tensors[t].row_bytes();
        for (const std::byte byte : bytes) {
            received_[t].at(at++) += 256 + std::to_integer<int>(byte);
        }
    }
    std::optional<pruning::PrunedTensor> finished(int tensor) const override {
        return finished_[static_cast<std::size_t>(tensor)];
    }
    void read_rows(int tensor, parallel::RowRange rows, std::span<std::byte> out) const override {
        const auto t = static_cast<std::size_t>(tensor);
        const std::size_t row = catalogue_.tensors[t].row_bytes();
        std::ranges::copy(std::span(whole_[t]).subspan(static_cast<std::size_t>(rows.begin) * row,
                                                       static_cast<std::size_t>(rows.size()) * row),
                          out.begin());
    }

    void fail_after(int writes) { fails_after_ = writes; }
    /// Another attempt begins: tensors of which all came are finished, the others begin anew.
    /// Collective. @return how many are finished
    int begin_again() {
        fails_after_.reset();
        whole_.resize(received_.size());
        for (std::size_t t = 0; t < received_.size(); ++t) {
            std::vector<int> all = received_[t];
            world().all_reduce_sum(std::span(all));
            const auto came = [](int value) { return value / 256 == 1; };
            if (!std::ranges::all_of(all, came)) {
                std::ranges::fill(received_[t], 0);
                continue;
            }
            for (const int value : all) {
                whole_[t].push_back(static_cast<std::byte>(value % 256));
            }
            const model::TensorInfo& tensor = catalogue_.tensors[t];
            finished_[t] = {
                support::checksum_of_rows(whole_[t], tensor.row_bytes(), 0),
                static_cast<std::int64_t>(support::count_zeros(whole_[t], tensor.type))};
        }
        return static_cast<int>(std::ranges::count_if(
            finished_, [](const auto& tensor) { return tensor.has_value(); }));
    }
    std::vector<std::vector<std::byte>> tensors() const {
        std::vector<std::vector<std::byte>> tensors;
        for (std::size_t t = 0; t < received_.size(); ++t) {
            tensors.push_back(
                test::put_together(world(), received_[t], catalogue_.tensors[t].name));
        }
        return tensors;
    }

  private:
    const model::Catalogue& catalogue_;
    std::vector<std::vector<int>> received_;
    std::vector<std::vector<std::byte>> whole_;
    std::vector<std::optional<pruning::PrunedTensor>> finished_;
    std::optional<int> fails_after_;
};

class FusedPhase : public testing::Test {
  protected:
    PrunedModel run(const model::Catalogue& catalogue, const model::Family* family, const Way& way,
                    std::span<const pruning::PruneTarget> targets, TensorStore& store) const {
        pruning::PrunerSettings settings;
        settings.outputs = way.outputs;
        PruneRequest request{*pruning::find_pruner(way.pruner), settings, targets, sequences_};
        request.site_order = way.order;
        request.family = family;
        return prune_model(world(), nodes_, catalogue, request, store, {});
    }
    Pruned pruned(const model::Catalogue& catalogue, const model::Family* family, const Way& way,
                  std::span<const pruning::PruneTarget> targets) const {
        KeepingStore store(catalogue);
        Pruned result;
        result.result = run(catalogue, family, way, targets, store);
        result.tensors = store.tensors();
        return result;
    }
    /// Tensors, checksums and zeros of the one are those of the other.
    static void expect_fused(const FusedModel& model, const Pruned& got,
                             const model::Catalogue& separate, const Pruned& expected) {
        const model::Catalogue& catalogue = model.catalogue();
        for (std::size_t t = 0; t < catalogue.tensors.size(); ++t) {
            const model::TensorInfo& tensor = catalogue.tensors[t];
            EXPECT_TRUE(got.tensors[t] == model.fused(separate, expected, tensor.name))
                << tensor.name;
            EXPECT_EQ(got.result.tensors[t].checksum,
                      support::checksum_of_rows(got.tensors[t], tensor.row_bytes(), 0));
            EXPECT_EQ(got.result.tensors[t].zeros,
                      static_cast<std::int64_t>(support::count_zeros(got.tensors[t], tensor.type)));
        }
        EXPECT_EQ(got.result.matrix_zeros, expected.result.matrix_zeros);
        EXPECT_EQ(got.result.fits, expected.result.fits);
    }

    model::TokenSequences sequences_ = test::random_sequences(5, 12);
    parallel::NodeMap nodes_ = spread_over(2);
};

TEST_F(FusedPhase, SlicesArePrunedLikeTensorsOfTheirOwn) {
    const SharedModel separate([](const std::filesystem::path& folder) {
        test::write_model_folder(folder, config_with_biases(),
                                 tensors_with_biases(support::ScalarType::bfloat16));
    });
    const auto targets = test::varied_targets(separate.catalogue());
    for (const Way& way : kWays) {
        const Pruned expected = pruned(separate.catalogue(), nullptr, way, targets);
        for (const FusedKind kind : test::kFusedKinds) {
            SCOPED_TRACE(std::string(way.pruner) + std::to_string(static_cast<int>(kind)));
            const FusedModel model(kind, support::ScalarType::bfloat16);
            expect_fused(model, pruned(model.catalogue(), &model.family(), way, targets),
                         separate.catalogue(), expected);
        }
    }
}

/// Values without equals: of these the first go, and which is the first depends on the storage.
TEST_F(FusedPhase, MagnitudeAndPatternsToo) {
    const SharedModel separate([](const std::filesystem::path& folder) {
        test::write_model_folder(folder, config_with_biases(),
                                 tensors_with_biases(support::ScalarType::float32));
    });
    auto targets = test::varied_targets(separate.catalogue());
    for (const bool patterns : {false, true}) {
        for (std::size_t m = 0; patterns && m < targets.size(); ++m) {
            targets[m].pattern = m % 3 == 0 ? pruning::Pattern{3, 8} : pruning::Pattern{2, 4};
        }
        for (const Way way : {Way{"magnitude"}, Way{"wanda"}}) {
            const Pruned expected = pruned(separate.catalogue(), nullptr, way, targets);
            for (const FusedKind kind : test::kFusedKinds) {
                SCOPED_TRACE(std::string(way.pruner) + std::to_string(static_cast<int>(kind)));
                const FusedModel model(kind, support::ScalarType::float32);
                expect_fused(model, pruned(model.catalogue(), &model.family(), way, targets),
                             separate.catalogue(), expected);
            }
        }
    }
}

TEST_F(FusedPhase, GoesOnWhereItWasKilled) {
    for (const FusedKind kind : test::kFusedKinds) {
        const FusedModel model(kind, support::ScalarType::bfloat16);
        const auto targets = test::varied_targets(model.catalogue());
        for (const Way& way : kWays) {
            const Pruned whole = pruned(model.catalogue(), &model.family(), way, targets);
            std::vector<int> finished;
            for (const int writes : {1, 2, 4, 7}) {
                SCOPED_TRACE(std::string(way.pruner) + std::to_string(static_cast<int>(kind)) +
                             " after " + std::to_string(writes));
                KeepingStore store(model.catalogue());
                store.fail_after(writes);
                EXPECT_THROW(run(model.catalogue(), &model.family(), way, targets, store),
                             support::Error);
                finished.push_back(store.begin_again());
                const PrunedModel rest =
                    run(model.catalogue(), &model.family(), way, targets, store);
                EXPECT_EQ(rest.tensors, whole.result.tensors);
                EXPECT_EQ(rest.matrix_zeros, whole.result.matrix_zeros);
                EXPECT_EQ(store.tensors(), whole.tensors);
            }
            EXPECT_GT(finished.back(), finished.front());
        }
    }
}

/// Wanda compares within an output: it does not matter what else is in the matrix.
TEST_F(FusedPhase, WholeTensorsArePrunedAsOneMatrix) {
    for (const FusedKind kind : test::kFusedKinds) {
        const FusedModel split(kind, support::ScalarType::bfloat16);
        const FusedModel whole(kind, support::ScalarType::bfloat16, model::Fused::whole);
        ASSERT_LT(whole.catalogue().matrices.size(), split.catalogue().matrices.size());
        const std::vector<pruning::PruneTarget> of_split(split.catalogue().matrices.size(),
                                                         {0.5, {}});
        const std::vector<pruning::PruneTarget> of_whole(whole.catalogue().matrices.size(),
                                                         {0.5, {}});
        for (const Way& way : kWays) {
            SCOPED_TRACE(std::string(way.pruner) + std::to_string(static_cast<int>(kind)));
            const Pruned got = pruned(whole.catalogue(), &whole.family(), way, of_whole);
            if (std::string(way.pruner) == "wanda") {
                EXPECT_EQ(got.tensors,
                          pruned(split.catalogue(), &split.family(), way, of_split).tensors);
            }
            const auto& zeros = got.result.matrix_zeros;
            std::int64_t together = 0;
            for (std::size_t m = 0; m < zeros.size(); ++m) {
                const model::MatrixInfo& matrix = whole.catalogue().matrices[m];
                EXPECT_NEAR(static_cast<double>(zeros[m]), 0.5 * static_cast<double>(matrix.size()),
                            0.01 * static_cast<double>(matrix.size()));
                together += zeros[m];
            }
            std::int64_t in_tensors = 0;
            for (std::size_t t = 0; t < got.tensors.size(); ++t) {
                if (whole.catalogue().tensors[t].matrix >= 0) {
                    in_tensors += got.result.tensors[t].zeros;
                }
            }
            EXPECT_EQ(together, in_tensors);
        }
    }
}

}  // namespace
}  // namespace alphaprune::phases
