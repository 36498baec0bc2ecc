#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <utility>
#include <vector>

#include "alphaprune/model/family.hpp"

/// The registry, a line per family: families/<name>.cpp defines the function of that name.
#define ALPHAPRUNE_FAMILIES(FAMILY) \
    FAMILY(llama)                   \
    FAMILY(mistral)                 \
    FAMILY(qwen2)                   \
    FAMILY(qwen3)                   \
    FAMILY(gemma2)                  \
    FAMILY(gemma3_text)             \
    FAMILY(olmo2)                   \
    FAMILY(granite)                 \
    FAMILY(cohere2)                 \
    FAMILY(starcoder2)              \
    FAMILY(phi3)                    \
    FAMILY(mixtral)                 \
    FAMILY(qwen2_moe)               \
    FAMILY(qwen3_moe)               \
    FAMILY(deepseek_v3)             \
    FAMILY(gpt_oss)                 \
    FAMILY(opt)                     \
    FAMILY(gpt2)                    \
    FAMILY(gpt_neox)                \
    FAMILY(falcon)                  \
    /* the next one goes before this line */

namespace alphaprune::model {
namespace families {

#define ALPHAPRUNE_DECLARE(name) const Family& name();
ALPHAPRUNE_FAMILIES(ALPHAPRUNE_DECLARE)

}  // namespace families

std::span<const Family* const> all_families() {
#define ALPHAPRUNE_ADDRESS(name) &families::name(),
    static const std::array all{ALPHAPRUNE_FAMILIES(ALPHAPRUNE_ADDRESS)};
    return all;
}

std::string family_names() {
    std::string names;
    for (const Family* family : all_families()) {
        names += (names.empty() ? "" : ", ") + std::string(family->name);
    }
    return names;
}

const Family* family_of(std::string_view model_type) {
    const auto all = all_families();
    const auto found = std::ranges::find_if(all, [&](const Family* family) {
        return family->name == model_type || std::ranges::count(family->also, model_type) > 0;
    });
    return found == all.end() ? nullptr : *found;
}

const Family* family_of(const ModelConfiguration& model) {
    if (model.cross_attention) {
        return nullptr;
    }
    return family_of(model.is_part ? model.text_type : model.model_type);
}

std::span<const NamedShape> named_shapes() {
    static const std::vector<NamedShape> all = [] {
        std::vector<NamedShape> shapes;
        for (const Family* family : all_families()) {
            shapes.insert(shapes.end(), family->shapes.begin(), family->shapes.end());
        }
        return shapes;
    }();
    return all;
}

const NamedShape* shape_named(std::string_view name) {
    std::string lower(name);
    std::ranges::transform(lower, lower.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const auto shapes = named_shapes();
    const auto found = std::ranges::find_if(shapes, [&](const NamedShape& shape) {
        return !lower.empty() && (shape.name == lower || shape.alias == lower);
    });
    return found == shapes.end() ? nullptr : &*found;
}

std::string configuration_text_of(const NamedShape& shape) {
    const ModelSeries& series = *shape.series;
    formats::Json::Object config{{"architectures", formats::Json::Array{series.architecture}},
                                 {"model_type", series.model_type},
                                 {"torch_dtype", series.stored_type},
                                 {"vocab_size", series.vocabulary},
                                 {"max_position_embeddings", series.max_positions},
                                 {"hidden_size", shape.hidden},
                                 {"num_hidden_layers", shape.blocks},
                                 {"num_attention_heads", shape.heads}};
    const auto set = [&config](formats::Json::Member member) {
        const auto found = std::ranges::find(config, member.first, &formats::Json::Member::first);
        if (found != config.end()) {
            found->second = std::move(member.second);
        } else {
            config.push_back(std::move(member));
        }
    };
    for (auto& field : family_of(series.model_type)->configuration_fields(shape)) {
        set(std::move(field));
    }
    for (const std::string_view more : {series.more, shape.more}) {
        const formats::Json members = formats::Json::parse(fmt::format("{{{}}}", more), shape.name);
        for (const auto& member : members.members()) {
            set(member);
        }
    }
    return formats::Json(std::move(config)).dump() + "\n";
}

}  // namespace alphaprune::model
