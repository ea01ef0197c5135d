import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Happening } from '../../src/base/observing.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Sources } from '../../src/metrics/sources.ts';

const SOURCES: Sources = {
  queue: { waiting: 3, running: 2, oldestMs: 1500 },
  training: async () => ({ running: true, epoch: 4, epochs: 10, accuracy: 0.625 }),
  unanswered: async () => ({ count: 7, oldestMs: 90_500 }),
  parts: async () => ({ network: true, discord: false }),
};

const HAPPENINGS: readonly Happening[] = [
  { kind: 'outcome', platform: 'discord', outcome: 'answered' },
  { kind: 'outcome', platform: 'discord', outcome: 'refused', code: 'busy' },
  { kind: 'outcome', platform: 'discord', outcome: 'refused', code: 'busy' },
  { kind: 'step', step: 'decode', seconds: 0.07, ended: true },
  { kind: 'step', step: 'decode', seconds: 9, ended: false },
  { kind: 'download', bytes: 1000 },
  { kind: 'download', bytes: 234 },
  { kind: 'failed-download', code: 'not-found' },
  { kind: 'opinion', said: 'neutral', meant: 'sad' },
];

async function figures(): Promise<string> {
  const metrics = createMetrics(() => SOURCES);
  for (const happening of HAPPENINGS) metrics.observe(happening);
  return await metrics.text();
}

test('counts events, and asks for the other figures at each request', async () => {
  const lines = (await figures()).split('\n');
  expect(lines).toEqual(
    expect.arrayContaining([
      'emotion_bot_requests_total{platform="discord",outcome="answered"} 1',
      'emotion_bot_requests_total{platform="discord",outcome="refused"} 2',
      'emotion_bot_requests_total{platform="discord",outcome="failed"} 0',
      'emotion_bot_refusals_total{platform="discord",code="busy"} 2',
      'emotion_bot_step_seconds_bucket{le="0.05",step="decode"} 0',
      'emotion_bot_step_seconds_bucket{le="0.1",step="decode"} 1',
      'emotion_bot_step_seconds_sum{step="decode"} 0.07',
      'emotion_bot_step_seconds_count{step="draw"} 0',
      'emotion_bot_failed_steps_total{step="decode"} 1',
      'emotion_bot_downloads_total 2',
      'emotion_bot_download_bytes_total 1234',
      'emotion_bot_download_failures_total{code="not-found"} 1',
      'emotion_bot_opinions_total{said="neutral",meant="sad"} 1',
      'emotion_bot_queue_waiting 3',
      'emotion_bot_queue_running 2',
      'emotion_bot_queue_oldest_seconds 1.5',
      'emotion_bot_unanswered 7',
      'emotion_bot_unanswered_oldest_seconds 90.5',
      'emotion_bot_training_running 1',
      'emotion_bot_training_epochs_done 4',
      'emotion_bot_training_epochs 10',
      'emotion_bot_training_accuracy 0.625',
      'emotion_bot_ready{part="network"} 1',
      'emotion_bot_ready{part="discord"} 0',
    ]),
  );
  expect(lines.find((line) => line.startsWith('emotion_bot_memory_bytes{kind="rss"}'))).toMatch(/ \d{8,}$/);
});

test('shows figures before there is anything to ask', async () => {
  const text = await createMetrics(() => undefined).text();
  expect(text).toContain('emotion_bot_queue_waiting 0\n');
  expect(text).not.toContain('emotion_bot_ready{');
  // A share of zero rows does not exist.
  expect(text).not.toMatch(/^emotion_bot_training_accuracy /m);
});

/** Names of figures with the labels that each has, as they are shown. */
async function shown(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  for (const [, name, labels = ''] of (await figures()).matchAll(/^(\w+)(?:\{(.*)\})? /gm)) {
    const known = found.get(name!) ?? new Set(['instance']);
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
    found.set(name!, known);
  }
  return found;
}

const FIGURE = /\b(?:emotion_bot|nodejs|process)_\w+/g;

test('the dashboard shows only existing figures, and all of the bot’s own', async () => {
  const known = await shown();
  const dashboard = JSON.parse(readFileSync(join(import.meta.dirname, '../../docs/grafana.json'), 'utf8'));
  const targets: { expr: string; legendFormat: string }[] = dashboard.panels.flatMap(
    (panel: { targets: unknown[] }) => panel.targets,
  );
  const used = new Set<string>();
  for (const { expr, legendFormat } of targets) {
    const names = expr.match(FIGURE) ?? [];
    expect(names, expr).toHaveLength(1);
    const labels = known.get(names[0]!);
    expect(labels, `${names[0]} is shown`).toBeDefined();
    used.add(names[0]!.replace(/_bucket$/, ''));
    const asked = [
      ...[...expr.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list]) => list!.split(', ')),
      ...[...expr.matchAll(/(\w+)=~?"/g)].map(([, label]) => label!),
      ...[...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label!),
    ];
    for (const label of asked) expect([...labels!], `${label} of ${names[0]}`).toContain(label);
  }
  const own = [...known.keys()].filter((name) => name.startsWith('emotion_bot_'));
  const shownOwn = new Set(own.map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  expect([...shownOwn].filter((name) => !used.has(name))).toEqual([]);
});

test('docs/metrics.md describes every metric of the bot’s own, and no other', async () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/metrics.md'), 'utf8');
  const known = new Set([...(await shown()).keys()].map((name) => name.replace(/_(bucket|sum|count)$/, '')));
  const own = [...known].filter((name) => name.startsWith('emotion_bot_'));
  const [, table = ''] = text.split('## What is counted');
  expect([...new Set(table.match(/emotion_bot_\w+/g))].sort()).toEqual(own.sort());
});
