export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script for a shell. Each asks `hull __complete WORDS…` (see `complete.ts`) and falls back to file names where told. */
export function completionScript(shell: Shell): string {
  return SCRIPTS[shell];
}

/**
 * bash splits words at `:` and `=` (COMP_WORDBREAKS), which image names contain: the line is split at white space instead and
 * what bash has taken away already is cut off the answers.
 */
const BASH = String.raw`# bash completion for hull; load it with: source <(hull completion bash)
_hull() {
  local line words word reply prefix
  line=${'$'}{COMP_LINE:0:COMP_POINT}
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  word=${'$'}{words[${'$'}{#words[@]}-1]}
  mapfile -t reply < <("${'$'}{words[0]}" __complete "${'$'}{words[@]:1}" 2>/dev/null)
  if [[ ${'$'}{reply[0]} == :files ]]; then
    compopt -o filenames
    mapfile -t COMPREPLY < <(compgen -f -- "${'$'}{word##*=}")
    return
  fi
  prefix=${'$'}{word%"${'$'}{word##*[:=]}"}
  COMPREPLY=("${'$'}{reply[@]#"$prefix"}")
  [[ ${'$'}{#COMPREPLY[@]} == 1 && ${'$'}{COMPREPLY[0]} == *= ]] && compopt -o nospace
}
complete -F _hull hull
`;

const ZSH = String.raw`#compdef hull
# zsh completion for hull; load it with: source <(hull completion zsh)
_hull() {
  local -a reply
  reply=("${'$'}{(@f)$("${'$'}{words[1]}" __complete "${'$'}{(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ ${'$'}{reply[1]} == :files ]]; then
    _files
  elif [[ -n ${'$'}{reply[1]} ]]; then
    compadd -Q -- "${'$'}{reply[@]}"
  fi
}
if [[ $funcstack[1] == _hull ]]; then
  _hull "$@"
else
  compdef _hull hull
fi
`;

const FISH = String.raw`# fish completion for hull; load it with: hull completion fish | source
function __hull_complete
  set -l words (commandline -opc) (commandline -ct)
  set -l reply ($words[1] __complete $words[2..-1] 2>/dev/null)
  if test "$reply[1]" = ':files'
    __fish_complete_path (commandline -ct)
  else
    printf '%s\n' $reply
  end
end
complete -c hull -f -a '(__hull_complete)'
`;

const SCRIPTS: Readonly<Record<Shell, string>> = { bash: BASH, zsh: ZSH, fish: FISH };
