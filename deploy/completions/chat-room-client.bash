# bash completes chat-room-client with this. Made by: UPDATE=1 cargo test --test tidy options

_chat_room_client() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # --option=value is three words here.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
        --server | --join | --device | --since)
            return ;;
        --ca | --password-file)
            compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --bell)
            mapfile -t COMPREPLY < <(compgen -W 'off mention all' -- "$cur")
            return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W '--server --tls --ca --join --forget --device --password-file --bell --since --follow --json -h --help -V --version send tail' -- "$cur")
} && complete -F _chat_room_client chat-room-client
