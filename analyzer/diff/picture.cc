// What is written here is a complete still picture, as in output/svg.cc, with the same style and
// script. Frames are those of both sides; a frame is coloured if its function's change, own or with
// what it calls, was found to be none of noise, and then its change in this place as well.
#include "analyzer/diff/picture.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>

#include "analyzer/diff/comparability.h"
#include "analyzer/diff/gate.h"
#include "analyzer/diff/report.h"
#include "analyzer/output/drawing.h"
#include "analyzer/output/picture_text.h"
#include "analyzer/text/table.h"
#include "format/base/escape_text.h"
#include "format/base/suggest.h"
#include "format/base/units.h"

namespace twofold {
namespace {

constexpr double kPictureWidth = 1200;  // pixels
constexpr double kLegendWidth = 404;
constexpr double kLeastShare = 0.001;  // narrower frames are not drawn
constexpr double kUnits = 1e9;         // the whole width in data-v

// From a pale to a full colour, full at a change by a factor of two or more.
std::string ColourOfChange(double ratio) {
  double strength = std::clamp(std::abs(std::log(std::max(ratio, 1e-9))) / std::log(2.0), 0.0, 1.0);
  const int pale[2][3] = {{252, 206, 196}, {205, 222, 250}};
  const int full[2][3] = {{226, 62, 44}, {45, 108, 223}};
  int side = ratio >= 1 ? 0 : 1;
  int channels[3];
  for (int i = 0; i < 3; ++i) {
    channels[i] = int(std::lround(pale[side][i] + strength * (full[side][i] - pale[side][i])));
  }
  char text[32];
  snprintf(text, sizeof(text), "#%02x%02x%02x", channels[0] & 255, channels[1] & 255,
           channels[2] & 255);
  return text;
}

constexpr char kGrey[] = "#d9dbe0";

class DiffPicture {
 public:
  DiffPicture(const Diff& diff, const DiffSides& sides, const View& view, PictureWidth width,
              const std::vector<std::string>& notes)
      : diff_(diff),
        sides_(sides),
        view_(view),
        ratio_(sides.per == Per::kRatio ? view.ratio : nullptr),
        width_(width),
        notes_(notes) {}

  std::string Draw() {
    AddUp();
    Arrange();
    for (const StackChange& change : MeasurePlaces(sides_, diff_)) {
      changes_.emplace(change.node, change.change);
    }
    std::string header = Header();
    double top = header_bottom_ + kControlsHeight;
    double height = top + (deepest_ + 1) * kFrameHeight + kDetailsHeight;
    std::string out;
    Append(out,
           "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"twofold-flame\" width=\"%g\" "
           "height=\"%g\" viewBox=\"0 0 %g %g\" data-total=\"%.0f\" data-margin=\"%g\" "
           "data-letter=\"%g\" data-padding=\"%g\" data-controls-y=\"%g\" data-legend-width=\"%g\" "
           "data-least-width=\"%g\" data-compares=\"\" role=\"img\">\n",
           kPictureWidth, height, kPictureWidth, height, kUnits, kMargin, kLetterWidth,
           kTextPadding, header_bottom_ + 4, kLegendWidth, kWidestHeader);
    out += "<title>" + EscapeXml(Title()) + "</title>\n<style>\n" + std::string(kFlameCss) +
           "</style>\n";
    Append(out, "<rect class=\"background\" width=\"%g\" height=\"%g\"/>\n", kPictureWidth, height);
    out += header + Legend(header_bottom_ + 21) + "<g class=\"frames\">\n";
    for (const Placed& placed : frames_) AppendFrame(out, placed, top);
    out += "</g>\n<script><![CDATA[\n" + std::string(kFlameScript) + "]]></script>\n</svg>\n";
    return out;
  }

 private:
  struct Placed {
    uint32_t node;
    double start;  // 0 to 1
    double width;
  };

