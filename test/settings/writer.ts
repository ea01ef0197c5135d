/** A process that sets NAME-0, NAME-1, … and prints each number once it is kept: `writer.ts FILE NAME COUNT`. */
import { writeSync } from 'node:fs';
import { UserError } from '../../src/base/errors.ts';
import { FileStore } from '../../src/settings/file-store.ts';

const [path, name, count] = process.argv.slice(2);
const store = new FileStore(path!);
for (let k = 0; k < Number(count); k++) {
  await untilKept(`${name}-${k}`, `value ${k} ${'x'.repeat(500)}`);
  // At once and unbuffered: the reader must know of everything that is kept.
  writeSync(1, `${k}\n`);
}
await store.close();

/** Tries again, as the store's error asks where other processes hold it. */
async function untilKept(key: string, value: string): Promise<void> {
  for (;;) {
    try {
      return await store.set(key, value);
    } catch (error) {
      if (!(error instanceof UserError && error.code === 'busy')) throw error;
    }
  }
}
