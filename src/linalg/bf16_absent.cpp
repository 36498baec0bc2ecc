// What stands in for onednn_matmul.cpp where the program is built without oneDNN.
#include <cassert>

#include "bf16_matmul.hpp"

namespace alphaprune::linalg {

Bf16Support bf16_support() {
    return Bf16Support::not_built_in;
}

void bf16_matmul(const Bf16Shape&, const Bf16*, const Bf16Pair*, bool, float*,
                 std::vector<std::byte>&) {
    assert(!"bf16_support() is not `present`");
}

}  // namespace alphaprune::linalg
