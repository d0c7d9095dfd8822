// The output "svg": a flame graph in one file. What is written here is a complete still picture;
// the script (flame.js) adds zoom, search and a line of details where a browser runs it.
//
// Everything that comes from a capture is text that went through EscapeText and EscapeXml; style
// and script are the same in every file, and nothing is fetched from anywhere.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include "analyzer/output/colours.h"
#include "analyzer/output/drawing.h"
#include "analyzer/output/flame_tree.h"
#include "analyzer/output/output.h"
#include "analyzer/output/picture_text.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/units.h"

namespace twofold {
namespace {

class Picture {
 public:
  Picture(const Folded& folded, const Presentation& presentation)
      : folded_(folded),
        presentation_(presentation),
        min_value_(double(folded.total) * presentation.min_width_percent / 100),
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
      AppendFrame(out, "all", FrameKind::kRoot, {0, 0, 0, folded_.total, tree_.all}, frames_top);
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

  const Ratio* ratio() const { return presentation_.view->ratio; }

  std::string Value(uint64_t value) const {
    return FormatValue(presentation_.view->unit, value) + InBytes(value);
  }

  // ", 4.8 MiB" where values are pages.
  std::string InBytes(uint64_t value) const {
    auto bytes = folded_.BytesOf(value);
    return bytes ? ", " + FormatBytes(int64_t(*bytes)) : std::string();
  }

  // "CPI 1.23 +- 0.05".
  std::string RatioText(const RatioSums& sums) const {
    return std::string(ratio()->name) + ": " + FormatRatio(sums);
  }

  std::string Facts() const {
    std::string text =
        std::string(presentation_.view->name) +
        " view: " + FormatEstimate(presentation_.view->unit, folded_.total, folded_.Variance()) +
        InBytes(folded_.total) + " in a window of " + FormatDuration(presentation_.window_ns);
    if (ratio() != nullptr) text += "; " + RatioText(tree_.all);
    if (tree_.frames_left_out > 0) {
      char percent[32];
      snprintf(percent, sizeof(percent), "%g", presentation_.min_width_percent);
      text += "; " + FormatCount(int64_t(tree_.frames_left_out)) +
              (tree_.frames_left_out == 1 ? " frame" : " frames") + " narrower than " + percent +
              " % (" + Value(uint64_t(min_value_)) + ") not drawn";
    }
    return text;
  }

  // Title, facts and notes, line by line; sets header_bottom_.
  std::string Header() {
    std::string out;
    double text_width = std::min(width_, kWidestHeader) - 2 * kMargin;
    double y = 27;
    size_t title_letters = size_t(text_width / 10.5);
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
    for (const std::string& fact : presentation_.facts) append_lines("facts", EscapeText(fact));
    append_lines("facts", Facts());
    for (const std::string& note : presentation_.notes) append_lines("note", EscapeText(note));
    header_bottom_ = y + 6;
    return out;
  }

  struct LegendEntry {
    std::string label;
    std::string colour;
    double width;
  };

  std::vector<LegendEntry> LegendEntries() const {
    if (ratio() != nullptr) return RatioEntries();
    Palette palette = presentation_.view->palette;
    auto entry = [&](const char* label, FrameKind kind, double width) {
      return LegendEntry{label, ColourOfKind(palette, kind), width};
    };
    bool has_facts = !presentation_.view->leading_frames.empty();
    std::vector<LegendEntry> entries = {entry("process or thread", FrameKind::kRoot, 132),
                                        has_facts ? entry("connection", FrameKind::kFact, 90)
                                                  : entry("user code", FrameKind::kUser, 84),
                                        entry("kernel", FrameKind::kKernel, 56)};
    StackShape shape = presentation_.view->shape;
    if (shape == StackShape::kSleeperAndWaker || shape == StackShape::kSleeperAndChain) {
      entries.back().width = 66;
      entries.push_back(entry("its waker", FrameKind::kWaker, 70));
    }
    return entries;
  }

  // "CPI <= 0.25", "1.00", ">= 4.00" where the whole picture's is 1.
  std::vector<LegendEntry> RatioEntries() const {
    std::vector<LegendEntry> entries;
    if (tree_.all.has_ratio()) {
      auto entry = [&](const char* format, double factor, double width) {
        char label[64];
        snprintf(label, sizeof(label), format, std::string(ratio()->name).c_str(),
                 tree_.all.ratio() * factor);
        entries.push_back({label, ColourOfFactor(factor), width});
      };
      entry("%s &lt;= %.2f", 1 / kFullColourFactor, 96);
      entry("%s %.2f, as all", 1, 112);
      entry("%s &gt;= %.2f", kFullColourFactor, 96);
    }
    entries.push_back({"too few samples", ColourOfUnknownRatio(), 108});
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
      AppendLegendEntry(out, x, entry.colour, entry.label.c_str());
      x += entry.width;
    }
    return out + "</g>\n";
  }

  std::string Colour(std::string_view name, FrameKind kind, const FlameFrame& frame) const {
    if (ratio() != nullptr) return ColourOfRatio(frame.sums, tree_.all);
    return ColourOfName(name, presentation_.view->palette, kind);
  }

  void AppendFrame(std::string& out, std::string_view name, FrameKind kind, const FlameFrame& frame,
                   double frames_top) const {
    double scale = (width_ - 2 * kMargin) / double(folded_.total);
    double x = kMargin + double(frame.start) * scale;
    double width = double(frame.value) * scale;
    uint32_t row = presentation_.root_on_top ? frame.depth : tree_.deepest - frame.depth;
    double y = frames_top + row * kFrameHeight;
    Append(out, "<g%s data-s=\"%llu\" data-v=\"%llu\" data-d=\"%u\"><title>",
           kind == FrameKind::kSpecial ? " class=\"special\"" : "",
           static_cast<unsigned long long>(frame.start),
           static_cast<unsigned long long>(frame.value), frame.depth);
    out +=
        EscapeXml(name) + "\n" +
        (ratio() != nullptr ? RatioText(frame.sums) + "; " : std::string()) + Value(frame.value) +
        ", " + EscapeXml(FormatShare(double(frame.value), double(folded_.total))) +
        (kind == FrameKind::kWaker ? "\nof the waker; what called it comes next" : "") + "</title>";
    // A gap of a fraction of a pixel keeps neighbours apart.
    double gap = width > 2 ? 0.6 : 0;
    Append(out, "<rect x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%g\" rx=\"2\" fill=\"%s\"/>", x,
           y, width - gap, kFrameHeight - 1, Colour(name, kind, frame).c_str());
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
