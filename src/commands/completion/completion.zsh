#compdef kubectl-xaccount
# zsh completion for kubectl-xaccount. In ~/.zshrc behind compinit: source <(kubectl-xaccount completion zsh)

_kubectl-xaccount() {
    local -a whole open
    local line value help typed=${(Q)words[CURRENT]}
    # A quote that is still open stays; zsh closes it.
    typed=${typed#[\'\"]}
    for line in "${(@f)$(kubectl-xaccount __complete "${(@Q)words[2,CURRENT-1]}" "$typed" 2>/dev/null)}"; do
        # The last line is for kubectl.
        [[ $line == :<-> ]] && continue
        value=${line%%$'\t'*}
        help=${line#"$value"}
        # A colon ends the value.
        value=${${value//\\/\\\\}//:/\\:}
        # A directory or KEY= goes on.
        if [[ $value == *[/=] ]]; then
            open+=("$value${help/$'\t'/:}")
        else
            whole+=("$value${help/$'\t'/:}")
        fi
    done
    ((${#whole})) && _describe -V values whole
    ((${#open})) && _describe -V values open -S ''
}

# As a file _kubectl-xaccount in fpath, this is read by the first call, which has to complete, too.
if [[ ${funcstack[1]} == _kubectl-xaccount ]]; then
    _kubectl-xaccount "$@"
else
    compdef _kubectl-xaccount kubectl-xaccount
fi
