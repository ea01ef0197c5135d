/**
 * The whole bot, or a worker, as a process of its own that can be killed: `program-on-fakes.ts bot|worker SETTINGS`, as JSON. Prints a line
 * once it has connected, or takes photos.
 */
import { startOnBoth } from './on-both-fakes.ts';

const [, , program, settings] = process.argv;
const running = await startOnBoth(program === 'worker' ? 'worker' : 'bot', JSON.parse(settings!));
process.once('SIGTERM', () => void running.stop().then(() => process.exit(0)));
process.stdout.write('connected\n');
