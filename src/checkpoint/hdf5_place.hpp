#pragma once

#include <filesystem>
#include <string_view>

#include "alphaprune/support/error.hpp"
#include "hdf5_handle.hpp"

namespace alphaprune::checkpoint {

/// The file that HDF5 calls are about, so that each of them can be checked in one line and fails
/// with an Error that names the file, the object in it, and HDF5's own reason.
class Hdf5Place {
  public:
    /// Failures are failures of the run.
    static Hdf5Place writing(std::filesystem::path file);
    /// Failures mean that the input is bad.
    static Hdf5Place reading(std::filesystem::path file);

    const std::filesystem::path& file() const { return file_; }

    /// An error of our own about an object of the file.
    support::Error error(std::string_view what, std::string_view object) const;
    /// The error of an HDF5 call that has just failed. `doing`: "creating the dataset".
    support::Error hdf5_error(std::string_view doing, std::string_view object) const;

    /// For results where negative means failure.
    void check(herr_t status, std::string_view doing, std::string_view object) const;
    Hdf5Handle own(hid_t id, Hdf5Handle::Close close, std::string_view doing,
                   std::string_view object) const;

  private:
    Hdf5Place(std::filesystem::path file, support::ExitStatus status);

    std::filesystem::path file_;
    support::ExitStatus status_;
};

}  // namespace alphaprune::checkpoint
