import { once } from 'node:events';
import { createServer } from 'node:net';
import { codeOf } from '../base/errors.ts';
import { isPage, PAGE_HOST, pagePorts } from '../chat/local/guard.ts';
import type { Config } from '../config.ts';
import type { Check, Found } from './finding.ts';

/** Time limit for an answer of the program that holds a port, in milliseconds. */
const ANSWER_MS = 2000;

/** Checks of the ports that the bot listens at. Each one is opened for a moment, as the bot will do. */
export function portChecks({ local, metrics, discord, slack }: Config): Check[] {
  const hasChat = discord !== undefined || slack !== undefined;
  return [
    { part: 'Page', look: () => page(local.port, hasChat), remedy: 'Set LOCAL_PORT to another port.' },
    { part: 'Figures', look: () => figures(metrics), remedy: 'Set METRICS_PORT to another port.' },
  ];
}

/** Why a port cannot be listened at, as a code such as EADDRINUSE; undefined where it can be. */
export async function portTrouble(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    const code = codeOf(error);
    if (code === undefined) throw error;
    return code;
  } finally {
    server.close();
  }
  return undefined;
}

/** @param hasChat whether the page is only used while no chat is connected */
async function page(wanted: number, hasChat: boolean): Promise<Found> {
  if (wanted === 0) return { state: 'ok', finding: 'at a free port, once the bot runs' };
  const ports = pagePorts(wanted);
  for (const port of ports) {
    const trouble = await portTrouble(PAGE_HOST, port);
    if (trouble === undefined && hasChat)
      return { state: 'ok', finding: `at port ${port} of this machine, while no chat is there` };
    if (trouble === undefined) return await pageAt(port, wanted);
    if (trouble !== 'EADDRINUSE') throw new Error(`the page cannot use port ${port} (${trouble})`);
  }
  throw new Error(`ports ${wanted} to ${ports.at(-1)} are all in use`);
}

async function pageAt(port: number, wanted: number): Promise<Found> {
  if (port === wanted) return { state: 'ok', finding: `at port ${port} of this machine, once the bot runs` };
  const answer = await ask(PAGE_HOST, wanted, '/');
  if (answer !== undefined && isPage(answer))
    return { state: 'ok', finding: `a bot runs: its page is at port ${wanted}. Another one’s would be at ${port}` };
  return {
    state: 'partly',
    finding: `another program uses port ${wanted}, so the page would be at ${port}`,
    remedy: 'End that program, or set LOCAL_PORT to a port of your choice.',
  };
}

async function figures(metrics: Config['metrics']): Promise<Found> {
  if (metrics === undefined)
    return { state: 'off', finding: 'not shown', remedy: 'To see them, set METRICS_PORT: docs/metrics.md.' };
  const { host, port } = metrics;
  if (port === 0) return { state: 'ok', finding: `shown at a free port of ${host} once the bot runs` };
  const trouble = await portTrouble(host, port);
  if (trouble === undefined) return { state: 'ok', finding: `shown at port ${port} of ${host} once the bot runs` };
  if (trouble !== 'EADDRINUSE') throw new Error(`they cannot be shown at port ${port} of ${host} (${trouble})`);
  const answer = await ask(host, port, '/healthz');
  if ((await answer?.text().catch(() => ''))?.includes('eventLoopLagSeconds'))
    return { state: 'ok', finding: `a bot runs and shows them at port ${port} of ${host}` };
  throw new Error(`another program uses port ${port} of ${host}, so the bot would not start`);
}

/** The answer to an HTTP request at a port; undefined where there is none. */
async function ask(host: string, port: number, path: string): Promise<Response | undefined> {
  // A server that listens at all addresses is reached at the loopback address.
  const at = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host;
  const url = `http://${at.includes(':') ? `[${at}]` : at}:${port}${path}`;
  return await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
}
