import { type FileHandle, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { explainWrite, makeFolder, statIfThere } from '../../base/files.ts';
import { EMOTION_COLOURS } from '../../photo/picture/colours.ts';
import { describeReading } from '../../photo/picture/describe.ts';
import { type EmotionRow, type JudgedFace, type Totals, totalsOf, type Verdict } from './judge.ts';
import type { LabelledFace } from './labels.ts';
import { facesOf, type ReadPhoto, type Report, type ReportedPhoto } from './report.ts';
import { THUMBNAIL_SIDE } from './report-pictures.ts';
import { photoSentence, reportSentences } from './words.ts';

/**
 * The report as one self-contained HTML page: style and pictures are in it, and its content security policy lets it load nothing.
 * @returns the page in pieces, since a page of many photos is longer than a string may be
 */
export async function* pageOf(report: Report): AsyncGenerator<string> {
  const style = trusted(await readFile(new URL('./page.css', import.meta.url), 'utf8'));
  const title = `Emotions in ${report.folder}`;
  yield html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>${title}</title>
<style>
${style}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${summary(report)}
</header>
<main>
`.text;
  for (const photo of report.photos) yield ('error' in photo ? brokenSection(photo) : photoSection(photo)).text;
  yield `</main>
<footer><p>A guess from pictures: it reads the expression, not the feeling.</p></footer>
</body>
</html>
`;
}

function summary(report: Report): Markup {
  const { results, notes } = reportSentences(report);
  const [lead, ...details] = results;
  const totals = totalsOf(facesOf(report.photos));
  return html`${report.labels === undefined ? html`` : tiles(totals)}
<p class="lead">${lead!}</p>
${details.map((sentence) => html`<p>${unbroken(sentence)}</p>\n`)}${totals.emotions.length === 0 ? html`` : emotionTable(totals.emotions)}
${notes.map((note) => html`<p class="note">${note}</p>\n`)}`;
}

const TILES = ['right', 'wrong', 'false', 'missed'] as const;

/** The four numbers in large type. The sentence below them says the same. */
function tiles(totals: Totals): Markup {
  const items = TILES.map(
    (name) => html`<li data-verdict="${name}"><strong>${totals[name]}</strong> <span>${name}</span></li>\n`,
  );
  return html`<ul class="tiles">\n${items}</ul>`;
}

function emotionTable(rows: readonly EmotionRow[]): Markup {
  const lines = rows.map(({ emotion, labelled, right, wrong, missed, readAs }) => {
    const others = readAs.map((read) => `${read.emotion}${read.count === 1 ? '' : ` ${read.count}`}`).join(', ');
    return html`<tr><th scope="row">${dot(emotion)}${emotion}</th><td>${labelled}</td><td>${right}</td><td>${wrong}</td><td>${missed}</td><td class="words">${others}</td></tr>\n`;
  });
  return html`<div class="scroll"><table>
<caption>Labelled faces by emotion; the last column says what the wrong ones were read as</caption>
<thead><tr><th scope="col">label</th><th scope="col">faces</th><th scope="col">right</th><th scope="col">wrong</th><th scope="col">missed</th><th scope="col" class="words">read as</th></tr></thead>
<tbody>
${lines}</tbody>
</table></div>`;
}

function brokenSection({ name, error }: Extract<ReportedPhoto, { error: unknown }>): Markup {
  return html`<section class="broken">
<h2>${name}</h2>
<p>${error.message}</p>
</section>
`;
}

function photoSection(photo: ReadPhoto): Markup {
  const { name, width, height, faces, picture, pictures } = photo;
  const size = trusted(`width="${picture.width}" height="${picture.height}"`);
  const cards = faces.map((face, k) => card(face, pictures.thumbnails[k]!, name));
  return html`<section>
<h2>${name}</h2>
<p class="note">${width} x ${height} pixels. ${photoSentence(faces)}</p>
<div class="pair">
<figure><img ${size} alt="${name} as it is" src="${dataUri(pictures.original)}"><figcaption>original</figcaption></figure>
<figure><img ${size} alt="${picture.altText}" src="${dataUri(picture.bytes)}"><figcaption>annotated</figcaption></figure>
</div>
${faces.length === 0 ? html`` : html`<ul class="faces">\n${cards}</ul>`}
</section>
`;
}

const VERDICT_WORDS: Readonly<Record<Verdict, string>> = {
  right: '✓ right',
  wrong: '✗ wrong',
  false: 'false: no labelled face',
  missed: 'missed',
  small: 'too small to count as missed',
  unlabelled: '',
};

function card(face: JudgedFace, thumbnail: Buffer, photo: string): Markup {
  const who = 'number' in face ? `Face ${face.number}` : 'Not found';
  const alt = `${'number' in face ? who : 'A face that was not found'} in ${photo}`;
  const verdict =
    face.verdict === 'unlabelled' ? html`` : html` <span class="verdict">${VERDICT_WORDS[face.verdict]}</span>`;
  const read =
    'reading' in face
      ? html`<p>${dot(face.reading.emotion)}read as <b>${unbroken(describeReading(face.reading))}</b></p>`
      : html``;
  const label = 'label' in face ? html`<p>label: <b>${labelWords(face.label)}</b></p>` : html``;
  return html`<li data-verdict="${face.verdict}">
<img width="${THUMBNAIL_SIDE / 2}" height="${THUMBNAIL_SIDE / 2}" alt="${alt}" src="${dataUri(thumbnail)}">
<div><p><b>${who}</b>${verdict}</p>${read}${label}</div>
</li>
`;
}

/** "neutral, or happy" */
function labelWords({ emotion, also }: LabelledFace): string {
  return [emotion, ...also].join(', or ');
}

/** Keeps a number and its percent sign on one line. */
function unbroken(text: string): string {
  return text.replace(/(\d) %/g, '$1\u00a0%');
}

/** A spot in the colour that the emotion has in the annotated picture; the word beside it says the same. */
function dot(emotion: keyof typeof EMOTION_COLOURS): Markup {
  return html`<i class="dot" style="background:${EMOTION_COLOURS[emotion]}"></i>`;
}

function dataUri(jpeg: Uint8Array): Markup {
  return trusted(`data:image/jpeg;base64,${Buffer.from(jpeg).toString('base64')}`);
}

/** A piece of HTML that is safe to put into a page. Only html and trusted make one. */
class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

type Value = string | number | Markup | readonly Markup[];

/** A template whose values are escaped, unless they are markup themselves: file names and messages cannot become tags. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Markup {
  let text = strings[0]!;
  for (const [k, value] of values.entries()) text += `${textOf(value)}${strings[k + 1]!}`;
  return new Markup(text);
}

/** HTML or CSS that the project itself wrote. Never for anything that comes from outside. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

function textOf(value: Value): string {
  if (value instanceof Markup) return value.text;
  if (typeof value === 'object') return value.map(({ text }) => text).join('');
  return escapeHtml(String(value));
}

/** Text as it stands in an element or in an attribute between double or single quotes. */
function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** A page that is being written. A file that was at its path stays until the page is whole. */
interface PageFile {
  /** Writes the pieces and puts the page in place. */
  finish(pieces: AsyncIterable<string>): Promise<void>;
  /** Gives up; does nothing after finish. */
  discard(): Promise<void>;
}

/**
 * Opens `<path>.tmp`, and makes its folder where there is none, so that a mistake shows before the photos are read.
 * @throws UserError bad-usage where the path is no place for a page, not-allowed, no-space
 */
export async function openPageFile(path: string): Promise<PageFile> {
  if (!/\.html?$/i.test(path))
    throw new UserError('bad-usage', `--output names a page, such as report.html, not ${path}.`);
  const there = await explained(path, () => statIfThere(path));
  if (there && !there.isFile()) throw new UserError('bad-usage', `${path} exists and is not a file.`);
  const aside = `${path}.tmp`;
  const file = await explained(path, async () => {
    await makeFolder(dirname(path));
    return await open(aside, 'w');
  });
  let isOpen = true;
  const close = async () => {
    if (isOpen) await file.close();
    isOpen = false;
  };
  return {
    async finish(pieces) {
      await explained(path, async () => {
        await writeAll(file, pieces);
        await close();
        await rename(aside, path);
      });
    },
    async discard() {
      await close();
      await rm(aside, { force: true });
    },
  };
}

async function writeAll(file: FileHandle, pieces: AsyncIterable<string>): Promise<void> {
  for await (const piece of pieces) await file.appendFile(piece);
}

async function explained<Result>(path: string, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw explainWrite(path, error);
  }
}
