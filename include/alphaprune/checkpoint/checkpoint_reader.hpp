#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"

namespace alphaprune::checkpoint {

/// A tensor as the checkpoint describes it.
struct StoredTensor : model::TensorInfo {
    TensorSummary summary;
    double sparsity = 0;        ///< the attribute: zeros / values
    std::int64_t position = 0;  ///< in the catalogue of the model
};

/// Reads checkpoint.h5, each rank on its own (no collective calls).
class CheckpointReader {
  public:
    /// @throws Error (bad_request): not a checkpoint of this program, another version, incomplete,
    ///         or damaged structure, naming the object
    explicit CheckpointReader(const std::filesystem::path& path);
    CheckpointReader(CheckpointReader&&) noexcept;
    ~CheckpointReader();

    const std::string& model_name() const;
    const std::string& configuration_text() const;     ///< config.json
    std::int64_t declared_tensors() const;             ///< the root attribute
    const std::vector<StoredTensor>& tensors() const;  ///< by name
    /// Names of the files beside config.json that came with the model, sorted.
    const std::vector<std::string>& auxiliary_files() const;
    /// The contents of one of them.
    std::string auxiliary_file(const std::string& file_name) const;

    void read_rows(const StoredTensor& tensor, parallel::RowRange rows,
                   std::span<std::byte> out) const;
    /// /spectra/NAME; nothing when absent.
    std::optional<std::vector<double>> spectrum(std::string_view matrix) const;
    /// /metrics/NAME; nothing when absent.
    std::optional<std::vector<double>> metric(std::string_view name) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// The catalogue that a checkpoint.h5 describes: a model like that of a folder, whose rows
/// model::WeightReader reads from the file. Each rank on its own.
/// @throws Error as CheckpointReader does, and for what is no model
model::Catalogue catalogue_of_checkpoint(const std::filesystem::path& checkpoint);

}  // namespace alphaprune::checkpoint
