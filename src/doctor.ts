import { constants } from 'node:fs';
import { access, readdir, stat } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { codeOf } from './base/errors.ts';
import { textWidth } from './base/lettering.ts';
import type { Config } from './config.ts';
import { loadClassifier } from './emotion/classifier.ts';
import { createEngine } from './emotion/engines/create-engine.ts';
import { findRuntime } from './emotion/engines/tensorflow/runtime.ts';
import { FACE_PIXELS } from './emotion/labels.ts';
import { loadModel } from './emotion/layers-format/layers-format.ts';
import { createFaceDetector } from './photo/faces/create-detector.ts';

/** What the doctor found out about one part of the bot. */
export interface Finding {
  /** The part, e.g. 'Engine'. */
  readonly part: string;
  /** 'ok': works; 'off': not set up, which is fine; 'broken': will not work until somebody does what `remedy` says. */
  readonly state: 'ok' | 'off' | 'broken';
  /** What is there, in a sentence without its full stop. */
  readonly finding: string;
  /** How to change it, or what else to mind; absent where there is nothing to do. */
  readonly remedy?: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));
const OLDEST_NODE = [20, 19] as const;

/** Looks at every part of the bot, tries those that can be tried, and never shows a secret. */
export async function examine(config: Config): Promise<Finding[]> {
  const checks: readonly [part: string, check: () => Promise<Omit<Finding, 'part'>>, remedy: string][] = [
    ['Node.js', async () => node(process.versions.node), 'Install Node.js 20.19 or newer.'],
    ['Engine', () => engine(config), 'Run npm ci again, or set ENGINE=onnx.'],
    ['GPU', gpu, ''],
    ['Network', () => network(config), `Put a network into ${config.model.directory}, or unset MODEL_DIR.`],
    ['Face detector', () => detector(config), 'Run npm ci again; the cascades must lie in model/cascades.'],
    ['Font', font, 'Restore assets/fonts from the project.'],
    ['Training data', () => data(config), ''],
    ['State folder', () => stateFolder(config), `Let the bot write to the folder of ${config.stateDirectory}.`],
    ['Settings', async () => settings(config), ''],
    ['Figures', async () => figures(config), ''],
    ['Discord', async () => discord(config), ''],
    ['Slack', async () => slack(config), ''],
  ];
  const findings: Finding[] = [];
  for (const [part, check, remedy] of checks) {
    try {
      findings.push({ part, ...(await check()) });
    } catch (error) {
      findings.push({ part, state: 'broken', finding: (error as Error).message.replace(/\.$/, ''), remedy });
    }
  }
  return findings;
}

function node(version: string): Omit<Finding, 'part'> {
  const [major, minor] = version.split('.').map(Number) as [number, number];
  const recent = major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1]);
  if (!recent) throw new Error(`version ${version} is too old`);
  return { state: 'ok', finding: `version ${version}` };
}

async function engine(config: Config): Promise<Omit<Finding, 'part'>> {
  const { name, device } = await createEngine(config.model.engine, { threads: config.model.threads });
  return { state: 'ok', finding: `${name} on ${device} (ENGINE=${config.model.engine})` };
}

async function gpu(): Promise<Omit<Finding, 'part'>> {
  const { runtime, failures } = await findRuntime();
  if (runtime?.gpu) return { state: 'ok', finding: `${runtime.package} uses it` };
  const reasons = failures.map((failure) => `${failure.package} is ${failure.reason}`).join('; ');
  return {
    state: 'off',
    finding: runtime ? `${runtime.package} finds none` : `not used: ${reasons}`,
    remedy:
      'Only for faster training: npm install --no-save --ignore-scripts=false @tensorflow/tfjs-node-gpu@4.22.0, with CUDA 11.',
  };
}

