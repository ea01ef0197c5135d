import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { expect, onTestFinished, test } from 'vitest';
import { readIfThere } from '../../src/base/files.ts';
import { FakeDiscord } from '../fakes/discord.ts';
import { FakeSlack } from '../fakes/slack.ts';
import { sampleBytes } from '../fixtures/photos.ts';
import { postSample, startMain } from '../helpers/main-process.ts';
import { onFakes } from '../helpers/on-fakes.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

const ROOT = join(import.meta.dirname, '..', '..');

/** What onnxruntime's telemetry leaves in the user's cache and in the temporary folder. */
const LEFT_BEHIND = /Microsoft|onnxruntime|deviceid|mat-debug/i;

async function traces(...folders: string[]): Promise<string[]> {
  const names = await Promise.all(folders.map((folder) => readdir(folder, { recursive: true })));
  return names.flat().filter((name) => LEFT_BEHIND.test(name));
}

/** Writes down where a process, its threads and its children connect to, and what they send to hosts that they name. */
const watched = (file: string) => [
  'strace',
  '-f',
  '--seccomp-bpf',
  '-qq',
  '-e',
  'trace=connect,sendto,sendmsg,sendmmsg',
  '-e',
  'signal=none',
  '-o',
  file,
];
const [strace, ...STRACE_ARGS] = watched('/dev/null');
const CAN_WATCH = spawnSync(strace!, [...STRACE_ARGS, 'true']).status === 0;
if (!CAN_WATCH) {
  console.warn(
    'That no connection is tried is not tested: there is no strace, or it may not be used (apt-get install strace).',
  );
}

/** Connections to anything but this machine, and to whatever looks up names. */
async function connections(file: string): Promise<string[]> {
  const lines = ((await readIfThere(file)) ?? '').split('\n').filter((line) => line.includes('sa_family=AF_INET'));
  return lines.filter((line) => line.includes('htons(53)') || !/"(127\.0\.0\.\d+|::1)"/.test(line));
}

/** The bot on chats on this machine, watched, once it has read a photo on each. */
async function onBothChats(folder: string, environment: Readonly<Record<string, string>>, file: string) {
  const [discord, slack] = await Promise.all([FakeDiscord.start(), FakeSlack.start()]);
  onTestFinished(async () => {
    await Promise.all([discord.close(), slack.close()]);
  });
  const { environment: tokens, internal } = onFakes(discord, slack);
  const source = [join(ROOT, 'test', 'helpers', 'start-on-fakes.ts'), JSON.stringify(internal)];
  const main = startMain(folder, { ...environment, ...tokens, STATE_DIR: folder }, watched(file), source);
  await until(() => /On Discord/.test(main.output.stdout) && /Slack/.test(main.output.stdout), 'both chats', 90_000);
  const photo = await sharp(sampleBytes(6)).resize(480).jpeg().toBuffer();
  discord.post({ files: [discord.file(photo, 'photo.jpg', { contentType: 'image/jpeg' })] });
  slack.post({ files: [slack.file(photo, 'photo.jpg', 'image/jpeg')] });
  const isAnswered = () => discord.said().some(({ files }) => files.length > 0) && slack.answers().length > 0;
  await until(isAnswered, 'an answer on each', 90_000);
  return main;
}

test.skipIf(!CAN_WATCH)('npm asks nobody for a newer npm and leaves no log', async () => {
  const [folder, home] = [await temporaryFolder(), await temporaryFolder()];
  await copyFile(join(ROOT, '.npmrc'), join(folder, '.npmrc'));
  await writeFile(join(folder, 'package.json'), JSON.stringify({ scripts: { start: 'true' } }));
  const watch = join(folder, 'watch');
  const [program, ...args] = [...watched(watch), 'npm', 'start'];
  // Nothing else of this environment: npm does not ask where CI or the like is set.
  const env = { PATH: process.env.PATH, HOME: home };
  const npm = spawn(program!, args, { cwd: folder, env, stdio: 'ignore' });
  expect(await once(npm, 'exit')).toEqual([0, null]);
  expect(await connections(watch)).toEqual([]);
  const left = await readdir(home, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

test(`neither a bot on its page nor one on both chats, all of them on this machine, tries a connection elsewhere${
  CAN_WATCH ? '' : ' (not looked at: there is no strace)'
}, or leaves anything of onnxruntime’s telemetry behind, in any thread`, { timeout: 180_000 }, async () => {
  const [bots, others] = [await temporaryFolder(), await temporaryFolder()];
  const [bot, onChats, other] = [join(bots, 'bot'), join(bots, 'chats'), join(others, 'other')];
  // Nothing else of this environment: the library sends nothing where CI or the like is set, and the test would prove nothing.
  const around = (folder: string) => ({ HOME: folder, TMPDIR: folder, XDG_CACHE_HOME: join(folder, '.cache') });
  const environment = { ...around(bots), MODEL_DIR: join(ROOT, 'model') };
  const main = startMain(bots, environment, CAN_WATCH ? watched(bot) : []);
  const chatting = CAN_WATCH ? onBothChats(bots, environment, onChats) : undefined;
  const origin = await main.address();
  expect((await postSample(origin)).card?.people.length).toBeGreaterThan(0);
  const chats = await chatting;
  // The library by itself, started later, does try to connect and leaves files. By then the bot would have done so too.
  const plain =
    "await (await import('onnxruntime-node')).InferenceSession.create(new Uint8Array(9)).catch(() => setInterval(() => {}, 1000))";
  const command = [...(CAN_WATCH ? watched(other) : []), process.execPath, '--input-type=module', '--eval', plain];
  const env = { PATH: process.env.PATH, ...around(others) };
  const library = spawn(command[0]!, command.slice(1), { cwd: ROOT, env, detached: true, stdio: 'ignore' });
  onTestFinished(() => void process.kill(-library.pid!, 'SIGKILL'));
  if (CAN_WATCH) await until(async () => (await connections(other)).length > 0, 'the library’s own connection', 90_000);
  await until(async () => (await traces(others)).length > 0, 'what the library leaves', 90_000);
  for (const { child } of [main, ...(chats ? [chats] : [])]) process.kill(-child.pid!, 'SIGTERM');
  // A signal ends them cleanly after a photo; strace ends as what it watches.
  expect(await Promise.all([main.exitCode(), chats?.exitCode() ?? 0])).toEqual([0, 0]);
  await expect(fetch(origin)).rejects.toThrow();
  expect(await traces(bots)).toEqual([]);
  if (!CAN_WATCH) return;
  expect(await connections(bot)).toEqual([]);
  expect(await connections(onChats)).toEqual([]);
  expect(await readFile(onChats, 'utf8')).toMatch(/connect\(.*127\.0\.0\.1/);
});
