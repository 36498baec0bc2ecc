// How fast synthetic weights are made: millions a second of processor time, by the type they are
// stored in, whole rows and narrow rectangles. The yardstick is copying the same bytes in memory.
#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "command_line.hpp"
#include "measuring.hpp"

namespace {

using namespace alphaprune;
using namespace alphaprune::benchmark;

/// Millions of values a second of processor time: the median of several times.
template <class Work>
double rate(std::int64_t values, Work work) {
    constexpr int kTimes = 7;
    std::vector<double> rates;
    for (int time = 0; time < kTimes; ++time) {
        rates.push_back(1e-6 * static_cast<double>(values) / time_of(work).processor);
    }
    return median(rates);
}

void measure(const model::Catalogue& catalogue, const model::MatrixInfo& matrix,
             std::int64_t width) {
    const model::TensorInfo& tensor = catalogue.tensor_of(matrix);
    const std::int64_t values = matrix.rows * width;
    std::vector<std::byte> bytes(static_cast<std::size_t>(values) *
                                 support::size_of(tensor.scalar_type()));
    std::vector<std::byte> copy(bytes.size());
    model::WeightReader reader(catalogue);
    const double made = rate(values, [&] {
        reader.read_part(tensor, {0, matrix.rows, 0, width}, bytes);
    });
    const double copied =
        rate(values, [&] { std::memcpy(copy.data(), bytes.data(), bytes.size()); });
    fmt::print(
        "{{\"benchmark\": \"synthetic\", \"type\": \"{}\", \"rows\": {}, \"cols\": {}, "
        "\"million_weights_per_second\": {:.0f}, \"million_copied_per_second\": {:.0f}, "
        "\"goal\": 100}}\n",
        tensor.type.name(), matrix.rows, width, made, copied);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::string> models{"7b", "opt-6.7b"};
    boost::program_options::options_description options("Options");
    options.add_options()("help", "this text")(
        "model", boost::program_options::value(&models)->multitoken(), "short names of models");
    try {
        if (!read_command_line(options, argc, argv, true)) {
            return 0;
        }
        for (const std::string& model : models) {
            const model::NamedShape* shape = model::shape_named(model);
            if (shape == nullptr) {
                throw bad_request("no short name of a model: " + model, "--model", "try 7b");
            }
            const model::Catalogue catalogue = model::synthetic_catalogue(*shape);
            const model::MatrixInfo& matrix = catalogue.matrices.front();
            measure(catalogue, matrix, matrix.cols);
            measure(catalogue, matrix, 32);
        }
    } catch (const support::Error& error) {
        std::cerr << error.what();
        return static_cast<int>(error.status());
    }
    return 0;
}
