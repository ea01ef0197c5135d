import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { byNumber } from '../../base/files.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { columnNames, parseHeader, SPLITS } from './fer2013-row.ts';
import { readLines } from './lines.ts';

/** Names that FER2013's files may have. */
export const CSV = /^[^.].*\.csv(\.gz)?$/i;

/** Archives and compressed files, by file-type's extensions. */
const ARCHIVE = /^(tar|tar\..+|zip|gz|bz2|xz|zst|7z|rar|lz|lz4|cab|Z)$/;

/** Tables that are no CSV, and serialised arrays and objects. By their bytes some would be taken for archives. */
const TABLE = /\.(parquet|arrow|feather|h5|hdf5|npz|npy|pkl|pickle|joblib|mat|xlsx?|ods|sqlite3?|db|arff)$/i;

const WITH_COLUMNS = ' with the columns emotion, pixels and Usage';
const AS_CSV = `save its rows as a CSV${WITH_COLUMNS}`;
const EMPTY = 'it is empty: copy it again';
export const A_FOLDER = 'it is a folder, not a file: copy the file again';

/** Control characters that no text table has. Bytes of 0x80 and above may occur in a name in any language. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const NOT_TEXT = /[\x01-\x08\x0e-\x1f\x7f]|^\x89PNG/;

/** Shortcut files of desktops. */
const SHORTCUT = /\.(lnk|url|webloc|desktop)$/i;

/** Extensions that browsers give to unfinished downloads. */
const UNFINISHED = /\.(part|partial|crdownload|download|opdownload|tmp)$/i;

const NOT_FINISHED = 'its download is not finished: start it again';
const NOT_THESE = 'not emotion, pixels and Usage';
const OF_THE_SAME_PAGE = 'take fer2013.tar.gz or icml_face_data.csv of the same page, which have all three';

const SEPARATORS: Readonly<Record<string, string>> = { ';': 'semicolons', '\t': 'tabs', '|': 'bars' };

/**
 * Says what a file is that does not start as FER2013 does, and what to do about it: a clause that starts with 'it' or 'its'.
 * @param line its first line that is not empty, without the line break, cut to what `readLines` keeps
 * @param isUnpacked whether the line comes out of a file that was gzipped
 */
export async function foundInstead(line: Buffer | undefined, isUnpacked = false): Promise<string> {
  if (line === undefined) return EMPTY;
  return (await binaryFound(line, isUnpacked)) ?? textFound(line);
}

/**
 * Says what is wrong with the form of a table, whatever its columns: its encoding, its line ends, what separates its columns, or that it
 * is not a table at all. Undefined if its form is right.
 * @param line see `foundInstead`
 */
export async function wrongForm(line: Buffer | undefined): Promise<string | undefined> {
  if (line === undefined) return EMPTY;
  const found = (await binaryFound(line)) ?? formFound(line.toString('utf8'));
  if (found !== undefined) return found.replace(WITH_COLUMNS, '');
  const mark = /[,;\t|]/.exec(line.toString('utf8'))?.[0] ?? ',';
  return mark === ',' ? undefined : separatedBy(mark);
}

async function binaryFound(line: Buffer, isUnpacked = false): Promise<string | undefined> {
  const bom = line.length > 1 ? line.readUInt16BE(0) : 0;
  const zeroAt = line.indexOf(0);
  if (bom === 0xfffe || bom === 0xfeff || (zeroAt >= 0 && zeroAt < 2 && line.indexOf(0, zeroAt + 1) === zeroAt + 2))
    return 'it is in UTF-16: save it as UTF-8';
  // Loaded here, since only unreadable files need it.
  const { fileTypeFromBuffer } = await import('file-type');
  const type = await fileTypeFromBuffer(line);
  if (type?.ext === 'gz')
    return isUnpacked
      ? 'it is gzipped twice: unpack it once'
      : 'it is gzipped: unpack it, or give it a name that ends in .csv.gz';
  // A workbook is a zip archive whose first file lists the types of the others.
  if (type?.ext === 'zip' && line.includes('[Content_Types].xml')) return `it is an Excel workbook: ${AS_CSV}`;
  if (type && ARCHIVE.test(type.ext))
    return `it is ${type.ext === 'xz' ? 'an' : 'a'} ${type.ext} archive: unpack it, and take the CSV inside`;
  if (type) return `it is a ${type.ext} file (${type.mime}), not a CSV`;
  // An old tar archive starts with a file's name, padded with zero bytes.
  if (zeroAt >= 0) return 'it is an archive or not text: unpack it, and take the CSV inside';
  return NOT_TEXT.test(line.toString('latin1')) ? 'it is not text: download the CSV itself' : undefined;
}

