/**
 * Keeps onnxruntime from reporting to its maker. Without this, its native library (onnxruntime-node 1.30) writes an id
 * of the device and a queue of events into the user's cache folder. It looks up a host of Microsoft's as well. Both
 * happen before a single photo. It reads the variable when it is loaded, and a worker thread's environment is a copy:
 * so this is imported before the library, and by whatever starts threads.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Whether the library finds it switched off once it is loaded. */
export function isTelemetryOff(): boolean {
  return process.env.ORT_DISABLE_TELEMETRY === '1';
}
