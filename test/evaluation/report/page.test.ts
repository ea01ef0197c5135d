import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Labels } from '../../../src/evaluation/report/labels.ts';
import { pageOf } from '../../../src/evaluation/report/page.ts';
import { type Report, reportPhoto } from '../../../src/evaluation/report/report.ts';
import type { FaceDetector } from '../../../src/photo/faces/detector.ts';
import { samplePath, ZIP } from '../../fixtures/photos.ts';
import { fakeClassifier, reading } from '../../fixtures/readings.ts';
import { hasBrowser, launchBrowser } from '../../helpers/browser.ts';

/** A file name that would be a tag, were it not escaped. */
const NAME = `<b onclick='x'>"&.jpg`;
const LONG = `${'very-long-name-'.repeat(12)}.jpg`;
const SIZE = { width: 1920, height: 1537 };

// Places in the photo fitted into 2048 pixels, which is its own size; the third is a face that has no label.
const boxes = [
  { x: 250, y: 480, width: 230 },
  { x: 650, y: 320, width: 230 },
  { x: 1134, y: 329, width: 235 },
];
const detector: FaceDetector = {
  detect: async () => boxes.map((box) => ({ ...box, height: box.width, angle: 0, score: 1 })),
  close: async () => {},
};
const readings = [reading({ neutral: 1 }), reading({ happy: 1 }), reading({ sad: 0.4, fear: 0.3, angry: 0.3 })];
const labels: Labels = new Map([
  [
    NAME,
    {
      ...SIZE,
      faces: [
        { x: 250, y: 470, width: 230, height: 290, emotion: 'happy', also: [] },
        { x: 660, y: 320, width: 180, height: 290, emotion: 'happy', also: ['neutral'] },
        { x: 1460, y: 250, width: 240, height: 300, emotion: 'fear', also: [] },
      ],
    },
  ],
]);

let folder: string;
let report: Report;
let page: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'report-page-'));
  await copyFile(samplePath(6), join(folder, NAME));
  await copyFile(samplePath(6), join(folder, LONG));
  await writeFile(join(folder, 'broken.jpg'), ZIP);
  const photos = [];
  for (const name of [NAME, LONG, 'broken.jpg', 'gone.jpg']) {
    const classifier = fakeClassifier(readings);
    photos.push(await reportPhoto(folder, name, labels, { detector, classifier }, new AbortController().signal));
  }
  report = {
    folder: 'photos & more',
    labels: 'labels.json',
    model: 'model',
    modelNote: {
      architecture: 'compact',
      parameters: 1234567,
      calibrated: false,
      calibration: { temperature: 1, unsureBelow: 0.5, softness: 0 },
    },
    detector: 'network',
    photos,
    unlabelled: ['other.jpg'],
  };
  page = await textOf(report);
});
afterAll(() => rm(folder, { recursive: true }));

async function textOf(given: Report): Promise<string> {
  let text = '';
  for await (const piece of pageOf(given)) text += piece;
  return text;
}

