import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { compiled } from '../../src/base/compiled.mjs';
import { UserError } from '../../src/base/errors.ts';
import type { ChannelEvent, MessageView } from '../../src/chat/local/message.ts';
import { memoryOfTree } from '../../src/metrics/memory.ts';
import { endsWithThis, goesWithThis } from '../children.ts';
import { inRepository } from '../command-line.ts';
import type { BotUse } from './bot-probe.ts';

/** The file that runs a TypeScript source, as every npm script does. */
export const RUNS_SOURCE = inRepository('src/base/compiled.mjs');

/** The bot in a process of its own, with its chat page and without any token. */
interface RunningBot {
  /** Milliseconds from its start until it prints its address. */
  readonly untilAddress: number;
  /** Posts a photo. @returns milliseconds until the annotated picture arrives */
  answer(photo: Uint8Array): Promise<number>;
  use(): Promise<BotUse>;
  /** Memory of the bot and its child processes, in megabytes of 1,000,000 bytes: PSS where the system reports it (Linux), otherwise RSS. */
  megabytes(): Promise<number>;
  stop(): Promise<void>;
}

/** The environment variables and Node flags of `npm start`. */
async function howItStarts(): Promise<{ readonly env: Record<string, string>; readonly flags: readonly string[] }> {
  const { scripts } = JSON.parse(await readFile(inRepository('package.json'), 'utf8')) as {
    scripts: { start: string };
  };
  const words = scripts.start.split(' ');
  const node = words.indexOf('node');
  const flags = words.slice(node + 1).filter((word) => word.startsWith('--'));
  const settings = words.slice(0, node).filter((word) => word.includes('='));
  return { env: Object.fromEntries(settings.map((word) => word.split('='))), flags };
}

/** Starts the bot as `npm start` does, but in a new folder, without this folder's .env and state. */
export async function startBot(model: string): Promise<RunningBot> {
  const folder = goesWithThis(await mkdtemp(join(tmpdir(), 'benchmark-bot-')));
  const { env, flags } = await howItStarts();
  const started = performance.now();
  const child = endsWithThis(
    fork(RUNS_SOURCE, [inRepository('src/main.ts')], {
      cwd: folder,
      // Nothing of this process's environment is passed on, since it may contain tokens.
      env: { ...env, LOCAL_PORT: '0', MODEL_DIR: resolve(model), STATE_DIR: folder },
      execArgv: [...flags, '--import', compiled(new URL('./bot-probe.ts', import.meta.url)).href],
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    }),
  );
  const ended = once(child, 'exit');
  const stop = async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true });
  };
  try {
    const address = await addressOf(child);
    const untilAddress = performance.now() - started;
    const page = await openPage(address);
    return {
      untilAddress,
      answer: (photo) => page.answer(photo),
      async use() {
        const message = once(child, 'message');
        child.send('use');
        const [use] = (await message) as [BotUse];
        return use;
      },
      async megabytes() {
        const { pss, rss } = await memoryOfTree(child.pid);
        return (pss ?? rss) / 1e6;
      },
      async stop() {
        await page.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address of the bot's page. @throws UserError with the bot's error output where it did not start */
async function addressOf(child: ChildProcess): Promise<string> {
  let said = '';
  child.stderr!.on('data', (text: Buffer) => {
    said += text;
  });
  for await (const text of child.stdout!) {
    const [address] = /http:\/\/127\.0\.0\.1:\S+/.exec(String(text)) ?? [];
    if (address !== undefined) return address;
  }
  throw new UserError('bad-config', said.trim());
}

/** Connects to the bot's page as a browser does. */
async function openPage(address: string) {
  const { origin } = new URL(address);
  const opened = await fetch(address);
  const headers = { origin, cookie: opened.headers.get('set-cookie')!.split(';')[0]! };
  const controller = new AbortController();
  const events = await fetch(`${origin}/api/events`, { headers, signal: controller.signal });
  const answers: MessageView[] = [];
  let wake = () => {};
  const listening = (async () => {
    let text = '';
    for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
      const blocks = (text + chunk).split('\n\n');
      text = blocks.pop()!;
      for (const block of blocks.filter((line) => line.startsWith('data: '))) {
        const event = JSON.parse(block.slice('data: '.length)) as ChannelEvent;
        if (event.type === 'message' && event.message.from === 'bot') answers.push(event.message);
      }
      wake();
    }
  })();
  const ended = listening.catch((error: unknown) => {
    if (!controller.signal.aborted) throw error;
  });
  const send = async (path: string, type: string, body: string | Buffer<ArrayBuffer>) => {
    const answer = await fetch(origin + path, { method: 'POST', headers: { ...headers, 'content-type': type }, body });
    if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
    return (await answer.json()) as { readonly id: string };
  };
  return {
    async answer(photo: Uint8Array): Promise<number> {
      const posted = performance.now();
      const { id } = await send('/api/files?name=photo.jpg', 'application/octet-stream', Buffer.from(photo));
      await send('/api/messages', 'application/json', JSON.stringify({ files: [{ upload: id }] }));
      while (answers.length === 0) {
        const change = new Promise<void>((done) => {
          wake = done;
        });
        await Promise.race([change, ended]);
      }
      const { text, files } = answers.shift()!;
      if (files.length === 0) throw new UserError('not-a-picture', `The bot answered without a picture: ${text}`);
      return performance.now() - posted;
    },
    async close(): Promise<void> {
      controller.abort();
      await ended;
    },
  };
}
