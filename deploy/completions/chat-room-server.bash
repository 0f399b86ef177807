# bash completes chat-room-server with this. Made by: UPDATE=1 cargo test --test tidy options

_chat_room_server() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    COMPREPLY=()
    # --option=value is three words here.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    case $prev in
        -l | --listen | --tls-listen | --web-listen | --web-origin | --metrics-listen | --keep-days | --cluster | --node | --max-line | --max-connections | --max-connections-before-login | --max-connections-per-address | --max-connections-per-member | --rate | --burst | --window | --login-timeout | --init)
            return ;;
        --tls-cert | --tls-key | -m | --members | --cluster-credentials | --cluster-ca | --log-file)
            compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- "$cur")
            return ;;
        --history | --backup)
            compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- "$cur")
            return ;;
        --past)
            mapfile -t COMPREPLY < <(compgen -W 'own all' -- "$cur")
            return ;;
        --log-level)
            mapfile -t COMPREPLY < <(compgen -W 'off error warn info debug trace' -- "$cur")
            return ;;
        --log-format)
            mapfile -t COMPREPLY < <(compgen -W 'text json' -- "$cur")
            return ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W '-l --listen --tls-listen --web-listen --web-origin --metrics-listen --tls-cert --tls-key -m --members --history --keep-days --past --cluster --node --cluster-credentials --cluster-ca --cluster-anyway --make-cluster --cluster-found --max-line --max-connections --max-connections-before-login --max-connections-per-address --max-connections-per-member --rate --burst --window --login-timeout --plaintext-anyway --log-file --log-level --log-format --init --check --backup -h --help -V --version' -- "$cur")
} && complete -F _chat_room_server chat-room-server
