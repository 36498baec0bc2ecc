#include "alphaprune/linalg/forward_precision.hpp"

#include <algorithm>

#include "alphaprune/support/message.hpp"
#include "bf16_matmul.hpp"

namespace alphaprune::linalg {
namespace {

/// In the order of ForwardPrecision, as kForwardPrecisions.
constexpr std::array<std::string_view, kForwardPrecisions.size()> kForwardPrecisionNames{
    "float32", "bf16x2", "bf16"};

const support::BadRequest<std::string_view> kBf16NotBuiltIn{
    "linalg.bf16-not-built-in", "products in {} need oneDNN, which this program was built without",
    "oneDNN is optional when the program is built; --version says what it has",
    "compute in float32, or build the program with oneDNN"};

const support::BadRequest<std::string_view> kNoBf16Instructions{
    "linalg.no-bf16-instructions",
    "products in {} need instructions for bfloat16, which this processor does not offer",
    "the processor has neither avx512_bf16 nor AMX, the virtual machine hides them, or the "
    "environment variable ONEDNN_MAX_CPU_ISA forbids them",
    "compute in float32, or use nodes whose processors have them"};

Bf16Support support_of_this_process() {
    static const Bf16Support support = bf16_support();
    return support;
}

}  // namespace

std::string_view name_of(ForwardPrecision precision) {
    return kForwardPrecisionNames[static_cast<std::size_t>(precision)];
}

std::optional<ForwardPrecision> forward_precision_named(std::string_view name) {
    const auto* const found = std::ranges::find(kForwardPrecisions, name,
                                                [](ForwardPrecision one) { return name_of(one); });
    return found == kForwardPrecisions.end() ? std::nullopt : std::optional(*found);
}

bool has_bf16_products() {
    return support_of_this_process() == Bf16Support::present;
}

void require_forward_precision(ForwardPrecision precision, const std::string& where) {
    if (precision == ForwardPrecision::float32) {
        return;
    }
    switch (support_of_this_process()) {
        case Bf16Support::present:
            return;
        case Bf16Support::not_built_in:
            throw kBf16NotBuiltIn(where, name_of(precision));
        case Bf16Support::no_instructions:
            throw kNoBf16Instructions(where, name_of(precision));
    }
}

}  // namespace alphaprune::linalg
