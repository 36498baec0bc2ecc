#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/checkpoint/checkpoint_writer.hpp"
#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/support/file.hpp"
#include "masked_rows.hpp"
#include "memory_file.hpp"

namespace alphaprune::checkpoint {

/// Everything of a checkpoint but the rows and the spectra: the HDF5 file as the library writes it,
/// made by one rank in memory, with holes where the ranks write their own bytes into the real file.
/// So the library's own writing cannot meet a full disk, on which parallel HDF5 leaves ranks
/// waiting for each other; no interrupted write of its structures is ever seen; and what a resumed
/// run makes of the same model is, byte for byte, what an uninterrupted one makes.
class CheckpointImage {
  public:
    /// @param created  for the root attribute
    /// @param named    the file that errors are about
    /// @param masked   tensors whose values get their places later, one flag each
    CheckpointImage(const model::Catalogue& catalogue,
                    const std::vector<model::AuxiliaryFile>& auxiliary_files,
                    std::string_view created, const std::filesystem::path& named,
                    const std::vector<bool>& masked);
    CheckpointImage(const CheckpointImage&) = delete;
    CheckpointImage& operator=(const CheckpointImage&) = delete;
    ~CheckpointImage() = default;

    /// Of each tensor with a mask, where mask and row offsets begin.
    const std::vector<MaskedPlaces>& masked_places() const { return masked_places_; }
    /// Makes room for the values of such a tensor, and says where they begin.
    /// @param values  so many are not zero
    std::uint64_t add_values(std::size_t position, std::uint64_t values);

    /// Where each tensor's bytes begin in the file; 0 for a tensor without any, or with a mask.
    const std::vector<std::uint64_t>& first_bytes() const { return first_bytes_; }
    /// Bytes of the file, as far as it has grown.
    std::uint64_t size() const;

    /// Makes room for a spectrum and says where its bytes begin. @param values  at least one
    std::uint64_t add_spectrum(const std::string& matrix, std::size_t values);
    void add_metric(const std::string& name, std::span<const double> values);

    /// Writes the attributes of the tensors (one summary each) and "complete". Nothing can be added
    /// afterwards.
    void complete(std::span<const TensorSummary> summaries);
    /// Writes every byte outside tensors and spectra to its place in the real file.
    void copy_to(support::File& file) const;

  private:
    /// A part of the file that the ranks fill.
    struct Extent {
        std::uint64_t begin;
        std::uint64_t end;
    };

    bool has_masks() const { return std::ranges::find(masked_, true) != masked_.end(); }
    void write_root(const model::Catalogue& catalogue, std::string_view created);
    void write_model_files(const model::Catalogue& catalogue,
                           const std::vector<model::AuxiliaryFile>& auxiliary_files);
    void write_configuration(const Hdf5Handle& group, const std::string& text);
    void create_tensors();
    void create_tensor(std::size_t position);
    void create_masked(std::size_t position);
    std::uint64_t add_part(const Hdf5Handle& group, const char* link, hid_t type,
                           std::span<const std::int64_t> shape, const std::string& tensor);
    void write_summary(std::size_t position, const TensorSummary& summary);
    std::uint64_t leave_out(const Hdf5Handle& dataset, std::uint64_t bytes,
                            std::string_view object);

    Hdf5Calls hdf5_;
    SparseBytes bytes_;
    std::vector<model::TensorInfo> tensors_;
    std::vector<bool> masked_;
    std::vector<std::uint64_t> first_bytes_;
    std::vector<MaskedPlaces> masked_places_;
    std::vector<Extent> left_out_;
    Hdf5Handle file_;
    Hdf5Handle tensor_group_;
    Hdf5Handle spectrum_group_;
    Hdf5Handle metric_group_;
};

}  // namespace alphaprune::checkpoint
