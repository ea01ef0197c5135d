/** The result of checking one part of the bot. */
export interface Finding {
  /** The part, e.g. 'Engine'. */
  readonly part: string;
  /**
   * 'ok': works; 'off': not set up, which is fine; 'partly': works, but not all of it or not for long; 'broken': will not work until
   * somebody does what `remedy` says.
   */
  readonly state: 'ok' | 'off' | 'partly' | 'broken';
  /** What was found, as a sentence without its full stop. */
  readonly finding: string;
  /** How to mend or change it, with the command where there is one; absent where there is nothing to do. */
  readonly remedy?: string;
}

/** What a check returns. */
export type Found = Omit<Finding, 'part'>;

/** Checks one part of the bot by trying it. */
export interface Check {
  readonly part: string;
  /** @throws any error where the part is broken; its message becomes the finding */
  look(): Promise<Found> | Found;
  /** How to mend the part where `look` throws. */
  readonly remedy: string;
}

/** Makes a finding out of the problems of a part, each with its remedy. Without problems the part is 'ok'. */
export function fromProblems(
  about: string,
  problems: readonly { readonly what: string; readonly remedy: string }[],
  worst: 'partly' | 'broken' = 'partly',
): Found {
  if (problems.length === 0) return { state: 'ok', finding: about };
  return {
    state: worst,
    finding: [about, ...problems.map(({ what }) => what)].join('; '),
    remedy: problems.map(({ remedy }) => remedy).join(' '),
  };
}
