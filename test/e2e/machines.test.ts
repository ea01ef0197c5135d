import { describe, expect, onTestFinished, test } from 'vitest';
import type { MessageView } from '../../src/chat/local/message.ts';
import { RetrainingFiles } from '../../src/retraining/files.ts';
import { VersionRegistry } from '../../src/versions/registry.ts';
import { load } from '../helpers/local-page.ts';
import { say, startMain } from '../helpers/main-process.ts';
import { HAS_REDIS, startRedis } from '../helpers/redis.ts';
import { makeSite, plainCard, saveUntrained } from '../helpers/retraining.ts';
import { temporaryFolder } from '../helpers/tiny-fer2013.ts';
import { until } from '../helpers/until.ts';

/** What the page shows of the bot's words. */
async function words(origin: string): Promise<string[]> {
  const events = await load(`${origin}/api/events`);
  let told = '';
  for await (const chunk of events.body!.pipeThrough(new TextDecoderStream())) {
    told += chunk;
    const [text] = /^data: .*(?=\n\n)/m.exec(told) ?? [];
    if (text === undefined) continue;
    // What it is told first: all that there is.
    const { messages } = JSON.parse(text.slice(6)) as { readonly messages: readonly MessageView[] };
    return messages.filter(({ from }) => from === 'bot').map((message) => message.text);
  }
  throw new Error('the page ended');
}

describe.skipIf(!HAS_REDIS)('two machines that share a Redis, as npm start runs them', () => {
  test('read with the same network and train one at a time; another machine’s training is reported, and can be cancelled', {
    timeout: 180_000,
  }, async () => {
    const redis = await startRedis();
    onTestFinished(() => redis.stop());
    const sites = [await makeSite(), await makeSite()];
    const registry = new VersionRegistry(sites[0]!.modelDirectory);
    await registry.store(plainCard('before'), (aside) => saveUntrained(aside, 1));
    await registry.promote(1);
    const [one, other] = await Promise.all(
      sites.map(async ({ stateDirectory, dataDirectory, modelDirectory }) => {
        const folders = { STATE_DIR: stateDirectory, DATA_DIR: dataDirectory, MODEL_DIR: modelDirectory };
        const main = startMain(await temporaryFolder(), { ...folders, ENGINE: 'onnx', REDIS_URL: redis.url });
        return { origin: await main.address(), files: new RetrainingFiles(stateDirectory), main };
      }),
    );
    const hear = async (text: string, sentence: RegExp) => {
      await say(other!.origin, { text });
      return await until(async () => (await words(other!.origin)).find((said) => sentence.test(said)), text, 30_000);
    };
    await hear('/retrain versions', /^Version 1: tiny.*in use$/m);
    const start = '/retrain start architecture:tiny epochs:1000 batch:7 learning-rate:0.05 patience:0';
    await say(one!.origin, { text: start });
    const standing = async () => {
      const job = await one!.files.job();
      return job && (await one!.files.status(job.id));
    };
    await until(async () => (await standing())?.phase === 'training', 'the training', 60_000);
    await hear(start, /^A training is under way already, on another machine/);
    await hear('/retrain status', /^Training tiny on another machine: /);
    await hear('/retrain cancel', /^The training ends after this step/);
    await until(async () => (await standing())?.state === 'cancelled', 'its end', 30_000);
    expect(await other!.files.job()).toBeUndefined();
  });
});
