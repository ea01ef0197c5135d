/** A rectangle in pixels. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Area that two rectangles share, in square pixels. */
export function sharedArea(a: Rectangle, b: Rectangle): number {
  const width = Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x);
  const height = Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y);
  return width > 0 && height > 0 ? width * height : 0;
}

/** How much two rectangles overlap, 0..1: intersection over union, and intersection over the smaller one. */
export function overlap(a: Rectangle, b: Rectangle): { union: number; ofSmaller: number } {
  const shared = sharedArea(a, b);
  const areas = [a.width * a.height, b.width * b.height];
  return { union: shared / (areas[0]! + areas[1]! - shared), ofSmaller: shared / Math.min(...areas) };
}
