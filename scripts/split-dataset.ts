import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { UserError } from '../src/base/errors.ts';
import { explainWrite } from '../src/base/files.ts';
import { CHUNKS } from '../src/training/data/fer2013.ts';
import { splitFer2013 } from '../src/training/data/split-dataset.ts';
import { runTool } from './command-line.ts';

const DATA = fileURLToPath(new URL('../data', import.meta.url));

const USAGE = `Usage: npm run split-dataset -- FILE [--out DIR] [--plain] [--force]

Cuts FER2013 (fer2013.csv or icml_face_data.csv, also gzipped) into ${CHUNKS} chunks, fer2013_01.csv.gz to
fer2013_${CHUNKS}.csv.gz, which the other commands read. A file that is not FER2013 is refused.

  --out DIR  where the chunks go (default: data/)
  --plain    do not compress them
  --force    replace chunks that are there already
  --help     show this
`;

await runTool(async (signal) => {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      out: { type: 'string', default: DATA },
      plain: { type: 'boolean', default: false },
      force: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) {
    process.stdout.write(USAGE);
    return 0;
  }
  if (positionals.length !== 1) throw new UserError('bad-usage', 'Name one file to split.');
  const names = await splitFer2013(positionals[0]!, values.out, {
    gzip: !values.plain,
    force: values.force,
    signal,
    onChunk: (name, rows) => process.stderr.write(`${name}: ${rows} rows\n`),
  }).catch((error: unknown) => {
    throw explainWrite(values.out, error);
  });
  process.stdout.write(`${names.length} chunks written to ${values.out}\n`);
  return 0;
});
