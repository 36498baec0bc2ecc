#include <cmath>

#include "commands/inputs.hpp"
#include "require.hpp"
#include "scratch.hpp"

using namespace alphaprune;

namespace {

model::Catalogue two_matrices() {
    model::Catalogue catalogue;
    for (const char* name : {"a.0.weight", "a.1.weight"}) {
        const auto number = static_cast<int>(catalogue.matrices.size());
        catalogue.tensors.push_back({name, support::ScalarType::float32, {2, 2}, 0, 0, number});
        catalogue.matrices.push_back({number, number, 2, 2});
    }
    return catalogue;
}

void check(const std::vector<double>& values) {
    fuzz::require(values.size() == 2 && std::isfinite(values[0]) && std::isfinite(values[1]));
}

}  // namespace

/// The input as a metric cache, and as ratios in either form.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fuzz::Scratch scratch;
    static const model::Catalogue catalogue = two_matrices();
    const std::string_view text = fuzz::as_text(data, size);
    const auto numbers = scratch.write("ratios.npy", text);
    fuzz::is_accepted([&] { check(commands::read_metric_cache(numbers, catalogue)); });
    fuzz::is_accepted([&] { check(commands::read_ratio_file(numbers, catalogue)); });
    const auto table = scratch.write("ratios.csv", text);
    fuzz::is_accepted([&] { check(commands::read_ratio_file(table, catalogue)); });
    return 0;
}
