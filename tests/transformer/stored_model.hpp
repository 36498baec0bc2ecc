#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/model/tokens.hpp"
#include "alphaprune/model/weight_reader.hpp"

namespace alphaprune::test {

/// A model folder, opened for reading.
struct StoredModel {
    explicit StoredModel(const std::filesystem::path& folder)
        : catalogue(model::read_catalogue(folder)), reader(catalogue) {}
    StoredModel(const StoredModel&) = delete;
    StoredModel& operator=(const StoredModel&) = delete;

    model::RowSource source() {
        return [this](const model::TensorInfo& tensor, parallel::RowRange rows,
                      std::span<std::byte> out) { reader.read_rows(tensor, rows, out); };
    }

    model::Catalogue catalogue;
    model::WeightReader reader;
};

inline const std::filesystem::path kSourceFolder = ALPHAPRUNE_SOURCE_DIR;

}  // namespace alphaprune::test
