// The output "svg": a flame graph in one file. What is written here is a complete still picture;
// the script (flame.js) adds zoom, search and a line of details where a browser runs it.
//
// Everything that comes from a capture is text that went through EscapeText and EscapeXml; style
// and script are the same in every file, and nothing is fetched from anywhere.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzer/output/drawing.h"
#include "analyzer/output/flame_tree.h"
#include "analyzer/output/output.h"
#include "analyzer/output/picture_text.h"
#include "analyzer/text/escape.h"
#include "analyzer/text/table.h"
#include "analyzer/text/units.h"

namespace twofold {
namespace {

// Hue, saturation and lightness, each as a range that names spread over.
struct ColourRange {
  double hue, hue_spread;
  double saturation;
  double lightness, lightness_spread;
};

ColourRange ColoursOf(Palette palette, FrameKind kind) {
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
    return static_cast<int>(std::lround(255 * std::clamp(value, 0.0, 1.0)));
  };
  char text[8];
  snprintf(text, sizeof(text), "#%02x%02x%02x", channel(0) & 255, channel(8) & 255,
           channel(4) & 255);
  return text;
}

// The same name has the same colour in every picture.
std::string ColourOf(std::string_view name, const ColourRange& range) {
  uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
  hash ^= hash >> 15;
  double first = (hash & 0xff) / 255.0;
  double second = (hash >> 8 & 0xff) / 255.0;
  return HexColour(range.hue + range.hue_spread * first, range.saturation,
                   range.lightness + range.lightness_spread * second);
}

class Picture {
 public:
  Picture(const Folded& folded, const Presentation& presentation)
      : folded_(folded),
        presentation_(presentation),
        min_value_(static_cast<double>(folded.total) * presentation.min_width_percent / 100),
        tree_(BuildFlameTree(folded, min_value_)),
        width_(presentation.width_px) {}

  std::string Draw() {
    std::string header = Header();
    double frames_top = header_bottom_ + kControlsHeight;
    uint32_t rows = folded_.total > 0 ? tree_.deepest + 1 : 0;
    double height = frames_top + rows * kFrameHeight + kDetailsHeight;
    std::string title = EscapeXml(Title());
    std::string out;
    Append(out,
           "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"twofold-flame\" width=\"%g\" "
           "height=\"%g\" viewBox=\"0 0 %g %g\" data-total=\"%llu\" data-margin=\"%g\" "
           "data-letter=\"%g\" data-padding=\"%g\" data-controls-y=\"%g\" "
           "data-legend-width=\"%g\" data-least-width=\"%g\" role=\"img\">\n",
           width_, height, width_, height, static_cast<unsigned long long>(folded_.total), kMargin,
           kLetterWidth, kTextPadding, header_bottom_ + 4, LegendWidth(),
           std::min(width_, kWidestHeader));
    out += "<title>" + title + "</title>\n<style>\n" + std::string(kFlameCss) + "</style>\n";
    Append(out, "<rect class=\"background\" width=\"%g\" height=\"%g\"/>\n", width_, height);
    out += header + Legend(header_bottom_ + 21);
    out += "<g class=\"frames\">\n";
    if (folded_.total > 0) {
      AppendFrame(out, "all", FrameKind::kRoot, {0, 0, 0, folded_.total}, frames_top);
      for (const FlameFrame& frame : tree_.frames) {
        AppendFrame(out, folded_.Text(frame.name), folded_.names[frame.name].kind, frame,
                    frames_top);
      }
    }
    out += "</g>\n<script><![CDATA[\n" + std::string(kFlameScript) + "]]></script>\n</svg>\n";
    return out;
  }

 private:
  std::string Title() const {
    if (!presentation_.title.empty()) return EscapeText(presentation_.title);
    return std::string(presentation_.view->title);
  }

  std::string Facts() const {
    std::string text = std::string(presentation_.view->name) +
                       " view: " + FormatDuration(static_cast<int64_t>(folded_.total)) +
                       " in a window of " + FormatDuration(presentation_.window_ns);
    if (tree_.frames_left_out > 0) {
      char percent[32];
      snprintf(percent, sizeof(percent), "%g", presentation_.min_width_percent);
      text += "; " + FormatCount(static_cast<int64_t>(tree_.frames_left_out)) +
              (tree_.frames_left_out == 1 ? " frame" : " frames") + " narrower than " + percent +
              " % (" + FormatDuration(static_cast<int64_t>(min_value_)) + ") not drawn";
    }
    return text;
  }

