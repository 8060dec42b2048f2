import type { Argument, Command, Option } from 'commander'

/** Scripts that ask this command what could follow. */
export const completionScripts = {
  bash: `_vitrine() {
  local IFS=$'\\n'
  COMPREPLY=($(vitrine __complete "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
  [ \${#COMPREPLY[@]} -gt 0 ] || compopt -o default
}
complete -F _vitrine vitrine
`,
  zsh: `#compdef vitrine
_vitrine() {
  local -a found
  found=("\${(@f)$(vitrine __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _vitrine vitrine
`,
  fish: `function __vitrine_complete
  set -l words (commandline -opc) (commandline -ct)
  vitrine __complete $words[2..] 2>/dev/null
end
complete -c vitrine -a '(__vitrine_complete)'
`,
} as const
export type Shell = keyof typeof completionScripts

const takesValue = (option: Option | undefined): option is Option =>
  option?.required === true || option?.optional === true

const optionNamed = (commands: readonly Command[], word: string): Option | undefined =>
  commands.flatMap((command) => command.options).find((option) => option.short === word || option.long === word)

const visibleCommands = (command: Command): string[] =>
  command
    .createHelp()
    .visibleCommands(command)
    .map((each) => each.name())

/**
 * Words that could stand in the last place.
 * @param words of the command line without its first one; the last may be unfinished or empty
 */
export const completions = (program: Command, words: readonly string[]): string[] => {
  const unfinished = words.at(-1) ?? ''
  let commands = [program]
  let pending: Option | undefined
  let place = 0
  for (const word of words.slice(0, -1)) {
    const current = commands.at(-1) ?? program
    const sub = current.commands.find((command) => command.name() === word || command.aliases().includes(word))
    if (pending !== undefined) pending = undefined
    else if (word.startsWith('-')) {
      const option = optionNamed(commands, word)
      pending = takesValue(option) ? option : undefined
    } else if (sub !== undefined) commands = [...commands, sub]
    else place++
  }
  const current = commands.at(-1) ?? program
  const argument: Argument | undefined = current.registeredArguments[place]
  const candidates =
    pending !== undefined
      ? (pending.argChoices ?? [])
      : unfinished.startsWith('-')
        ? commands.flatMap((command) =>
            command.options.filter(({ hidden }) => !hidden).flatMap(({ long }) => long ?? []),
          )
        : [...visibleCommands(current), ...(argument?.argChoices ?? [])]
  return [...new Set(candidates)].filter((candidate) => candidate.startsWith(unfinished)).sort()
}
