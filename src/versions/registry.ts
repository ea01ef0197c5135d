import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { UserError } from '../base/errors.ts';
import { entriesOf, fileTrouble, readIfThere, reasonOf, sha256, syncDirectory, writeDurably } from '../base/files.ts';
import { waitForLock } from '../base/lock.ts';
import { EMOTIONS } from '../emotion/labels.ts';
import { filesIn, loadModel, type StoredModel } from '../emotion/layers-format/layers-format.ts';
import {
  describeNetwork,
  type ShippedNetwork,
  shippedBeside,
  shippedFolder,
  type VersionId,
  versionId,
} from './shipped.ts';

const share = z.number().min(0).max(1);

const figuresSchema = z.object({
  images: z.int(),
  accuracy: share,
  macroRecall: share,
  /** Per emotion; null where it does not occur. */
  recall: z.record(z.enum(EMOTIONS), share.nullable()),
});

/** How good a network is on one split. */
type VersionFigures = Readonly<z.infer<typeof figuresSchema>>;

const bothSchema = z.object({ publicTest: figuresSchema, privateTest: figuresSchema });

/** What is known of a trained version, beside its network. */
const versionCardSchema = bothSchema.extend({
  version: z.int().min(1),
  /** The training that made it. */
  job: z.string(),
  created: z.string(),
  architecture: z.string(),
  /** The command that trains it again. */
  command: z.string(),
  /** Epochs that were trained, and how many were planned: more where it ended early. */
  epochs: z.int(),
  plannedEpochs: z.int().optional(),
  /** The epoch, from 1, whose network this is. */
  bestEpoch: z.int(),
  /** The network that was in use when this one was made, on the same images; absent where none could be read. */
  against: bothSchema.extend({ version: versionId }).optional(),
  /** What its figures are by; absent for FER2013's own labels. */
  measure: z.literal('votes').optional(),
  /** True where the network in use learned from votes and there were none to compare by. */
  incomparable: z.boolean().optional(),
  /** SHA-256 of the version's files by name. */
  files: z.record(z.string(), z.string().length(64)),
});

export type VersionCard = Readonly<z.infer<typeof versionCardSchema>>;

/** A card before its version is stored. */
export type NewVersion = Omit<VersionCard, 'version' | 'files' | 'created'>;

/** Of an evaluation, what a card keeps. */
export function figuresOf({ images, accuracy, macroRecall, recall }: VersionFigures): VersionFigures {
  return { images, accuracy, macroRecall, recall };
}
const inUseSchema = z.object({ version: versionId, before: versionId.optional() });

/** The version that photos are read with, and the one that was in use before it. */
type InUse = Readonly<z.infer<typeof inUseSchema>>;

/** A network that came with the bot, as `versions` lists it; one that cannot be read has no description. */
interface ShippedVersion {
  readonly version: VersionId;
  readonly network: ShippedNetwork | undefined;
}

const CARD_FILE = 'card.json';
const IN_USE_FILE = 'in-use.json';
const LOCK = 'registry';
/** Nothing under the lock takes longer than a load of one network. */
const LOCK_MS = 30_000;

/**
 * The networks that a bot has to choose from: version 0 is the shipped one in the model directory itself, those that ship beside
 * it go by the names of their folders, trained ones are whole folders in its `versions`. Each of these appears there in one
 * rename once all of it is on the disk, and is loaded only where its files are those that its card was written with. Which one is
 * in use is one small file, replaced durably; every process looks at it.
 */
export class VersionRegistry {
  readonly #model: string;
  readonly #versions: string;
  readonly #filesIn: typeof filesIn;
  readonly #loading = new Map<VersionId, Promise<StoredModel>>();

  /**
   * @param modelDirectory folder of the shipped network
   * @param openFiles how a version's files are read and hashed
   */
  constructor(modelDirectory: string, openFiles = filesIn) {
    this.#model = resolve(modelDirectory);
    this.#versions = join(this.#model, 'versions');
    this.#filesIn = openFiles;
  }

