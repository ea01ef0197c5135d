import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../src/base/log.ts';
import { type Bot, startBot } from '../../src/bot.ts';
import { loadConfig } from '../../src/config.ts';
import { fakePhotoReader, plainPicture } from '../fakes/photo.ts';
import { hasBrowser, launchBrowser } from '../helpers/browser.ts';

let browser: Browser;
let bot: Bot;

async function open(environment: Record<string, string> = {}): Promise<{ page: Page; address: string }> {
  const config = loadConfig({ environment: { LOCAL_PORT: '0', ...environment }, directory: import.meta.dirname });
  bot = await startBot(config, createLogger({ level: 'silent' }), fakePhotoReader(50));
  const address = /http:\S+/.exec(bot.addresses[0]!)![0];
  return { page: await openTab(address), address };
}

async function openTab(address: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(20_000);
  await page.goto(address);
  await page.getByText('minutes at most').waitFor();
  return page;
}

describe.skipIf(!hasBrowser)('the page in a browser', () => {
  beforeAll(async () => {
    browser = await launchBrowser();
  });
  afterAll(async () => browser?.close());
  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()));
    await bot.stop();
  });

  test('posts photos that are together more than the bot holds unread one after the other', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'page-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const picture = await plainPicture(640, 480);
    const files = ['one.png', 'two.png'].map((name) => join(folder, name));
    for (const file of files) writeFileSync(file, Buffer.concat([picture, Buffer.alloc(30 * 1024 * 1024)]));
    const { page } = await open({ MAX_PHOTO_MB: '100' });
    await page.setInputFiles('#files', files);
    await page.locator('.message.bot').nth(1).waitFor();
    expect(await page.getByRole('alert').isVisible()).toBe(false);
  });

  test('says that it is open too often, rather than that there is no bot', async () => {
    const { address } = await open();
    const { origin, searchParams } = new URL(address);
    const headers = { authorization: `Bearer ${searchParams.get('key')}` };
    const end = new AbortController();
    onTestFinished(() => end.abort());
    // The first tab is one of sixteen.
    for (let k = 0; k < 15; k++)
      expect((await fetch(`${origin}/api/events`, { headers, signal: end.signal })).status).toBe(200);
    const tab = await browser.newPage();
    await tab.goto(address);
    await expect.poll(() => tab.getByRole('alert').textContent()).toContain('too many tabs');
  });

  test('closes the large view of a picture that is removed', async () => {
    const { page, address } = await open();
    const buffer = await plainPicture(640, 480);
    for (const name of ['party.png', 'other.png'])
      await page.setInputFiles('#files', [{ name, mimeType: 'image/png', buffer }]);
    await page.locator('.message.bot').nth(1).waitFor();
    const tab = await openTab(address);
    const view = tab.getByRole('dialog', { name: 'Picture' });
    await tab.locator('.message.bot .open').first().click();
    await view.waitFor();
    const removeButton = page.getByRole('button', { name: 'Remove this answer and its photo' });
    await removeButton.last().click();
    await tab.locator('.message.bot').nth(1).waitFor({ state: 'detached' });
    expect(await view.isVisible()).toBe(true);
    await removeButton.click();
    await view.waitFor({ state: 'hidden' });
    expect(await tab.locator('#viewed').getAttribute('src')).toBeNull();
  });

  test('switches off a camera that starts only after somebody has given it up and asked again', async () => {
    const { page } = await open();
    // A browser that is still asking whether the page may use the camera.
    await page.evaluate(`
      globalThis.cameras = [];
      globalThis.allow = [];
      navigator.mediaDevices.getUserMedia = () => new Promise((resolve) => {
        const stream = document.createElement('canvas').captureStream();
        cameras.push(...stream.getTracks());
        allow.push(() => resolve(stream));
      });
    `);
    const camera = page.getByRole('button', { name: 'Take a photo' });
    await camera.click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await camera.click();
    await page.evaluate('for (const one of allow) one()');
    await page.getByRole('button', { name: 'Take', exact: true }).waitFor();
    const states = () => page.evaluate('cameras.map(({ readyState }) => readyState)');
    expect(await states()).toEqual(['ended', 'live']);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expect.poll(states).toEqual(['ended', 'ended']);
  });
});
