export const shells = ['bash', 'zsh', 'fish'] as const
export type CompletionShell = (typeof shells)[number]

const scripts: Readonly<Record<CompletionShell, readonly string[]>> = {
  bash: [
    '# eval "$(landfall completion bash)"',
    '_landfall() {',
    '  local line',
    '  COMPREPLY=()',
    '  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(',
    '    landfall --complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2> /dev/null',
    '  )',
    '}',
    'complete -F _landfall landfall',
  ],
  zsh: [
    '# eval "$(landfall completion zsh)", after compinit',
    '_landfall() {',
    '  local -a found',
    '  found=("${(@f)$(landfall --complete "${(@)words[2,CURRENT]}" 2> /dev/null)}")',
    '  compadd -- $found',
    '}',
    'compdef _landfall landfall',
  ],
  fish: [
    '# landfall completion fish | source',
    "complete -c landfall -f -a '(landfall --complete (commandline -opc)[2..] (commandline -ct) 2> /dev/null)'",
  ],
}

/** What a shell evaluates: it asks this command for each completion. */
export const renderCompletion = (shell: CompletionShell): readonly string[] => scripts[shell]
