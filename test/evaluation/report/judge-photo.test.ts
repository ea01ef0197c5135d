import { describe, expect, it } from 'vitest';
import type { Emotion } from '../../../src/emotion/labels.ts';
import { judgePhoto } from '../../../src/evaluation/report/judge.ts';
import type { LabelledFace } from '../../../src/evaluation/report/labels.ts';
import type { Rectangle } from '../../../src/photo/faces/box.ts';
import { reading } from '../../fixtures/readings.ts';

const box = (x: number, y: number, width: number, height = width): Rectangle => ({ x, y, width, height });
const label = (place: Rectangle, emotion: Emotion, ...also: Emotion[]): LabelledFace => ({ ...place, emotion, also });
/** A face read as the first emotion, and unsure between both where a second is given. */
const read = (place: Rectangle, first: Emotion, second?: Emotion) => ({
  ...reading(second === undefined ? { [first]: 1 } : { [first]: 0.4, [second]: 0.35, fear: 0.25 }),
  box: place,
});

const SIZE = { width: 1280, height: 960 };
const judge = (faces: ReturnType<typeof read>[], labels: LabelledFace[], labelSize = SIZE) =>
  judgePhoto({ ...SIZE, faces }, { ...labelSize, faces: labels });
const verdicts = (...given: Parameters<typeof judge>) => judge(...given).map(({ verdict }) => verdict);

describe('judgePhoto', () => {
  it('calls the label and the emotions that it also allows right, anything else wrong', () => {
    const place = box(100, 100, 80);
    expect(verdicts([read(place, 'happy')], [label(place, 'happy')])).toEqual(['right']);
    expect(verdicts([read(place, 'neutral')], [label(place, 'happy', 'neutral')])).toEqual(['right']);
    expect(verdicts([read(place, 'neutral')], [label(place, 'happy')])).toEqual(['wrong']);
  });

  it('takes an unsure reading by its likeliest emotion', () => {
    const place = box(100, 100, 80);
    const unsure = read(place, 'sad', 'neutral');
    expect(unsure.emotion).toBe('unsure');
    expect(verdicts([unsure], [label(place, 'sad')])).toEqual(['right']);
    expect(verdicts([unsure], [label(place, 'neutral')])).toEqual(['wrong']);
  });

  it('calls a box without a face false, one on a part of a face as well, and keeps the numbers', () => {
    const faces = [read(box(10, 10, 60), 'sad'), read(box(110, 110, 12), 'sad'), read(box(100, 100, 80), 'happy')];
    const judged = judge(faces, [label(box(100, 100, 80), 'happy')]);
    expect(judged.map((face) => [face.verdict, 'number' in face && face.number])).toEqual([
      ['false', 1],
      ['false', 2],
      ['right', 3],
    ]);
  });

  it('lets one box show a face: the one that fits best, whatever the order', () => {
    const worse = read(box(85, 90, 100), 'sad');
    const better = read(box(98, 100, 82), 'happy');
    const face = label(box(100, 100, 80), 'happy');
    expect(verdicts([worse, better], [face])).toEqual(['false', 'right']);
    expect(verdicts([better, worse], [face])).toEqual(['right', 'false']);
  });

  it('lets neighbours have a box each', () => {
    const labels = [label(box(100, 100, 80), 'happy'), label(box(150, 100, 80), 'sad')];
    const faces = [read(box(108, 100, 80), 'happy'), read(box(155, 100, 80), 'sad')];
    expect(verdicts(faces, labels)).toEqual(['right', 'right']);
  });

  it('lists missed faces last, and does not count small ones as missed', () => {
    const labels = [
      label(box(500, 100, 36), 'sad'),
      label(box(600, 100, 35), 'sad'),
      label(box(100, 100, 80), 'happy'),
    ];
    expect(verdicts([read(box(100, 100, 80), 'happy')], labels)).toEqual(['right', 'missed', 'small']);
    // Found, a small face counts as any other.
    expect(verdicts([read(box(600, 100, 35), 'happy')], labels)).toEqual(['wrong', 'missed', 'missed']);
  });

  it('judges whether a face is small at the size at which faces are searched for: a photo of half that size is enlarged', () => {
    const labels = { width: 640, height: 480, faces: [label(box(10, 10, 18), 'sad'), label(box(90, 10, 17), 'sad')] };
    const judged = judgePhoto({ width: 640, height: 480, faces: [] }, labels);
    expect(judged.map(({ verdict }) => verdict)).toEqual(['missed', 'small']);
  });

  it('brings labels of another size to the photo, and refuses those of another shape', () => {
    const face = read(box(400, 200, 80), 'happy');
    const halved = label(box(200, 100, 40), 'happy');
    expect(judge([face], [halved], { width: 640, height: 480 })).toMatchObject([
      { verdict: 'right', label: { x: 400, y: 200, width: 80, height: 80 } },
    ]);
    expect(() => judge([face], [halved], { width: 480, height: 640 })).toThrow(/480 x 640.*1280 x 960/);
    // A hundredth is what rounding to whole pixels makes of a small copy.
    expect(() => judge([face], [halved], { width: 640, height: 476 })).not.toThrow();
    expect(() => judge([face], [halved], { width: 640, height: 470 })).toThrow(/640 x 470/);
  });

  it('judges nothing where there are no labels', () => {
    const judged = judgePhoto({ ...SIZE, faces: [read(box(1, 1, 50), 'sad')] }, undefined);
    expect(judged).toMatchObject([{ verdict: 'unlabelled', number: 1 }]);
  });
});
