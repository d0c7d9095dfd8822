#include "analyzer/output/colours.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

namespace twofold {
namespace {

// Hue, saturation and lightness, each as a range that names spread over.
struct ColourRange {
  double hue, hue_spread;
  double saturation;
  double lightness, lightness_spread;
};

// Of memory and of the network: user code, the kernel, first frames and facts.
ColourRange ColoursOfGreen(FrameKind kind) {
  switch (kind) {
    case FrameKind::kUser:
      return {96, 26, 0.46, 0.66, 0.08};
    case FrameKind::kKernel:
      return {168, 14, 0.44, 0.66, 0.08};
    case FrameKind::kRoot:
      return {110, 12, 0.20, 0.80, 0.04};
    default:
      return {220, 0, 0.04, 0.80, 0.03};
  }
}

ColourRange ColoursOfViolet(FrameKind kind) {
  switch (kind) {
    case FrameKind::kUser:
    case FrameKind::kFact:
      return {304, 20, 0.46, 0.74, 0.07};
    case FrameKind::kKernel:
      return {256, 18, 0.50, 0.76, 0.06};
    case FrameKind::kRoot:
      return {290, 12, 0.20, 0.82, 0.04};
    default:
      return {220, 0, 0.04, 0.80, 0.03};
  }
}

ColourRange ColoursOf(Palette palette, FrameKind kind) {
  if (palette == Palette::kGreen) return ColoursOfGreen(kind);
  if (palette == Palette::kViolet) return ColoursOfViolet(kind);
  bool warm = palette == Palette::kWarm;
  switch (kind) {
    case FrameKind::kUser:
      return warm ? ColourRange{6, 14, 0.80, 0.70, 0.08} : ColourRange{205, 14, 0.66, 0.70, 0.08};
    case FrameKind::kKernel:
      return warm ? ColourRange{38, 9, 0.88, 0.62, 0.08} : ColourRange{252, 16, 0.52, 0.74, 0.07};
    case FrameKind::kRoot:
      return warm ? ColourRange{24, 8, 0.30, 0.80, 0.04} : ColourRange{215, 10, 0.25, 0.80, 0.04};
    case FrameKind::kWaker:
      return warm ? ColourRange{168, 12, 0.38, 0.70, 0.08} : ColourRange{40, 12, 0.62, 0.72, 0.08};
    case FrameKind::kSeparator:
      return {220, 0, 0.06, 0.66, 0};
    case FrameKind::kFact:
    case FrameKind::kSpecial:
      break;
  }
  return {220, 0, 0.04, 0.80, 0.03};
}

std::string HexColour(double hue, double saturation, double lightness) {
  auto channel = [&](double n) {
    double k = std::fmod(n + hue / 30, 12);
    double a = saturation * std::min(lightness, 1 - lightness);
    double value = lightness - a * std::max(-1.0, std::min({k - 3, 9 - k, 1.0}));
    return int(std::lround(255 * std::clamp(value, 0.0, 1.0)));
  };
  char text[8];
  snprintf(text, sizeof(text), "#%02x%02x%02x", channel(0) & 255, channel(8) & 255,
           channel(4) & 255);
  return text;
}

}  // namespace

std::string ColourOfName(std::string_view name, Palette palette, FrameKind kind) {
  ColourRange range = ColoursOf(palette, kind);
  uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ uint8_t(c)) * 16777619u;
  hash ^= hash >> 15;
  double first = (hash & 0xff) / 255.0;
  double second = (hash >> 8 & 0xff) / 255.0;
  return HexColour(range.hue + range.hue_spread * first, range.saturation,
                   range.lightness + range.lightness_spread * second);
}

std::string ColourOfKind(Palette palette, FrameKind kind) {
  ColourRange range = ColoursOf(palette, kind);
  return HexColour(range.hue + range.hue_spread / 2, range.saturation,
                   range.lightness + range.lightness_spread / 2);
}

std::string ColourOfFactor(double factor) {
  double strength = std::clamp(std::log(factor) / std::log(kFullColourFactor), -1.0, 1.0);
  double hue = strength < 0 ? 8 : 212;
  return HexColour(hue, 0.80 * std::fabs(strength), 0.945 - 0.35 * std::fabs(strength));
}

std::string ColourOfUnknownRatio() { return HexColour(220, 0.04, 0.82); }

std::string ColourOfRatio(const RatioSums& sums, const RatioSums& all) {
  if (!sums.is_known() || !all.has_ratio()) return ColourOfUnknownRatio();
  return ColourOfFactor(sums.ratio() / all.ratio());
}

}  // namespace twofold
