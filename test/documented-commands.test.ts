import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runScript } from './helpers/run-script.ts';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'data/README.md'],
  ...readdirSync(join(ROOT, 'docs')).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];
const { scripts }: { scripts: Record<string, string> } = JSON.parse(read('package.json'));

/** The tests (or .ci/run) that run each npm script that documents name. A new script fails until it is added here. */
const RUN_BY: Readonly<Record<string, readonly string[]>> = {
  start: ['test/helpers/main-process.ts'],
  worker: ['test/e2e/workers.test.ts'],
  emotions: ['test/scripts/emotions.test.ts'],
  train: ['test/scripts/train.test.ts', 'test/scripts/recipe.test.ts'],
  ship: ['test/scripts/train.test.ts'],
  evaluate: [
    'test/evaluation/evaluate-photos.test.ts',
    'test/scripts/train.test.ts',
    'test/evaluation/evaluate-walk.test.ts',
    'test/training/data/votes.test.ts',
  ],
  report: ['test/evaluation/report/report.test.ts'],
  benchmark: ['test/scripts/benchmark.test.ts'],
  soak: ['test/soak/soak.test.ts'],
  doctor: ['test/doctor.test.ts'],
  dataset: ['test/scripts/dataset.test.ts'],
  'split-dataset': ['test/scripts/dataset.test.ts'],
  slim: ['test/scripts/slim.test.ts'],
  'setup:native': ['test/scripts/setup.test.ts'],
  'setup:gpu': ['test/scripts/setup.test.ts'],
  'deploy-commands': ['test/wire/discord-deploy.test.ts'],
  lint: ['.ci/run'],
  types: ['.ci/run'],
  test: ['.ci/run'],
  ci: ['.ci/run'],
};
/** Scripts that take hours or change sources: only their options are checked. */
const NOT_RUN = ['fit-faces', 'fit-covers', 'fit-no-person', 'format'];
/** Asks for what only some machines have. */
const NOT_GIVEN = ['--python'];
/** npm's own commands that need no run. */
const OF_NPM = ['ls'];
/** Programs of others, which the documents show beside the project's own. */
const OF_OTHERS = [
  ...['git', 'cp', 'mkdir', 'install', 'tar', 'curl', 'openssl', 'sqlite3', 'cd'],
  ...['docker', 'buildah', 'systemctl', 'systemd-analyze', 'journalctl', 'apt-get', 'npx', 'node'],
];

const INLINE = new RegExp(`\`((?:npm|${OF_OTHERS.join('|')}) [^\`]+)\``, 'g');

interface Documented {
  readonly place: string;
  readonly text: string;
}

/** Commands in blocks of code, and those in a sentence that begin with a program's name. */
function documented(): Documented[] {
  return DOCUMENTS.flatMap((document) =>
    read(document)
      .split('\n')
      .flatMap((line, k) => {
        const block = /^ {4,}(?:[A-Z_]+=\S+ )*([a-z][\w.-]* .*)$/.exec(line)?.[1];
        const found = block ? [block] : [...line.matchAll(INLINE)].map(([, text]) => text!);
        return found.map((text) => ({ place: `${document}:${k + 1}`, text }));
      }),
  ).filter(({ text }) => ['npm', ...OF_OTHERS].includes(text.split(' ')[0]!));
}

/** A command's words, without comments, redirections, and the marks of what may be left out. */
function wordsOf(text: string): string[] {
  const [command = ''] = text.split(/ #| [<>] /);
  return command
    .replaceAll(/[[\]'…]|\.\.\./g, ' ')
    .split(/\s+/)
    .filter(Boolean);
}

const npmCommands = documented()
  .filter(({ text }) => text.startsWith('npm '))
  .map(({ place, text }) => {
    const words = wordsOf(text).slice(1);
    const at = words.indexOf('--');
    const [before, args] = at < 0 ? [words, []] : [words.slice(0, at), words.slice(at + 1)];
    const [name = '', script = ''] = before.filter((word) => !word.startsWith('--'));
    return { place, text, name: name === 'run' ? script : name, args };
  });

test('the documents show commands', () => {
  expect(npmCommands.length).toBeGreaterThan(50);
  expect(new Set(npmCommands.map(({ name }) => name)).size).toBeGreaterThan(15);
});

test('every npm command in the documents is there, and something runs it', () => {
  for (const { place, text, name } of npmCommands) {
    if (OF_NPM.includes(name)) continue;
    if (name !== 'ci') expect.soft(scripts, `${place}: ${text}`).toHaveProperty([name]);
    if (NOT_RUN.includes(name)) continue;
    const files = RUN_BY[name] ?? [];
    expect.soft(files, `${place}: ${text} is run by nothing`).not.toEqual([]);
    for (const file of files) {
      const [, source = name] = /(?:scripts|src)\/([\w-]+\.ts)/.exec(scripts[name] ?? '') ?? [];
      expect.soft(existsSync(join(ROOT, file)) && read(file), `${file} does not run ${name}`).toContain(source);
    }
  }
});

test('every option and action that the documents show is one of its command, and some test gives it', async () => {
  const helps = new Map<string, string>();
  for (const { place, text, name, args } of npmCommands) {
    const [, file] = /scripts\/([\w-]+\.ts)/.exec(scripts[name] ?? '') ?? [];
    if (file === undefined) continue;
    const help = helps.get(file) ?? (await runScript(file, '--help')).stdout;
    helps.set(file, help);
    const options = args.filter((word) => word.startsWith('--') && word !== '--help');
    for (const option of options)
      expect.soft(help, `${place}: ${text}`).toMatch(new RegExp(`^ {2}${option}( |$)`, 'm'));
    // benchmark, dataset and deploy-commands say with their first word what to do.
    const [action] = args;
    if (/ -- [a-z|]+ /.test(help.split('\n')[0]!) && action !== undefined)
      for (const one of action.split('|')) expect.soft(help, `${place}: ${text}`).toMatch(new RegExp(`\\b${one}\\b`));
    if (NOT_RUN.includes(name)) continue;
    const tests = RUN_BY[name]!.map(read).join('\n');
    for (const option of options.filter((one) => !NOT_GIVEN.includes(one)))
      expect.soft(tests, `${place}: ${text}: no test gives it ${option}`).toContain(option);
  }
});

test('what starts the bot without npm is what npm start runs', () => {
  const direct = documented().filter(({ text }) => text.startsWith('node '));
  expect(direct).not.toEqual([]);
  for (const { place, text } of direct) expect.soft(scripts.start, place).toContain(text);
});

test('files of the project that other programs’ commands name are there, and so are Docker’s services', () => {
  const others = documented().filter(({ text }) => !text.startsWith('npm '));
  const compose = read('compose.yaml');
  let files = 0;
  for (const { place, text } of others) {
    const words = wordsOf(text);
    for (const word of words.filter((one) => /^(?:(?:src|scripts|test|deploy)\/[\w./-]+|\.env\.example)$/.test(one))) {
      files += 1;
      expect.soft(existsSync(join(ROOT, word)), `${place}: ${text}`).toBe(true);
    }
    for (const [, service] of text.matchAll(/docker compose run --rm ([\w-]+)/g))
      expect.soft(compose, place).toMatch(new RegExp(`^  ${service}:`, 'm'));
    for (const [, profile] of text.matchAll(/--profile ([\w-]+)/g))
      expect.soft(compose, place).toMatch(new RegExp(`profiles: .*\\b${profile}\\b`));
  }
  expect(files).toBeGreaterThan(6);
});
