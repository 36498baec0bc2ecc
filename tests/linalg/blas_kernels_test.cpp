#include "alphaprune/linalg/blas_kernels.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace alphaprune::linalg {
namespace {

constexpr std::string_view kDebian12 =
    "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Prescott MAX_THREADS=64";

KernelSituation on_avx512(std::string_view config, std::string_view core) {
    return {.config = config, .core = core, .has_avx2 = true, .has_avx512 = true};
}

TEST(BlasKernels, AreReplacedWhereOpenblasDoesNotKnowTheProcessor) {
    for (const std::string_view core : {"Prescott", "Core2", "Nehalem", "Barcelona", "Atom"}) {
        KernelSituation one = on_avx512(kDebian12, core);
        EXPECT_EQ(better_kernels(one), "SkylakeX") << core;
        one.has_avx512 = false;
        EXPECT_EQ(better_kernels(one), "Haswell") << core;
        one.has_avx2 = false;
        EXPECT_EQ(better_kernels(one), std::nullopt) << core;
    }
}

TEST(BlasKernels, StayWhereTheyAreRightOrNothingBetterIsSure) {
    for (const std::string_view core :
         {"Haswell", "Zen", "SkylakeX", "Cooperlake", "SapphireRapids", "Sandybridge", "Excavator",
          "Unknown", "unknown", ""}) {
        EXPECT_EQ(better_kernels(on_avx512(kDebian12, core)), std::nullopt) << core;
    }
}

TEST(BlasKernels, StayAsTheUserHasSetThem) {
    KernelSituation one = on_avx512(kDebian12, "Prescott");
    one.is_set_by_user = true;
    EXPECT_EQ(better_kernels(one), std::nullopt);
}

TEST(BlasKernels, StayWhereTheLibraryWasBuiltForOneProcessorOrIsAnother) {
    EXPECT_EQ(better_kernels(
                  on_avx512("OpenBLAS 0.3.21 NO_AFFINITY Prescott MAX_THREADS=64", "Prescott")),
              std::nullopt);
    EXPECT_EQ(better_kernels(on_avx512("", "Prescott")), std::nullopt);
}

TEST(BlasKernels, AreNotThoseForAvx512OfAnOpenblasWhereTheyAreWrongOrAbsent) {
    struct Row {
        std::string_view config;
        std::string_view kernels;
    };
    for (const Row& row : std::vector<Row>{
             {"NO_LAPACKE DYNAMIC_ARCH NO_AFFINITY Nehalem", "Haswell"},  // before 0.3.4
             {"OpenBLAS 0.3.5 DYNAMIC_ARCH NO_AFFINITY Nehalem MAX_THREADS=8", "Haswell"},
             {"OpenBLAS 0.3.7.dev DYNAMIC_ARCH Nehalem", "Haswell"},
             {"OpenBLAS 0.3.8 DYNAMIC_ARCH Nehalem", "SkylakeX"},
             {"OpenBLAS 0.3.10.dev DYNAMIC_ARCH Nehalem", "SkylakeX"},
             {"OpenBLAS 0.4.0 DYNAMIC_ARCH Nehalem", "SkylakeX"},
             {"OpenBLAS 1.0 DYNAMIC_ARCH Nehalem", "SkylakeX"},
             {"OpenBLAS DYNAMIC_ARCH Nehalem", "Haswell"}}) {
        EXPECT_EQ(better_kernels(on_avx512(row.config, "Nehalem")), row.kernels) << row.config;
    }
}

}  // namespace
}  // namespace alphaprune::linalg