  // What a node has on a side with what is below it.
  struct Costs {
    std::vector<double> rates;     // by node: per unit of what the side is divided by
    std::vector<double> divisors;  // by node: of the view's ratio
  };

  std::string Title() const { return DescribeCosts(view_, sides_.per) + ": before and after"; }

  static Costs CostsOf(const DiffSide& side, size_t nodes) {
    Costs costs{std::vector<double>(nodes, 0), std::vector<double>(nodes, 0)};
    for (const StackWeight& weight : side.weights) {
      if (side.intervals.sum > 0) costs.rates[weight.node] += weight.weight / side.intervals.sum;
      costs.divisors[weight.node] += weight.divisor;
    }
    return costs;
  }

  // Costs of every node with what is below it, and widths. Of a ratio, a width is what the stack
  // has per divisor of everything: widths add up to the ratio of everything.
  void AddUp() {
    size_t count = sides_.tree.nodes().size();
    before_ = CostsOf(sides_.before, count);
    after_ = CostsOf(sides_.after, count);
    widths_.resize(count);
    for (size_t i = 0; i < count; ++i) {
      widths_[i] = width_ == PictureWidth::kBefore  ? before_.rates[i]
                   : width_ == PictureWidth::kAfter ? after_.rates[i]
                                                    : std::max(before_.rates[i], after_.rates[i]);
    }
    for (size_t i = count; i-- > 1;) {
      uint32_t parent = sides_.tree.nodes()[i].parent;
      for (Costs* costs : {&before_, &after_}) {
        costs->rates[parent] += costs->rates[i];
        costs->divisors[parent] += costs->divisors[i];
      }
      widths_[parent] += widths_[i];
    }
  }

  // The cost that is compared; of a ratio 0 where nothing was counted.
  double CostOf(const Costs& costs, const DiffSide& side, uint32_t node) const {
    if (ratio_ == nullptr) return costs.rates[node];
    double divisor = costs.divisors[node];
    return divisor > 0 ? costs.rates[node] * side.intervals.sum / divisor : 0;
  }

  std::string CostText(double cost) const {
    return ratio_ != nullptr && cost <= 0 ? "none" : FormatCost(cost, view_, sides_.per);
  }

  std::string CostsText(uint32_t node) const {
    return "before " + CostText(CostOf(before_, sides_.before, node)) + ", after " +
           CostText(CostOf(after_, sides_.after, node));
  }

  // "12.3 % of cycles before": of a ratio, which alone does not tell how much the frame matters.
  std::string SharesText(uint32_t node) const {
    std::string quantity(QuantityName(view_.unit));
    return FormatShare(before_.rates[node], before_.rates[0]) + " of all " + quantity +
           " before, " + FormatShare(after_.rates[node], after_.rates[0]) + " after";
  }

  // Where each frame that is wide enough goes: callers before callees, siblings by name.
  void Arrange() {
    const std::vector<StackTree::Node>& nodes = sides_.tree.nodes();
    double whole = widths_[0];
    if (whole <= 0) return;
    std::vector<std::vector<uint32_t>> children(nodes.size());
    for (uint32_t i = 1; i < nodes.size(); ++i) {
      if (widths_[i] < kLeastShare * whole) {
        left_out_ += before_.rates[i] > 0 || after_.rates[i] > 0 ? 1 : 0;
      } else {
        children[nodes[i].parent].push_back(i);
      }
    }
    auto before = [&](uint32_t a, uint32_t b) {
      const DiffName& of_a = sides_.tree.names()[nodes[a].name];
      const DiffName& of_b = sides_.tree.names()[nodes[b].name];
      return of_a.text != of_b.text ? of_a.text < of_b.text : of_a.kind < of_b.kind;
    };
    std::vector<Placed> pending = {{0, 0, 1}};
    while (!pending.empty()) {
      Placed placed = pending.back();
      pending.pop_back();
      frames_.push_back(placed);
      deepest_ = std::max(deepest_, nodes[placed.node].depth);
      std::vector<uint32_t>& below = children[placed.node];
      std::sort(below.begin(), below.end(), before);
      double start = placed.start;
      std::vector<Placed> row;
      for (uint32_t child : below) {
        row.push_back({child, start, widths_[child] / whole});
        start += widths_[child] / whole;
      }
      pending.insert(pending.end(), row.rbegin(), row.rend());
    }
  }

