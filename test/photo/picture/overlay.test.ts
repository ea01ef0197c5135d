import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { Reading } from '../../../src/emotion/classifier.ts';
import { EMOTIONS } from '../../../src/emotion/labels.ts';
import type { Rectangle, Size } from '../../../src/photo/faces/box.ts';
import { contrast } from '../../../src/photo/picture/colours.ts';
import { drawOverlay, layOutLabels } from '../../../src/photo/picture/overlay.ts';
import { reading } from '../../fixtures/readings.ts';

const happy = reading({ happy: 9, neutral: 1 });
const unsure = reading({ sad: 4, neutral: 3, fear: 3 });

function draw(canvas: Size, boxes: readonly Rectangle[], read: (k: number) => Reading = () => happy) {
  const marks = boxes.map((box, k) => ({ number: k + 1, box, reading: read(k) }));
  const layout = layOutLabels(canvas, marks);
  return { ...drawOverlay(canvas, marks, layout), ...layout };
}

const attribute = (tag: string, name: string) => Number(new RegExp(` ${name}="(-?[\\d.]+)"`).exec(tag)![1]);
const labels = (svg: string) => svg.match(/<g data-number=.*?<\/g>/g) ?? [];
const rectangles = (svg: string) => svg.match(/<rect [^>]*>/g) ?? [];
const fills = (svg: string) => [...svg.matchAll(/ fill="(#\w+)"/g)].map(([, colour]) => colour!);

describe('a picture with labels', () => {
  it.each([
    [1600, 1200, 12],
    [640, 480, 4],
    [640, 480, 40],
    [220, 640, 3],
    [640, 60, 5],
    [2, 3000, 2],
  ])('keeps every label on a picture of %i x %i with %i faces', (width, height, faces) => {
    const boxes = Array.from({ length: faces }, (_, k) => ({
      x: ((k * 131) % width) - 10,
      y: ((k * 97) % height) - 10,
      width: 50,
      height: 50,
    }));
    const { svg } = draw({ width, height }, boxes, (k) => (k % 3 === 0 ? unsure : happy));
    expect(labels(svg)).toHaveLength(faces);
    for (const plate of labels(svg).flatMap(rectangles)) {
      expect(attribute(plate, 'x')).toBeGreaterThanOrEqual(0);
      expect(attribute(plate, 'y')).toBeGreaterThanOrEqual(0);
      expect(attribute(plate, 'x') + attribute(plate, 'width')).toBeLessThanOrEqual(width + 0.01);
      expect(attribute(plate, 'y') + attribute(plate, 'height')).toBeLessThanOrEqual(height + 0.01);
    }
  });

  it('takes smaller letters, the same for all, where usual ones would cover faces or each other', () => {
    const canvas = { width: 640, height: 480 };
    const height = (boxes: Rectangle[]) => {
      const sizes = new Set(draw(canvas, boxes).places.map(({ label }) => label.size));
      expect(sizes.size).toBe(1);
      return [...sizes][0]!;
    };
    const alone = height([{ x: 300, y: 200, width: 80, height: 80 }]);
    const row = Array.from({ length: 7 }, (_, k) => ({ x: 10 + k * 90, y: 20, width: 80, height: 440 }));
    expect(height(row)).toBeLessThan(alone * 0.9);
  });

  it('has words for everybody in a group, and numbers that keep off all faces in a crowd without room', () => {
    const canvas = { width: 1600, height: 1600 };
    const grid = (side: number) =>
      Array.from({ length: side ** 2 }, (_, k) => {
        const step = canvas.width / side;
        const [x, y] = [(k % side) * step + step * 0.2, Math.floor(k / side) * step + step * 0.25];
        return { x, y, width: step * 0.6, height: step * 0.6 };
      });
    expect(draw(canvas, grid(4)).places.every(({ label }) => label.lines.length > 0)).toBe(true);
    const crowd = grid(14);
    const { places } = draw(canvas, crowd, () => unsure);
    expect(places.map(({ label }) => label.number)).toEqual(crowd.map((_, k) => String(k + 1)));
    for (const place of places) {
      for (const box of crowd) {
        const across = Math.min(place.x + place.width, box.x + box.width) - Math.max(place.x, box.x);
        const down = Math.min(place.y + place.height, box.y + box.height) - Math.max(place.y, box.y);
        expect(across > 1 && down > 1, `${place.label.number} on a face`).toBe(false);
      }
    }
  });

  it.each([
    [{ width: 640, height: 480 }, 3, 40],
    [{ width: 1000, height: 1000 }, 9, 160],
    [{ width: 60, height: 600 }, 1, 60],
  ])(
    'draws the part of a picture of %o that anything is drawn on, to a pixel as a whole one',
    async (canvas, faces, side) => {
      const boxes = Array.from({ length: faces }, (_, k) => ({
        x: canvas.width - side - (k % 3) * (side + 5.3),
        y: 260.4 + Math.floor(k / 3) * (side + 5),
        width: side,
        height: side,
      }));
      const { svg, part } = draw(canvas, boxes);
      const pixels = (document: string) => sharp(Buffer.from(document)).ensureAlpha().raw().toBuffer();
      const { width, height } = canvas;
      const whole = await pixels(svg.replace(/width=.*?viewBox=".*?"/, `width="${width}" height="${height}"`));
      const expected = Buffer.alloc(4 * width * height);
      const drawn = await pixels(svg);
      for (let row = 0; row < part.height; row++) {
        const line = drawn.subarray(4 * row * part.width, 4 * (row + 1) * part.width);
        line.copy(expected, 4 * ((part.y + row) * width + part.x));
      }
      expect(whole.equals(expected)).toBe(true);
      expect(part.width * part.height).toBeLessThan(width * height);
    },
  );

  it('draws no text that would need a font', () => {
    const { svg } = draw({ width: 640, height: 480 }, [{ x: 9, y: 99, width: 99, height: 99 }]);
    expect(svg).not.toMatch(/<text|font/);
    expect(svg).not.toContain('NaN');
  });

  it('dashes the box of a face that is a guess between two', () => {
    const box = { x: 9, y: 99, width: 99, height: 99 };
    const canvas = { width: 640, height: 480 };
    expect(draw(canvas, [box], () => unsure).svg).toContain('stroke-dasharray');
    expect(draw(canvas, [box]).svg).not.toContain('stroke-dasharray');
  });

  it('draws a line from a label to its box where others are all around', () => {
    const canvas = { width: 1000, height: 1000 };
    const boxes = Array.from({ length: 9 }, (_, k) => ({
      x: 260 + (k % 3) * 165,
      y: 260 + Math.floor(k / 3) * 165,
      width: 160,
      height: 160,
    }));
    const { svg, places } = draw(canvas, boxes);
    const leaders = places.filter(({ leader }) => leader).length;
    expect(leaders).toBeGreaterThan(0);
    expect(svg.match(/class="leader"/g)).toHaveLength(3 * leaders);
  });
});

