import type { JudgedFace } from './judge-photo.ts';
import type { Report } from './page.ts';
import { facesOf } from './report-photo.ts';
import { totalsOf } from './totals.ts';

/** The report as the object that --json prints: all its figures and no pictures. */
export function jsonOf(report: Report) {
  const { folder, labels, model, modelNote, detector, photos, unlabelled } = report;
  return {
    folder,
    labels: labels ?? null,
    model: { directory: model, ...modelNote },
    detector,
    totals: totalsOf(facesOf(photos)),
    leftOut: unlabelled,
    photos: photos.map((photo) => {
      if ('error' in photo)
        return { photo: photo.name, error: { code: photo.error.code, message: photo.error.message } };
      const { name, width, height, faces, milliseconds } = photo;
      return { photo: name, width, height, faces: faces.map(faceJson), milliseconds };
    }),
  };
}

function faceJson(face: JudgedFace) {
  const reading =
    'reading' in face
      ? {
          number: face.number,
          box: face.reading.box,
          emotion: face.reading.emotion,
          confidence: face.reading.confidence,
          scores: face.reading.scores,
        }
      : {};
  return { verdict: face.verdict, ...reading, ...('label' in face ? { label: face.label } : {}) };
}