  std::string Facts() const {
    std::string text = DescribeSides(sides_) + ". Widths: ";
    std::string cost = "cost";
    std::string each = " of each stack";
    if (ratio_ != nullptr) {
      cost = QuantityName(view_.unit);
      each += ", per " + std::string(ratio_->one_divisor_name) + " of all";
    }
    text += width_ == PictureWidth::kBefore  ? cost + " before"
            : width_ == PictureWidth::kAfter ? cost + " after"
                                             : "the larger " + cost + each + ", before or after";
    if (ratio_ != nullptr) {
      text += "; " + std::string(ratio_->name) + " of all: " + CostsText(0);
    } else if (widths_[0] > 0) {
      text += "; all: " + FormatCost(widths_[0], view_, sides_.per);
    }
    double shift = std::expm1(diff_.family.shift.Removed());
    if (std::abs(shift) >= 0.0005) {
      text += ". All functions changed by " + FormatChange(shift) + ", which is not coloured";
    }
    if (!diff_.flags) text += ". Nothing is coloured per second or in total";
    if (left_out_ > 0) {
      text += "; " + FormatCount(int64_t(left_out_)) + " frames narrower than 0.1 % are not drawn";
    }
    return text + ".";
  }

  std::string Header() {
    std::string out;
    double y = 27;
    Append(out, "<text class=\"heading\" x=\"%g\" y=\"%g\">", kMargin, y);
    out += EscapeXml(Shorten(Title(), 64)) + "</text>\n";
    y += 4;
    auto append = [&](const char* style, const std::string& text) {
      for (const std::string& line : HeaderLines(text, kWidestHeader)) {
        y += kHeaderLine;
        Append(out, "<text class=\"%s\" x=\"%g\" y=\"%g\">", style, kMargin, y);
        out += EscapeXml(line) + "</text>\n";
      }
    };
    append("facts", Facts());
    for (const std::string& note : notes_) append("note", EscapeText(note));
    header_bottom_ = y + 6;
    return out;
  }

  std::string Legend(double y) const {
    struct Entry {
      const char* label;
      double ratio;  // 0: grey
      double width;
    };
    // What is new or gone has no ratio that could have changed.
    bool is_ratio = ratio_ != nullptr;
    const Entry entries[] = {{is_ratio ? "half" : "half or gone", 0.5, 92},
                             {"\u221210 %", 0.9, 58},
                             {"may be noise", 0, 100},
                             {"+10 %", 1.1, 58},
                             {is_ratio ? "twice" : "twice or new", 2, 90}};
    std::string out = "<g class=\"legend\" transform=\"translate(";
    Append(out, "%g,%g)\">", kPictureWidth - kMargin - kLegendWidth, y);
    double x = 0;
    for (const Entry& entry : entries) {
      std::string colour = entry.ratio > 0 ? ColourOfChange(entry.ratio) : kGrey;
      AppendLegendEntry(out, x, colour, entry.label);
      x += entry.width;
    }
    return out + "</g>\n";
  }

