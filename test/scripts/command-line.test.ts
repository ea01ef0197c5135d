import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text as allText } from 'node:stream/consumers';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { inRepository, tool } from '../../scripts/command-line.ts';
import { actionOf, choice, FROM_ONE, flag, number, numbers, text, texts, type Values } from '../../scripts/options.ts';
import { UserError } from '../../src/base/errors.ts';
import { RUNS_SOURCE, runScript } from '../helpers/run-script.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

test('a tool whose output nobody reads any more ends without a stack', async () => {
  const child = spawn(process.execPath, [RUNS_SOURCE, 'scripts/emotions.ts', '--help'], { cwd: root });
  child.stdout.destroy();
  const [stderr, [code]] = await Promise.all([allText(child.stderr), once(child, 'exit')]);
  expect(stderr).toBe('');
  expect(code).toBe(0);
});

test('a tool goes on where nobody reads what it says beside its result', async () => {
  const photos = [join(root, 'package.json'), join(root, 'assets', 'sample.jpg')];
  const child = spawn(process.execPath, [RUNS_SOURCE, 'scripts/emotions.ts', ...photos], { cwd: root });
  child.stderr.destroy();
  const [stdout, [code]] = await Promise.all([allText(child.stdout), once(child, 'exit')]);
  expect(stdout).toContain('sample.jpg: 1. ');
  expect(code).toBe(1);
});

test.runIf(existsSync('/dev/full'))('a result that finds no room is told in words, and ends with 1', async () => {
  const full = openSync('/dev/full', 'w');
  const args = [RUNS_SOURCE, 'scripts/emotions.ts', '--help'];
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', full, 'pipe'] });
  closeSync(full);
  const [stderr, [code]] = await Promise.all([allText(child.stderr!), once(child, 'exit')]);
  expect(stderr).toBe('The result cannot be written: the disk is full.\n');
  expect(code).toBe(1);
});

const TOOLS = [...readFileSync(join(root, 'package.json'), 'utf8').matchAll(/scripts\/([\w-]+\.ts)/g)].map(
  ([, file]) => file!,
);

test('every tool runs where its file is what a process was started with, and explains itself', async () => {
  // One process that takes each file's place in turn: to start one for each takes as many times as long.
  const program = `
    import { compiled } from ${JSON.stringify(pathToFileURL(RUNS_SOURCE))};
    for (const stream of [process.stdout, process.stderr]) stream.setMaxListeners(0);
    for (const url of ${JSON.stringify(TOOLS.map((file) => pathToFileURL(join(root, 'scripts', file))))}) {
      process.argv = [process.argv[0], new URL(url).pathname, '--help'];
      await import(compiled(new URL(url)).href);
      console.log('ends with ' + process.exitCode);
    }`;
  const args = ['--input-type=module', '--eval', program];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: root });
  expect(stderr).toBe('');
  const helps = stdout.split('ends with 0\n').slice(0, -1);
  expect(helps).toHaveLength(TOOLS.length);
  for (const [k, help] of helps.entries()) {
    expect(help, TOOLS[k]).toMatch(/^Usage: npm run .*--help/s);
    // A command of a family, such as setup:native, lies in setup-native.ts.
    expect(help.replaceAll(/npm run (\w+):/g, 'npm run $1-'), TOOLS[k]).toContain(TOOLS[k]!.replace('.ts', ''));
  }
});

test.each(TOOLS)('%s names what it does not know', async (file) => {
  const unknown = await runScript(file, '--nope');
  expect(unknown).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringMatching(/^There is no option --nope\.( Did you mean --\w+\?)? \(--help shows how\.\)\n$/),
  });
});

