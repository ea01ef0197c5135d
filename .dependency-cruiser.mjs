/**
 * The rooms of the house, from the ground up: a file imports from its own room and from those named beside it. `npm run lint`
 * holds this; ARCHITECTURE.md says what each room is for.
 */
const ROOMS = [
  ['base', 'src/base/', []],
  ['emotion', 'src/emotion/', ['base']],
  ['photo', 'src/photo/', ['base', 'emotion']],
  ['training', 'src/training/', ['base', 'emotion', 'photo']],
  ['evaluation', 'src/evaluation/', ['base', 'emotion', 'photo', 'training']],
  ['versions', 'src/versions/', ['base', 'emotion', 'photo', 'training', 'evaluation']],
  ['config', 'src/config', ['base', 'emotion', 'photo']],
  ['settings', 'src/settings/', ['base', 'config', 'emotion']],
  ['work', 'src/work/', ['base', 'config']],
  ['metrics', 'src/metrics/', ['base']],
  ['retraining', 'src/retraining/', ['base', 'emotion', 'photo', 'training', 'evaluation', 'versions', 'config']],
  [
    'commands',
    'commands/',
    ['base', 'emotion', 'photo', 'training', 'evaluation', 'versions', 'settings', 'work', 'retraining'],
  ],
  ['chat', 'src/chat/', ['base', 'emotion', 'photo', 'config', 'settings', 'work', 'commands']],
];

const pattern = (start) => `^${start.replaceAll('.', '\\.')}`;
const startOf = new Map(ROOMS.map(([name, start]) => [name, start]));

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    {
      name: 'no-circle',
      comment: 'No circle between files, type imports included: what two files share lives in a third.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    ...ROOMS.map(([name, start, below]) => ({
      name: `${name}-stands-on-its-floor`,
      comment: `${start} imports only from itself and from: ${below.join(', ') || 'nothing else'}.`,
      severity: 'error',
      from: { path: pattern(start) },
      to: {
        path: '^(src|commands|scripts|test)/',
        pathNot: [start, ...below.map((room) => startOf.get(room))].map(pattern),
      },
    })),
    {
      name: 'no-test-below-tests',
      comment: 'Nothing that runs imports a test.',
      severity: 'error',
      from: { path: '^(src|commands|scripts)/' },
      to: { path: '^test/' },
    },
    {
      name: 'no-tool-below-tools',
      comment: 'Only scripts/ imports from scripts/: the programs in src/ do not either.',
      severity: 'error',
      from: { path: '^(src|commands)/' },
      to: { path: '^scripts/' },
    },
    {
      name: 'no-chat-below-chat',
      comment: 'Only src/chat knows a chat platform.',
      severity: 'error',
      from: { path: '^(src|commands|scripts)/', pathNot: '^(src/chat/|scripts/deploy-commands\\.ts)' },
      to: { path: '(^|/)(discord\\.js|@discordjs/|discord-api-types|@slack/)' },
    },
    {
      name: 'only-metrics-counts',
      comment: 'Only src/metrics/metrics.ts knows what figures are kept in.',
      severity: 'error',
      from: { path: '^(src|commands|scripts)/', pathNot: '^src/metrics/metrics\\.ts' },
      to: { path: '(^|/)prom-client' },
    },
    {
      name: 'config-is-light',
      comment: 'Reading the settings loads no engine and no decoder.',
      severity: 'error',
      from: { path: '^src/config[^/]*\\.ts$' },
      to: { path: 'node_modules/(onnxruntime|@tensorflow|@techstark|sharp|opencv)', reachable: true },
    },
    {
      name: 'nothing-forgotten',
      comment: 'Every file is reached from a program, a thread or a test.',
      severity: 'error',
      from: { orphan: true, pathNot: '\\.d\\.ts$|\\.mjs$|^src/chat/local/page/' },
      to: {},
    },
  ],
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    moduleSystems: ['es6'],
    doNotFollow: { path: 'node_modules' },
    // What a thread or process starts with is reached by its address.
    exclude: { path: '\\.(css|html|svg|py)$' },
  },
};