  // Title, facts and notes, line by line; sets header_bottom_.
  std::string Header() {
    std::string out;
    double text_width = std::min(width_, kWidestHeader) - 2 * kMargin;
    double y = 27;
    size_t title_letters = static_cast<size_t>(text_width / 10.5);
    Append(out, "<text class=\"heading\" x=\"%g\" y=\"%g\">", kMargin, y);
    out += EscapeXml(Shorten(Title(), title_letters)) + "</text>\n";
    y += 4;
    auto append_lines = [&](const char* style, const std::string& text) {
      for (const std::string& line : HeaderLines(text, text_width)) {
        y += kHeaderLine;
        Append(out, "<text class=\"%s\" x=\"%g\" y=\"%g\">", style, kMargin, y);
        out += EscapeXml(line) + "</text>\n";
      }
    };
    append_lines("facts", Facts());
    for (const std::string& note : presentation_.notes) append_lines("note", EscapeText(note));
    header_bottom_ = y + 6;
    return out;
  }

  struct LegendEntry {
    const char* label;
    FrameKind kind;
    double width;
  };

  std::vector<LegendEntry> LegendEntries() const {
    std::vector<LegendEntry> entries = {{"process or thread", FrameKind::kRoot, 132},
                                        {"user code", FrameKind::kUser, 84},
                                        {"kernel", FrameKind::kKernel, 56}};
    StackShape shape = presentation_.view->shape;
    if (shape == StackShape::kSleeperAndWaker || shape == StackShape::kSleeperAndChain) {
      entries.back().width = 66;
      entries.push_back({"its waker", FrameKind::kWaker, 70});
    }
    return entries;
  }

  double LegendWidth() const {
    double width = 0;
    for (const LegendEntry& entry : LegendEntries()) width += entry.width;
    return width;
  }

  // What the colours mean, at the right end of the row that the controls use.
  std::string Legend(double y) const {
    if (width_ < 640) return "";
    std::string out = "<g class=\"legend\" transform=\"translate(";
    Append(out, "%g,%g)\">", width_ - kMargin - LegendWidth(), y);
    double x = 0;
    for (const LegendEntry& entry : LegendEntries()) {
      ColourRange range = ColoursOf(presentation_.view->palette, entry.kind);
      std::string colour = HexColour(range.hue + range.hue_spread / 2, range.saturation,
                                     range.lightness + range.lightness_spread / 2);
      AppendLegendEntry(out, x, colour, entry.label);
      x += entry.width;
    }
    return out + "</g>\n";
  }

  void AppendFrame(std::string& out, std::string_view name, FrameKind kind, const FlameFrame& frame,
                   double frames_top) const {
    double scale = (width_ - 2 * kMargin) / static_cast<double>(folded_.total);
    double x = kMargin + static_cast<double>(frame.start) * scale;
    double width = static_cast<double>(frame.value) * scale;
    uint32_t row = presentation_.root_on_top ? frame.depth : tree_.deepest - frame.depth;
    double y = frames_top + row * kFrameHeight;
    Append(out, "<g%s data-s=\"%llu\" data-v=\"%llu\" data-d=\"%u\"><title>",
           kind == FrameKind::kSpecial ? " class=\"special\"" : "",
           static_cast<unsigned long long>(frame.start),
           static_cast<unsigned long long>(frame.value), frame.depth);
    out += EscapeXml(name) + "\n" + FormatDuration(static_cast<int64_t>(frame.value)) + ", " +
           EscapeXml(
               FormatShare(static_cast<double>(frame.value), static_cast<double>(folded_.total))) +
           (kind == FrameKind::kWaker ? "\nof the waker; what called it comes next" : "") +
           "</title>";
    // A gap of a fraction of a pixel keeps neighbours apart.
    double gap = width > 2 ? 0.6 : 0;
    Append(out, "<rect x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%g\" rx=\"2\" fill=\"%s\"/>", x,
           y, width - gap, kFrameHeight - 1,
           ColourOf(name, ColoursOf(presentation_.view->palette, kind)).c_str());
    std::string label = FittedLabel(name, width);
    Append(out, "<text x=\"%.2f\" y=\"%g\">", x + kTextPadding, y + 12);
    out += EscapeXml(label) + "</text></g>\n";
  }

  const Folded& folded_;
  const Presentation& presentation_;
  double min_value_;
  FlameTree tree_;
  double width_;
  double header_bottom_ = 0;
};

}  // namespace

Result<void> WriteSvg(const Folded& folded, const Presentation& presentation, ByteSink& sink) {
  std::string text = Picture(folded, presentation).Draw();
  return sink.Append(std::span(reinterpret_cast<const uint8_t*>(text.data()), text.size()));
}

}  // namespace twofold