/** What is wrong with the form of a text, as far as its first line tells. */
function formFound(line: string): string | undefined {
  const [text = '', ...more] = line.replace(/^\uFEFF/, '').split('\r');
  if (more.length > 0 && more[0] !== '') return 'its lines end in CR alone: save it with LF or CRLF at their ends';
  if (text.startsWith('version https://git-lfs'))
    return 'it is only a pointer to a file in Git LFS: git lfs pull gets that file';
  if (/^\s*[[{]/.test(text)) return `it is JSON: ${AS_CSV}`;
  if (/^\s*<(!doctype|html|head|body|\?xml|!--)/i.test(text))
    return 'it is a web page, perhaps one that asks to log in: download the file itself';
  // Excel's declaration of the column separator.
  return /^sep=.?$/i.test(text.trim())
    ? `its first line is "${text.trim()}", which is Excel's: take that line out`
    : undefined;
}

function separatedBy(mark: string): string {
  return `its columns are separated by ${SEPARATORS[mark]}: save it with commas between them`;
}

function textFound(line: Buffer): string {
  const text = line.toString('utf8').replace(/^\uFEFF/, '');
  const form = formFound(text);
  if (form !== undefined) return form;
  const names = columnNames(line);
  const mark = /[,;\t|]/.exec(text)?.[0] ?? ',';
  const fields = text.split(mark).map(unquoted);
  const headless = fields.map(columnOf);
  if (headless.length > 1 && headless.includes('pixels') && !headless.includes(undefined))
    return headless.includes('Usage')
      ? `it starts with a row and has no header: put the line ${headless.join(mark)} before it${mark === ',' ? '' : ', and commas between the columns'}`
      : `it starts with a row, has no header and does not say which split (Usage) each row is of: ${OF_THE_SAME_PAGE}`;
  const lower = fields.map((name) => name.toLowerCase());
  if (mark !== ',' && lower.includes('pixels')) return separatedBy(mark);
  if (lower[0] === 'usage' && lower[1] === 'image name')
    return "it holds FER+'s votes, which are read beside the faces where the file is called fer2013new.csv";
  const found = names.join(', ');
  const columns = `its columns are "${found.length > 80 ? `${found.slice(0, 80)}…` : found}", ${NOT_THESE}`;
  if (!lower.includes('pixels')) return columns;
  if (lower.includes('emotion')) return `${columns}, as in Kaggle's train.csv: ${OF_THE_SAME_PAGE}`;
  return `${columns}, as in Kaggle's test.csv: ${OF_THE_SAME_PAGE}`;
}

function unquoted(field: string): string {
  return field.trim().replace(/^"(.*)"$/, '$1');
}

/** Which column a field belongs to, by its content. */
function columnOf(field: string): string | undefined {
  if ((SPLITS as readonly string[]).includes(field)) return 'Usage';
  if (/^\d$/.test(field)) return 'emotion';
  return /^\d+( +\d+){9}/.test(field) ? 'pixels' : undefined;
}

/** Documents about the data. They are usual in a folder of data, and nobody takes them for the data itself. */
const ABOUT_THE_DATA = /^(readme|licen[cs]e|provenance|notice|copying)|\.md$/i;
/** The project's own labels, in its own folder of data. */
const OWN_LABELS = 'real-photos.json';

/**
 * Describes the files of a folder without a usable CSV. Some may be FER2013 all the same: archives, a CSV with another
 * name, a CSV one folder further down. Where there are such files, only they are named; otherwise all but documents about the data.
 * @param passOver names of files that are described already
 */
export async function foundBeside(
  directory: string,
  { passOver, signal }: { readonly passOver: readonly string[]; readonly signal: AbortSignal | undefined },
): Promise<string[]> {
  const found: string[] = [];
  const others: string[] = [];
  const entries = await readdir(directory, { withFileTypes: true });
  if (areEmotions(entries.map(({ name }) => name))) return [`${directory}: ${PICTURES}`];
  for (const entry of entries) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) {
      // A file that may not be read is skipped.
      const names = await readdir(path).catch((): string[] => []);
      const inside = names.find((name) => CSV.test(name));
      if (areEmotions(names)) found.push(`${entry.name}: ${PICTURES}`);
      if (inside !== undefined) found.push(`${entry.name}: it is a folder with ${inside} in it: name ${path} instead`);
      else if (CSV.test(entry.name)) found.push(`${entry.name}: ${A_FOLDER}`);
    } else if (entry.isFile() && !entry.name.startsWith('.') && ![OWN_LABELS, ...passOver].includes(entry.name)) {
      const what = await foundIn(path, signal);
      if ('maybe' in what) found.push(`${entry.name}: ${what.maybe}`);
      else if (!ABOUT_THE_DATA.test(entry.name)) others.push(`${entry.name}: ${what.other}`);
    }
  }
  return (found.length > 0 ? found : others).sort();
}

