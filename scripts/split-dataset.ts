import { UserError } from '../src/base/errors.ts';
import { explainWrite } from '../src/base/files.ts';
import { CHUNKS } from '../src/training/data/fer2013-files.ts';
import { splitFer2013 } from '../src/training/data/split-dataset.ts';
import { inRepository, runAsProcess, tool } from './command-line.ts';
import { flag, text } from './options.ts';

export const main = tool(
  {
    usage: ['npm run split-dataset -- FILE [options]'],
    about: `Cuts FER2013 (fer2013.csv or icml_face_data.csv, also gzipped) into ${CHUNKS} chunks, fer2013_01.csv.gz to
fer2013_${CHUNKS}.csv.gz, which the other commands read. A file that is not FER2013 is refused.`,
    options: {
      out: text('DIR', 'where the chunks go', inRepository('data')),
      plain: flag('do not compress them'),
      force: flag('replace chunks that are there already'),
    },
  },
  async ({ values: { out, plain, force }, words: [file, ...rest], signal, print, say }) => {
    if (file === undefined || rest.length > 0) throw new UserError('bad-usage', 'Name one file to split.');
    const names = await splitFer2013(file, out, {
      gzip: !plain,
      force,
      signal,
      onChunk: (name, rows) => say(`${name}: ${rows} rows`),
    }).catch((error: unknown) => {
      throw explainWrite(out, error);
    });
    print(`${names.length} chunks written to ${out}`);
    return 0;
  },
);

await runAsProcess(import.meta.url, main);