  /** Where a version's network lies. */
  directoryOf(version: VersionId): string {
    if (typeof version === 'string') return shippedFolder(this.#model, version);
    return version === 0 ? this.#model : join(this.#versions, String(version));
  }

  /** What is in use; version 0 where nothing else was ever chosen. */
  async inUse(): Promise<InUse> {
    const text = await readIfThere(join(this.#versions, IN_USE_FILE));
    if (text === undefined) return { version: 0 };
    try {
      return inUseSchema.parse(JSON.parse(text));
    } catch {
      // The file is replaced whole: this one was damaged by the disk, and the shipped network still works.
      return { version: 0 };
    }
  }

  /** Cards of the trained versions, oldest first; folders without a whole card are left out. */
  async list(): Promise<VersionCard[]> {
    const cards = await Promise.all((await this.#numbers()).map((version) => this.#card(version)));
    return cards.filter((card) => card !== undefined);
  }

  /** The networks that came with the bot: version 0, and those that ship beside it. */
  async shipped(): Promise<ShippedVersion[]> {
    const versions: VersionId[] = [0, ...(await shippedBeside(this.#model))];
    return await Promise.all(
      versions.map(async (version) => {
        const network = await describeNetwork(this.directoryOf(version)).catch((error: unknown) => {
          if (error instanceof UserError) return undefined;
          throw error;
        });
        return { version, network };
      }),
    );
  }

  /**
   * Loads a version's network. Every file of the version is read once and hashed once; who asks while a load is under way
   * shares it.
   * @throws UserError 'not-found' where there is no such version, 'bad-model' where it is damaged
   */
  load(version: VersionId): Promise<StoredModel> {
    const loading =
      this.#loading.get(version) ?? this.#loadChecked(version).finally(() => this.#loading.delete(version));
    this.#loading.set(version, loading);
    return loading;
  }

  async #loadChecked(version: VersionId): Promise<StoredModel> {
    const directory = this.directoryOf(version);
    if (version === 0) return await loadModel(directory, () => this.#filesIn(directory));
    const missing = new UserError('not-found', `There is no version ${version}: /retrain versions lists them.`);
    if (typeof version === 'string') {
      if (!(await shippedBeside(this.#model)).includes(version)) throw missing;
      return await loadModel(directory, () => this.#filesIn(directory));
    }
    const card = await this.#card(version);
    if (!card) throw missing;
    const files = this.#filesIn(directory);
    for (const [name, checksum] of Object.entries(card.files)) {
      const found = await files.checksum(name).catch((error: unknown) => {
        if (fileTrouble(error) === 'missing') return undefined;
        const why = `${name}: ${reasonOf(error)}`;
        throw new UserError('bad-model', `Version ${version} cannot be read (${why}).`, { cause: error });
      });
      if (found !== checksum)
        throw new UserError('bad-model', `Version ${version} is damaged (${name}). Choose another, or train again.`);
    }
    return await loadModel(directory, () => files);
  }

  /**
   * Adds a version. Nothing of it can be seen before all of it is on the disk.
   * @param write puts the network (and what else belongs to it) into the folder it is given
   * @returns its number
   * @throws the file system's error, such as ENOSPC; no trace is left then
   */
  async store(card: NewVersion, write: (directory: string) => Promise<void>): Promise<number> {
    return await this.#locked(async () => {
      await this.#clearLeftovers();
      const aside = join(this.#versions, `${randomUUID()}.tmp`);
      try {
        await mkdir(aside);
        await write(aside);
        const { version: used, before = 0 } = await this.inUse();
        const version = Math.max(0, ...[used, before].filter(isNumber), ...(await this.#numbers())) + 1;
        const whole = { ...card, version, created: new Date().toISOString(), files: await checksums(aside) };
        await writeDurably(join(aside, CARD_FILE), JSON.stringify(versionCardSchema.parse(whole), undefined, 2));
        await rename(aside, this.directoryOf(version));
        await syncDirectory(this.#versions);
        return version;
      } catch (error) {
        await rm(aside, { recursive: true, force: true });
        throw error;
      }
    });
  }

  /**
   * Puts a version in use, in every process.
   * @throws UserError where it does not exist, is damaged, or is in use already; the old one then stays
   */
  async promote(chosen: VersionId): Promise<void> {
    // The network of the model directory has a name as well.
    const version = this.directoryOf(chosen) === this.#model ? 0 : chosen;
    await this.#locked(async () => {
      const { version: before } = await this.inUse();
      if (before === version) throw new UserError('bad-usage', `Version ${version} is in use already.`);
      await this.#use({ version, before });
    });
  }

  /**
   * Puts the version that was in use before in use again; a second rollback takes that back.
   * @returns its number or name
   * @throws UserError 'not-found' where there was none
   */
  async rollback(): Promise<VersionId> {
    return await this.#locked(async () => {
      const { version, before } = await this.inUse();
      if (before === undefined)
        throw new UserError('not-found', `Version ${version} is the first: there is nothing to go back to.`);
      await this.#use({ version: before, before: version });
      return before;
    });
  }

  /** Removes the oldest trained versions but `keep`, never the one in use nor the one before it. */
  async prune(keep: number): Promise<void> {
    await this.#locked(async () => {
      const { version, before } = await this.inUse();
      const spare = (await this.#numbers()).filter((number) => number !== version && number !== before);
      const kept = keep - [version, before].filter((one) => isNumber(one) && one > 0).length;
      for (const number of spare.slice(0, Math.max(0, spare.length - Math.max(1, kept)))) {
        // Out of sight in one step: half a version must not be listed.
        const aside = join(this.#versions, `${randomUUID()}.tmp`);
        await rename(this.directoryOf(number), aside);
        await rm(aside, { recursive: true, force: true });
      }
    });
  }

  async #use(next: InUse): Promise<void> {
    await this.load(next.version);
    await writeDurably(join(this.#versions, IN_USE_FILE), JSON.stringify(next));
  }

  async #card(version: number): Promise<VersionCard | undefined> {
    const text = await readIfThere(join(this.directoryOf(version), CARD_FILE));
    if (text === undefined) return undefined;
    try {
      return versionCardSchema.parse(JSON.parse(text));
    } catch {
      // A damaged card makes a damaged version: it is not offered.
      return undefined;
    }
  }

  /** Numbers of the finished folders, ascending. */
  async #numbers(): Promise<number[]> {
    const names = (await entriesOf(this.#versions)).filter((name) => /^[1-9]\d{0,8}$/.test(name));
    return names.map(Number).sort((a, b) => a - b);
  }

  /** What a crash in the middle of storing or pruning left. */
  async #clearLeftovers(): Promise<void> {
    for (const name of await entriesOf(this.#versions))
      if (/^[\da-f-]{36}\.tmp$/.test(name)) await rm(join(this.#versions, name), { recursive: true, force: true });
  }

  async #locked<T>(work: () => Promise<T>): Promise<T> {
    const lock = await waitForLock(this.#versions, LOCK, LOCK_MS);
    if (!lock) throw new UserError('busy', 'Another process is changing the versions. Try again in a minute.');
    try {
      return await work();
    } finally {
      await lock.release();
    }
  }
}

function isNumber(version: VersionId | undefined): version is number {
  return typeof version === 'number';
}

async function checksums(directory: string): Promise<Record<string, string>> {
  const files = (await readdir(directory, { withFileTypes: true })).filter((entry) => entry.isFile());
  const sums = files.map(async ({ name }) => [name, sha256(await readFile(join(directory, name)))] as const);
  return Object.fromEntries(await Promise.all(sums));
}