describe('a label', () => {
  const canvas = { width: 640, height: 480 };
  const box = { x: 200, y: 200, width: 99, height: 99 };
  const looksOf = (emotion: Reading['emotion'], style: 'words' | 'number') => {
    const marks = [{ number: 7, box, reading: { ...happy, emotion } }];
    const layout = layOutLabels(canvas, marks, { style: { part: 1, says: style } });
    const [label] = labels(drawOverlay(canvas, marks, layout).svg);
    return { plates: fills(rectangles(label!).join('')), letters: fills(label!.replaceAll(/<rect[^>]*>/g, '')) };
  };

  it.each([...EMOTIONS, 'unsure' as const])('of %s is read on any photo, white ones too', (emotion) => {
    const words = looksOf(emotion, 'words');
    // From the outermost in: a rim, another one, the plate; then the number's own.
    const [outer, inner, plate, chip] = words.plates;
    expect(contrast(outer!, inner!)).toBeGreaterThanOrEqual(4.5);
    const [number, text] = words.letters;
    expect(contrast(number!, chip!)).toBeGreaterThanOrEqual(4.5);
    expect(contrast(text!, plate!)).toBeGreaterThanOrEqual(4.5);
    const bare = looksOf(emotion, 'number');
    expect(bare.plates).toEqual([outer, inner, plate]);
    expect(contrast(bare.letters[0]!, plate!)).toBeGreaterThanOrEqual(4.5);
    // Whatever gray the photo is, one of the rims stands out from it.
    for (const gray of ['#000000', '#404040', '#767676', '#a0a0a0', '#ffffff']) {
      expect(Math.max(contrast(outer!, gray), contrast(inner!, gray))).toBeGreaterThanOrEqual(4.5);
    }
  });
});
