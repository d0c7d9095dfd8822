// twofold fold: any view as folded lines.
#include "analyzer/commands/folding.h"

namespace twofold {
namespace {

Result<ExitStatus> Run(const Arguments& arguments) {
  return RunFolding(arguments, GetOutputFormat("folded"), {});
}

}  // namespace

const Command kFoldCommand = {
    "fold",
    "a view as folded stacks, one line each, for flame graph scripts",
    "[--view VIEW] [OPTIONS] CAPTURE",
    "Prints one line per stack: frames from the outermost caller to the innermost, with ';' "
    "between them, and microseconds. Lines add up to the view's total. In names, ';' is written "
    "\\x3b, a backslash \\\\, control characters \\xHH and invisible characters \\u{HHHH}. CAPTURE "
    "may be a database made by 'twofold load', or - for standard input.",
    "twofold fold host.twofold\n"
    "twofold fold --view offcpu --comm 'tar*' -o tar.folded host.twofold\n"
    "twofold fold --view offcpu --state D --root thread --from 2 host.twofold",
    AddFoldingOptions,
    Run,
};

}  // namespace twofold
