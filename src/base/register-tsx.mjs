// Preloaded by worker threads, in plain JavaScript: from here on the thread can load TypeScript. See start-worker.ts.
import { register } from 'tsx/esm/api';

register();
