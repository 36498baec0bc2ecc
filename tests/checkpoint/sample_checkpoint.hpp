#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/communicator.hpp"
#include "support/temporary_folder.hpp"

namespace alphaprune::test {

/// A folder that all ranks use; rank 0 makes it and, when all have left, removes it.
class SharedFolder {
  public:
    explicit SharedFolder(const parallel::Communicator& ranks);
    ~SharedFolder();
    SharedFolder(const SharedFolder&) = delete;
    SharedFolder& operator=(const SharedFolder&) = delete;

    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    const parallel::Communicator& ranks_;
    std::optional<TemporaryFolder> owned_;
    std::filesystem::path path_;
};

/// A model in memory, one of every kind of tensor: each type, no to three dimensions, empty ones,
/// row counts that no rank count divides. Some values are zero, all are finite.
struct SampleModel {
    model::Catalogue catalogue;
    std::vector<std::vector<std::byte>> bytes;         ///< of each tensor
    std::vector<std::vector<double>> eigenvalues;      ///< of each matrix; the last has none
    std::vector<double> alphas;                        ///< of each matrix
    std::vector<checkpoint::TensorSummary> summaries;  ///< counted value by value

    int index_of(const std::string& tensor) const;
};
SampleModel sample_model();

/// The bytes of some rows of a tensor.
std::span<const std::byte> bytes_of(const SampleModel& model, std::size_t tensor,
                                    parallel::RowRange rows);

/// Collective: writes the part of each tensor that falls to this rank.
void write_rows_of(const parallel::Communicator& ranks, const SampleModel& model,
                   checkpoint::CheckpointWriter& writer);
/// Collective: the whole checkpoint.
void write_sample(const parallel::Communicator& ranks, const SampleModel& model,
                  const std::filesystem::path& path);

/// The sum of checksums and the zeros of some bytes, by the definition.
checkpoint::TensorSummary summarize(const model::TensorInfo& tensor,
                                    const std::vector<std::byte>& bytes, double ratio);

/// The whole of a file.
std::vector<char> contents(const std::filesystem::path& path);
void replace_contents(const std::filesystem::path& path, const std::vector<char>& bytes);

}  // namespace alphaprune::test