describe('the page of a report', () => {
  it('shows the verdict of every face, and the totals', () => {
    expect(page).toContain('3 detections: 1 right, 1 wrong, 1 false; 1 face missed.');
    expect(page).toContain('stored without calibration');
    expect(page).toContain('1 other picture of the folder has no labels and was left out.');
    const cards = [...page.matchAll(/<li data-verdict="(\w+)">\n<img.*?>\n<div>(.*?)<\/div>/gs)];
    const words = cards.map(
      ([, verdict, text]) =>
        `${verdict}: ${text!
          .replaceAll(/<[^>]+>/g, ' ')
          .replaceAll(/\s+/g, ' ')
          .trim()}`,
    );
    expect(words.slice(0, 4)).toEqual([
      'wrong: Face 1 ✗ wrong read as neutral 100 % label: happy',
      'right: Face 2 ✓ right read as happy 100 % label: happy, or neutral',
      'false: Face 3 false: no labelled face read as unsure: sad 40 % or angry 30 %',
      'missed: Not found missed label: fear',
    ]);
  });

  it('lists photos that cannot be read with what is wrong, and does not count them', () => {
    expect(page).toContain('2 photos read, 2 not.');
    expect(page).toMatch(/<h2>broken\.jpg<\/h2>\n<p>This is a zip archive, not a picture\./);
    expect(page).toMatch(/<h2>gone\.jpg<\/h2>\n<p>There is no such file\./);
  });

  it('escapes names, and loads nothing from anywhere', () => {
    expect(page).not.toContain('<b onclick');
    expect(page).toContain('<h2>&lt;b onclick=&#39;x&#39;&gt;&quot;&amp;.jpg</h2>');
    expect(page).toContain('<title>Emotions in photos &amp; more</title>');
    const sources = [...page.matchAll(/(?:src|href)=["']([^"']{0,20})/g)].map(([, source]) => source);
    expect(sources.length).toBeGreaterThan(4);
    expect(new Set(sources)).toEqual(new Set(['data:image/jpeg;base']));
    expect(page).toContain(`default-src 'none'`);
  });

  it('shows original and annotated picture in one size, each with an alternative text, without metadata', async () => {
    const images = [
      ...page.matchAll(/<img (?:width="(\d+)" height="(\d+)") alt="([^"]+)" src="data:image\/jpeg;base64,([^"]+)">/g),
    ];
    const [original, annotated, ...thumbnails] = images.slice(0, 6);
    expect([original![1], original![2]]).toEqual(['1600', '1281']);
    expect([annotated![1], annotated![2]]).toEqual(['1600', '1281']);
    expect(annotated![3]).toMatch(/^Photo with 3 faces: 1\. neutral/);
    expect(thumbnails.map(([, , , alt]) => alt!.split(' in ')[0])).toEqual([
      'Face 1',
      'Face 2',
      'Face 3',
      'A face that was not found',
    ]);
    for (const [, width, , , base64] of [original!, annotated!, thumbnails[0]!]) {
      const metadata = await sharp(Buffer.from(base64!, 'base64')).metadata();
      expect([1, 2].map((times) => metadata.width / times)).toContain(Number(width));
      expect(metadata.exif).toBeUndefined();
    }
    expect(original![4]).not.toBe(annotated![4]);
  });

  it('judges nothing without labels', async () => {
    const text = await textOf({ ...report, labels: undefined, photos: [report.photos[1]!] });
    expect(text).toContain('3 faces found. There are no labels, so nothing is judged.');
    expect(text).not.toContain('class="tiles"');
    expect(text).not.toContain('class="verdict"');
  });

  it.skipIf(!hasBrowser)('fits a phone, in light and dark, and the browser has no complaint', async () => {
    const path = join(folder, 'report.html');
    await writeFile(path, page);
    const browser = await launchBrowser();
    try {
      const backgrounds = new Set<unknown>();
      for (const colorScheme of ['light', 'dark'] as const) {
        const tab = await browser.newPage({ viewport: { width: 360, height: 740 }, colorScheme });
        const complaints: string[] = [];
        tab.on('console', (message) => complaints.push(message.text()));
        tab.on('pageerror', (error) => complaints.push(error.message));
        tab.on('request', (request) => {
          if (!/^(file|data):/.test(request.url())) complaints.push(request.url());
        });
        await tab.goto(pathToFileURL(path).href);
        expect(await tab.evaluate('document.documentElement.scrollWidth')).toBe(360);
        expect(await tab.evaluate('[...document.images].filter((image) => image.naturalWidth === 0).length')).toBe(0);
        backgrounds.add(await tab.evaluate('getComputedStyle(document.body).backgroundColor'));
        expect(complaints).toEqual([]);
      }
      expect(backgrounds.size).toBe(2);
    } finally {
      await browser.close();
    }
  });
});
