import { runAsProcess, tool } from '../../scripts/command-line.ts';
import { FROM_ONE, flag, number, text } from '../../scripts/options.ts';
import { UserError } from '../../src/base/errors.ts';
import { createLogger } from '../../src/base/log.ts';
import { connectOrExplain, connectRedis } from '../../src/base/redis.ts';
import type { SoakResult } from './run.ts';

const FROM_ZERO = { least: 0 };

const OPTIONS = {
  photos: number('N', 'photos that are posted', FROM_ONE, 500),
  rate: number('N', 'photos a second, on average', { least: 0, open: true, most: 1000 }, 2),
  bots: number('N', 'bots, all with one token of each chat', FROM_ONE, 2),
  workers: number('N', 'workers', FROM_ONE, 3),
  seed: number('N', 'what is posted and what goes wrong', { whole: true, least: 0, most: 2 ** 32 - 1 }, 1),
  'kill-every': number('SECONDS', 'a bot or a worker is killed with -9 so often, on average; 0: never', FROM_ZERO, 5),
  kills: number('N', 'that are killed at most; otherwise until nearly all is answered', FROM_ONE),
  'break-every': number('SECONDS', 'connections are broken so often, on average; 0: never', FROM_ZERO, 20),
  'outage-every': number('SECONDS', 'a chat is out of order so often, for a few seconds; 0: never', FROM_ZERO, 40),
  failing: number('PERCENT', 'of calls to the chats that fail', { least: 0, most: 50 }, 4),
  latency: number('MS', 'that a call to a chat takes, on average', FROM_ZERO, 60),
  'lost-after': number('SECONDS', 'without a sign of life, after which a worker counts as lost', FROM_ONE, 15),
  redis: text('URL', 'a Redis that runs; otherwise redis-server is started, and restarted once'),
  'stand-in': number('MS', 'photos are not really read: a stand-in takes so long', FROM_ZERO),
  patience: number('SECONDS', 'without any answer, after which the rest counts as lost', FROM_ONE, 180),
  quiet: number('SECONDS', 'in which nothing must come any more', { least: 0 }, 5),
  logs: text('DIR', 'keep there what bots and workers log and remember'),
  json: flag('print the result as JSON'),
};

export const main = tool(
  {
    usage: ['npm run soak -- [--photos N] [--bots N] [--workers N] [--seed N] [--kill-every SECONDS] [--json]'],
    about: `Posts good and bad photos to bots and workers on a Discord, a Slack and a Redis of their own on this machine, and has things
go wrong at the same time: processes are killed with -9 and restarted, connections break, calls fail or are told to wait, a chat is
out of order for seconds, Redis is killed and comes back with what it held. In the end every photo must have one answer or one
refusal. Exits with 1 where any was lost or answered twice.`,
    options: OPTIONS,
  },
  async ({ values, words, signal, print, say }) => {
    if (words.length > 0) throw new UserError('bad-usage', `${words[0]} belongs to no option.`);
    if (values.redis !== undefined) await checkRedis(values.redis);
    // Loaded here, so that --help answers at once.
    const [{ soak }, { HAS_REDIS }] = await Promise.all([import('./run.ts'), import('../helpers/redis.ts')]);
    if (values.redis === undefined && !HAS_REDIS) {
      throw new UserError(
        'bad-config',
        'There is no redis-server: install it, or name a Redis that runs by --redis URL.',
      );
    }
    const {
      'kill-every': killEvery,
      'break-every': breakEvery,
      'outage-every': outageEvery,
      failing,
      ...rest
    } = values;
    const result = await soak({
      ...rest,
      killEvery,
      breakEvery,
      outageEvery,
      failing: failing / 100,
      kills: values.kills ?? Number.POSITIVE_INFINITY,
      lostMs: 1000 * values['lost-after'],
      standInMs: values['stand-in'],
      signal,
      log: say,
    });
    const { report, soakJson, soakTable } = await import('./report.ts');
    print(values.json ? JSON.stringify({ ...report(values), ...soakJson(result) }) : soakTable(result));
    return isClean(result) ? 0 : 1;
  },
);

/**
 * Checks Redis, since bots and workers would wait for one that cannot be reached. @throws UserError 'bad-config' where it cannot be
 * used now
 */
async function checkRedis(url: string): Promise<void> {
  const client = await connectOrExplain(() => connectRedis(url, createLogger({ level: 'silent' })), '--redis');
  client.disconnect();
}

function isClean({ judged, owed }: SoakResult): boolean {
  return owed === 0 && judged.every(({ fate }) => fate === 'answered' || fate === 'refused');
}

await runAsProcess(import.meta.url, main);
