import type { AddressInfo } from 'node:net';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { fastify } from 'fastify';
import { explainPort } from '../base/errors.ts';
import type { Logger } from '../base/log.ts';
import type { Observer } from '../base/observing.ts';
import { createMetrics } from './metrics.ts';
import type { Sources } from './sources.ts';

/** Where metrics are served. */
interface MetricsAddress {
  /** The address of this machine that the server listens at. */
  readonly host: string;
  /** TCP port; 0 takes any free one. */
  readonly port: number;
}

/** A web server for the bot's metrics and health. */
export interface MetricsServer {
  /** Its origin, e.g. 'http://127.0.0.1:9464'. */
  readonly origin: string;
  /** Counts events. */
  readonly observe: Observer;
  /** Sets what is queried from now on. Before the first call nothing counts as ready. */
  watch(sources: Sources): void;
  close(): Promise<void>;
}

/** Milliseconds between two samples of the event loop's delay. The monitor measures the time between them, including this interval. */
const LOOK_EVERY_MS = 20;

/**
 * Starts a server with
 * - `/metrics`: all metrics, for Prometheus;
 * - `/healthz`: 200 as long as the process answers at all, with the delay of its event loop since the last request, in seconds;
 * - `/readyz`: 200 where every part that is needed for answering is ready, else 503; it lists each part.
 * @throws UserError 'bad-config' where it cannot listen there
 */
export async function startMetricsServer({ host, port }: MetricsAddress, log: Logger): Promise<MetricsServer> {
  let sources: Sources | undefined;
  const metrics = createMetrics(() => sources);
  const lag = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS });
  lag.enable();
  // Otherwise a connection over which nothing was ever sent, such as a browser's spare one, would keep the bot from stopping.
  const server = fastify({ logger: false, forceCloseConnections: true });
  server.get('/metrics', async (_, reply) => {
    const text = await metrics.text();
    return reply.header('content-type', metrics.contentType).send(text);
  });
  server.get('/healthz', async () => {
    const late = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOK_EVERY_MS / 1000);
    // Before the first sample the mean is NaN.
    const [mean, p99, max] = [late(lag.mean || 0), late(lag.percentile(99)), late(lag.max)];
    lag.reset();
    return { status: 'ok', eventLoopLagSeconds: { mean, p99, max } };
  });
  server.get('/readyz', async (_, reply) => {
    const parts = (await sources?.parts()) ?? {};
    const missing = Object.keys(parts).filter((part) => !parts[part]);
    const ready = sources !== undefined && missing.length === 0;
    return reply.code(ready ? 200 : 503).send({ ready, parts, missing });
  });
  server.setErrorHandler((err, _, reply) => {
    log.error({ err }, 'figures could not be shown');
    return reply.code(500).send({ error: 'the log says why' });
  });
  try {
    await server.listen({ host, port });
  } catch (error) {
    await server.close();
    const settings = { port: 'METRICS_PORT', host: 'METRICS_HOST' };
    throw explainPort(error, 'Figures cannot be shown', { host, port }, settings);
  }
  const { port: taken } = server.server.address() as AddressInfo;
  return {
    origin: `http://${host.includes(':') ? `[${host}]` : host}:${taken}`,
    observe: metrics.observe,
    watch: (asked) => {
      sources = asked;
    },
    async close() {
      lag.disable();
      await server.close();
    },
  };
}
