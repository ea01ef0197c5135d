import { Random } from '../../src/base/random.ts';
import { BAD, GOOD, type PhotoKind } from './photos.ts';

/** Draws for different purposes are kept apart, so that a change of one leaves the others as they were. */
export const DRAWS = { photos: 1, kills: 2, connections: 3, calls: 4, redis: 5 } as const;

export const PLATFORMS = ['discord', 'slack'] as const;
export type PlatformName = (typeof PLATFORMS)[number];

/** Channels a platform that photos are posted in; the last one is a direct message, the one before it a thread where there are such. */
export const CHANNELS = 6;

/** How photos are posted, as shares of 1. */
const SHARES = {
  /** That come at the same moment as the one before. */
  together: 0.3,
  bad: 0.25,
  /** Messages of two photos. */
  pairs: 0.06,
  removed: 0.04,
  /** Of single photos on Discord, those that come with /emotions. */
  asked: 0.06,
};
/** A message that is removed is removed within so many milliseconds. */
const REMOVED_WITHIN_MS = 8000;

/** A message that somebody will post. */
export interface PlannedMessage {
  /** Milliseconds after the one before. */
  readonly afterMs: number;
  readonly platform: PlatformName;
  /** From 0 to CHANNELS - 1. */
  readonly channel: number;
  readonly photos: readonly PhotoKind[];
  /** Whether it is no message, but /emotions with a photo. */
  readonly isCommand: boolean;
  /** Milliseconds after which its poster removes it; absent where it stays. */
  readonly removedAfterMs?: number;
}

/**
 * What is posted, by the seed alone.
 * @param options.photos how many photos in all
 * @param options.rate photos a second, on average
 */
export function planMessages(options: {
  readonly photos: number;
  readonly rate: number;
  readonly seed: number;
}): PlannedMessage[] {
  const { photos, rate, seed } = options;
  const random = new Random(DRAWS.photos, seed);
  const kind = () => {
    const kinds = random.chance(SHARES.bad) ? BAD : GOOD;
    return kinds[random.below(kinds.length)]!;
  };
  const messages: PlannedMessage[] = [];
  for (let left = photos; left > 0; ) {
    const count = random.chance(SHARES.pairs) && left > 1 ? 2 : 1;
    const pause = (1000 * count) / rate / (1 - SHARES.together);
    const platform = PLATFORMS[random.below(PLATFORMS.length)]!;
    const isCommand = random.chance(SHARES.asked) && platform === 'discord' && count === 1;
    messages.push({
      afterMs: random.chance(SHARES.together) ? 0 : -Math.log(1 - random.next()) * pause,
      platform,
      isCommand,
      channel: random.below(CHANNELS),
      photos: Array.from({ length: count }, kind),
      ...(random.chance(SHARES.removed) && !isCommand && { removedAfterMs: random.below(REMOVED_WITHIN_MS) }),
    });
    left -= count;
  }
  return messages;
}
