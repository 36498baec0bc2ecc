#pragma once

#include <string>
#include <vector>

#include "alphaprune/commands/options.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "alphaprune/schedule/machine_rates.hpp"

namespace alphaprune {

/// Rates of the machine that is planned for, and how each is known.
struct KnownRates {
    struct Source {
        std::string what;  ///< "DGEMM"
        std::string unit;  ///< "GFLOP/s a core"
        double MachineRates::*rate;
        std::string how;  ///< "given", "measured here", "assumed"
    };

    MachineRates rates;
    std::vector<Source> sources;
};

/// Those that the request gives; the others measured on these ranks, or assumed. Collective.
/// @param weights  whether the catalogue's weights can be read, or made, here
KnownRates rates_for(const Communicator& ranks, const Options& options, const Catalogue& catalogue,
                     bool weights);

}  // namespace alphaprune
