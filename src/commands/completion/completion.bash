# bash completion for kubectl-xaccount. In ~/.bashrc: source <(kubectl-xaccount completion bash)

_kubectl_xaccount() {
    # bash cuts words at = and :, which stand inside our values (FROM=TO, role ARNs). What has no blank between is one
    # word again, as far as the cursor.
    local line=${COMP_LINE:0:COMP_POINT} words=() token blank i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        blank=${line%%[![:space:]]*}
        line=${line#"$blank"}
        token=${COMP_WORDS[i]}
        if ((i == COMP_CWORD)); then token=$line; fi
        line=${line#"$token"}
        if ((i == 0)) || [[ -n $blank ]]; then
            words+=("$token")
        else
            words[${#words[@]}-1]+=$token
        fi
    done
    # readline replaces $2 only: what stands before it in the word is not repeated.
    local current=${words[${#words[@]}-1]}
    local kept=${current%"$2"} quoted=${current%%[!\'\"]*} value directive=0
    kept=${kept//[\'\"\\]/}
    words=("${words[@]//[\'\"\\]/}")

    COMPREPLY=()
    while IFS=$'\t' read -r value _; do
        if [[ $value =~ ^:[0-9]+$ ]]; then
            directive=${value#:}
            continue
        fi
        value=${value#"$kept"}
        if [[ -z $quoted && $value == *[![:alnum:]_./,=:@%+~-]* ]]; then printf -v value %q "$value"; fi
        COMPREPLY+=("$value")
    done < <(kubectl-xaccount __complete "${words[@]:1}" 2>/dev/null)
    # A directory or KEY= goes on. bash 3.2 has no compopt.
    if ((directive & 2)); then compopt -o nospace 2>/dev/null; fi
    return 0
}

complete -o nosort -F _kubectl_xaccount kubectl-xaccount 2>/dev/null || complete -F _kubectl_xaccount kubectl-xaccount
