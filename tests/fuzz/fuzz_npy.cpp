#include <cstdint>
#include <span>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/support/error.hpp"
#include "require.hpp"

using namespace alphaprune;

namespace {

/// What was read has as many values as its shape says.
template <class Array>
void check(const Array& array) {
    std::uint64_t count = 1;
    for (const std::int64_t dimension : array.shape) {
        fuzz::require(dimension >= 0);
        count *= static_cast<std::uint64_t>(dimension);
    }
    fuzz::require(count == array.values.size());
}

template <class Parse>
void try_to(Parse parse) {
    try {
        check(parse());
    } catch (const support::Error& error) {
        fuzz::require(error.status() == support::ExitStatus::bad_request);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto file = std::as_bytes(std::span(data, size));
    try_to([&] { return formats::parse_npy_numbers(file, "input"); });
    try_to([&] { return formats::parse_npy_tokens(file, "input"); });
    return 0;
}
