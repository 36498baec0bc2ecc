#include "alphaprune/model/auxiliary_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <system_error>
#include <utility>

#include "alphaprune/support/error.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/system_error.hpp"
#include "auxiliary_file_names.hpp"
#include "model_file.hpp"
#include "name_list.hpp"

namespace alphaprune::model {
namespace fs = std::filesystem;
namespace {

/// Tokenizers of large vocabularies have some 30 MB.
constexpr std::uint64_t kLargestAuxiliaryFile = std::uint64_t{128} << 20;
constexpr std::uint64_t kAllAuxiliaryFiles = std::uint64_t{512} << 20;

/// By name.
struct Selection {
    std::vector<std::string> carried;
    std::vector<std::string> too_large;
};

/// The smallest first, until there is enough of them.
Selection select_auxiliary_files(const Catalogue& catalogue) {
    std::vector<std::pair<std::uint64_t, std::string>> files;
    for (std::string& name : auxiliary_file_names(catalogue.folder, catalogue.configuration_text)) {
        std::error_code dangling;
        const std::uintmax_t size = fs::file_size(catalogue.folder / name, dangling);
        files.emplace_back(dangling ? 0 : size, std::move(name));
    }
    std::ranges::sort(files);
    Selection selection;
    std::uint64_t total = 0;
    for (auto& [size, name] : files) {
        const bool fits = size <= kLargestAuxiliaryFile && size <= kAllAuxiliaryFiles - total;
        total += fits ? size : 0;
        (fits ? selection.carried : selection.too_large).push_back(std::move(name));
    }
    std::ranges::sort(selection.carried);
    std::ranges::sort(selection.too_large);
    return selection;
}

std::string read_from_folder(const fs::path& folder, std::string_view name) {
    require_model_file(folder, name);
    return support::read_text(folder / name, kLargestAuxiliaryFile);
}

}  // namespace

std::vector<AuxiliaryFile> read_auxiliary_files(const Catalogue& catalogue) {
    if (catalogue.auxiliary_files) {
        return *catalogue.auxiliary_files;
    }
    std::vector<AuxiliaryFile> auxiliary_files;
    for (std::string& name : select_auxiliary_files(catalogue).carried) {
        std::string contents = read_from_folder(catalogue.folder, name);
        auxiliary_files.push_back({std::move(name), std::move(contents)});
    }
    return auxiliary_files;
}

std::vector<std::string> names_of_auxiliary_files(const Catalogue& catalogue) {
    if (!catalogue.auxiliary_files) {
        return select_auxiliary_files(catalogue).carried;
    }
    std::vector<std::string> names;
    for (const AuxiliaryFile& auxiliary_file : *catalogue.auxiliary_files) {
        names.push_back(auxiliary_file.name);
    }
    return names;
}

std::vector<std::string> check_auxiliary_files(const Catalogue& catalogue) {
    if (catalogue.auxiliary_files) {
        return {};
    }
    support::FaultList faults;
    const Selection selection = select_auxiliary_files(catalogue);
    for (const std::string& name : selection.carried) {
        try {
            read_from_folder(catalogue.folder, name);
        } catch (const support::Error& error) {
            faults.add(error);
        }
    }
    faults.throw_if_any();
    std::vector<std::string> warnings;
    if (!selection.too_large.empty()) {
        warnings.push_back(
            fmt::format("files of the model that are too large to go with the "
                        "weights are left out: {}",
                        list_names(selection.too_large)));
    }
    std::error_code ignored;
    if (fs::exists(catalogue.folder / "adapter_config.json", ignored)) {
        warnings.emplace_back(
            "the model folder has an adapter (adapter_config.json), which is left out: what is "
            "pruned and written is the model without it");
    }
    return warnings;
}

std::optional<std::string> read_auxiliary_file(const Catalogue& catalogue, std::string_view name) {
    if (!catalogue.auxiliary_files) {
        return fs::is_regular_file(support::status_of(catalogue.folder / name))
                   ? std::optional(read_from_folder(catalogue.folder, name))
                   : std::nullopt;
    }
    for (const AuxiliaryFile& auxiliary_file : *catalogue.auxiliary_files) {
        if (auxiliary_file.name == name) {
            return auxiliary_file.contents;
        }
    }
    return std::nullopt;
}

}  // namespace alphaprune::model
