#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace alphaprune::formats {

/// The Python dictionary at the head of a .npy file.
struct NpyDictionary {
    std::string descr;
    bool fortran_order = false;
    std::vector<std::int64_t> shape;
};

/// Reads exactly what numpy writes: the three members, each once, in any order.
/// @throws Error (bad_request) for anything else
NpyDictionary parse_npy_dictionary(std::string_view text, std::string_view where);

}  // namespace alphaprune::formats
