// The embedded model's spectra by every solver, against float64 spectra computed elsewhere.
#include <gtest/gtest.h>

#include <cmath>

#include "alphaprune/formats/npy.hpp"
#include "alphaprune/linalg/spectral_backend.hpp"
#include "alphaprune/model/weight_reader.hpp"
#include "support/world.hpp"

namespace alphaprune::phases {
namespace {

using test::world;

class ReferenceSpectra : public testing::TestWithParam<linalg::Solver> {};

TEST_P(ReferenceSpectra, EveryEigenvalueOfTheEmbeddedModel) {
    const std::filesystem::path source = ALPHAPRUNE_SOURCE_DIR;
    const model::Catalogue catalogue = model::read_catalogue(source / "data" / "books-7m");
    const formats::NpyNumbers reference =
        formats::read_npy_numbers(source / "tests/data/reference/books-7m-eigenvalues-f64.npy");
    const auto longest = static_cast<std::size_t>(reference.shape.at(1));

    const bool grouped = linalg::works_on_groups(GetParam());
    const parallel::Communicator group =
        grouped ? world().duplicate() : world().split(world().rank(), world().rank());
    const auto backend = linalg::make_backend(GetParam(), group);
    model::WeightReader reader(catalogue);
    for (std::size_t m = 0; m < catalogue.matrices.size(); ++m) {
        const auto matrix =
            model::make_matrix_source(reader, catalogue.matrices[m], group.size() == 1);
        const std::vector<double> ours = backend->spectrum_of(*matrix).eigenvalues;
        const auto expected = std::span(reference.values).subspan(m * longest, ours.size());
        const double tolerance = 1e-12 * expected.back() * static_cast<double>(ours.size());
        for (std::size_t i = 0; i < ours.size(); ++i) {
            ASSERT_NEAR(ours[i], expected[i], tolerance) << matrix->name() << ", eigenvalue " << i;
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Solvers, ReferenceSpectra, testing::ValuesIn(linalg::kSolvers),
                         [](const auto& info) { return std::string(linalg::name_of(info.param)); });

}  // namespace
}  // namespace alphaprune::phases
