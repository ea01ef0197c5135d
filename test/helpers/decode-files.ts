/** Decodes files one after the other and says how wide each is: `decode-files.ts FILE...`. Nothing else keeps the program running. */
import { readFile } from 'node:fs/promises';
import { DEFAULT_LIMITS, decodePhoto } from '../../src/photo/decode.ts';

for (const path of process.argv.slice(2)) {
  const { width } = await decodePhoto(await readFile(path), DEFAULT_LIMITS);
  process.stdout.write(`${width}\n`);
}
