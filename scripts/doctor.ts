import { UserError } from '../src/base/errors.ts';
import { loadUsableConfig } from '../src/config.ts';
import { examine } from '../src/doctor.ts';
import { runAsProcess, tool } from './command-line.ts';
import { flag } from './options.ts';

const SIGNS = { ok: '+', off: '-', partly: '~', broken: '!' } as const;

export const main = tool(
  {
    usage: ['npm run doctor', 'npm run --silent doctor -- --json'],
    about: `Looks at every part of the bot, tries what can be tried (loads, reads, writes, asks the chats' servers; posts nothing), and says
how to mend what is broken: + works, - not set up, ~ works in part, ! broken. Shows no secret. Ends with 1 if something is
broken.`,
    options: {
      json: flag('print one JSON object instead: {"canStart", "findings": [{"part", "state", "finding", "remedy"}]}'),
    },
  },
  async ({ values, words, print }) => {
    if (words.length > 0) throw new UserError('bad-usage', 'The doctor takes no words beside its options.');
    const { config, problems } = loadUsableConfig();
    const findings = await examine(config, problems);
    const broken = findings.filter(({ state }) => state === 'broken').length;
    if (values.json) {
      print(JSON.stringify({ canStart: broken === 0, findings }));
      return broken === 0 ? 0 : 1;
    }
    const width = Math.max(...findings.map(({ part }) => part.length));
    for (const { part, state, finding, remedy } of findings) {
      print(`${SIGNS[state]} ${part.padEnd(width)}  ${finding}`);
      if (remedy) print(`  ${' '.repeat(width)}  ${remedy}`);
    }
    print(broken === 0 ? '\nThe bot can start.' : `\n${broken} to mend.`);
    return broken === 0 ? 0 : 1;
  },
);

await runAsProcess(import.meta.url, main);