/**
 * Describes the files of a folder that are called like some of its chunks, but have no CSV's name: unfinished downloads, archives of one.
 * @param chunks names of chunks, without extensions
 * @returns a sentence each
 */
export async function foundInPlaceOf(
  chunks: readonly string[],
  directory: string,
  signal: AbortSignal | undefined,
): Promise<string[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const alike = entries.filter(
    (entry) => entry.isFile() && !CSV.test(entry.name) && chunks.some((chunk) => entry.name.startsWith(`${chunk}.`)),
  );
  return await Promise.all(
    alike
      .sort((one, other) => byNumber(one.name, other.name))
      .map(async ({ name }) => {
        const what = await foundIn(join(directory, name), signal);
        return `${name} was left out: ${'maybe' in what ? what.maybe : what.other}.`;
      }),
  );
}

/** Describes a file without a CSV's name: it may hold FER2013, or is something else. */
async function foundIn(
  path: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly maybe: string } | { readonly other: string }> {
  const table = TABLE.exec(path)?.[1];
  if (table !== undefined) return { maybe: `it is a .${table} file: ${AS_CSV}` };
  const first = await firstLine(path, signal);
  const maybe = first && (await maybeFer2013(path, first));
  if (maybe !== undefined) return { maybe };
  if (first === undefined) return { other: await foundInstead(first) };
  if (SHORTCUT.test(path)) return { other: 'it is a shortcut to something elsewhere: copy that here instead' };
  return { other: (await binaryFound(first)) ?? 'it is text without a column of pixels' };
}

/** Describes a file that may hold FER2013; undefined for any other. @param first its first line */
async function maybeFer2013(path: string, first: Buffer): Promise<string | undefined> {
  if (parseHeader(first)) {
    if (UNFINISHED.test(path)) return NOT_FINISHED;
    return `it looks like FER2013: give it a name that ends in .csv${/\.gz$/i.test(path) ? '.gz' : ''}`;
  }
  const binary = await binaryFound(first);
  if (binary !== undefined && !/unpack it|UTF-16/.test(binary)) return undefined;
  if (binary !== undefined) return UNFINISHED.test(path) ? NOT_FINISHED : binary;
  // Prose, such as a README, has no such column.
  const text = first.toString('latin1');
  // A table over several lines begins with a bracket alone.
  if (/^\s*[[{]/.test(text)) return /^\s*.\s*$|"pixels"/.test(text) ? textFound(first) : undefined;
  const fields = text.split(/[,;\t|]/);
  const hasPixels = fields.map(unquoted).some((field) => /^pixels$/i.test(field) || columnOf(field) === 'pixels');
  return hasPixels ? textFound(first) : undefined;
}

const PICTURES =
  'it is a folder of pictures, a folder an emotion: evaluate --faces reads these, but training needs the rows of a CSV';

/** Whether the names in a folder are those of emotions, so that it is a data set of pictures. */
function areEmotions(names: readonly string[]): boolean {
  const lower = names.map((name) => name.toLowerCase());
  return EMOTIONS.filter((emotion) => lower.includes(emotion)).length > 2;
}

/** The first line of a file, decompressed where it is gzipped. */
async function firstLine(path: string, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
  for await (const { bytes } of readLines(path, signal)) return bytes;
  return undefined;
}
