// Preloaded by threads and processes, in plain JavaScript: from here on they can load TypeScript. See workers.ts.
import { register } from 'tsx/esm/api';

register();