/** Loads the network and lets it read one face. */
async function network(config: Config): Promise<Omit<Finding, 'part'>> {
  const { directory, threads } = config.model;
  const stored = await loadModel(directory);
  const classifier = await loadClassifier(directory, { threads });
  try {
    await classifier.classify([new Uint8Array(FACE_PIXELS).map((_, k) => (k * 7) % 256)]);
  } finally {
    await classifier.dispose();
  }
  const { architecture } = stored.network;
  const size = `${(stored.network.parameters / 1e6).toFixed(1)} million parameters`;
  return { state: 'ok', finding: `${architecture.name}, ${size}, ${stored.sha256.slice(0, 12)}, in ${directory}` };
}

/** Looks for faces in a gray picture, which takes every thread, file and library that a photo takes. */
async function detector({ photos }: Config): Promise<Omit<Finding, 'part'>> {
  const faces = createFaceDetector({ detector: photos.detector, threads: 1 });
  try {
    const [width, height] = [160, 120];
    await faces.detect({ width, height, data: new Uint8Array(width * height * 3).fill(128) });
    return { state: 'ok', finding: 'starts and looks at a picture' };
  } finally {
    await faces.close();
  }
}

async function font(): Promise<Omit<Finding, 'part'>> {
  if (!(textWidth('happy 93 %', 16) > 0)) throw new Error('the font draws nothing');
  return { state: 'ok', finding: 'the one that ships; none of the machine is needed' };
}

async function data(config: Config): Promise<Omit<Finding, 'part'>> {
  const names = await readdir(config.dataDirectory).catch((): string[] => []);
  const chunks = names.filter((name) => /\.csv(\.gz)?$/.test(name)).length;
  if (chunks > 0) return { state: 'ok', finding: `${chunks} files in ${config.dataDirectory}` };
  return {
    state: 'off',
    finding: `none in ${config.dataDirectory}`,
    remedy: 'Only for training: data/README.md says where FER2013 comes from.',
  };
}

async function stateFolder(config: Config): Promise<Omit<Finding, 'part'>> {
  const directory = config.stateDirectory;
  try {
    await access(directory, constants.W_OK);
    const isOpen = process.platform !== 'win32' && ((await stat(directory)).mode & 0o077) !== 0;
    return isOpen
      ? {
          state: 'ok',
          finding: `${directory}; others may look into it`,
          remedy: `npm start shuts what is the bot’s. At once: chmod -R go= ${directory}`,
        }
      : { state: 'ok', finding: directory };
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    return { state: 'ok', finding: `${directory}, made when it is first needed` };
  }
}

function settings(config: Config): Omit<Finding, 'part'> {
  if (config.unknownSettings.length === 0) return { state: 'ok', finding: 'all of .env is understood' };
  return {
    state: 'off',
    finding: `.env sets ${config.unknownSettings.join(', ')}, which is no setting`,
    remedy: `See ${root}.env.example for the names.`,
  };
}

function figures({ metrics }: Config): Omit<Finding, 'part'> {
  if (metrics === undefined)
    return { state: 'off', finding: 'not shown', remedy: 'To see them, set METRICS_PORT: docs/metrics.md.' };
  const place = metrics.port === 0 ? 'a free port' : `port ${metrics.port}`;
  return { state: 'ok', finding: `shown at ${place} of ${metrics.host} once the bot runs` };
}

function discord(config: Config): Omit<Finding, 'part'> {
  if (config.discord) {
    return {
      state: 'ok',
      finding: 'a token is set; npm start tells whether Discord takes it',
      remedy:
        'Let one process use it. From 10,000 users on, over all servers, Discord reviews the Message Content Intent.',
    };
  }
  return { state: 'off', finding: 'no token', remedy: 'To use it, set DISCORD_TOKEN: README.md, Discord.' };
}

function slack(config: Config): Omit<Finding, 'part'> {
  if (config.slack) {
    if ('installer' in config.slack) {
      return { state: 'ok', finding: 'set up for every workspace that installs it; npm start says where' };
    }
    const way = config.slack.connection.kind === 'socket' ? 'Socket Mode' : 'HTTP';
    return { state: 'ok', finding: `tokens for ${way} are set; npm start tells whether Slack takes them` };
  }
  return { state: 'off', finding: 'no tokens', remedy: 'To use it, set SLACK_BOT_TOKEN and more: README.md, Slack.' };
}
