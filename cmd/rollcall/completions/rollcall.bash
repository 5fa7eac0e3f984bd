# bash completion for rollcall
# Made from the tables of cmd/rollcall: run the unit test test_command_documents with
# ROLLCALL_UPDATE=1 in the environment.
_rollcall() {
    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    local command=${COMP_WORDS[1]-} options=
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "--help --version init validate doctor plan run status report history import export" -- "$word"))
        return
    fi
    case "$command $before" in
    "init --roster") compopt -o default ;;
    "init --key") ;;
    "init --sign-in") COMPREPLY=($(compgen -W "access-key entra" -- "$word")) ;;
    "init --removed") COMPREPLY=($(compgen -W "keep revoke delete" -- "$word")) ;;
    "plan --out") compopt -o default ;;
    "plan --only") ;;
    "plan --limit") ;;
    "run --plan") compopt -o default ;;
    "run --only") ;;
    "run --limit") ;;
    "run --allow") ;;
    "run --log") COMPREPLY=($(compgen -W "text json journald" -- "$word")) ;;
    "run --log-level") COMPREPLY=($(compgen -W "error warning info debug" -- "$word")) ;;
    "report --out") compopt -o default ;;
    "export --format") COMPREPLY=($(compgen -W "csv ndjson" -- "$word")) ;;
    "export --state") COMPREPLY=($(compgen -W "active revoked deleted lost" -- "$word")) ;;
    "export --columns") ;;
    *)
        case $command in
    init) options="--help --roster --key --sign-in --removed" ;;
    validate) options="--help --no-secrets" ;;
    doctor) options="--help --json" ;;
    plan) options="--help --json --exit-code --out --only --limit --reissue-all" ;;
    run) options="--help --plan --yes --dry-run --only --limit --reissue-all --allow --quiet --json --log --log-level" ;;
    status) options="--help --json" ;;
    report) options="--help --out" ;;
    history) options="--help --json" ;;
    import) options="--help" ;;
    export) options="--help --format --state --columns" ;;
        esac
        case $word in
        -*) COMPREPLY=($(compgen -W "$options" -- "$word")) ;;
        *) compopt -o default ;;
        esac
        ;;
    esac
}
complete -F _rollcall rollcall
