import { expect, test } from 'vitest';
import { fileKind } from '../../src/chat/file-kind.ts';

test.each([
  ['image/png', 'notes.txt', 'a picture'],
  ['IMAGE/JPEG; quality=1', undefined, 'a picture'],
  ['text/plain; charset=utf-8', 'photo.jpg', 'something else'],
  ['application/octet-stream; charset=binary', 'photo.jpg', 'a picture'],
  ['application/octet-stream;x', 'photo', 'by its bytes'],
  [null, 'photo.heic', 'a picture'],
  ['', null, 'by its bytes'],
] as const)('a file of the media type %j with the name %j is %s', (type, name, kind) => {
  expect(fileKind(type, name)).toBe(kind);
});
