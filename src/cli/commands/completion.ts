import { completionScript, SHELLS } from '../completion/scripts.ts';
import { defineCommand } from '../command.ts';
import { UsageError } from '../usage-error.ts';

export const command = defineCommand({
  usage: 'completion bash|zsh|fish',
  summary: 'Print a shell’s completion script: commands, flags, and names of instances and images',
  example: 'source <(hull completion bash)\nhull completion fish > ~/.config/fish/completions/hull.fish',
  flags: {},
  args: { min: 1, max: 1 },
  completeArgs: [SHELLS],
  run: async ({ io }, _values, [name]) => {
    const shell = SHELLS.find((one) => one === name);
    if (shell === undefined)
      throw new UsageError(`the shell ${JSON.stringify(name)} is not one of ${SHELLS.join(', ')}`);
    io.out(completionScript(shell));
    return 0;
  },
});
