# Completion of twofold and twofold-record for bash: the program itself says what fits.
_twofold() {
  local current=${COMP_WORDS[COMP_CWORD]} i line
  local -a words=()
  COMPREPLY=()
  # bash makes three words of --view=cpu; they mean the same as --view cpu.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    if [ "${COMP_WORDS[i]}" != "=" ]; then words+=("${COMP_WORDS[i]}"); fi
  done
  if [ "$current" = "=" ]; then words+=(""); fi
  while IFS= read -r line; do
    case $line in
      # Without an answer of ours bash offers files itself, with its care for quotes and blanks.
      :files) compopt -o default ;;
      :folders) compopt -o dirnames ;;
      :commands) while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -c -- "$current") ;;
      *) COMPREPLY+=("${line%%$'\t'*}") ;;
    esac
  done < <("${1/#\~/$HOME}" --complete "${words[@]}" 2> /dev/null)
}
complete -F _twofold twofold twofold-record
