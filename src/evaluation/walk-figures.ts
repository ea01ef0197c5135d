import type { Walk, WalkedFace } from './walk.ts';

/** How faces fared. */
export interface WalkShare {
  readonly images: number;
  readonly found: number;
  /** Accuracy, 0..1, on the faces that were found: read directly, and as the bot read them; 0 where none was found. */
  readonly direct: number;
  readonly walked: number;
}

/** What a walk came to in figures. */
export interface WalkFigures extends WalkShare {
  readonly scenes: number;
  /** Boxes that show none of the faces. */
  readonly false: number;
  /** Standard error of walked - direct: both are of the same faces, so only those that one alone got right count. */
  readonly error: number;
  /** By side in pixels, the smallest first. */
  readonly bySize: readonly (WalkShare & { readonly size: number })[];
  /** By degrees of tilt, from the most counter-clockwise on. */
  readonly byTilt: readonly (WalkShare & { readonly tilt: number })[];
}

export function walkFigures({ faces, scenes, false: wrong }: Walk): WalkFigures {
  const groups = <Key extends 'size' | 'tilt'>(key: Key) => {
    const values = [...new Set(faces.map(({ face }) => face[key]))].sort((a, b) => a - b);
    return values.map((value) => ({ value, share: shareOf(faces.filter(({ face }) => face[key] === value)) }));
  };
  return {
    ...shareOf(faces),
    scenes,
    false: wrong,
    error: errorOf(faces),
    bySize: groups('size').map(({ value, share }) => ({ size: value, ...share })),
    byTilt: groups('tilt').map(({ value, share }) => ({ tilt: value, ...share })),
  };
}

const isFound = ({ walked }: WalkedFace) => walked !== undefined;

function shareOf(faces: readonly WalkedFace[]): WalkShare {
  const found = faces.filter(isFound);
  const right = (of: 'direct' | 'walked') => found.filter((each) => each[of] === each.face.label).length;
  return {
    images: faces.length,
    found: found.length,
    direct: right('direct') / Math.max(1, found.length),
    walked: right('walked') / Math.max(1, found.length),
  };
}

/** Standard error of the mean of (walked right) - (directly right), each -1, 0 or 1. */
function errorOf(faces: readonly WalkedFace[]): number {
  const found = faces.filter(isFound);
  const differences = found.map(
    ({ face, direct, walked }) => Number(walked === face.label) - Number(direct === face.label),
  );
  const n = differences.length;
  if (n < 2) return 0;
  const mean = differences.reduce((sum, value) => sum + value, 0) / n;
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return Math.sqrt(squares / (n - 1) / n);
}
