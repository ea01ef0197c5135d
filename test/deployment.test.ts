import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../src/config.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCKERFILE = read('Dockerfile');
const UNIT = read('deploy/emotion-bot.service');
const COMPOSE = read('compose.yaml');

/** Settings of glibc's allocator, wherever they are set. */
const allocator = (text: string) => [...new Set(text.match(/MALLOC_\w+=\d+/g))].sort();

test('the image gets what is there, and the builder is shown it', () => {
  const copied = [...DOCKERFILE.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, paths]) => paths!.split(' '));
  expect(copied.length).toBeGreaterThan(5);
  const shown = read('.dockerignore').split('\n');
  for (const path of copied) {
    expect(existsSync(join(ROOT, path)), path).toBe(true);
    expect(shown).toContain(`!${path}`);
  }
});

test('container and service start the bot as npm start does', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { start: string } };
  const command = scripts.start.replace(/MALLOC_\w+=\d+ |exec /g, '');
  expect(UNIT).toContain(`ExecStart=/usr/bin/${command}\n`);
  const image = /^ENTRYPOINT (.*)\nCMD (.*)$/m.exec(DOCKERFILE)!;
  expect([image[1], image[2]].flatMap((words) => JSON.parse(words!) as string[]).join(' ')).toBe(command);
  expect(allocator(scripts.start)).toHaveLength(3);
  expect(allocator(DOCKERFILE)).toEqual(allocator(scripts.start));
  expect(allocator(UNIT)).toEqual(allocator(scripts.start));
});

test.each(['start', 'worker'])('npm run %s hands a signal on to the program', async (name) => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };
  // The shell that npm starts, with another program in the bot's place.
  const program = `process.on("SIGTERM", () => process.exit(7)); setInterval(() => {}, 1000); console.log(process.env.MALLOC_ARENA_MAX)`;
  const child = spawn('/bin/sh', ['-c', scripts[name]!.replace(/ src\/.*/, ` -e '${program}'`)]);
  onTestFinished(() => void child.kill('SIGKILL'));
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('2\n');
  child.kill('SIGTERM');
  expect(await once(child, 'exit')).toEqual([7, null]);
});

test('a worker’s container starts what npm run worker does', () => {
  const { scripts } = JSON.parse(read('package.json')) as { scripts: { worker: string } };
  const [, file] = /command: \["(src\/.*)"\]/.exec(COMPOSE)!;
  expect(scripts.worker.endsWith(` ${file}`)).toBe(true);
});

test('container and service wait for longer than the bot takes to stop', () => {
  const seconds = loadConfig({ environment: {}, directory: join(ROOT, 'test') }).shutdownMs / 1000;
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(UNIT)?.[1])).toBeGreaterThan(seconds + 5);
  expect(Number(/stop_grace_period: (\d+)s/.exec(COMPOSE)?.[1])).toBeGreaterThan(seconds + 5);
});

test('the containers of compose.shards.yaml have each of Discord’s shards once, and folders of their own', () => {
  const services = read('compose.shards.yaml')
    .split(/^ {2}bot/m)
    .slice(1);
  expect(services).toHaveLength(2);
  const shards = services.map((service) => {
    const environment = Object.fromEntries(
      [...service.matchAll(/^ {6}(DISCORD_\w+): "(.*)"$/gm)].map(([, name, value]) => [name!, value!]),
    );
    return loadConfig({ environment: { ...environment, DISCORD_TOKEN: 'x' }, directory: join(ROOT, 'test') }).discord!
      .shards!;
  });
  expect(shards.map(({ count }) => count)).toEqual([2, 2]);
  expect(shards.flatMap(({ ids }) => ids)).toEqual([0, 1]);
  expect(services[1]).toMatch(/- \S+-1:\/state\n\s+- \S+-1:\/app\/model\/versions\n/);
});

test.each(['compose.yaml', 'compose.shards.yaml', 'deploy/prometheus.yml'])(
  '%s: a text with a colon in a list is in quotes, or YAML takes it for a pair',
  (file) => {
    // A list's item that begins with a word and a colon is meant as a pair.
    const items = read(file).match(/^ *- .*$/gm)!;
    expect(items.filter((item) => /^ *- (?!["'[]|[\w-]+: ).*: /.test(item))).toEqual([]);
  },
);

test('what a container keeps is on volumes', () => {
  const volumes = JSON.parse(/^VOLUME (.*)$/m.exec(DOCKERFILE)![1]!) as string[];
  const mounted = [...COMPOSE.matchAll(/^ {6}- \S+?:(\/\S+?)(?::ro)?$/gm)].map(([, path]) => path);
  for (const volume of volumes) expect(mounted).toContain(volume);
});
