// Colours of frames in flame graphs: told by what kind of code a frame is, or by its ratio.
#pragma once

#include <string>
#include <string_view>

#include "analyzer/fold/folded.h"
#include "analyzer/fold/ratio.h"
#include "analyzer/fold/view.h"

namespace twofold {

// "#rrggbb". The same name has the same colour in every picture of the palette, which is not
// Palette::kByRatio.
std::string ColourOfName(std::string_view name, Palette palette, FrameKind kind);

// The middle of the colours that names of that kind have.
std::string ColourOfKind(Palette palette, FrameKind kind);

// How far from the whole picture's ratio a frame's must be to have the full colour: a factor of it.
constexpr double kFullColourFactor = 4;

// From red, a quarter of the whole picture's ratio and less, over white, as much, to blue, four
// times as much and more; grey where the samples are too few to tell.
std::string ColourOfRatio(const RatioSums& sums, const RatioSums& all);

// The colour of a ratio that is `factor` times the whole picture's.
std::string ColourOfFactor(double factor);

// Of what has too few samples.
std::string ColourOfUnknownRatio();

}  // namespace twofold
