#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "alphaprune/model/catalogue.hpp"
#include "alphaprune/parallel/share.hpp"
#include "alphaprune/support/file.hpp"
#include "alphaprune/support/file_system.hpp"

namespace alphaprune::checkpoint {

// What the writers of a model share. Entries of the output folder are examined without following
// symbolic links.

bool is_plain_file(const std::filesystem::path& path);
bool is_plain_folder(const std::filesystem::path& path);

/// Whether what an earlier run has left is there to be taken over, under its partial name or else
/// under its final name, which it then loses: a run killed after it had published its output takes
/// that back.
template <class IsOurs>
bool take_over(const std::filesystem::path& path, IsOurs is_ours) {
    const std::filesystem::path partial = support::partial_name(path);
    std::error_code problem;
    if (!std::filesystem::exists(support::link_status_of(partial)) && is_ours(path)) {
        std::filesystem::rename(path, partial, problem);
    }
    return is_ours(partial);
}

/// Cuts the file, or extends it by a hole that takes no space. @throws Error
void set_size(const std::filesystem::path& file, std::uint64_t bytes);
/// The same, unless it is as long or longer. @throws Error
void extend_to(const std::filesystem::path& file, std::uint64_t bytes);

/// One of the tensors. @pre `rows` are some of its rows, of so many bytes
const model::TensorInfo& tensor_with_rows(const std::vector<model::TensorInfo>& tensors, int tensor,
                                          parallel::RowRange rows, std::uint64_t bytes);

/// "writing rows 3 to 8", for messages.
std::string describe(std::string_view doing, parallel::RowRange rows);

/// The same error, with what was being done to which object of the file: "`doing` failed: …".
support::Error naming(const support::Error& error, std::string_view doing, std::string_view object);

}  // namespace alphaprune::checkpoint
