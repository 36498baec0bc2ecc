#pragma once

#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "alphaprune/formats/json.hpp"
#include "alphaprune/model/configuration.hpp"
#include "alphaprune/model/family.hpp"
#include "alphaprune/support/error.hpp"

namespace alphaprune::model {

/// The names one field goes by, the usual one first.
using FieldNames = std::initializer_list<std::string_view>;

/// No size in a model comes near: a larger number is a slip.
inline constexpr std::int64_t kMaxSize = std::numeric_limits<std::int32_t>::max();

/// Whether a value of the wrong kind is a fault or, in a config of a kind of model that the program
/// does not know, as good as absent.
enum class Reading { strict, lenient };

/// Looks fields up in an object of config.json. null counts as absent.
class ConfigFields {
  public:
    /// @param prefix  goes before the names in messages ("rope_scaling.")
    /// All arguments outlive the reader.
    ConfigFields(const formats::Json& object, std::string_view where, std::string_view prefix,
                 Reading reading, support::FaultList& faults);

    /// A whole number from 1 to `limit`.
    std::optional<std::int64_t> size(FieldNames names, std::int64_t limit = kMaxSize);
    /// A whole number from 0 on.
    std::optional<std::int64_t> whole(FieldNames names);
    /// A finite number above zero.
    std::optional<double> positive(FieldNames names);
    /// Finite numbers, in a list.
    std::vector<double> numbers(FieldNames names);
    std::optional<bool> flag(FieldNames names);
    std::optional<std::string> text(FieldNames names);

    /// The first of those that the object has, null or not; nullptr for none.
    const formats::Json* find(FieldNames names) const;
    bool is_absent(FieldNames names) const;
    /// In strict reading, a fault when the field is absent.
    void require(FieldNames names) const;
    /// A fault: the field must be `kind`, not `found`.
    void reject(std::string_view name, std::string_view kind, std::string_view found) const;

  private:
    template <class Value, class Convert>
    std::optional<Value> read(FieldNames names, std::string_view kind, Convert convert);

    const formats::Json& object_;
    std::string_view where_;
    std::string_view prefix_;
    Reading reading_;
    support::FaultList& faults_;
};

/// Sets rope, and window_rope where blocks with a window have another one, as config.json describes
/// them in the old or the new form. @pre `model.max_positions` is set
void read_rope(const formats::Json& config, std::string_view where,
               const ConfigurationDefaults& defaults, Reading reading, support::FaultList& faults,
               ModelConfiguration& model);

/// Sets sliding_window and full_attention_blocks. @pre `model.blocks` is set
void read_window(const formats::Json& config, std::string_view where,
                 const ConfigurationDefaults& defaults, support::FaultList& faults,
                 ModelConfiguration& model);

/// The object of config.json that describes the language model in a model of several parts:
/// text_config and its like, nested ones too (thinker_config.text_config). `config` itself where
/// there is none, or where none says how large it is and `config` does.
const formats::Json& text_part(const formats::Json& config);

/// The sizes of a model of which a configuration gives only the type. 0: not known.
struct UsualSizes {
    std::string_view model_type;
    std::int64_t blocks = 0;
    std::int64_t hidden_size = 0;
    std::int64_t intermediate_size = 0;
    std::int64_t heads = 0;
    std::int64_t vocabulary = 0;
};

/// What transformers assumes where text_config omits the sizes; nothing for other types.
std::optional<UsualSizes> usual_sizes(std::string_view model_type);

}  // namespace alphaprune::model
