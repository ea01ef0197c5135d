import sharp from 'sharp';
import type { Config, TopLevelSpec } from 'vega-lite';
import { textWidth } from '../../base/lettering.ts';
import { exactPercent } from '../../base/numbers.ts';
import { EMOTIONS } from '../../emotion/labels.ts';
import { SPLITS, type Split } from '../data/fer2013.ts';
import { total } from '../data/fer2013-row.ts';
import { measureConfusion } from '../run/metrics.ts';
import { outlineText } from './svg-text.ts';

/** Pixels of the picture per unit of the chart: sharp on a screen of double density. */
const SCALE = 2;

/** One look for all charts. */
const CONFIG: Config = {
  background: 'white',
  padding: 24,
  view: { stroke: null },
  title: {
    fontSize: 18,
    subtitleFontSize: 13,
    subtitleColor: '#5f6368',
    subtitlePadding: 6,
    color: '#202124',
    anchor: 'start',
    offset: 18,
  },
  axis: {
    labelFontSize: 12,
    titleFontSize: 13,
    labelColor: '#5f6368',
    titleColor: '#3c4043',
    titlePadding: 10,
    labelPadding: 6,
    labelFlush: false,
    domainColor: '#9aa0a6',
    tickColor: '#9aa0a6',
    gridColor: '#e8eaed',
  },
  legend: { labelFontSize: 13, titleFontSize: 12, labelColor: '#3c4043', titleColor: '#5f6368' },
};

/**
 * Loads the charting libraries when the first chart is drawn. Not earlier: Vega-Lite adds a method to every Set, after which
 * discord.js cannot be loaded any more; and most processes never draw a chart.
 */
async function loadVega() {
  const [{ parse, View }, { compile }, { fontSize, textMetrics }] = await Promise.all([
    import('vega'),
    import('vega-lite'),
    import('vega-scenegraph'),
  ]);
  // Vega measures text with this. Without it (and without a canvas) it would assume 0.8 of the font size for every letter.
  textMetrics.width = (item, text) => textWidth(`${text ?? ''}`, fontSize(item));
  return { parse, View, compile };
}

/**
 * Draws a Vega-Lite chart as a PNG: Vega makes an SVG, its text becomes outlines, sharp makes the picture. Needs no browser,
 * no canvas and no installed font.
 */
async function renderChart(spec: TopLevelSpec): Promise<Buffer> {
  const { parse, View, compile } = await loadVega();
  const view = new View(parse(compile({ ...spec, config: { ...CONFIG, ...spec.config } }).spec), { renderer: 'none' });
  const svg = await view.toSVG(SCALE);
  view.finalize();
  return sharp(Buffer.from(outlineText(svg)))
    .png()
    .toBuffer();
}

/** Loss and accuracy (0..1) of one epoch, on the augmented training images and on PublicTest. */
export interface EpochResult {
  readonly loss: number;
  readonly accuracy: number;
  readonly valLoss: number;
  readonly valAccuracy: number;
}

/** Blue and vermilion of Okabe and Ito's palette, which colour-blind people can tell apart too. */
const TRAINING_COLOUR = '#0072B2';
const VALIDATION_COLOUR = '#D55E00';

/** One of several charts side by side. */
type Panel = Extract<TopLevelSpec, { hconcat: unknown }>['hconcat'][number];

/** The position of a mark. */
type Position = Pick<NonNullable<Extract<TopLevelSpec, { mark: unknown }>['encoding']>, 'x' | 'y'>;

const grouped = (count: number) => count.toLocaleString('en-US');

/**
 * Learning curves: loss on the left, accuracy on the right, training and validation in each.
 * @param epochs at least one
 * @param name name of what was trained, for the title
 * @returns a PNG
 * @throws RangeError without an epoch
 */
export function learningCurves(epochs: readonly EpochResult[], name: string): Promise<Buffer> {
  if (epochs.length === 0) throw new RangeError('There is no epoch to draw');
  const best = epochs.reduce((found, { valAccuracy }, i) => (valAccuracy > epochs[found]!.valAccuracy ? i : found), 0);
  const values = epochs.flatMap(({ loss, accuracy, valLoss, valAccuracy }, i) => [
    { epoch: i + 1, set: 'training', loss, accuracy },
    { epoch: i + 1, set: 'validation', loss: valLoss, accuracy: valAccuracy },
  ]);
  const panel = (field: 'loss' | 'accuracy', title: string, format: string): Panel => ({
    width: 420,
    height: 300,
    mark: { type: 'line', strokeWidth: 2.5, point: epochs.length <= 40 ? { size: 36, filled: true } : false },
    encoding: {
      x: {
        field: 'epoch',
        type: 'quantitative',
        title: 'Epoch',
        scale: { domain: [1, Math.max(2, epochs.length)], nice: false },
        axis: { format: 'd', tickMinStep: 1, grid: false },
      },
      y: { field, type: 'quantitative', title, scale: { zero: false, nice: true }, axis: { format, tickCount: 6 } },
      color: {
        field: 'set',
        type: 'nominal',
        title: null,
        scale: { domain: ['training', 'validation'], range: [TRAINING_COLOUR, VALIDATION_COLOUR] },
        legend: { orient: 'top', symbolType: 'stroke', symbolStrokeWidth: 3, symbolSize: 300, columnPadding: 24 },
      },
    },
  });
  return renderChart({
    title: {
      text: `Learning curves of ${name}`,
      subtitle:
        `${epochs.length} ${epochs.length === 1 ? 'epoch' : 'epochs'}, best validation accuracy ` +
        `${exactPercent(epochs[best]!.valAccuracy)} after epoch ${best + 1}`,
    },
    data: { values },
    hconcat: [panel('loss', 'Loss (cross-entropy)', '.2f'), panel('accuracy', 'Accuracy', '.0%')],
    spacing: 48,
  });
}

