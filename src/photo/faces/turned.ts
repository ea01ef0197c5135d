import type { RgbImage } from '../image.ts';
import { turnPicture } from '../picture-thread.ts';
import { centreOf, type FaceBox, wayBack } from './box.ts';
import { gatherEvidence, UPRIGHT_ANGLES, weightOf } from './evidence.ts';
import type { NetworkPass, NetworkProposer } from './network/network.ts';
import { gatherPlaces } from './places.ts';
import { type FaceScore, fills, type KeptFace, scoreOf } from './score.ts';

/** Degrees clockwise by which a photo may be turned without a note in its metadata. */
const TURNS = [180, 90, 270] as const;
type Turn = (typeof TURNS)[number];

/** The photo is upright if its MOST_TELLING surest faces all score more than UPRIGHT: in photos upside down at least one scored less. */
const MOST_TELLING = 3;
const UPRIGHT = 0.977;
/** View size, in pixels, of the other photos' faces: in a smaller view, an upside-down head is seen nearly as well. */
const SIZE = 128;

/**
 * A face that fills its picture is surrounded by the picture's mirror image, in which it is upside down. So a turn must make such a face
 * score better by this much. Upright faces in everyday pictures scored up to 1.35 better upside down.
 */
const MARGIN_OF_FILLING = 1.5;

/**
 * If no face scores more than this, the photo may lie on its side: in photos that did, no box scored more than 0.97, and in each
 * upright photo at least one face scored 0.98.
 */
const SURE = 0.97;
/** In that case, and if nothing was found, each turn is tried with these passes, and with a second look at this many places. */
const PASSES: readonly NetworkPass[] = [
  { side: 544, angle: 0, margin: 0.15 },
  { side: 128, angle: 0, margin: 0.5, fills: 0.6 },
];
const MOST_PLACES = 3;
/** The score that the surest of these places needs. It is high, since three more looks are three more chances to be wrong. */
const LEAST_SCORE = 0.95;

/**
 * Finds out by which angle a photo is turned, from the faces found in it: the network sees a face best if it is upright. Most upright
 * photos of several people are recognised by their surest faces, without further looks.
 * @param search the picture that was searched
 * @param found the faces found in it
 * @returns undefined if it is upright, or if the angle cannot be determined
 */
export async function turnOf(
  search: RgbImage,
  found: readonly KeptFace[],
  score: FaceScore,
  network: NetworkProposer,
  signal?: AbortSignal,
): Promise<Turn | undefined> {
  const telling = [...found].sort((a, b) => b.score - a.score).slice(0, MOST_TELLING);
  const [surest] = telling;
  if (surest === undefined || (surest.score <= SURE && !fills(surest.square, search)))
    return await turnThatShowsMore(search, surest?.score ?? 0, score, network, signal);
  if (telling.length === MOST_TELLING && telling.every(({ score }) => score > UPRIGHT)) return undefined;
  const seenFrom = async (turn: number) => {
    const looks = telling.flatMap(({ square }) =>
      UPRIGHT_ANGLES.map((angle) => ({ place: square, angle: turn + angle, pixels: SIZE, mirrored: false })),
    );
    const sightings = await network.look(search, looks, signal);
    return sightings.reduce((sum, sighting) => sum + weightOf(sighting), 0) / UPRIGHT_ANGLES.length;
  };
  const seen = await Promise.all([0, ...TURNS].map(seenFrom));
  let best: Turn | undefined;
  let most = seen[0]! + (fills(surest.square, search) ? MARGIN_OF_FILLING : 0);
  for (const [k, turn] of TURNS.entries()) if (seen[k + 1]! > most) [best, most] = [turn, seen[k + 1]!];
  return best;
}

/** The turn that shows a sure face, for a photo that shows none unturned. @param most score of the surest face in the unturned photo */
async function turnThatShowsMore(
  search: RgbImage,
  most: number,
  score: FaceScore,
  network: NetworkProposer,
  signal?: AbortSignal,
): Promise<Turn | undefined> {
  let best: Turn | undefined;
  let least = Math.max(LEAST_SCORE, most);
  for (const turn of TURNS) {
    const upright = await turnBack(search, turn);
    const places = gatherPlaces(await network.propose(upright, PASSES, signal));
    const evidence = await gatherEvidence(places.slice(0, MOST_PLACES), (looks) =>
      network.look(upright, looks, signal),
    );
    const surest = Math.max(0, ...evidence.map((place) => scoreOf(place, score)));
    if (surest > least) [best, least] = [turn, surest];
  }
  return best;
}

/** Sets a turned photo upright. */
export async function turnBack(image: RgbImage, turn: Turn): Promise<RgbImage> {
  return await turnPicture(image, 360 - turn);
}

/** Maps a face found in the upright photo back to the photo as it was given. */
export function asItLies(face: FaceBox, upright: RgbImage, turn: Turn): FaceBox {
  const lying = turn === 180 ? upright : { width: upright.height, height: upright.width };
  const middle = ({ width, height }: { width: number; height: number }) => ({ x: width / 2, y: height / 2 });
  const { x, y } = centreOf(face);
  const centre = wayBack({ angle: turn, from: middle(upright), to: middle(lying) })(x, y);
  // Faces are framed by squares, so the sides need not change places.
  return { ...face, x: centre.x - face.width / 2, y: centre.y - face.height / 2, angle: face.angle + turn };
}
