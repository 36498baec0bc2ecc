#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/report/html_report.hpp"

namespace alphaprune::report {

/// Text made safe for HTML, between tags and inside quoted attributes.
std::string escaped(std::string_view text);

/// The style sheet; colours follow the reader's light or dark setting.
std::string_view page_style();

/// The request and the run, as pairs of name and value.
std::string facts_part(const RunReport& report);
std::string notes_part(const RunReport& report);
/// A figure a matrix; empty without pictures.
std::string spectra_part(const RunReport& report, const std::vector<SpectrumPicture>& pictures);
std::string matrices_part(const RunReport& report);

}  // namespace alphaprune::report
