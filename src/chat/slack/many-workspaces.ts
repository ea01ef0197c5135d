import { setTimeout as delay } from 'node:timers/promises';
import pRetry from 'p-retry';
import QuickLRU from 'quick-lru';
import { Unopened } from '../../base/encryption.ts';
import { UserError } from '../../base/errors.ts';
import type { Settings } from '../../settings/settings.ts';
import { createApi } from './api.ts';
import { createContext, type SlackContext, type SlackShared } from './context.ts';
import { isRevoked, NotNow } from './errors.ts';
import type { Installations } from './installations.ts';
import type { Source, Workspaces } from './workspaces.ts';

/** At least this many workspaces have their clients kept; for others they are created again. One takes 30 to 60 KB. */
const MAX_CONTEXTS = 500;
/** Tries to delete what is stored of a workspace: over two minutes. */
const TRIES = { retries: 6, minTimeout: 2000, factor: 2 };
/** Milliseconds that a command waits for the store; Slack waits three seconds for its acknowledgement. */
const STORE_MS = 1000;
/** Separates an organisation's id from its workspace's; it occurs in neither. */
const DOT = '.';

interface Known {
  /** The mark of the installation that the context was created for. */
  readonly mark: string;
  readonly context: SlackContext;
}

/** The place of a workspace; see `SlackContext.place`. @param id of what has installed the bot: the workspace or its organisation */
function placeOf(id: string, teamId: string): string {
  return id === teamId ? id : `${id}${DOT}${teamId}`;
}

/**
 * What the store says, or the context that is known from before where the store is out of reach or does not answer in `STORE_MS`.
 * @throws NotNow where there is neither
 */
async function orAfterAWhile(
  lookedUp: Promise<SlackContext | undefined>,
  known: SlackContext | undefined,
): Promise<SlackContext | undefined> {
  const end = new AbortController();
  const tooLate = delay(STORE_MS, undefined, { signal: end.signal }).then(() => {
    throw new NotNow('the installations are not read in time');
  });
  try {
    return await Promise.race([lookedUp, tooLate]);
  } catch (error) {
    if (known === undefined || !(error instanceof NotNow)) throw error;
    return known;
  } finally {
    tooLate.catch(() => {});
    end.abort();
  }
}

/** All workspaces that have installed the bot, by themselves or as part of an organisation. */
export class ManyWorkspaces implements Workspaces {
  readonly #shared: SlackShared;
  readonly #installations: Installations;
  readonly #settings: Settings;
  readonly #known = new QuickLRU<string, Known>({ maxSize: MAX_CONTEXTS });

  constructor(shared: SlackShared, installations: Installations, settings: Settings) {
    this.#shared = shared;
    this.#installations = installations;
    this.#settings = settings;
  }

  async of({ teamId, enterpriseId, isEnterpriseInstall }: Source, isSentAgain: boolean): Promise<SlackContext> {
    // Slack does not always say that a whole organisation has installed the bot, so both ids are tried.
    const ids = (isEnterpriseInstall ? [enterpriseId] : [teamId, enterpriseId]).filter((id) => id !== undefined);
    const known = isSentAgain ? [] : ids.flatMap((id) => this.#known.get(placeOf(id, teamId ?? id)) ?? []);
    const lookedUp = this.#lookUp(ids, teamId);
    const context = isSentAgain ? await lookedUp : await orAfterAWhile(lookedUp, known[0]?.context);
    if (context === undefined) throw new Error('an event comes from a workspace that has not installed the bot');
    return context;
  }

  /** @throws NotNow where the store cannot be reached, or was encrypted with a key that this process does not have yet */
  async #lookUp(ids: readonly string[], teamId: string | undefined): Promise<SlackContext | undefined> {
    try {
      for (const id of ids) {
        const context = await this.#context(id, teamId ?? id);
        if (context !== undefined) return context;
      }
      return undefined;
    } catch (error) {
      // Another process has encrypted them with a new key, which this one gets when it is started again.
      const isWithoutKey = error instanceof Unopened && error.reason === 'no-key';
      if (!(error instanceof UserError) && !isWithoutKey) throw error;
      throw new NotNow('the installations are out of reach', { cause: error });
    }
  }

  async at(place: string | undefined): Promise<SlackContext | undefined> {
    if (place === undefined) return undefined;
    const [id = '', team = id] = place.split(DOT);
    return await this.#context(id, team);
  }

  /**
   * A workspace, or a whole organisation, has removed the bot or revoked its token. What is stored of it is deleted, including its
   * channels' settings. The event may come late, after the bot was installed again, so the token is tested first.
   */
  async removed({ teamId, enterpriseId }: Partial<Omit<Source, 'isEnterpriseInstall'>>): Promise<void> {
    for (const id of [teamId, enterpriseId]) {
      if (id && (await this.#hasRevokedToken(id))) await this.#forget(id);
    }
    // An organisation may have removed the bot from this workspace only.
    if (!teamId) return;
    const found = await pRetry(() => this.#installations.find(teamId), TRIES);
    if (found === undefined) await this.left(teamId);
  }

  /** The bot is not in a workspace any more: the settings of its channels are deleted. */
  async left(id: string): Promise<void> {
    await pRetry(() => this.#settings.forgetPlace('slack', id), TRIES);
  }

  async #forget(id: string): Promise<void> {
    // The token is deleted first, since it matters most.
    await pRetry(() => this.#installations.forget(id), TRIES);
    await this.left(id);
    this.#shared.log.info(
      { platform: 'slack' },
      'the bot was uninstalled; what was stored of the workspace is deleted',
    );
  }

  async #hasRevokedToken(id: string): Promise<boolean> {
    const { config, log } = this.#shared;
    const found = await pRetry(() => this.#installations.find(id), TRIES);
    if (found === undefined) return false;
    try {
      await createApi(found.installed.token, config, log).auth.test();
      return false;
    } catch (error) {
      if (isRevoked(error)) return true;
      log.warn(
        { platform: 'slack', err: error },
        'Slack does not say whether a token is revoked; I take it for revoked',
      );
      return true;
    }
  }

  async #context(id: string, teamId: string): Promise<SlackContext | undefined> {
    const place = placeOf(id, teamId);
    // The store is read each time: another process may have received the event that the bot was installed again or removed.
    const found = await this.#installations.find(id);
    if (found === undefined) {
      this.#known.delete(place);
      return undefined;
    }
    const known = this.#known.get(place);
    if (known?.mark === found.mark) return known.context;
    const { token, me } = found.installed;
    const context = createContext(this.#shared, { token, me: { ...me, teamId } }, place);
    this.#known.set(place, { mark: found.mark, context });
    return context;
  }
}