  // The change of a frame in numbers and words, and its colour.
  std::string Describe(uint32_t node, std::string& colour) const {
    double before = CostOf(before_, sides_.before, node);
    double after = CostOf(after_, sides_.after, node);
    std::string costs = CostsText(node);
    if (ratio_ != nullptr) costs = std::string(ratio_->name) + " " + costs;
    colour = kGrey;
    if (node == 0) return costs;
    auto found = changes_.find(node);
    if (found != changes_.end() && found->second.flagged) {
      const Change& change = found->second;
      if (change.standing == Standing::kNew) {
        colour = ColourOfChange(2);
        return costs + ", new";
      }
      if (change.standing == Standing::kGone) {
        colour = ColourOfChange(0.5);
        return costs + ", gone";
      }
      colour = ColourOfChange(1 + change.estimate);
      return costs + ", " + FormatChange(change.estimate) + " (95 %: " + FormatChange(change.low) +
             " to " + FormatChange(change.high) + ")";
    }
    if (before > 0 && after > 0) {
      double change = after / before * std::exp(-diff_.family.shift.Removed()) - 1;
      costs += ", " + FormatChange(change);
    }
    if (found != changes_.end() && found->second.is_tested()) {
      costs += " (95 %: " + FormatChange(found->second.low) + " to " +
               FormatChange(found->second.high) + ")";
    }
    bool may_be_noise = diff_.flags && (ratio_ == nullptr || (before > 0 && after > 0));
    return costs + (may_be_noise ? ", may be noise" : "");
  }

  void AppendFrame(std::string& out, const Placed& placed, double top) const {
    const StackTree::Node& node = sides_.tree.nodes()[placed.node];
    std::string_view name = "all";
    bool special = false;
    if (placed.node != 0) {
      name = sides_.tree.names()[node.name].text;
      special = sides_.tree.names()[node.name].kind == FrameKind::kSpecial;
    }
    double scale = kPictureWidth - 2 * kMargin;
    double x = kMargin + placed.start * scale;
    double width = placed.width * scale;
    double y = top + (deepest_ - node.depth) * kFrameHeight;
    double start = std::round(placed.start * kUnits);
    double end = std::round((placed.start + placed.width) * kUnits);
    std::string colour;
    std::string words = Describe(placed.node, colour);
    if (ratio_ != nullptr && placed.node != 0) words += "; " + SharesText(placed.node);
    Append(out, "<g%s data-s=\"%.0f\" data-v=\"%.0f\" data-d=\"%u\"><title>",
           special ? " class=\"special\"" : "", start, end - start, node.depth);
    out += EscapeXml(name) + "\n" + EscapeXml(words) + "</title>";
    Append(out, "<rect x=\"%.2f\" y=\"%g\" width=\"%.2f\" height=\"%g\" rx=\"2\" fill=\"%s\"/>", x,
           y, width - (width > 2 ? 0.6 : 0), kFrameHeight - 1, colour.c_str());
    Append(out, "<text x=\"%.2f\" y=\"%g\">", x + kTextPadding, y + 12);
    out += EscapeXml(FittedLabel(name, width)) + "</text></g>\n";
  }

  const Diff& diff_;
  const DiffSides& sides_;
  const View& view_;
  const Ratio* ratio_;  // that costs are; null: they are not
  PictureWidth width_;
  const std::vector<std::string>& notes_;
  Costs before_;
  Costs after_;
  std::vector<double> widths_;
  std::vector<Placed> frames_;
  std::map<uint32_t, Change> changes_;  // of frames of flagged functions, by node
  uint32_t deepest_ = 0;
  uint64_t left_out_ = 0;
  double header_bottom_ = 0;
};

}  // namespace

Result<PictureWidth> ParsePictureWidth(std::string_view name) {
  if (name == "before") return PictureWidth::kBefore;
  if (name == "after") return PictureWidth::kAfter;
  if (name == "larger") return PictureWidth::kLarger;
  return Error{"a frame cannot be as wide as '" + std::string(name) + "'", "--width",
               Suggestion(name, {"before", "after", "larger"}), Error::Kind::kUsage};
}

std::string DrawDiff(const Diff& diff, const DiffSides& sides, const View& view, PictureWidth width,
                     const std::vector<std::string>& notes) {
  return DiffPicture(diff, sides, view, width, notes).Draw();
}

}  // namespace twofold
