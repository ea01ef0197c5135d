import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import { loadConfig } from '../src/config.ts';
import { examine } from '../src/doctor.ts';
import { runTool } from './command-line.ts';

const USAGE = `Usage: npm run doctor

Says what is active (engine, GPU, network, face detector, font, training data, tokens) and how to fix what is not. Shows no
secret. Ends with 1 if something is broken.
`;

const SIGNS = { ok: '+', off: '-', broken: '!' } as const;

await runTool(async () => {
  const { values } = parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  let config: ReturnType<typeof loadConfig>;
  try {
    config = loadConfig();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    process.stdout.write(`! Settings: ${error.message}\n`);
    return 1;
  }
  const findings = await examine(config);
  const width = Math.max(...findings.map(({ part }) => part.length));
  for (const { part, state, finding, remedy } of findings) {
    process.stdout.write(`${SIGNS[state]} ${part.padEnd(width)}  ${finding}\n`);
    if (remedy) process.stdout.write(`  ${' '.repeat(width)}  ${remedy}\n`);
  }
  const broken = findings.filter(({ state }) => state === 'broken').length;
  process.stdout.write(broken === 0 ? '\nThe bot can start.\n' : `\n${broken} to fix before the bot can start.\n`);
  return broken === 0 ? 0 : 1;
});
