#include "alphaprune/support/scalar.hpp"

#include <gtest/gtest.h>

#include "support/many_types.hpp"

namespace alphaprune::support {
namespace {

TEST(StoredType, AScalarTypeIsOneThatIsRead) {
    for (const auto type :
         {ScalarType::float32, ScalarType::float16, ScalarType::bfloat16, ScalarType::float64}) {
        const StoredType stored = type;
        EXPECT_EQ(stored.name(), name_of(type));
        EXPECT_EQ(stored.scalar(), type);
        EXPECT_EQ(stored.bits(), static_cast<int>(8 * size_of(type)));
        EXPECT_EQ(stored, StoredType(name_of(type)));
    }
    EXPECT_EQ(StoredType(), ScalarType::float32);
}

TEST(StoredType, EveryOtherTypeOfTheFormatIsOnlyCarried) {
    for (const auto& [name, bits] : test::carried_types()) {
        const StoredType stored(name);
        EXPECT_EQ(stored.name(), name);
        EXPECT_EQ(stored.bits(), bits) << name;
        EXPECT_FALSE(stored.scalar()) << name;
    }
}

TEST(StoredType, ATypeThatIsNotKnownHasNoWidth) {
    for (const char* name : {"f32", "F128", "FLOAT32", "NF4"}) {
        EXPECT_FALSE(StoredType(name).bits()) << name;
        EXPECT_FALSE(StoredType(name).scalar()) << name;
    }
    EXPECT_NE(StoredType("F128"), StoredType("F64"));
}

TEST(StoredType, ZerosAreCountedWhereTheValuesAreRead) {
    const std::vector<std::byte> bytes{std::byte{0}, std::byte{0}, std::byte{0}, std::byte{0x80}};
    EXPECT_EQ(count_zeros(bytes, StoredType(ScalarType::bfloat16)), 2U);
    EXPECT_EQ(count_zeros(bytes, StoredType("I16")), 0U);
    EXPECT_EQ(count_zeros(bytes, StoredType("F128")), 0U);
}

TEST(StoredType, NamesAreShortAndPlain) {
    for (const char* name : {"F8_E4M3", "a", "X_new.3", "U4+1-2"}) {
        EXPECT_TRUE(is_type_name(name)) << name;
    }
    EXPECT_FALSE(is_type_name(""));
    EXPECT_FALSE(is_type_name("F 8"));
    EXPECT_FALSE(is_type_name("F8\n"));
    EXPECT_FALSE(is_type_name("größe"));
    EXPECT_FALSE(is_type_name(std::string_view("F8\0", 3)));
    EXPECT_TRUE(is_type_name(std::string(64, 'F')));
    EXPECT_FALSE(is_type_name(std::string(65, 'F')));
}

}  // namespace
}  // namespace alphaprune::support
