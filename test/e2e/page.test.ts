import { mkdtempSync, rmSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Channel } from '../../commands/request.ts';
import type { RetrainServices } from '../../commands/retrain.ts';
import { createLogger } from '../../src/base/log.ts';
import { type Bot, startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { fakeFace, fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { hasBrowser, hasWholeBrowser, launchBrowser, NO_BROWSER } from '../helpers/browser.ts';
import { until } from '../helpers/until.ts';

/** A folder for screenshots to look at; none are made unless it is set. */
const SHOTS = process.env.SCREENSHOTS;
const MODEL = join(import.meta.dirname, '..', '..', 'model');
const PAGE = new URL('../../src/chat/local/page/', import.meta.url);
if (!hasBrowser) console.warn(`The page is not tested: ${NO_BROWSER}`);

let browser: Browser;
let bot: Bot;
let address: string;
let page: Page;
/** What the browser complained about, and what it asked other hosts for: must stay empty. */
let complaints: string[];

async function startOnPage(
  environment: Record<string, string> = {},
  readPhoto = fakePhotoReader(50),
  training?: RetrainServices,
) {
  const config = loadConfig({ environment: { LOCAL_PORT: '0', ...environment }, directory: import.meta.dirname });
  bot = await startBot(config, createLogger({ level: 'silent' }), readPhoto, training);
  address = /http:\S+/.exec(bot.addresses[0]!)![0];
}

async function openPage(options: Parameters<Browser['newPage']>[0] = {}, within = browser): Promise<Page> {
  const opened = await within.newPage(options);
  opened.setDefaultTimeout(20_000);
  opened.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  opened.on('pageerror', (error) => complaints.push(String(error)));
  opened.on('request', (request) => {
    if (!/^(blob|data):/.test(request.url()) && !request.url().startsWith(new URL(address).origin))
      complaints.push(request.url());
  });
  await opened.addInitScript({ path: new URL('probe.js', import.meta.url).pathname });
  await opened.goto(address);
  // The page is ready once it was told what is in the channel.
  await opened.getByText('minutes at most').waitFor();
  return opened;
}

const answers = (on: Page = page) => on.locator('.message.bot');
const yours = (on: Page = page) => on.locator('.message.you');
const file = async (name: string, width = 640, height = 480) => ({
  name,
  mimeType: 'image/png',
  buffer: await plainPicture(width, height),
});

async function type(text: string, on: Page = page): Promise<void> {
  await on.getByLabel('Message or command').fill(text);
  await on.keyboard.press('Enter');
}

/** Calls one of probe.js's functions in the browser. */
async function probe<T>(name: string, args: readonly unknown[] = [], on: Page = page): Promise<T> {
  return (await on.evaluate(`probe.${name}(...${JSON.stringify(args)})`)) as T;
}

/** What axe-core, which checks the rules of WCAG, finds wrong on the page as it is now. */
async function axeFindings(): Promise<string[]> {
  // By the browser's own means: the page's policy lets no script of others in.
  if (!(await page.evaluate('"axe" in window'))) await page.evaluate(axe.source);
  // Details of what is right are not looked at.
  const { violations } = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as axe.AxeResults;
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

interface Focused {
  readonly id: string;
  readonly name: string;
  readonly outlined: boolean;
}

describe.skipIf(!hasBrowser)('the page in a browser', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => browser?.close());
  beforeEach(async () => {
    complaints = [];
    await startOnPage();
    page = await openPage();
  });
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await bot.stop();
    // A strict policy that blocked something of the page's own would show here.
    expect(complaints).toEqual([]);
  });

  test('a chosen photo appears and is answered with picture, people, notice and a Remove button', async () => {
    await page.getByText('Nothing posted yet').waitFor();
    const [chooser] = await Promise.all([
      page.waitForEvent('filechooser'),
      page.getByRole('button', { name: 'Choose photos' }).click(),
    ]);
    await chooser.setFiles([await file('party.png')]);
    await answers().waitFor();
    await expect.poll(() => yours().getByAltText('Your photo party.png').isVisible()).toBe(true);
    const picture = answers().getByRole('img', { name: 'A photo with 2 people: 1 happy, 2 unsure' });
    await expect
      .poll(() => picture.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
      .toBe(640);
    expect(await answers().getByRole('listitem').allTextContents()).toEqual([
      '1happy93 %',
      '2unsure:sad40 %or neutral35 %',
    ]);
    expect(await answers().textContent()).toContain('A guess from one picture');
    expect(await answers().getByRole('button', { name: 'Remove this answer and its photo' }).count()).toBe(1);
    expect(await page.getByText('Nothing posted yet').isVisible()).toBe(false);
    expect(await page.getByRole('status').textContent()).toBe('');
  });

  test.each(['paste', 'drop'] as const)('a photo by %s is answered', async (kind) => {
    await probe('handOver', [kind, `${kind}.png`, [...(await plainPicture(640, 480))]]);
    await answers().waitFor();
    expect(await yours().getByAltText(`Your photo ${kind}.png`).count()).toBe(1);
    expect(await page.locator('#drop').isVisible()).toBe(false);
  });

  test('several photos in one message are each answered, one that cannot be read with a sentence', async () => {
    const text = { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') };
    await page.setInputFiles('#files', [await file('one.png'), text, await file('tiny.png', 8, 8)]);
    await answers().nth(2).waitFor();
    expect(await yours().count()).toBe(1);
    expect(await yours().textContent()).toContain('notes.txt');
    expect(await answers().nth(0).textContent()).toContain('one.png: 2 people');
    expect(await answers().nth(1).textContent()).toContain('notes.txt: That file is not a picture.');
    expect(await answers().nth(2).textContent()).toContain('tiny.png: I found no face');
  });

  test('a file that is too large is explained without being sent', async () => {
    await page.context().close();
    await bot.stop();
    await startOnPage({ MAX_PHOTO_MB: '1' });
    page = await openPage();
    const uploads: string[] = [];
    page.on('request', (request) => {
      if (request.url().includes('/api/files?')) uploads.push(request.url());
    });
    const buffer = Buffer.alloc(2 * 1024 * 1024);
    await page.setInputFiles('#files', [{ name: 'huge.png', mimeType: 'image/png', buffer }]);
    await answers().waitFor();
    expect(await answers().textContent()).toContain(
      'That file is larger than 1 MB. Try a smaller copy of the picture.',
    );
    expect(uploads).toEqual([]);
  });

  test('of a crowd the first twenty are shown, and the others unfold', async () => {
    await page.context().close();
    await bot.stop();
    await startOnPage({}, async () => ({ faces: Array.from({ length: 57 }, () => fakeFace('happy', 0.9)) }));
    page = await openPage();
    await page.setInputFiles('#files', [await file('crowd.png')]);
    await answers().waitFor();
    expect(await answers().textContent()).toContain('57 faces: 57 happy');
    const shown = async () => {
      const visible = await Promise.all((await answers().getByRole('listitem').all()).map((one) => one.isVisible()));
      return visible.filter(Boolean).length;
    };
    expect(await shown()).toBe(20);
    await answers().getByText('37 more faces').click();
    expect(await shown()).toBe(57);
    expect(await answers().getByRole('listitem').last().textContent()).toBe('57happy90 %');
  });

  test('of twelve photos the first ten are read, and the page says so', async () => {
    const one = await file('a.png', 40, 40);
    await page.setInputFiles(
      '#files',
      Array.from({ length: 12 }, (_, k) => ({ ...one, name: `${k + 1}.png` })),
    );
    await expect
      .poll(() => page.getByRole('alert').textContent())
      .toBe('I read 10 photos at a time: the first 10 of these. Post the other 2 next.');
    await answers().nth(9).waitFor();
    expect(await yours().getByRole('img').count()).toBe(10);
    expect(await page.getByAltText('Your photo 11.png').count()).toBe(0);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('alert').isVisible()).toBe(false);
  });

  test('the sample photo is read at one press', async () => {
    await page.getByRole('button', { name: 'Try a sample photo' }).click();
    await answers().waitFor();
    const sample = yours().getByAltText('Your photo sample.jpg');
    await expect
      .poll(() => sample.evaluate((image) => (image as unknown as { naturalWidth: number }).naturalWidth))
      .toBe(1280);
    await expect.poll(() => page.getByLabel('Message or command').evaluate((box) => box.matches(':focus'))).toBe(true);
  });

  test.skipIf(!hasWholeBrowser)(
    'the camera: take, again, use; where it is refused or missing a sentence says what to do',
    async () => {
      const whole = await launchBrowser('whole');
      try {
        page = await openPage({}, whole);
        const open = async (on: Page) => await on.getByRole('button', { name: 'Take a photo' }).click();
        // Nothing was allowed in this browser's context.
        await page.context().clearPermissions();
        await page.context().grantPermissions([]);
        await open(page);
        await page.getByText('The browser may not use the camera.').waitFor();
        await page.keyboard.press('Escape');
        await page.getByRole('dialog').waitFor({ state: 'hidden' });

        await page.evaluate(
          'navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotFoundError") }',
        );
        await open(page);
        await page.getByText('I found no camera on this device.').waitFor();

        const other = await openPage({ permissions: ['camera'] }, whole);
        await open(other);
        await expect
          .poll(() => other.evaluate('document.querySelector("#live").videoWidth'), { timeout: 20_000 })
          .toBeGreaterThan(0);
        await other.keyboard.press('Enter');
        await other.getByAltText('What the camera took').waitFor();
        await other.getByRole('button', { name: 'Again' }).click();
        await other.getByRole('button', { name: 'Take', exact: true }).click();
        await other.getByRole('button', { name: 'Use' }).click();
        await answers(other).waitFor();
        expect(await yours(other).getByAltText('Your photo camera.jpg').count()).toBe(1);
        expect(await other.evaluate('document.querySelector("#live").srcObject')).toBe(null);
      } finally {
        await whole.close();
      }
    },
  );

  test('commands, their choices and options are completed by keyboard; arrow-up brings lines back', async () => {
    const box = page.getByRole('combobox', { name: 'Message or command' });
    const listed = () => page.getByRole('option').allTextContents();
    await box.focus();
    await page.keyboard.type('/');
    await expect.poll(async () => (await listed()).length).toBe(4);
    expect(await box.getAttribute('aria-expanded')).toBe('true');
    await page.keyboard.type('re');
    await expect.poll(listed).toEqual(['/retrain Trains a new network, and chooses which version is in use']);
    await page.keyboard.press('ArrowDown');
    expect(await page.getByRole('option', { selected: true }).getAttribute('id')).toBe(
      await box.getAttribute('aria-activedescendant'),
    );
    await page.keyboard.press('Enter');
    expect(await box.inputValue()).toBe('/retrain ');
    await page.keyboard.type('ver');
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Tab');
    expect(await box.inputValue()).toBe('/retrain versions ');
    await box.fill('/retrain start arch');
    await expect.poll(listed).toEqual([expect.stringMatching(/^architecture: The network to train/)]);
    await page.getByRole('option').click();
    expect(await box.inputValue()).toBe('/retrain start architecture:');
    await expect.poll(async () => (await listed()).includes('architecture:vgg9 ')).toBe(true);
    // Escape closes the list, and only then empties the box.
    await page.keyboard.press('Escape');
    expect([await page.getByRole('listbox').isVisible(), await box.inputValue()]).toEqual([
      false,
      '/retrain start architecture:',
    ]);
    await page.keyboard.press('Escape');
    expect(await box.inputValue()).toBe('');

    await page.keyboard.type('hello');
    await page.keyboard.press('Enter');
    await page.keyboard.type('/help');
    await page.keyboard.press('Enter');
    await answers().nth(1).waitFor();
    const recalled = async (key: string) => {
      await page.keyboard.press(key);
      return await box.inputValue();
    };
    expect([await recalled('ArrowUp'), await recalled('ArrowUp'), await recalled('ArrowUp')]).toEqual([
      '/help',
      'hello',
      'hello',
    ]);
    expect([await recalled('ArrowDown'), await recalled('ArrowDown')]).toEqual(['/help', '']);
  });

  test('answers about two, seven and twenty people fit into the window', async () => {
    await page.context().close();
    await bot.stop();
    const counts = [2, 7, 20];
    await startOnPage({}, async (bytes) => ({
      faces: Array.from({ length: counts.shift()! }, () => fakeFace('happy', 0.9)),
      picture: { bytes: await sharp(bytes).jpeg().toBuffer(), mime: 'image/jpeg', altText: 'A photo' },
    }));
    page = await openPage({ viewport: { width: 1180, height: 760 } });
    const tall = await file('tall.png', 600, 1600);
    await page.setInputFiles('#files', [tall, tall, tall]);
    const room = (await page.locator('#scroller').boundingBox())!.height;
    for (let k = 0; k < 3; k++) {
      const answer = answers().nth(k);
      await answer.getByRole('img').waitFor();
      await expect.poll(async () => (await answer.boundingBox())!.height).toBeLessThanOrEqual(room);
      expect((await answer.getByRole('img').boundingBox())!.height).toBeGreaterThanOrEqual(160);
    }
  });

  test('/emotions, /help and an unknown command, typed', async () => {
    await type('/emotions');
    await answers().waitFor();
    expect(await answers().textContent()).toContain('There is no picture here yet.');
    await page.setInputFiles('#files', [await file('party.png')]);
    await answers().nth(1).waitFor();
    await type('/emotions');
    await answers().nth(2).waitFor();
    expect(await answers().nth(2).getByRole('listitem').count()).toBe(2);
    await type('/help');
    await answers().nth(3).waitFor();
    expect(await answers().nth(3).textContent()).toContain('For example: /emotions');
    await type('/dance');
    await answers().nth(4).waitFor();
    expect(await answers().nth(4).textContent()).toContain('There is no command /dance.');
    expect(await page.getByLabel('Message or command').inputValue()).toBe('');
  });

  test('markup in text and names is shown as text', async () => {
    await type('/<img src=x onerror=alert(1)>');
    await page.setInputFiles('#files', [await file('<b>bold</b>.png')]);
    await answers().nth(1).waitFor();
    expect(await page.locator('.message b, .message img[src=x]').count()).toBe(0);
    expect(await yours().nth(0).textContent()).toContain('/<img src=x onerror=alert(1)>');
  });

  test('by keyboard alone: type, reach every control, enlarge, close, remove', async () => {
    await page.setInputFiles('#files', [await file('party.png')]);
    await answers().waitFor();
    const seen: Focused[] = [];
    for (let k = 0; k < 10; k++) {
      await page.keyboard.press('Tab');
      seen.push(await probe<Focused>('focused'));
    }
    expect(seen.filter(({ outlined }) => !outlined)).toEqual([]);
    // The conversation, the photo, the annotated picture, whether it was right, Remove, then the message box with its buttons.
    expect(seen.map(({ id }) => id)).toEqual(['scroller', '', '', '', '', '', 'choose', 'camera', 'text', 'send']);

    await answers().getByTitle('Show large').focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    expect(await probe('focused')).toMatchObject({ name: 'Close' });
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'hidden' });
    // Back where it was opened from.
    expect(
      await answers()
        .getByTitle('Show large')
        .evaluate((element) => element.matches(':focus')),
    ).toBe(true);

    await page.keyboard.press('Tab');
    expect(await probe('focused')).toMatchObject({ name: 'Remove this answer and its photo', outlined: true });
    await page.keyboard.press('Enter');
    await answers().waitFor({ state: 'detached' });
    expect(await yours().count()).toBe(0);
    await expect
      .poll(() => page.locator('[aria-live=polite]').textContent())
      .toBe('The answer and its photo are removed.');
    expect(await page.getByLabel('Message or command').evaluate((element) => element.matches(':focus'))).toBe(true);

    await page.keyboard.type('never mind');
    await page.keyboard.press('Escape');
    expect(await page.getByLabel('Message or command').inputValue()).toBe('');
  });

  test('Remove deletes answer and photo in every tab, and their addresses are dead', async () => {
    await page.setInputFiles('#files', [await file('party.png')]);
    await answers().waitFor();
    const other = await openPage();
    await answers(other).waitFor();
    const sources = await other
      .locator('.message img')
      .evaluateAll((images) => images.map((image) => (image as unknown as { src: string }).src));
    expect(sources).toHaveLength(2);
    await answers().getByRole('button', { name: 'Remove this answer and its photo' }).click();
    await other.getByText('Nothing posted yet').waitFor();
    const gone = await other.evaluate(
      (all) => Promise.all(all.map(async (source) => (await fetch(source)).status)),
      sources,
    );
    expect(gone).toEqual([404, 404]);
    complaints = complaints.filter((complaint) => !complaint.includes('status of 404'));
  });

  test('the key does not stay in the address, a reload works without it, and another browser sees nothing', async () => {
    expect(page.url()).toBe(`${new URL(address).origin}/`);
    await page.reload();
    await page.getByText('minutes at most').waitFor();
    const stranger = await (await browser.newContext()).newPage();
    const answer = await stranger.goto(page.url());
    expect(answer!.status()).toBe(403);
    expect(await stranger.textContent('body')).toMatch(/^This page is for .* npm start printed .*\.$/);
  });

  test('on a phone ten answers are followed to the last one, and every control has room for a finger', async () => {
    const phone = await openPage({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });
    onTestFinished(() => phone.close());
    const photos = Array.from({ length: 10 }, (_, k) => file(`${k}.png`, 800 + 40 * k, 600));
    await phone.setInputFiles('#files', await Promise.all(photos));
    await answers(phone).nth(9).waitFor();
    const below = () =>
      phone.locator('#scroller').evaluate((one) => one.scrollHeight - one.scrollTop - one.clientHeight);
    await until(async () => (await below()) < 2, 'the last answer');
    // A note above the message box takes room from the conversation.
    await phone.evaluate("document.dispatchEvent(new DragEvent('drop', { cancelable: true }))");
    await phone.getByRole('alert').waitFor();
    await phone.evaluate('new Promise((next) => requestAnimationFrame(() => requestAnimationFrame(next)))');
    expect(await below()).toBeLessThan(2);
    // Whoever scrolls up to read stays there.
    await phone.locator('#scroller').evaluate((one) => one.scrollBy(0, -900));
    await until(async () => (await below()) > 800);
    await phone.setViewportSize({ width: 390, height: 800 });
    await until(async () => (await phone.evaluate('innerHeight')) === 800);
    expect(await below()).toBeGreaterThan(700);
    await phone.getByRole('button', { name: 'Correct it' }).last().click();
    const controls = phone.locator('button:visible, select:visible, input:visible');
    const heights = await controls.evaluateAll((all) => all.map((one) => one.getBoundingClientRect().height));
    expect(heights.length).toBeGreaterThan(20);
    expect(Math.min(...heights)).toBeGreaterThanOrEqual(44);
  });

  test('the log is announced, and every control has a name', async () => {
    await page.setInputFiles('#files', [await file('party.png')]);
    await answers().waitFor();
    expect(await page.getByRole('log').count()).toBe(1);
    expect(await page.getByRole('log').locator('.message').count()).toBe(2);
    expect(await probe('nameless')).toEqual([]);
  });

  test('in light and in dark, on a phone and on a desk, everything fits and can be read', async () => {
    await page.setInputFiles('#files', [
      await file(`${'long-name-'.repeat(15)}.png`, 1600, 900),
      await file('b.png', 300, 1200),
    ]);
    await answers().nth(1).waitFor();
    await type('/help');
    await answers().nth(2).waitFor();
    for (const [colorScheme, width] of [
      ['light', 360],
      ['dark', 360],
      ['light', 1180],
    ] as const) {
      const how = `${colorScheme}, ${width} pixels`;
      await page.setViewportSize({ width, height: 740 });
      await page.emulateMedia({ colorScheme });
      expect(await probe('beyondEdge'), how).toEqual([]);
      const size = await page.getByRole('button', { name: 'Choose photos' }).boundingBox();
      expect(Math.min(size!.width, size!.height), how).toBeGreaterThanOrEqual(44);
      const shot = await sharp(await page.screenshot()).stats();
      // The page is as bright or dark as the scheme asks for.
      expect(shot.channels[0]!.mean > 128, how).toBe(colorScheme === 'light');
      const contrasts = await probe<{ looked: number; low: string[] }>('contrasts');
      expect(contrasts.looked, how).toBeGreaterThan(15);
      expect(contrasts.low, how).toEqual([]);
    }
  });

  test('on a phone what can be done with an answer stands in one row; with text twice as large nothing is cut off', async () => {
    await page.context().close();
    page = await openPage({ viewport: { width: 375, height: 740 }, hasTouch: true, isMobile: true });
    await page.getByRole('button', { name: 'Try a sample photo' }).click();
    await answers().waitFor();
    const buttons = ['Remove this answer and its photo', 'That’s right', 'Correct it'];
    const boxes = () =>
      Promise.all(buttons.map(async (name) => (await answers().getByRole('button', { name }).boundingBox())!));
    expect(new Set((await boxes()).map(({ y }) => Math.round(y))).size).toBe(1);
    expect(Math.min(...(await boxes()).map(({ height }) => height))).toBeGreaterThanOrEqual(44);
    await page.locator('html').evaluate((html) => {
      (html as unknown as { style: { fontSize: string } }).style.fontSize = '200%';
    });
    await answers().getByRole('button', { name: 'Correct it' }).click();
    expect(await probe('beyondEdge')).toEqual([]);
    expect(
      await page.locator('.message').evaluateAll((all) => all.map((one) => one.scrollWidth - one.clientWidth)),
    ).toEqual([0, 0]);
  });

  test('axe finds nothing wrong: empty, with an answer, its correction form, training and versions; light and dark', async () => {
    await page.context().close();
    await bot.stop();
    const state = mkdtempSync(join(tmpdir(), 'page-'));
    onTestFinished(() => rmSync(state, { recursive: true, force: true }));
    const epoch = (k: number) => ({ loss: 2 / k, accuracy: 1 - 0.8 / k, valLoss: 2.1 / k, valAccuracy: 1 - 0.9 / k });
    const curves = [1, 2, 3, 4].map(epoch);
    const table = {
      caption: 'Compared with version 0, which was in use',
      head: ['', 'Version 1', 'Version 0', 'Change in points'],
      rows: [
        ['PrivateTest accuracy', '70.0 %', '71.0 %', '−1.0 worse'],
        ['PublicTest accuracy', '72.0 %', '71.0 %', '+1.0 better'],
      ],
    };
    let channel: Channel | undefined;
    const retraining = {
      begin: async (find: (platform: string, id: string) => Promise<Channel | undefined>) => {
        channel = await find('local', 'page');
      },
      stop: async () => {},
      statusNotice: async () => ({ text: 'Training vgg9', figures: { curves, table } }),
    };
    await startOnPage({ STATE_DIR: state }, fakePhotoReader(), {
      retraining: retraining as never,
      registry: new VersionRegistry(MODEL),
      refresh: async () => {},
    });
    page = await openPage();
    const inLightAndDark = async (what: string) => {
      for (const [colorScheme, width] of [
        ['light', 1180],
        ['dark', 390],
      ] as const) {
        await page.setViewportSize({ width, height: 800 });
        await page.emulateMedia({ colorScheme });
        expect(await axeFindings(), `${what}, ${colorScheme}`).toEqual([]);
        expect(await probe('beyondEdge'), `${what}, ${width} pixels`).toEqual([]);
        if (SHOTS) await page.screenshot({ path: join(SHOTS, `${what}-${colorScheme}.png`) });
      }
    };
    await inLightAndDark('empty');
    await page.getByRole('button', { name: 'Try a sample photo' }).click();
    await answers().waitFor();
    await inLightAndDark('answer');
    await answers().getByRole('button', { name: 'Correct it' }).click();
    await inLightAndDark('correction');
    await type('/retrain status');
    await answers().nth(1).waitFor();
    expect(
      await answers()
        .nth(1)
        .getByRole('img')
        .evaluateAll((all) => all.map((one) => one.ariaLabel)),
    ).toEqual([
      'Loss after 4 epochs: training 0.50, PublicTest 0.53; the best on PublicTest was 0.53 after epoch 4',
      'Accuracy after 4 epochs: training 80.0 %, PublicTest 77.5 %; the best on PublicTest was 77.5 % after epoch 4',
    ]);
    expect(await answers().nth(1).locator('.worse').allTextContents()).toEqual(['−1.0 worse']);
    await inLightAndDark('training');
    // A training tells each epoch in the same message.
    const told = await channel!.post({ text: 'Epoch 2/4', figures: { curves: curves.slice(0, 1) } });
    await answers().nth(2).getByLabel('Loss after 1 epoch:').waitFor();
    await told.update({ text: 'Epoch 3/4', figures: { curves: curves.slice(0, 2) } });
    await answers().nth(2).getByLabel('Loss after 2 epochs:').waitFor();
    await told.remove();
    await type('/retrain versions');
    await answers().nth(2).getByRole('table').first().waitFor();
    expect(await answers().nth(2).locator('.matrix').count()).toBe(2);
    await inLightAndDark('versions');
    await page.getByLabel('Message or command').fill('/re');
    await page.locator('#completions').getByRole('option').waitFor();
    await inLightAndDark('completion');
  });

  test('the page says when the bot has gone away, and when it is back', async () => {
    await bot.stop();
    await expect
      .poll(() => page.getByRole('alert').textContent(), { timeout: 20_000 })
      .toContain('cannot reach the bot');
    complaints = [];
    await startOnPage({ LOCAL_PORT: new URL(address).port });
    await expect
      .poll(() => page.getByRole('alert').textContent(), { timeout: 20_000 })
      .toContain('open the address that it prints');
    await page.goto(address);
    await expect.poll(() => page.getByRole('alert').isVisible(), { timeout: 20_000 }).toBe(false);
    await page.getByText('minutes at most').waitFor();
    // While it was away, the browser itself reports the refused connections; then, that the old key opens nothing.
    complaints = complaints.filter((complaint) => !/ERR_CONNECTION_REFUSED|status of 403/.test(complaint));
  });
});

test('the page’s own files ask nothing of other hosts', async () => {
  for (const name of await readdir(PAGE)) {
    const source = await readFile(new URL(name, PAGE), 'utf8');
    expect(source.replaceAll('http://www.w3.org/2000/svg', ''), name).not.toMatch(/https?:\/\/|@import|url\(/);
  }
});
