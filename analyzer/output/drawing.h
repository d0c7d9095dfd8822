// What pictures share: lengths, and text that fits into them. output/svg.cc draws one side,
// diff/picture.cc two; style and script (flame.css, flame.js) are the same for both.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace twofold {

// Lengths in pixels. flame.js reads those that it needs from the attributes of the svg element.
constexpr double kMargin = 10;
constexpr double kFrameHeight = 17;
constexpr double kLetterWidth = 6.95;  // of the frames' font
constexpr double kTextPadding = 3;
constexpr double kHeaderLine = 17;
constexpr double kControlsHeight = 36;
constexpr double kDetailsHeight = 28;
constexpr double kWidestHeader = 700;  // so that the header also fits where the window is narrower

// As printf; at most 511 bytes.
__attribute__((format(printf, 2, 3))) void Append(std::string& out, const char* format, ...);

// A text of a whole frame's width, or as much of it as fits; empty where nothing readable does.
std::string FittedLabel(std::string_view text, double width_px);

// Lines of the header, none wider than that.
std::vector<std::string> HeaderLines(const std::string& text, double width_px);

// One entry of a legend: a square of that colour and a label; `x`: where it begins.
void AppendLegendEntry(std::string& out, double x, const std::string& colour, const char* label);

}  // namespace twofold
