// Zeros of the embedded model against those that the published code left, distributed over the
// ranks.
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/formats/safetensors.hpp"
#include "alphaprune/support/file.hpp"
#include "magnitude.hpp"
#include "pruning/shares.hpp"
#include "support/threads.hpp"

namespace alphaprune::pruning {
namespace {

const std::filesystem::path kSource = ALPHAPRUNE_SOURCE_DIR;
const std::filesystem::path kModel = kSource / "data/books-7m/model.safetensors";

/// This rank's share of each tensor of the model.
class Model {
  public:
    Model() : file_(support::File::open_for_reading(kModel)) {
        for (formats::SafetensorsEntry& entry : formats::read_safetensors_header(kModel).tensors) {
            entries_[entry.name] = std::move(entry);
        }
    }

    support::ScalarType type_of(const std::string& name) const {
        return entries_.at(name).type.scalar().value();
    }

    std::vector<std::byte> share_of(const std::string& name) const {
        const formats::SafetensorsEntry& entry = entries_.at(name);
        const std::size_t width = support::size_of(type_of(name));
        const auto cuts = test::cuts_of((entry.end - entry.begin) / width, test::Split::random);
        const auto rank = static_cast<std::size_t>(test::world().rank());
        std::vector<std::byte> bytes((cuts[rank + 1] - cuts[rank]) * width);
        file_.read_at(entry.begin + cuts[rank] * width, bytes);
        return bytes;
    }

  private:
    support::File file_;
    std::map<std::string, formats::SafetensorsEntry> entries_;
};

TEST(Reference, UniformMagnitudeLeavesTheSameZeros) {
    const std::filesystem::path path = kSource / "tests/data/reference/books-7m-reference.json";
    const formats::Json reference = formats::Json::parse(support::read_text(path), path.string());
    const formats::Json::Array& names = reference.find("matrices")->elements();
    const Model model;
    int compared = 0;
    for (const formats::Json& run : reference.find("perplexity")->elements()) {
        if (run.find("method")->as_string() != "magnitude" ||
            run.find("allocation")->as_string() != "uniform") {
            continue;
        }
        const double ratio = run.find("sparsity")->as_number().value();
        for (std::size_t i = 0; i < names.size(); ++i) {
            const std::string name = names[i].as_string().value();
            auto mine = model.share_of(name);
            const auto zeros = prune_magnitude(test::world(), *test::threads_of(3), mine,
                                               model.type_of(name), ratio, Ties::inclusive);
            EXPECT_EQ(test::world().sum(zeros),
                      run.find("zeros")->elements().at(i).as_integer().value())
                << name << " at " << ratio;
            ++compared;
        }
    }
    EXPECT_GE(compared, 56);
}

}  // namespace
}  // namespace alphaprune::pruning
