# Completion of twofold and twofold-record for fish: the program itself says what fits.
function __twofold_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    for line in ($words[1] --complete $words[2..-1] $current 2>/dev/null)
        switch $line
            case :files
                __fish_complete_path $current
            case :folders
                __fish_complete_directories $current
            case :commands
                complete -C "$current"
            case '*'
                echo $line
        end
    end
end
complete -c twofold -f -a '(__twofold_complete)'
complete -c twofold-record -f -a '(__twofold_complete)'
