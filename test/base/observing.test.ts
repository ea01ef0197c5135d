import { expect, test } from 'vitest';
import { type Happening, report, requestId, withinRequest } from '../../src/base/observing.ts';

test('work that begins during a request belongs to it: one id, one observer', () => {
  const seen: Happening[] = [];
  const never = () => expect.fail('the inner work is no request of its own');
  const ids = withinRequest(
    (happening) => seen.push(happening),
    () => [
      requestId(),
      withinRequest(never, () => {
        report({ kind: 'download', bytes: 3 });
        return requestId();
      }),
    ],
  );
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f]{8}$/), ids[0]]);
  expect(seen).toEqual([{ kind: 'download', bytes: 3 }]);
  expect(requestId()).toBeUndefined();
});
