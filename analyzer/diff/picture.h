// A diff as a flame graph: red costs more, blue costs less, grey may be noise.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "analyzer/diff/diff.h"

namespace twofold {

// What a stack is as wide as. Widths of callers are the sums of their stacks'.
enum class PictureWidth : uint8_t { kBefore, kAfter, kLarger };

// Error: the name is unknown; suggests one.
Result<PictureWidth> ParsePictureWidth(std::string_view name);

// An SVG file. `notes` are sentences, not yet escaped.
std::string DrawDiff(const Diff& diff, const DiffSides& sides, const View& view, PictureWidth width,
                     const std::vector<std::string>& notes);

}  // namespace twofold
