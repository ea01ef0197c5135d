import type { Installation, InstallationQuery, InstallationStore } from '@slack/bolt';
import { z } from 'zod';
import { keyFrom, Sealer, Unopened } from '../../base/encryption.ts';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import type { Config } from '../../config.ts';
import { ROTATES, type SlackInstaller } from '../../config-slack.ts';
import type { Note, Settings } from '../../settings/settings.ts';
import { createApi } from './api.ts';
import { identify } from './identity.ts';

/** The kind under which the settings store keeps installations. */
const KIND = 'slack-installation';
/** The subject of error sentences about the token that Slack gives out. */
const BOT_TOKEN = 'The bot token of this app';

const installedSchema = z.object({
  /** The bot's token in the workspace. */
  token: z.string(),
  me: z.object({
    userId: z.string(),
    name: z.string(),
    teamId: z.string(),
    team: z.string(),
    botId: z.string().exactOptional(),
    enterpriseId: z.string().exactOptional(),
  }),
});

/** What is stored of a workspace or organisation that has installed the bot. */
export type Installed = Readonly<z.infer<typeof installedSchema>>;

/**
 * Stores who has installed the bot: one encrypted note for each workspace, or for an organisation that installed it as a whole,
 * beside the settings and under a keyed hash of the id. Nothing about the person who installed it is stored, nor a token of
 * theirs.
 */
export class Installations implements InstallationStore {
  readonly #settings: Settings;
  readonly #sealer: Sealer;
  readonly #config: Config;
  readonly #log: Logger;

  private constructor(settings: Settings, sealer: Sealer, config: Config, log: Logger) {
    this.#settings = settings;
    this.#sealer = sealer;
    this.#config = config;
    this.#log = log;
  }

  /**
   * Opens the store, and encrypts notes again that were encrypted with another key than the first one.
   * @throws UserError 'bad-config' where a note was encrypted with a key that is not given, 'busy' where the store cannot be reached
   */
  static async open({ keys }: SlackInstaller, settings: Settings, config: Config, log: Logger): Promise<Installations> {
    const sealer = new Sealer(keys.map((key) => keyFrom(key)!));
    const installations = new Installations(settings, sealer, config, log);
    await installations.#sealAnew();
    return installations;
  }

  /** How many workspaces and organisations have installed the bot. */
  async count(): Promise<number> {
    return (await this.#settings.notes(KIND)).length;
  }

  /**
   * What is stored of a workspace or an organisation. It is read each time, since another process may have changed it.
   * @returns also a mark that differs for each installation; undefined where the bot is not installed there
   * @throws UserError 'busy' where the store cannot be reached; Unopened where the note cannot be decrypted
   */
  async find(id: string): Promise<{ readonly installed: Installed; readonly mark: string } | undefined> {
    const note = await this.#settings.note(KIND, id);
    if (note === undefined) return undefined;
    const { text } = this.#sealer.open(note.text, note.key);
    return { installed: installedSchema.parse(JSON.parse(text)), mark: note.text };
  }

  /** Stores a new installation. @throws UserError where its token expires, or it cannot be stored */
  async storeInstallation(installation: Installation): Promise<void> {
    const { bot } = installation;
    const id = idOf(installation);
    if (bot === undefined || id === undefined) throw new Error('Slack gives no bot token');
    if (bot.refreshToken !== undefined) throw new UserError('bad-config', `${BOT_TOKEN} ${ROTATES}.`);
    const me = await identify(createApi(bot.token, this.#config, this.#log), BOT_TOKEN);
    const installed: Installed = { token: bot.token, me };
    await this.#settings.setNote(KIND, id, (key) => this.#sealer.seal(JSON.stringify(installed), key));
    this.#log.info(
      { platform: 'slack', isOrganisation: installation.isEnterpriseInstall === true },
      'the bot was installed',
    );
  }

  /** Part of the library's interface, but never called: events are authorized by `find`. */
  async fetchInstallation(query: InstallationQuery<boolean>): Promise<Installation> {
    throw new Error(
      `nobody asks for the installation in ${query.isEnterpriseInstall ? 'an organisation' : 'a workspace'}`,
    );
  }

  /** Deletes a workspace or an organisation. @throws UserError as `Settings.setNote` does */
  async forget(id: string): Promise<void> {
    await this.#settings.setNote(KIND, id, () => undefined);
  }

  async #sealAnew(): Promise<void> {
    let renewed = 0;
    for (const note of await this.#settings.notes(KIND)) {
      const opened = this.#opened(note);
      if (!opened?.isOld) continue;
      await this.#settings.rewrite(note, this.#sealer.seal(opened.text, note.key));
      renewed += 1;
    }
    if (renewed > 0)
      this.#log.info({ platform: 'slack', renewed }, 'installations were encrypted again with the first of the keys');
  }

  #opened(note: Note) {
    try {
      return this.#sealer.open(note.text, note.key);
    } catch (error) {
      if (!(error instanceof Unopened)) throw error;
      if (error.reason === 'no-key') {
        throw new UserError(
          'bad-config',
          'SLACK_STORE_KEY does not decrypt what is stored of the workspaces that installed the bot. Put the key that encrypted it there again; if you want a new key, put that before it.',
          { cause: error },
        );
      }
      this.#log.error(
        { platform: 'slack', err: error },
        'the stored installation of a workspace is damaged; it has to install the bot again',
      );
      return undefined;
    }
  }
}

/** The organisation's id where all of it has installed the bot, else the workspace's. */
function idOf({ team, enterprise, isEnterpriseInstall }: Installation): string | undefined {
  return isEnterpriseInstall ? enterprise?.id : team?.id;
}
