import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Happening, type Observer, OUTCOMES, STEPS } from '../base/observing.ts';
import { memoryOfTree } from './memory.ts';
import type { Sources } from './sources.ts';

/** Prefix of the names of the bot's own metrics. Those of Node.js have prom-client's names. */
const PREFIX = 'emotion_bot_';

/** Upper bounds of the histogram, in seconds. A crop takes milliseconds, a photo of a crowd half a minute, waiting may take longer. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** The bot's metrics, in the form that Prometheus reads. This is the only file that uses prom-client. */
export interface Metrics {
  /** Counts events. */
  readonly observe: Observer;
  readonly contentType: string;
  /** All current metrics, as text. */
  text(): Promise<string>;
}

/** @param sources gives what is queried on each request; it returns undefined as long as there is nothing to query */
export function createMetrics(sources: () => Sources | undefined): Metrics {
  const register = new Registry();
  collectDefaultMetrics({ register });
  const observe = counters(register);
  const look = gauges(register, sources);
  return {
    observe,
    contentType: register.contentType,
    async text() {
      await look();
      return await register.metrics();
    },
  };
}

/** Creates the metrics that are counted when something happens. */
function counters(register: Registry): Observer {
  const registers = [register];
  const requests = new Counter({
    name: `${PREFIX}requests_total`,
    help: 'Requests by how they ended; each picture of a message counts',
    labelNames: ['platform', 'outcome'],
    registers,
  });
  const refusals = new Counter({
    name: `${PREFIX}refusals_total`,
    help: 'Requests that a person was told the reason of, by its code',
    labelNames: ['platform', 'code'],
    registers,
  });
  const steps = new Histogram({
    name: `${PREFIX}step_seconds`,
    help: 'Seconds of each step of an answer that ended',
    labelNames: ['step'],
    buckets: BUCKETS,
    registers,
  });
  const brokenSteps = new Counter({
    name: `${PREFIX}failed_steps_total`,
    help: 'Steps that failed or were given up',
    labelNames: ['step'],
    registers,
  });
  const downloads = new Counter({ name: `${PREFIX}downloads_total`, help: 'Files that were loaded', registers });
  const bytes = new Counter({ name: `${PREFIX}download_bytes_total`, help: 'Bytes of those files', registers });
  const failures = new Counter({
    name: `${PREFIX}download_failures_total`,
    help: 'Files that could not be loaded, by reason',
    labelNames: ['code'],
    registers,
  });
  const opinions = new Counter({
    name: `${PREFIX}opinions_total`,
    help: 'Readings of which a person told what they should have been',
    labelNames: ['said', 'meant'],
    registers,
  });
  for (const step of STEPS) {
    // Set to zero at the start, so that Prometheus sees the first increase.
    steps.zero({ step });
    brokenSteps.inc({ step }, 0);
  }
  return (happening: Happening) => {
    switch (happening.kind) {
      case 'outcome': {
        const { platform, outcome, code } = happening;
        for (const other of OUTCOMES) requests.inc({ platform, outcome: other }, other === outcome ? 1 : 0);
        if (code !== undefined) refusals.inc({ platform, code });
        break;
      }
      case 'step':
        if (happening.ended) steps.observe({ step: happening.step }, happening.seconds);
        else brokenSteps.inc({ step: happening.step });
        break;
      case 'download':
        downloads.inc();
        bytes.inc(happening.bytes);
        break;
      case 'failed-download':
        failures.inc({ code: happening.code });
        break;
      case 'opinion':
        opinions.inc({ said: happening.said, meant: happening.meant });
    }
  };
}

/** Creates the metrics that are looked up on each request. @returns a function that updates them */
function gauges(register: Registry, sources: () => Sources | undefined): () => Promise<void> {
  const gauge = <Label extends string = never>(name: string, help: string, labelNames: readonly Label[] = []) =>
    new Gauge({ name: `${PREFIX}${name}`, help, labelNames, registers: [register] });
  const waiting = gauge('queue_waiting', 'Photos that wait for their turn');
  const running = gauge('queue_running', 'Photos under way');
  const oldest = gauge('queue_oldest_seconds', 'How long the oldest photo has waited');
  const unanswered = gauge('unanswered', 'Messages and commands that are written down and not answered yet');
  const unansweredFor = gauge('unanswered_oldest_seconds', 'How long the oldest of them has waited');
  const memory = gauge('memory_bytes', 'Memory of all processes of the bot together', ['kind']);
  const processes = gauge('processes', 'Processes of the bot');
  const trains = gauge('training_running', 'Whether a training is under way');
  const epoch = gauge('training_epochs_done', 'Epochs of the last training that have ended');
  const epochs = gauge('training_epochs', 'Epochs that the last training has at most');
  const accuracy = gauge('training_accuracy', 'Share of PublicTest that the last training reads right');
  const ready = gauge('ready', 'Whether a part that answering takes is there', ['part']);
  return async () => {
    const asked = sources();
    const [held, training, open, parts] = await Promise.all([
      memoryOfTree(),
      asked?.training(),
      asked?.unanswered(),
      asked?.parts(),
    ]);
    memory.set({ kind: 'rss' }, held.rss);
    if (held.pss !== undefined) memory.set({ kind: 'pss' }, held.pss);
    processes.set(held.processes);
    waiting.set(asked?.queue.waiting ?? 0);
    running.set(asked?.queue.running ?? 0);
    oldest.set((asked?.queue.oldestMs ?? 0) / 1000);
    unanswered.set(open?.count ?? 0);
    unansweredFor.set((open?.oldestMs ?? 0) / 1000);
    trains.set(training?.running ? 1 : 0);
    epoch.set(training?.epoch ?? 0);
    epochs.set(training?.epochs ?? 0);
    if (training?.accuracy === undefined) accuracy.remove();
    else accuracy.set(training.accuracy);
    for (const [part, isThere] of Object.entries(parts ?? {})) ready.set({ part }, isThere ? 1 : 0);
  };
}
