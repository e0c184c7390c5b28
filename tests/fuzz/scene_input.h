// Templates as fuzzers write them, taken the way that an item takes: parsed, bound to a row, put on
// a timeline.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "pipeline/scene.h"

namespace rn {

// The input: a template's JSON; after a byte 0x1E the row, "name=value" lines. Variables that the
// row does not give, and constant sources, get a value of their type: files are those of
// tests/fuzz/assets. Every word of a voice takes two milliseconds. Nothing where the input is
// refused, which it has to be with a reason.
std::optional<Scene> SceneOf(const std::uint8_t* data, std::size_t size);

// Frames worth looking at: the first ones, the last one and some between.
std::vector<std::int64_t> SomeFrames(const Scene& scene);

}  // namespace rn
