/** `npm start`, connected to chats of a test's own: its only argument says where they are (see Internal), as JSON. */
import { runBot } from '../../src/run-bot.ts';

await runBot({ internal: JSON.parse(process.argv[2]!) });
