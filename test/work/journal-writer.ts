/** Begins jobs until it is killed, and tells its parent of each once it is written. */
import { createLogger } from '../../src/base/log.ts';
import { FileJournal } from '../../src/work/file-journal.ts';

const journal = await FileJournal.open(process.argv[2]!, createLogger({ level: 'silent' }));
for (let k = 0; ; k++) {
  const message = `m${k}`;
  await journal.begin({ bot: 'discord 1', place: 'c1', message, kind: 'posted', files: [], begun: k });
  process.send!(message);
}
