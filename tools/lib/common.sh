# Sourced by the scripts in tools/: where the repository is, how to speak, how to become root.
# shellcheck shell=bash disable=SC2034

root_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build_dir=$root_dir/build

# Words go to stderr, so that stdout stays free for results.
say() { printf '%s\n' "$*" >&2; }

die() {
  say "$(basename "$0"): $*"
  exit 1
}

# For a command line that is wrong.
die_usage() {
  say "$(basename "$0"): $* (see $(basename "$0") --help)"
  exit 2
}

# Prints the comment at the top of a script, without its first line ("#!...").
print_help() {
  awk 'NR > 1 { if (!/^#/) exit; sub(/^# ?/, ""); print }' "$1"
}

# Sets as_root to the words that run a command as root; fails with a sentence when there are none.
# Argument: what root is needed for.
find_root() {
  as_root=()
  if [ "$(id -u)" -eq 0 ]; then return 0; fi
  if ! command -v sudo > /dev/null; then
    say "$1 needs root, and there is no sudo: run this as root."
    return 1
  fi
  as_root=(sudo)
  if [ ! -t 0 ] && ! sudo -n true 2> /dev/null; then
    say "$1 needs root, and sudo would ask for a password that nobody can type here: run this as root, or on a terminal."
    return 1
  fi
}
