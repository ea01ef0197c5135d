import type { RgbImage } from '../image.ts';
import { type Size, type Square, toBox } from './box.ts';
import { type Evidence, gatherEvidence } from './evidence.ts';
import type { NetworkPass, NetworkProposer } from './network/network.ts';
import { gatherPlaces } from './places.ts';
import { type FaceScore, type KeptFace, mayChange } from './score.ts';
import { closeScale, searchScale, toClosePicture } from './search-picture.ts';

/** Side of a tile, in pixels. */
const TILE = 640;
/** Smallest overlap of two tiles, in pixels. If a tile's edge cuts a face smaller than this, the next tile shows all of it. */
const OVERLAP = 128;
/** Faces that are higher than this in the close picture are found in the picture as a whole. */
const MOST_HEIGHT = 110;

/** A close search is made if at least this many faces have a side of less than SMALL pixels of the searched picture. */
const FEW = 2;
const SMALL = 45;
/** A photo that was shrunk further than this to be searched as a whole may hide faces from that search altogether. */
const LEAST_SCALE = 0.8;
/**
 * So every third tile of such a photo is tried first, at the size at which the photo is processed. There every face that can be read
 * is large enough to be seen. If FEW faces have this score, a close search is made.
 */
const PROBE_SCORE = 0.3;
const PROBED = 3;

/** Largest number of places that get a second look: twice the number of faces in the largest crowd that is read completely. */
const MOST_PLACES = 400;

/** With this many faces, further ones are likely. So a close search is made, and faces need only CROWD_THRESHOLD as their score. */
const CROWD = 20;
const CROWD_THRESHOLD = 0.3;

/**
 * Searches tiles of a larger copy for faces that are too small for the search of the whole picture. It does so if that search found
 * small faces or many faces, and in large photos.
 * @param image the photo
 * @param whole.search size of the copy that was searched as a whole
 * @param whole.found the faces found in it
 * @param whole.hides the result of `mayHideFaces` for the photo
 * @returns evidence for further faces, in pixels of `search`; [] if no close search is made
 */
export async function searchClosely(
  image: RgbImage,
  {
    search,
    found,
    score,
    hides,
  }: { search: Size; found: readonly KeptFace[]; score: FaceScore; hides: Promise<boolean> },
  network: NetworkProposer,
  signal?: AbortSignal,
): Promise<Evidence[]> {
  const small = found.filter(({ square }) => square.side < SMALL);
  if (small.length < FEW && found.length < CROWD && !(await hides)) return [];
  const close = await toClosePicture(image);
  const all = await network.propose(close, tilesOf(close), signal);
  const proposals = all.filter(({ height }) => height < MOST_HEIGHT);
  const scale = search.width / close.width;
  const known = found.map(({ square }) => toBox(square));
  const places = gatherPlaces(proposals)
    .filter(({ square }) => !known.some((box) => isAround(box, scaled(square, scale))))
    .slice(0, MOST_PLACES);
  const evidence = await gatherEvidence(
    places,
    (looks) => network.look(close, looks, signal),
    (place, stage) => mayChange(place, stage, score, close),
  );
  return evidence.map((place) => ({
    ...place,
    proposed: scaled(place.proposed, scale),
    seen: scaled(place.seen, scale),
  }));
}

/** Whether the photo is large and some of its tiles show faces that are too small for a search of the photo as a whole. */
export async function mayHideFaces(image: RgbImage, network: NetworkProposer, signal?: AbortSignal): Promise<boolean> {
  const { width, height } = image;
  if (searchScale(width, height) >= LEAST_SCALE) return false;
  const tiles = tilesOf(image).filter(({ row, column }) => (row + column) % PROBED === 0);
  const proposals = await network.propose(image, tiles, signal);
  const mostHeight = MOST_HEIGHT / closeScale(width, height);
  return proposals.filter((face) => face.height < mostHeight && face.score > PROBE_SCORE).length >= FEW;
}

/** The score that a face needs if this many were found. @param threshold the score needed in a picture with few faces */
export function thresholdInCrowd(threshold: number, faces: number): number {
  return faces < CROWD ? threshold : Math.min(threshold, CROWD_THRESHOLD);
}

/** Whether a place was already found: it lies in a box of about the same size. */
function isAround({ x, y, width }: ReturnType<typeof toBox>, { centreX, centreY, side }: Square): boolean {
  const near = Math.abs(centreX - x - width / 2) < width / 4 && Math.abs(centreY - y - width / 2) < width / 4;
  return near && side < 1.5 * width && width < 1.5 * side;
}

function scaled({ centreX, centreY, side }: Square, scale: number): Square {
  return { centreX: centreX * scale, centreY: centreY * scale, side: side * scale };
}

/** A tile, and where it lies among the others. */
interface Tile extends NetworkPass {
  readonly row: number;
  readonly column: number;
}

/** The passes that show the network a picture in overlapping tiles. */
function tilesOf({ width, height }: Size): Tile[] {
  return startsOf(height).flatMap((y, row) =>
    startsOf(width).map((x, column) => ({ side: TILE, angle: 0, margin: 0, corner: { x, y }, row, column })),
  );
}

/** Offsets of the tiles along one side of a picture: as few as possible, evenly spread. */
function startsOf(length: number): number[] {
  const count = Math.max(1, Math.ceil((length - OVERLAP) / (TILE - OVERLAP)));
  const step = count === 1 ? 0 : (length - TILE) / (count - 1);
  return Array.from({ length: count }, (_, k) => Math.round(k * step));
}
