#include <gtest/gtest.h>

#include <random>

#include "alphaprune/checkpoint/checkpoint_reader.hpp"
#include "alphaprune/checkpoint/verification.hpp"
#include "alphaprune/support/error.hpp"
#include "checkpoint/sample_checkpoint.hpp"
#include "checkpoint/tamper.hpp"
#include "support/world.hpp"

namespace alphaprune::test {
namespace {

/// Reads everything there is. @return whether anything was found wrong
bool is_found_damaged(const std::filesystem::path& path) {
    try {
        const checkpoint::CheckpointReader reader(path);
        for (const auto& tensor : reader.tensors()) {
            reader.spectrum(tensor.name);
        }
        reader.metric("alpha_mid");
        return !checkpoint::verify_checkpoint(world(), path, {}).problems.empty();
    } catch (const support::Error& error) {
        EXPECT_NE(std::string(error.what()).find("checkpoint.h5"), std::string::npos);
        return true;
    }
}

/// Whether a byte belongs to the values of the tensors, whose checksums are verified.
std::vector<bool> tensor_bytes(const std::filesystem::path& path, std::size_t size,
                               const SampleModel& model) {
    std::vector<bool> inside(size, false);
    for (std::size_t t = 0; t < model.bytes.size(); ++t) {
        if (!model.bytes[t].empty()) {
            const auto begin = offset_of(path, "/tensors/" + model.catalogue.tensors[t].name);
            for (std::size_t i = 0; i < model.bytes[t].size(); ++i) {
                inside[begin + i] = true;
            }
        }
    }
    return inside;
}

TEST(CheckpointDamage, EveryDamagedByteOfATensorIsFoundAndNoOtherOneDoesHarm) {
    const TemporaryFolder folder;
    const auto path = folder / "checkpoint.h5";
    const SampleModel model = sample_model();
    write_sample(world(), model, path);
    const auto whole = contents(path);
    const auto inside = tensor_bytes(path, whole.size(), model);
    std::mt19937 engine(5);
    for (std::size_t at = 0; at < whole.size(); at += inside[at] ? 5 : 11) {
        auto damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ static_cast<char>(1U << (engine() % 8)));
        replace_contents(path, damaged);
        const bool found = is_found_damaged(path);
        EXPECT_TRUE(found || !inside[at]) << "byte " << at;
    }
}

TEST(CheckpointDamage, OverwrittenStretchesDoNoHarm) {
    const TemporaryFolder folder;
    const auto path = folder / "checkpoint.h5";
    const SampleModel model = sample_model();
    write_sample(world(), model, path);
    const auto whole = contents(path);
    std::mt19937 engine(6);
    for (int trial = 0; trial < 200; ++trial) {
        auto damaged = whole;
        const std::size_t begin = 8 + engine() % (damaged.size() - 8);
        const std::size_t end = std::min(damaged.size(), begin + 1 + engine() % 200);
        for (std::size_t at = begin; at < end; ++at) {
            damaged[at] = static_cast<char>(engine());
        }
        replace_contents(path, damaged);
        is_found_damaged(path);
    }
}

}  // namespace
}  // namespace alphaprune::test
