import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import sharp from 'sharp';
import { onTestFinished } from 'vitest';
import type { MessageView } from '../../src/chat/local/message.ts';
import { sampleBytes } from '../fixtures/photos.ts';
import { load, openPage, pageHeaders } from './local-page.ts';
import { RUNS_SOURCE } from './run-script.ts';
import { until } from './until.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What `npm start` runs, as a process of its own. */
export interface MainProcess {
  readonly child: ChildProcess;
  readonly output: { stdout: string; stderr: string };
  /** The origin of its page, once it says where that is and the page has been opened. */
  address(): Promise<string>;
  /** Its exit status, once it has ended; null where a signal ended it. */
  exitCode(): Promise<number | null>;
}

/**
 * Starts the program in a working directory of its own, without the developer's .env, and in a process group of its
 * own, so that a test can press Ctrl+C. Processes that are left in the group are ended with the test.
 * @param under a program that runs it, with its arguments
 * @param source what is run in its place, with its arguments
 */
export function startMain(
  directory: string,
  environment: Readonly<Record<string, string>>,
  under: readonly string[] = [],
  source: readonly string[] = [join(ROOT, 'src', 'main.ts')],
): MainProcess {
  const { PATH = '' } = process.env;
  const [program, ...args] = [...under, process.execPath, RUNS_SOURCE, ...source];
  const child = spawn(program!, args, {
    cwd: directory,
    env: { PATH, LOCAL_PORT: '0', MODEL_DIR: join(directory, 'model'), ...environment },
    detached: true,
  });
  onTestFinished(() => {
    // Its training is a process of its own.
    if (child.exitCode === null && child.signalCode === null) process.kill(-child.pid!, 'SIGKILL');
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    output.stderr += chunk;
  });
  return {
    child,
    output,
    async address() {
      const line = await until(() => {
        const [found] = /Open http:\S+ /.exec(output.stdout) ?? [];
        if (found === undefined && child.exitCode !== null) throw new Error(`it ended: ${output.stderr}`);
        return found;
      }, 'the address');
      return await openPage(line);
    },
    async exitCode() {
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      return child.exitCode;
    },
  };
}

/** Writes a message on the page as its user does. */
export async function say(
  origin: string,
  message: { readonly text?: string; readonly files?: unknown },
): Promise<void> {
  const answer = await fetch(`${origin}/api/messages`, {
    method: 'POST',
    headers: { ...pageHeaders(origin), 'content-type': 'application/json' },
    body: JSON.stringify(message),
  });
  if (!answer.ok) throw new Error(await answer.text());
}

/** Posts a small photo of people on the page's own way and waits for the answer. */
export async function postSample(origin: string): Promise<MessageView> {
  const uploaded = await fetch(`${origin}/api/files?name=sample1.jpg`, {
    method: 'POST',
    headers: { ...pageHeaders(origin), 'content-type': 'application/octet-stream' },
    body: await sharp(sampleBytes(1)).resize(480).jpeg().toBuffer(),
  });
  const { id } = (await uploaded.json()) as { id: string };
  await say(origin, { files: [{ upload: id }] });
  const events = await load(`${origin}/api/events`);
  let text = '';
  for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
    text += chunk;
    const blocks = text.split('\n\n').slice(0, -1);
    for (const block of blocks.filter((line) => line.startsWith('data: '))) {
      const event = JSON.parse(block.slice(6));
      const messages: MessageView[] = event.type === 'all' ? event.messages : [event.message];
      const answer = messages.find((message) => message?.from === 'bot');
      if (answer) return answer;
    }
  }
  throw new Error(`no answer: ${text}`);
}