describe('a table of options', () => {
  const table = {
    name: text('NAME', 'a text'),
    folder: text('DIR', 'a folder', inRepository('data')),
    teacher: texts('DIR', 'many texts'),
    count: number('N', 'a number', FROM_ONE, 5),
    share: number('SHARE', 'a share', { least: 0, most: 1, open: true }),
    any: number('X', 'any number', {}),
    list: numbers('numbers', FROM_ONE, '1,6'),
    kind: choice(['sgd', 'Adam'], 'a word', 'sgd'),
    'no-noise': flag('yes or no'),
  };
  const run = async (...argv: string[]) => {
    const said = { stdout: '', stderr: '' };
    const terminal = {
      stdout: { write: (text: string) => (said.stdout += text) },
      stderr: { write: (text: string) => (said.stderr += text) },
      signal: new AbortController().signal,
    };
    let answer: { values: Values<typeof table>; words: readonly string[]; given: readonly string[] } | undefined;
    const main = tool({ usage: ['npm run it'], about: 'Does it.', options: table }, ({ values, words, given }) => {
      answer = { values, words, given };
      return 0;
    });
    return { code: await main(argv, terminal), ...said, ...answer };
  };

  test('has its defaults where nothing is given', async () => {
    const { values, words, given } = await run();
    expect(values).toEqual({
      name: undefined,
      folder: inRepository('data'),
      teacher: undefined,
      count: 5,
      share: undefined,
      any: undefined,
      list: [1, 6],
      kind: 'sgd',
      'no-noise': false,
    });
    expect([words, given]).toEqual([[], []]);
  });

  test('leaves texts as they were typed and makes numbers of numbers only', async () => {
    const { values, words, given } = await run(
      ...['007', '--name', '1e3', '--teacher', '5', '--teacher', '06', '--count', '7', '--no-noise', '--any=-1e3'],
      ...['--folder=-dir', '--kind', 'adam', '--list', '3,2', '--share', '0.5', '--', '--name'],
    );
    expect(words).toEqual(['007', '--name']);
    expect(values).toEqual({
      name: '1e3',
      folder: '-dir',
      teacher: ['5', '06'],
      count: 7,
      share: 0.5,
      any: -1000,
      list: [3, 2],
      kind: 'Adam',
      'no-noise': true,
    });
    expect(given).toContain('no-noise');
    expect(given).toHaveLength(9);
  });

  test.each([
    [['--count', '0'], '--count must be a whole number from 1 on.'],
    [['--count', '1.5'], '--count must be a whole number from 1 on.'],
    [['--count='], '--count must be a whole number from 1 on.'],
    [['--share', '1'], '--share must be a number between 0 and 1.'],
    [['--any', 'Infinity'], '--any Infinity is no number.'],
    [['--list', '1,,2'], '--list must be whole numbers from 1 on with commas between them.'],
    [['--kind', 'rmsprop'], '--kind takes sgd or Adam, not rmsprop.'],
    [['--kind', 'adm'], '--kind cannot be adm. Did you mean Adam?'],
    [['--name', '-x'], '--name needs a value after it. One that begins with a dash: --name=-…'],
    [['--list', '-1,2'], '--list needs a value after it. One that begins with a dash: --list=-…'],
    [['--name', ''], '--name needs a value after it. (--help'],
    [['--name=', '--name', 'x'], '--name needs a value after it. (--help'],
    [['--teacher', 'x', '--teacher', ''], '--teacher needs a value after it. (--help'],
    [['--name'], '--name needs a value after it.'],
    [['--no-noise=1'], '--no-noise takes no value.'],
    [['--help=1'], '--help takes no value.'],
    [['--kidn', 'sgd'], 'There is no option --kidn. Did you mean --kind?'],
    [['--nam', 'x'], 'There is no option --nam. Did you mean --name?'],
    [['--unheard-of'], 'There is no option --unheard-of. (--help'],
    [['-q'], 'There is no option -q. (--help'],
  ])('refuses %j in words', async (argv, sentence) => {
    const { code, stdout, stderr, values } = await run(...argv);
    expect(stderr).toContain(sentence);
    expect(stderr).toMatch(/ \(--help shows how\.\)\n$/);
    expect([code, stdout, values]).toEqual([2, '', undefined]);
  });

  test('names the nearest word of a long list, and never the whole list', () => {
    const { read } = choice(['one', 'two', 'three', 'four', 'five'], 'one of many words');
    expect(() => read(['thre'], 'much')).toThrow(/^--much cannot be thre\. Did you mean three\?$/);
    expect(() => read(['none at all'], 'much')).toThrow(/^--much cannot be none at all\.$/);
  });

  test('is shown by --help, with defaults, and with paths relative to the repository', async () => {
    const { code, stdout, values } = await run('--count', '0', '-h');
    expect([code, values]).toEqual([0, undefined]);
    expect(stdout.split('\n')).toEqual([
      'Usage: npm run it',
      '',
      'Does it.',
      '',
      '  --name NAME      a text',
      '  --folder DIR     a folder (default: data)',
      '  --teacher DIR    many texts',
      '  --count N        a number (default: 5)',
      '  --share SHARE    a share',
      '  --any X          any number',
      '  --list N,N,...   numbers (default: 1,6)',
      '  --kind sgd|Adam  a word (default: sgd)',
      '  --no-noise       yes or no',
      '  --version        show which version this is',
      '  --help           show this',
      '',
    ]);
  });

  test.each([
    [[], 'Say what to do: view, register or clear.'],
    [['veiw'], 'There is no "veiw". Did you mean view?'],
    [['sing'], 'There is no "sing". Say view, register or clear.'],
    [['view', 'all'], 'view takes no word after it, so not "all".'],
  ])('an action of %j is refused in words', (words, sentence) => {
    expect(() => actionOf(words, ['view', 'register', 'clear'])).toThrow(new UserError('bad-usage', sentence));
    expect(actionOf(['clear'], ['view', 'register', 'clear'])).toBe('clear');
  });

  test('has the version of the package', async () => {
    const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    expect(await run('--version')).toMatchObject({ code: 0, stdout: `emotion-bot ${version}\n`, stderr: '' });
  });

  test.each([
    [new UserError('no-data', 'There is nothing.'), 1, 'There is nothing.\n'],
    [new UserError('bad-usage', 'Not so.'), 2, 'Not so. (--help shows how.)\n'],
  ])('%s of a tool becomes an exit code', async (error, code, sentence) => {
    let said = '';
    const failing = tool({ usage: [], about: '', options: {} }, () => Promise.reject(error));
    const terminal = { stdout: { write: () => {} }, stderr: { write: (text: string) => (said += text) } };
    expect(await failing([], { ...terminal, signal: new AbortController().signal })).toBe(code);
    expect(said).toBe(sentence);
    expect(await failing([], { ...terminal, signal: AbortSignal.abort() })).toBe(130);
  });

  test('a bug of a tool is thrown unchanged', async () => {
    const failing = tool({ usage: [], about: '', options: {} }, () => Promise.reject(new TypeError('a bug')));
    const quiet = { write: () => {} };
    const call = failing([], { stdout: quiet, stderr: quiet, signal: new AbortController().signal });
    await expect(call).rejects.toThrow('a bug');
  });
});
