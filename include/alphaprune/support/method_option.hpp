#pragma once

#include <functional>
#include <limits>
#include <map>
#include <string>
#include <string_view>

namespace alphaprune::support {

/// A number that belongs to one method alone (a pruner, an allocation), set by an option of its
/// own. The row of the method describes it; command line, --help, conflicts of options, the
/// identity of a run and its report read the description.
struct MethodOption {
    std::string_view name;      ///< of the option, words joined by dashes
    std::string_view argument;  ///< what --help calls its value
    std::string_view symbol;    ///< in formulas and report.html
    std::string_view help;      ///< one clause, without the default
    double fallback = 0;        ///< its value where none is given
    double least = 0;
    bool least_included = false;
    double most = std::numeric_limits<double>::infinity();

    /// False for NaN and infinities too.
    bool allows(double value) const;
    /// "in (0, 0.5]", "greater than 0"
    std::string range() const;
};

/// The values that were given, by the names of their options.
using MethodValues = std::map<std::string, double, std::less<>>;

double value_of(const MethodOption& option, const MethodValues& given);

}  // namespace alphaprune::support
