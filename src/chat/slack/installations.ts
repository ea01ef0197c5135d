import type { Installation, InstallationQuery, InstallationStore } from '@slack/bolt';
import { z } from 'zod';
import { UserError } from '../../base/errors.ts';
import type { Logger } from '../../base/log.ts';
import { keyFrom, Sealer, Unopened } from '../../base/sealed.ts';
import type { Config } from '../../config.ts';
import { ROTATES, type SlackInstaller } from '../../config-slack.ts';
import type { Note, Settings } from '../../settings/settings.ts';
import { createApi } from './api.ts';
import { identify } from './identity.ts';

/** The kind of their notes. */
const KIND = 'slack-installation';
/** What Slack gives, in words. */
const BOT_TOKEN = 'The bot token of this app';

const installedSchema = z.object({
  /** The bot's token there. */
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

/** What is kept of a workspace, or of an organisation, that has installed the bot. */
export type Installed = Readonly<z.infer<typeof installedSchema>>;

/**
 * Who has installed the bot: a note each beside the settings, sealed, under a keyed hash of the workspace's id, or of the
 * organisation's where all of it has. Nothing of the person who installed it is kept, and no token of theirs.
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
   * Opens what is kept, and seals anew what was sealed with a key that is not the first any more.
   * @throws UserError 'bad-config' where some of it was sealed with a key that is not given, 'busy' where it is out of reach
   */
  static async open({ keys }: SlackInstaller, settings: Settings, config: Config, log: Logger): Promise<Installations> {
    const sealer = new Sealer(keys.map((key) => keyFrom(key)!));
    const installations = new Installations(settings, sealer, config, log);
    await installations.#sealAnew();
    return installations;
  }

  /** How many there are. */
  async count(): Promise<number> {
    return (await this.#settings.notes(KIND)).length;
  }

  /**
   * What is kept of a workspace or an organisation, as it is now: another process may have changed it.
   * @returns with it, what tells it from an earlier or later one; undefined where the bot is not installed there
   * @throws UserError 'busy' where it is out of reach; Unopened
   */
  async find(id: string): Promise<{ readonly installed: Installed; readonly mark: string } | undefined> {
    const note = await this.#settings.note(KIND, id);
    if (note === undefined) return undefined;
    const { text } = this.#sealer.open(note.text, note.key);
    return { installed: installedSchema.parse(JSON.parse(text)), mark: note.text };
  }

  /** Keeps what Slack gave to whoever installed the bot. @throws UserError where it is of no use, or cannot be kept */
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

  /** Never asked: events are answered by what `find` gives. */
  async fetchInstallation(query: InstallationQuery<boolean>): Promise<Installation> {
    throw new Error(
      `nobody asks for the installation in ${query.isEnterpriseInstall ? 'an organisation' : 'a workspace'}`,
    );
  }

  /** Forgets a workspace or an organisation. @throws UserError as `Settings.setNote` */
  async forget(id: string): Promise<void> {
    await this.#settings.setNote(KIND, id, () => undefined);
  }

  async #sealAnew(): Promise<void> {
    let anew = 0;
    for (const note of await this.#settings.notes(KIND)) {
      const opened = this.#opened(note);
      if (!opened?.isOld) continue;
      await this.#settings.rewrite(note, this.#sealer.seal(opened.text, note.key));
      anew += 1;
    }
    if (anew > 0)
      this.#log.info({ platform: 'slack', anew }, 'installations were sealed anew with the first of the keys');
  }

  #opened(note: Note) {
    try {
      return this.#sealer.open(note.text, note.key);
    } catch (error) {
      if (!(error instanceof Unopened)) throw error;
      if (error.reason === 'no-key') {
        throw new UserError(
          'bad-config',
          'SLACK_STORE_KEY does not open what is kept of the workspaces that installed the bot. Put the key that it was sealed with there again, behind a new one where you want another.',
          { cause: error },
        );
      }
      this.#log.error(
        { platform: 'slack', err: error },
        'what is kept of a workspace is damaged; it has to install the bot again',
      );
      return undefined;
    }
  }
}

/** The organisation's id where all of it has installed the bot, else the workspace's. */
function idOf({ team, enterprise, isEnterpriseInstall }: Installation): string | undefined {
  return isEnterpriseInstall ? enterprise?.id : team?.id;
}
