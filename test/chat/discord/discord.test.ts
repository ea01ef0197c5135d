import type { Guild } from 'discord.js';
import { describe, expect, test } from 'vitest';
import { outgoingName } from '../../../src/chat/discord/attachment.ts';
import {
  escapeMarkup,
  fitPicture,
  layOut,
  MAX_TEXT,
  parseRemoveButton,
  removeButtonRow,
  uploadBytes,
} from '../../../src/chat/discord/outgoing.ts';
import { plainPicture } from '../../fakes/photo.ts';

describe('texts', () => {
  test('show as they are written', () => {
    expect(escapeMarkup('**a** _b_ ~c~ `d` ||e|| <@1> [f](g) # h')).toBe(
      '\\*\\*a\\*\\* \\_b\\_ \\~c\\~ \\`d\\` \\|\\|e\\|\\| \\<@1\\> \\[f\\](g) \\# h',
    );
    expect(escapeMarkup('- a\n  - b\n-# c\na - b')).toBe('\\- a\n  \\- b\n\\-\\# c\na - b');
    expect(escapeMarkup('back\\slash')).toBe('back\\\\slash');
  });

  test('break at line ends, else wherever no character is cut', () => {
    const lines = Array.from({ length: 500 }, (_, k) => `line ${k}`).join('\n');
    for (const text of [lines, '😀'.repeat(3000), 'a'.repeat(1999).concat('_'.repeat(3000))]) {
      const parts = layOut({ text });
      expect(Math.max(...parts.map(({ length }) => length))).toBeLessThanOrEqual(MAX_TEXT);
      for (const part of parts) {
        // Half a character would not survive this.
        expect(Buffer.from(part).toString()).toBe(part);
        expect(part).not.toMatch(/(^|[^\\])(\\\\)*\\$/);
      }
    }
    expect(layOut({ text: lines }).join('\n')).toBe(lines);
    expect(layOut({ text: '😀'.repeat(3000) }).join('')).toBe('😀'.repeat(3000));
  });

  test('that are empty stay one empty text', () => {
    expect(layOut({ text: '' })).toEqual(['']);
  });
});

describe('the Remove button', () => {
  const id = '9'.repeat(20);

  test('holds all its data, within Discord’s limit for ids', () => {
    const button = { people: [id, '8'.repeat(20)], source: '7'.repeat(20), picture: '6'.repeat(20) };
    const [component] = removeButtonRow(button).toJSON().components as { custom_id: string }[];
    expect(component!.custom_id.length).toBeLessThanOrEqual(100);
    expect(parseRemoveButton(component!.custom_id)).toEqual(button);
    // The button of an early version does not name the picture.
    expect(parseRemoveButton(`remove:${id}:7`)).toEqual({ people: [id], source: '7' });
  });

  test('names nobody twice, and no message where there is none', () => {
    const [component] = removeButtonRow({ people: [id, id] }).toJSON().components as { custom_id: string }[];
    expect(parseRemoveButton(component!.custom_id)).toEqual({ people: [id] });
  });

  test('is none where the id is another', () => {
    for (const other of ['', 'remove', 'remove:1', 'remove:x:1', 'remove:1:2:x', 'xremove:1:2', 'remove:1,:2']) {
      expect(parseRemoveButton(other), other).toBeUndefined();
    }
  });
});

test('larger uploads go out where a server is boosted', () => {
  const ofTier = (premiumTier: number) => uploadBytes({ premiumTier } as Guild) / 2 ** 20;
  expect([0, 1, 2, 3].map(ofTier)).toEqual([10, 10, 50, 100]);
  expect(uploadBytes(null) / 2 ** 20).toBe(10);
});

test('a picture that no recompression makes small enough is left out', async () => {
  const picture = { bytes: await plainPicture(400, 300), mime: 'image/png', name: 'a.png', altText: 'a' };
  expect(await fitPicture(picture, 1_000_000)).toBe(picture);
  expect(await fitPicture(picture, 100)).toBeUndefined();
});

test('names go out in the letters that Discord leaves alone, hidden only where the original was', () => {
  expect(outgoingName('Übung im Park.jpg', false)).toBe('_bung_im_Park.jpg');
  expect(outgoingName('SPOILER_a.jpg', false)).toBe('a.jpg');
  expect(outgoingName('SPOILER_a.jpg', true)).toBe('SPOILER_a.jpg');
});
