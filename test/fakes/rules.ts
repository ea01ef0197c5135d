import type { PhotoRules } from '../../commands/preconditions.ts';
import { Settings } from '../../src/settings/settings.ts';
import { type Store, unreachable } from '../../src/settings/store.ts';
import { PhotoCooldown } from '../../src/work/cooldown.ts';

/** Settings in memory and cooldowns, for tests of how requests are handled. */
export function fakeRules(
  options: {
    /** Photos a minute; no limit by default. */
    readonly personPerMinute?: number;
    readonly channelPerMinute?: number;
    readonly readsForwards?: boolean;
    /** The store cannot be reached. */
    readonly broken?: boolean;
    /** Milliseconds; stands still unless told. */
    readonly now?: () => number;
  } = {},
): PhotoRules {
  const { personPerMinute = 0, channelPerMinute = 0, readsForwards = true, broken = false, now = () => 0 } = options;
  return {
    settings: new Settings(memoryStore(broken)),
    readsForwards,
    cooldown: new PhotoCooldown({ personPerMinute, channelPerMinute, now }),
  };
}

function memoryStore(broken: boolean): Store {
  const values = new Map<string, string>();
  const reach = () => {
    if (broken) throw unreachable(new Error('connection refused'));
    return values;
  };
  return {
    get: async (key) => reach().get(key),
    set: async (key, value) => {
      reach().set(key, value);
    },
    setIfAbsent: async (key, value) => {
      const kept = reach().get(key) ?? value;
      values.set(key, kept);
      return kept;
    },
    replace: async (key, known, value) => {
      if (reach().get(key) !== known) return false;
      values.set(key, value);
      return true;
    },
    keys: async (prefix) => [...reach().keys()].filter((key) => key.startsWith(prefix)),
    delete: async (key) => {
      reach().delete(key);
    },
    close: async () => {},
  };
}
