#compdef twofold twofold-record
# Completion of twofold and twofold-record for zsh: the program itself says what fits.
_twofold() {
  local line
  local -a described
  for line in "${(@f)$(${(Q)~words[1]} --complete "${(Q@)words[2,CURRENT]}" 2> /dev/null)}"; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      :commands) _command_names -e ;;
      ?*) described+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}") ;;
    esac
  done
  if (( $#described )); then _describe 'word' described; fi
}
_twofold "$@"
