import { readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { UserError } from '../base/errors.ts';
import { fileTrouble, reasonOf, sha256 } from '../base/files.ts';
import { filesIn, loadModel, type StoredModel } from '../emotion/layers-format/layers-format.ts';
import { describeNetwork, type ShippedNetwork, shippedBeside, shippedFolder, type VersionId } from './shipped.ts';
import type { NewVersion, VersionCard } from './version-card.ts';
import { type InUse, VersionFolder } from './version-folder.ts';

/** A network that ships with the bot. One that cannot be read has no description. */
interface ShippedVersion {
  readonly version: VersionId;
  readonly network: ShippedNetwork | undefined;
}

/**
 * The networks that a bot can use. Version 0 is the shipped one in the model directory itself. Other shipped networks are called
 * by the names of their folders. Trained versions are folders in `versions`: each appears there by one rename once the whole version is
 * on the disk, and is loaded only if its files have the checksums on its card. One small file, replaced durably, says which
 * version is in use; every process looks at it.
 */
export class VersionRegistry {
  readonly #model: string;
  readonly #folder: VersionFolder;
  readonly #filesIn: typeof filesIn;
  readonly #loading = new Map<VersionId, Promise<StoredModel>>();

  /**
   * @param modelDirectory folder of the shipped network
   * @param openFiles how a version's files are read and hashed
   */
  constructor(modelDirectory: string, openFiles = filesIn) {
    this.#model = resolve(modelDirectory);
    this.#folder = new VersionFolder(this.#model);
    this.#filesIn = openFiles;
  }

  /** Folder of a version's network. */
  directoryOf(version: VersionId): string {
    if (typeof version === 'string') return shippedFolder(this.#model, version);
    return version === 0 ? this.#model : this.#folder.of(version);
  }

  /** The version in use; 0 where none was ever chosen. */
  async inUse(): Promise<InUse> {
    return await this.#folder.inUse();
  }

  /** Cards of the trained versions, oldest first; folders without a whole card are left out. */
  async list(): Promise<VersionCard[]> {
    return await this.#folder.list();
  }

  /** The networks that ship with the bot: version 0, and those in folders beside it. */
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
   * Loads a version's network. Every file of the version is read once and hashed once. A call during a load under way shares
   * that load.
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
    const card = await this.#folder.card(version);
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
   * Adds a version. It becomes visible only once the whole version is on the disk.
   * @param write writes the network and its other files into the given folder
   * @returns its number
   * @throws the file system's error, such as ENOSPC; nothing is left behind then
   */
  async store(card: NewVersion, write: (directory: string) => Promise<void>): Promise<number> {
    return await this.#folder.locked(async () => {
      await this.#folder.clearLeftovers();
      const { version: used, before = 0 } = await this.inUse();
      const version = Math.max(0, ...[used, before].filter(isNumber), ...(await this.#folder.numbers())) + 1;
      await this.#folder.put(async (aside) => {
        await write(aside);
        return { ...card, version, created: new Date().toISOString(), files: await checksums(aside) };
      });
      return version;
    });
  }

  /**
   * Puts a version in use, in every process.
   * @throws UserError where it does not exist, is damaged, or is in use already; the old version then stays in use
   */
  async promote(chosen: VersionId): Promise<void> {
    // Version 0 may also be called by its folder's name.
    const version = this.directoryOf(chosen) === this.#model ? 0 : chosen;
    await this.#folder.locked(async () => {
      const { version: before } = await this.inUse();
      if (before === version) throw new UserError('bad-usage', `Version ${version} is in use already.`);
      await this.#use({ version, before });
    });
  }

  /**
   * Puts a version in use in place of the one that it was compared with, unless somebody has chosen another one since.
   * @param against the version in use that it was compared with; any where absent
   * @returns whether it is in use now
   * @throws UserError where it is damaged; the old version then stays in use
   */
  async replace(against: VersionId | undefined, version: number): Promise<boolean> {
    return await this.#folder.locked(async () => {
      const { version: used, before } = await this.inUse();
      if (used === version) return true;
      // In use before means that it has been taken back.
      if (before === version || (against !== undefined && used !== against)) return false;
      await this.#use({ version, before: used });
      return true;
    });
  }

  /**
   * Puts the previous version in use again. A second rollback undoes the first.
   * @returns its number or name
   * @throws UserError 'not-found' where there was none
   */
  async rollback(): Promise<VersionId> {
    return await this.#folder.locked(async () => {
      const { version, before } = await this.inUse();
      if (before === undefined)
        throw new UserError('not-found', `Version ${version} is the first: there is nothing to go back to.`);
      await this.#use({ version: before, before: version });
      return before;
    });
  }

  /** Removes the oldest trained versions until `keep` are left; never the one in use nor the previous one. */
  async prune(keep: number): Promise<void> {
    await this.#folder.locked(async () => {
      const { version, before } = await this.inUse();
      const spare = (await this.#folder.numbers()).filter((number) => number !== version && number !== before);
      const kept = keep - [version, before].filter((one) => isNumber(one) && one > 0).length;
      for (const number of spare.slice(0, Math.max(0, spare.length - Math.max(1, kept)))) {
        await this.#folder.remove(number);
      }
    });
  }

  async #use(next: InUse): Promise<void> {
    await this.load(next.version);
    await this.#folder.use(next);
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
