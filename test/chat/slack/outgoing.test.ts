import { expect, test, vi } from 'vitest';
import { createLogger } from '../../../src/base/log.ts';
import type { SlackApi } from '../../../src/chat/slack/api.ts';
import type { SlackContext } from '../../../src/chat/slack/context.ts';
import { takeBackSurely } from '../../../src/chat/slack/outgoing.ts';
import { Uploads } from '../../../src/chat/slack/uploads.ts';

test('an answer is removed with its message also where Slack cannot tell for a while which message its file is in', async () => {
  const log = createLogger({ level: 'silent' });
  const away = Object.assign(new Error('no answer'), { code: 'slack_webapi_request_error' });
  const gone: string[] = [];
  const info = vi.fn(async () => {
    if (gone.length > 0) throw Object.assign(new Error('gone'), { data: { error: 'file_deleted' } });
    return { file: { shares: { public: { C1: [{ ts: '5.0' }] } } } };
  });
  for (let k = 0; k < 6; k++) info.mockRejectedValueOnce(away);
  const api = {
    files: { info, delete: async ({ file }: { file: string }) => void gone.push(file) },
    chat: { delete: async ({ ts }: { ts: string }) => void gone.push(ts) },
  } as unknown as SlackApi;
  const context = { api, uploads: new Uploads(api, api, log) } as unknown as SlackContext;
  await takeBackSurely(context, 'C1', { files: ['F1'] });
  expect(gone).toEqual(['F1', '5.0']);
}, 20_000);
