import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/** Debian's Chromium, or the one that CHROMIUM_PATH names: all of it, with cameras. */
const WHOLE = process.env.CHROMIUM_PATH ?? '/usr/bin/chromium';
/** The same without what a window needs: a third of the processor time. Used where it is installed, except where CHROMIUM_PATH is set. */
const SHELL = '/usr/bin/chromium-headless-shell';

export const hasWholeBrowser = existsSync(WHOLE);
const usual = process.env.CHROMIUM_PATH === undefined && existsSync(SHELL) ? SHELL : WHOLE;
/** Whether there is a browser to test pages in. */
export const hasBrowser = existsSync(usual);

/** A line for the log where there is none. */
export const NO_BROWSER = `there is no Chromium at ${WHOLE} (apt-get install chromium chromium-headless-shell, or CHROMIUM_PATH).`;

/** Starts it. @param kind 'whole' for what the lighter one lacks */
export async function launchBrowser(kind: 'usual' | 'whole' = 'usual'): Promise<Browser> {
  return await chromium.launch({
    executablePath: kind === 'whole' ? WHOLE : usual,
    args: [
      '--no-sandbox',
      '--disable-quic',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      '--use-fake-device-for-media-stream',
    ],
  });
}
