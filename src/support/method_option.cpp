#include "alphaprune/support/method_option.hpp"

#include <fmt/format.h>

#include <cmath>

namespace alphaprune::support {

bool MethodOption::allows(double value) const {
    return std::isfinite(value) && (least_included ? value >= least : value > least) &&
           value <= most;
}

std::string MethodOption::range() const {
    if (std::isinf(most)) {
        return fmt::format("{} {}", least_included ? "at least" : "greater than", least);
    }
    return fmt::format("in {}{}, {}]", least_included ? '[' : '(', least, most);
}

double value_of(const MethodOption& option, const MethodValues& given) {
    const auto found = given.find(option.name);
    return found == given.end() ? option.fallback : found->second;
}

}  // namespace alphaprune::support
