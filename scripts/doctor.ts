import { UserError } from '../src/base/errors.ts';
import { loadConfig } from '../src/config.ts';
import { examine } from '../src/doctor.ts';
import { runAsProcess, tool } from './command-line.ts';

const SIGNS = { ok: '+', off: '-', broken: '!' } as const;

export const main = tool(
  {
    usage: ['npm run doctor'],
    about: `Says what is active (engine, GPU, network, face detector, font, training data, tokens) and how to fix what is not. Shows no
secret. Ends with 1 if something is broken.`,
    options: {},
  },
  async ({ words, print }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'The doctor takes no words beside its options.');
    let config: ReturnType<typeof loadConfig>;
    try {
      config = loadConfig();
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      print(`! Settings: ${error.message}`);
      return 1;
    }
    const findings = await examine(config);
    const width = Math.max(...findings.map(({ part }) => part.length));
    for (const { part, state, finding, remedy } of findings) {
      print(`${SIGNS[state]} ${part.padEnd(width)}  ${finding}`);
      if (remedy) print(`  ${' '.repeat(width)}  ${remedy}`);
    }
    const broken = findings.filter(({ state }) => state === 'broken').length;
    print(broken === 0 ? '\nThe bot can start.' : `\n${broken} to fix before the bot can start.`);
    return broken === 0 ? 0 : 1;
  },
);

await runAsProcess(import.meta.url, main);
