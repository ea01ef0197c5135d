/**
 * Keeps onnxruntime from reporting to its maker. Without this, its native library (onnxruntime-node 1.30) writes an id
 * of the device and a queue of events into the user's cache folder, and looks up a host of Microsoft's. Both happen before
 * the first photo. The library reads the variable when it is loaded, and a worker thread gets a copy of the environment. So
 * this file must be imported before the library, and by every file that starts threads.
 */
process.env.ORT_DISABLE_TELEMETRY = '1';

/** Whether the library will find telemetry switched off when it is loaded. */
export function isTelemetryOff(): boolean {
  return process.env.ORT_DISABLE_TELEMETRY === '1';
}
