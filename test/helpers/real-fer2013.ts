import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('../../../shared/fer2013', import.meta.url));

/**
 * The folder with the real FER2013, which lies beside the repository on some machines, or undefined. Tests that need it are
 * skipped elsewhere and say so in their names.
 */
export const REAL_FER2013: string | undefined = existsSync(folder) ? folder : undefined;