/** What a confusion matrix counts. */
export type Counted = 'image' | 'reading';

/** The line below a confusion matrix' title, e.g. 'Accuracy 71.5 %, macro recall 70.8 %, 3,589 images'. */
export function confusionSubtitle(matrix: readonly (readonly number[])[], counted: Counted): string {
  const { accuracy, macroRecall, images: count } = measureConfusion(matrix);
  const number = `${grouped(count)} ${count === 1 ? counted : `${counted}s`}`;
  return `Accuracy ${exactPercent(accuracy)}, macro recall ${exactPercent(macroRecall)}, ${number}`;
}

/**
 * A confusion matrix: counts, with the share of the true emotion below each and as the shade of its cell.
 * @param matrix rows true, columns predicted, in label order
 * @param name what was judged and on which images, for the title
 * @param counted what is counted, for the subtitle
 * @returns a PNG
 */
export function confusionMatrix(
  matrix: readonly (readonly number[])[],
  name: string,
  counted: Counted = 'image',
): Promise<Buffer> {
  const values = matrix.flatMap((row, truth) =>
    row.map((count, predicted) => ({
      truth: EMOTIONS[truth],
      predicted: EMOTIONS[predicted],
      count,
      share: total(row) === 0 ? 0 : count / total(row),
    })),
  );
  const position: Position = {
    x: { field: 'predicted', type: 'nominal', sort: null, title: 'Predicted', axis: { labelAngle: 0, ticks: false } },
    y: { field: 'truth', type: 'nominal', sort: null, title: 'True', axis: { ticks: false } },
  };
  // White letters on dark cells, black ones on light cells. From this shade on white has the higher contrast.
  const ink = { condition: { test: 'datum.share > 0.68', value: 'white' }, value: '#202124' } as const;
  return renderChart({
    title: {
      text: `Confusion matrix of ${name}`,
      subtitle: confusionSubtitle(matrix, counted),
    },
    data: { values },
    width: { step: 78 },
    height: { step: 62 },
    layer: [
      {
        mark: { type: 'rect', stroke: 'white', strokeWidth: 2 },
        encoding: {
          ...position,
          color: {
            field: 'share',
            type: 'quantitative',
            scale: { domain: [0, 1], range: ['#f1f5f9', '#7fb2d9', '#0b4f8a'] },
            legend: {
              title: 'Share of the true emotion',
              titleLimit: 300,
              titleOrient: 'right',
              format: '.0%',
              labelOffset: 4,
              gradientLength: 300,
              values: [0, 0.25, 0.5, 0.75, 1],
            },
          },
        },
      },
      {
        mark: { type: 'text', fontSize: 16, dy: -6 },
        encoding: { ...position, text: { field: 'count', format: ',d' }, color: ink },
      },
      {
        mark: { type: 'text', fontSize: 11.5, dy: 12 },
        encoding: { ...position, text: { field: 'share', format: '.1%' }, color: ink },
      },
    ],
  });
}

/**
 * How many images each split has of each emotion: a panel of bars for every split.
 * @param counts images of each emotion, in label order
 * @returns a PNG
 */
export function classDistribution(counts: Readonly<Record<Split, readonly number[]>>): Promise<Buffer> {
  const panels = SPLITS.map((split): Panel => {
    const images = total(counts[split]);
    const values = EMOTIONS.map((emotion, k) => ({
      emotion,
      count: counts[split][k],
      label: `${grouped(counts[split][k]!)} (${exactPercent(images === 0 ? 0 : counts[split][k]! / images)})`,
    }));
    const position: Position = {
      x: {
        field: 'count',
        type: 'quantitative',
        title: 'Images',
        // Leaves room for the number beside the longest bar.
        scale: { domain: [0, 1.45 * Math.max(1, ...counts[split])], nice: false },
        axis: { grid: false, tickCount: 4, format: ',d', tickMinStep: 1 },
      },
      y: { field: 'emotion', type: 'nominal', sort: null, title: null, axis: { ticks: false } },
    };
    return {
      title: { text: `${split}: ${grouped(images)}`, fontSize: 14, offset: 8 },
      data: { values },
      width: 270,
      height: { step: 32 },
      layer: [
        { mark: { type: 'bar', color: TRAINING_COLOUR, height: { band: 0.75 } }, encoding: position },
        {
          mark: { type: 'text', align: 'left', dx: 6, fontSize: 11.5, color: '#3c4043' },
          encoding: { ...position, text: { field: 'label' } },
        },
      ],
    };
  });
  return renderChart({ title: 'Images per emotion', hconcat: panels, spacing: 32 });
}
