# backpropd.bash - completion for bash: commands, and the options of --help

_backpropd() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local choices

    COMPREPLY=()
    case $before in
    key) choices="create list revoke" ;;
    --scope) choices="predict train admin" ;;
    --log-level) choices="error warn info debug" ;;
    --database | --keys | --config)
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
        ;;
    *)
        choices=$("${COMP_WORDS[0]}" --help 2>/dev/null |
            sed -n 's/^  \(--[a-z-]*\).*/\1/p')
        [ "$COMP_CWORD" -gt 1 ] || choices="$choices key health watch"
        [ "${COMP_WORDS[1]}" != key ] || choices="$choices --name --scope"
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$choices" -- "$word")
}
complete -F _backpropd backpropd
