import type { Message, SendableChannels } from 'discord.js';

/** How many messages Discord returns at a time. */
const PAGE = 100;

/**
 * The messages of a channel that came after a given one, a page at a time.
 * @param id the message, or any other id that was made at the same time
 * @param most how many pages to read, at most
 */
export async function* pagesAfter(
  channel: SendableChannels,
  id: bigint | string,
  most: number,
): AsyncGenerator<Message[]> {
  let after = BigInt(id);
  for (let page = 0; page < most; page++) {
    const later = [...(await channel.messages.fetch({ after: String(after), limit: PAGE, cache: false })).values()];
    yield later;
    if (later.length < PAGE) return;
    after = later.map((message) => BigInt(message.id)).reduce(larger);
  }
}

/** The larger of two ids, which is the later one. */
export function larger(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
