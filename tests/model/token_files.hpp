#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "formats/npy_file.hpp"
#include "support/model_folder.hpp"

namespace alphaprune::test {

inline const std::string kBooks = std::string(ALPHAPRUNE_SOURCE_DIR) + "/data/books-7m";

/// A model of which nothing is known but the sizes that matter to tokens.
inline model::Catalogue catalogue_with(std::int64_t vocabulary, std::int64_t positions) {
    model::Catalogue catalogue;
    catalogue.folder = "/no/such/model";
    catalogue.configuration.vocabulary = vocabulary;
    catalogue.configuration.max_positions = positions;
    return catalogue;
}

template <class Id>
std::filesystem::path write_ids(const std::filesystem::path& path, std::string_view descr,
                                std::string_view shape, const std::vector<Id>& ids) {
    write_file(path, npy_file(descr, shape, ids));
    return path;
}

}  // namespace alphaprune::test
