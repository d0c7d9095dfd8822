// twofold flame: any view as a flame graph.
#include <cmath>

#include "analyzer/commands/folding.h"

namespace twofold {
namespace {

void AddOptions(OptionSet& options) {
  AddFoldingOptions(options);
  options.Value("title", "TEXT", "title of the picture (default: the view's)");
  options.Value("width", "PIXELS", "width of the picture, 300 to 10000 (default: 1200)");
  options.Value("min-width", "PERCENT",
                "leave out frames with less than this share of the total (default: 0.1)");
  options.Flag("icicle", "first frame on top, callees below");
}

Result<ExitStatus> Run(const Arguments& arguments) {
  Presentation presentation;
  presentation.title = arguments.Get("title");
  presentation.root_on_top = arguments.Has("icicle");
  TWOFOLD_ASSIGN_OR_RETURN(double width_px, arguments.Number("width", 1200, 300, 10000));
  presentation.width_px = uint32_t(std::lround(width_px));
  TWOFOLD_ASSIGN_OR_RETURN(double min_width, arguments.Number("min-width", 0.1, 0, 100));
  presentation.min_width_percent = min_width;
  return RunFolding(arguments, GetOutputFormat("svg"), std::move(presentation));
}

}  // namespace

const Command kFlameCommand = {
    "flame",
    "a view as a flame graph (SVG) that zooms and searches in a browser",
    "[--view VIEW] [OPTIONS] CAPTURE",
    "Draws a flame graph into one SVG file that needs nothing else: open it in a browser, click "
    "on a frame to zoom, press / to search. Widths are time; a frame's callers are below it. "
    "CAPTURE may be a database made by 'twofold load', or - for standard input.",
    "twofold flame -o cpu.svg host.twofold\n"
    "twofold flame --view offcpu --comm tar --title 'tar' -o tar.svg host.twofold\n"
    "twofold flame --view offcpu --icicle --width 800 host.twofold > offcpu.svg",
    AddOptions,
    Run,
};

}  // namespace twofold
