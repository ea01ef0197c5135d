/**
 * `npm start` or `npm run worker`, on chats of a test's own: `start-on-fakes.ts INTERNAL [worker]`. The first argument says where they
 * are (see Internal), as JSON.
 */
import { runBot } from '../../src/run-bot.ts';
import { runWorker } from '../../src/run-worker.ts';

const [, , internal, program] = process.argv;
await (program === 'worker' ? runWorker : runBot)({ internal: JSON.parse(internal!) });
