import sharp from 'sharp';
import type { Config, TopLevelSpec } from 'vega-lite';
import { textWidth } from '../../base/lettering.ts';
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
 * Loads the charting libraries when the first chart is drawn. Not before: Vega-Lite gives every Set a method of its own,
 * with which discord.js cannot be loaded any more; and most processes never draw a chart.
 */
async function loadVega() {
  const [{ parse, View }, { compile }, { fontSize, textMetrics }] = await Promise.all([
    import('vega'),
    import('vega-lite'),
    import('vega-scenegraph'),
  ]);
  // Vega lays out by this. Without it (and without a canvas) it would guess 0.8 of the font size for every letter.
  textMetrics.width = (item, text) => textWidth(`${text ?? ''}`, fontSize(item));
  return { parse, View, compile };
}

/**
 * Draws a Vega-Lite chart as a PNG: Vega makes an SVG, its text becomes outlines, sharp makes the picture. Needs no browser,
 * no canvas and no installed font.
 */
export async function renderChart(spec: TopLevelSpec): Promise<Buffer> {
  const { parse, View, compile } = await loadVega();
  const view = new View(parse(compile({ ...spec, config: { ...CONFIG, ...spec.config } }).spec), { renderer: 'none' });
  const svg = await view.toSVG(SCALE);
  view.finalize();
  return sharp(Buffer.from(outlineText(svg)))
    .png({ compressionLevel: 9 })
    .toBuffer();
}
