/**
 * Keeps onnxruntime from reporting to its maker. Without this, its native library writes an id of the device and a queue of events into the
 * user's cache folder and looks up a host of Microsoft's, before a single photo (onnxruntime-node 1.30). It reads the variable when
 * it is loaded, and a worker thread's environment is a copy: so this is imported before the library, and by whatever starts threads.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Whether the library finds it switched off once it is loaded. */
export function isTelemetryOff(): boolean {
  return process.env.ORT_DISABLE_TELEMETRY === '1';
}
