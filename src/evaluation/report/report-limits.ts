import { DEFAULT_LIMITS, type PhotoLimits } from '../../photo/decode.ts';

/** As in a chat, but with time: nobody waits for an answer, and a busy machine is no reason to leave a photo out. */
export const REPORT_LIMITS: PhotoLimits = { ...DEFAULT_LIMITS, maxMilliseconds: 5 * 60_000 };
