import { readdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { makeFolder, readIfThere, sha256, writeDurably } from '../base/files.ts';
import type { Logger } from '../base/log.ts';
import { REDIS_PREFIX, type RedisPart, shareRedis } from '../base/redis.ts';
import {
  type KnownList,
  mergeLists,
  type NetworkList,
  type OwnNetworks,
  parseKnown,
  parseList,
  renamed,
} from './network-list.ts';
import { type VersionCard, versionCardSchema } from './version-card.ts';
import { VersionFolder } from './version-folder.ts';

const LIST = `${REDIS_PREFIX}:networks`;
const CARD = 'card.json';
/** File with the list that this machine last applied, in the folder of its versions. */
const KNOWN_FILE = 'shared.json';
/** Milliseconds between looks for changes by other machines. A look reads one short text. */
const LOOK_EVERY_MS = 1000;
/** Sets the list if it is still the one that was read; '' stands for none. */
const REPLACE = `
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[2])
  return 1`;
/** A file's path within its version. */
const FILE_PATH = /^(?:[\w-][\w.-]*\/)?[\w-][\w.-]*$/;

/**
 * Synchronises this machine's trained networks, and which one is in use, with all machines that share a Redis. Each machine has all
 * networks on its own disk. So their files are fetched only when something has changed, and photos are read even while Redis is away.
 */
export class SharedNetworks {
  readonly #redis: RedisPart;
  readonly #folder: VersionFolder;
  readonly #log: Logger;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** State of this machine and of the shared list when they were last synchronised. */
  #inStep: string | undefined;
  #complaint: string | undefined;

  private constructor(redis: RedisPart, folder: VersionFolder, log: Logger) {
    this.#redis = redis;
    this.#folder = folder;
    this.#log = log;
  }

  /**
   * Synchronises this machine now, and keeps it synchronised.
   * @param modelDirectory folder of the shipped network
   * @param options.signal gives up waiting for a Redis that is away
   * @throws Error where Redis cannot be reached or refuses
   */
  static async start(
    url: string,
    modelDirectory: string,
    log: Logger,
    { lookEveryMs = LOOK_EVERY_MS, signal }: { readonly lookEveryMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<SharedNetworks> {
    const shared = new SharedNetworks(await shareRedis(url, log, signal), new VersionFolder(modelDirectory), log);
    await shared.look();
    shared.#timer = setInterval(() => void shared.look(), lookEveryMs).unref();
    return shared;
  }

  /** Looks now rather than at the next tick. Never rejects: a failure is tried again at the next tick. */
  look(): Promise<void> {
    this.#looking ??= this.#bringInStep()
      .then(() => {
        this.#complaint = undefined;
      })
      .catch((err: unknown) => {
        // Logged once: the same error comes every second until its cause is gone.
        if (this.#complaint !== String(err))
          this.#log.error({ err }, 'the networks could not be brought in step with those of other machines');
        this.#complaint = String(err);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
    this.#redis.release();
  }

  async #bringInStep(): Promise<void> {
    const text = await this.#redis.client.get(LIST);
    const [inUse, numbers] = await Promise.all([this.#folder.inUse(), this.#folder.numbers()]);
    const isBare = text === null && numbers.length === 0 && inUse.version === 0 && inUse.before === undefined;
    if (isBare || this.#inStep === stepOf(text ?? '', { inUse, numbers })) return;
    await this.#folder.locked(async () => await this.#merge());
  }

  async #merge(): Promise<void> {
    await this.#folder.clearLeftovers();
    await this.#endRenumbering();
    const text = (await this.#redis.client.get(LIST)) ?? '';
    const shared = parseList(text);
    const known = parseKnown(await readIfThere(this.#knownFile));
    const { list, isChanged, renumbered } = mergeLists(await this.#own(), known, shared);
    for (const { from, to } of renumbered) await this.#renumber(from, to);
    const cards = await this.#folder.list();
    for (const { job } of list.versions) {
      const card = cards.find((one) => one.job === job);
      if (card && (await this.#redis.client.exists(keyOf(job))) === 0) await this.#upload(card);
    }
    // Another machine was quicker. The next tick merges again.
    if (isChanged && !(await this.#redis.client.eval(REPLACE, 1, LIST, text, JSON.stringify(list)))) return;
    for (const job of list.removed) {
      if (shared?.versions.some((one) => one.job === job)) await this.#redis.client.del(keyOf(job));
    }
    await this.#take(list);
    this.#inStep = stepOf(isChanged ? JSON.stringify(list) : text, await this.#own());
  }

  /** Applies the list to this machine's folder. @throws where a network cannot be fetched; the rest is still applied */
  async #take(list: NetworkList): Promise<void> {
    // Written before the version in use changes. Otherwise, after a crash, that change would be taken for this machine's own choice.
    await writeDurably(this.#knownFile, JSON.stringify({ list, isWhole: false } satisfies KnownList));
    const problems: unknown[] = [];
    const before = await this.#own();
    for (const { version, job } of list.versions) {
      const isHere = before.versions.some((one) => one.job === job);
      if (isHere && !(version === list.inUse.version && (await this.#isDamaged(version)))) continue;
      await this.#download(version, job).catch((error: unknown) => problems.push(error));
    }
    const { inUse, versions, numbers } = await this.#own();
    // A version that could not be fetched is put in use once it has been.
    const isThere = typeof list.inUse.version === 'string' || [0, ...numbers].includes(list.inUse.version);
    const isOther = inUse.version !== list.inUse.version || inUse.before !== list.inUse.before;
    if (isOther && isThere) await this.#folder.use(list.inUse);
    for (const { version, job } of versions) {
      const isWanted = version === list.inUse.version || version === list.inUse.before;
      if (list.removed.includes(job) && !isWanted) await this.#folder.remove(version);
    }
    const { inUse: used, versions: there } = await this.#own();
    const reached = { list: { ...list, inUse: used, versions: there }, isWhole: true } satisfies KnownList;
    await writeDurably(this.#knownFile, JSON.stringify(reached));
    if (problems.length > 0) throw problems[0];
  }

  async #own(): Promise<OwnNetworks> {
    const [inUse, cards, numbers] = await Promise.all([
      this.#folder.inUse(),
      this.#folder.list(),
      this.#folder.numbers(),
    ]);
    return { inUse, versions: cards.map(({ version, job }) => ({ version, job })), numbers };
  }

  get #knownFile(): string {
    return join(this.#folder.path, KNOWN_FILE);
  }

  /** Whether a version's files differ from the checksums on its card. */
  async #isDamaged(version: number): Promise<boolean> {
    const card = await this.#folder.card(version);
    return card === undefined || damageIn(card, await filesOf(this.#folder.of(version))) !== undefined;
  }

  async #upload(card: VersionCard): Promise<void> {
    const files = await filesOf(this.#folder.of(card.version));
    const name = damageIn(card, files);
    if (name === undefined) await this.#redis.client.hset(keyOf(card.job), files);
    else
      this.#log.error({ version: card.version, name }, 'a network is damaged: other machines cannot have it from here');
  }

  async #download(version: number, job: string): Promise<void> {
    const found = Object.entries(await this.#redis.client.hgetallBuffer(keyOf(job)));
    const text = found.find(([path]) => path === CARD)?.[1].toString();
    if (text === undefined) throw new Error(`the files of version ${version} are not in Redis`);
    const card = versionCardSchema.parse(JSON.parse(text));
    const files = new Map(found.filter(([path]) => path !== CARD && FILE_PATH.test(path)));
    const damaged = damageIn(card, files);
    if (damaged !== undefined) throw new Error(`version ${version} came damaged (${damaged})`);
    // A version of this number that is here already was damaged by the disk.
    if ((await this.#folder.numbers()).includes(version)) await this.#folder.remove(version);
    await this.#folder.put(async (directory) => {
      await writeAll(directory, files);
      return { ...card, version };
    });
    this.#log.info({ version }, 'a network that another machine trained is here');
  }

  async #renumber(from: number, to: number): Promise<void> {
    const card = (await this.#folder.card(from))!;
    const files = await filesOf(this.#folder.of(from));
    files.delete(CARD);
    await this.#folder.put(async (directory) => {
      await writeAll(directory, files);
      return { ...card, version: to };
    });
    await this.#leaveNumber(from, to);
  }

  /** Ends what a crash in the middle of `#renumber` has left: a network under two numbers, of which the higher one is new. */
  async #endRenumbering(): Promise<void> {
    const { versions } = await this.#own();
    for (const { version: from, job } of versions) {
      const to = versions.findLast((one) => one.job === job)!.version;
      if (to !== from) await this.#leaveNumber(from, to);
    }
  }

  async #leaveNumber(from: number, to: number): Promise<void> {
    const inUse = await this.#folder.inUse();
    if ([inUse.version, inUse.before].includes(from)) await this.#folder.use(renamed(inUse, [{ from, to }]));
    await this.#folder.remove(from);
    this.#log.warn({ from, to }, 'a network has another number now: machines had given the same one twice');
  }
}

/** A text that changes whenever the shared list or this machine's state changes. */
function stepOf(text: string, { inUse, numbers }: Pick<OwnNetworks, 'inUse' | 'numbers'>): string {
  return JSON.stringify([text, inUse, numbers]);
}

/** The first file that differs from its checksum on the card. */
function damageIn(card: VersionCard, files: ReadonlyMap<string, Uint8Array>): string | undefined {
  const found = Object.entries(card.files).find(
    ([name, checksum]) => sha256(files.get(name) ?? new Uint8Array()) !== checksum,
  );
  return found?.[0];
}

function keyOf(job: string): string {
  return `${REDIS_PREFIX}:network:${job}`;
}

/** The files of a folder and its subfolders, by relative path. */
async function filesOf(directory: string): Promise<Map<string, Buffer>> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = found.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  const files = paths.map(async (path) => {
    const name = path.slice(directory.length + 1).replaceAll('\\', '/');
    return [name, await readFile(path)] as const;
  });
  return new Map(await Promise.all(files));
}

async function writeAll(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<void> {
  for (const [path, bytes] of files) {
    await makeFolder(dirname(join(directory, path)));
    await writeDurably(join(directory, path), bytes);
  }
}
